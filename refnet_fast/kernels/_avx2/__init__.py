"""The kernels compiled for AVX2 and FMA (x86-64-v3)."""
