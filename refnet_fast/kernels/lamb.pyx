"""LAMB, fast: both moments and the two norms in one pass, the step in a second; nothing in between in memory.

How it is fast: simd/update_lamb.h.
Why it is right: refnet/kernels/lamb.py.
"""
cimport numpy as cnp
from libc.math cimport pow

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["lamb_update"]

cdef extern from "refnet_fast/simd/update_lamb.h":
    void RN_lamb(bint dbl, void* w, void* g, void* m, void* v, double rate, double beta_1, double beta_2, double of_m,
                 double of_v, double eps, double* sums, cnp.npy_intp n, int threads) noexcept nogil
    cnp.npy_intp rn_spans(cnp.npy_intp n) noexcept nogil


def lamb_update(w, dw, m, v, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Writes w, m and v in place. All arrays of one shape; step counts from 1. step and learning_rate: numbers or 0-d arrays."""
    cdef int t = rt.float_array(w, "lamb_update", "w", -1)
    rt.slot_array(w, w, "lamb_update", "w")
    rt.same_as(dw, w, "lamb_update", "dw", "w")
    rt.slot_array(m, w, "lamb_update", "m")
    rt.slot_array(v, w, "lamb_update", "v")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.6 * n)
    cdef double b1 = beta_1, b2 = beta_2, eps = epsilon, rate = learning_rate, count = step
    cdef double of_m = 1 - pow(b1, count), of_v = 1 - pow(b2, count)
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* mp = rt.data(m)
    cdef void* vp = rt.data(v)
    cdef size_t scratch = 2 * rn_spans(n) * sizeof(double)
    if n == 0:
        return
    cdef double* sums = <double*>rt.scratch_get(scratch)
    if threads > 1:
        with nogil:
            RN_lamb(t == cnp.NPY_DOUBLE, wp, gp, mp, vp, rate, b1, b2, of_m, of_v, eps, sums, n, threads)
    else:
        RN_lamb(t == cnp.NPY_DOUBLE, wp, gp, mp, vp, rate, b1, b2, of_m, of_v, eps, sums, n, 1)
    rt.scratch_put(sums, scratch)
