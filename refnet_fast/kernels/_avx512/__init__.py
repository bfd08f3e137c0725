"""The kernels compiled for AVX-512 (x86-64-v4)."""
