"""The kernels compiled for the baseline of the architecture (x86-64: SSE2; arm64: NEON)."""
