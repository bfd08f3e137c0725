"""The matrix product of the engine (simd/gemm.h), for every kernel that multiplies matrices."""
cimport numpy as cnp
from libc.stdint cimport int64_t

cdef extern from "refnet_fast/simd/gemm.h":
    double RN_FLOPS_PER_NS
    ctypedef struct rn_gemm:
        int kind
        cnp.npy_intp m, n
        const void* bias
        const int64_t* rows
        void* y
        void* scratch
    void rn_gemm_set(rn_gemm* g, bint dbl, cnp.npy_intp m, cnp.npy_intp n, cnp.npy_intp k, void* a, cnp.npy_intp lda,
                     bint at, void* b, cnp.npy_intp ldb, bint bt, void* c) noexcept nogil
    cnp.npy_intp rn_gemm_plan(rn_gemm* g) noexcept nogil
    void rn_gemm_run(rn_gemm* g, int threads) noexcept nogil
    void rn_gemm_batch(rn_gemm* g, cnp.npy_intp count, cnp.npy_intp need, int threads) noexcept nogil


cdef inline double gemm_cost(bint dbl, double m, double n, double k) noexcept nogil:
    """Nanoseconds of a product (m, k) (k, n) on one thread, roughly."""
    return 2.0 * m * n * k / (RN_FLOPS_PER_NS if not dbl else RN_FLOPS_PER_NS / 2)
