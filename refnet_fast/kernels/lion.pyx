"""Lion, fast: one pass over parameter, gradient and momentum; the sign is a choice between vectors, no branch.

How it is fast: simd/update_lion.h.
Why it is right: refnet/kernels/lion.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["lion_update"]

cdef extern from "refnet_fast/simd/update_lion.h":
    void RN_lion(bint dbl, void* w, void* g, void* m, double rate, double beta_1, double beta_2, cnp.npy_intp n,
                 int threads) noexcept nogil


def lion_update(w, dw, m, learning_rate, beta_1=0.9, beta_2=0.99):
    """Writes w and m in place. All arrays of one shape; learning_rate a number or 0-d."""
    cdef int t = rt.float_array(w, "lion_update", "w", -1)
    rt.slot_array(w, w, "lion_update", "w")
    rt.same_as(dw, w, "lion_update", "dw", "w")
    rt.slot_array(m, w, "lion_update", "m")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.2 * n)
    cdef double rate = learning_rate, b1 = beta_1, b2 = beta_2
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* mp = rt.data(m)
    if threads > 1:
        with nogil:
            RN_lion(t == cnp.NPY_DOUBLE, wp, gp, mp, rate, b1, b2, n, threads)
    else:
        RN_lion(t == cnp.NPY_DOUBLE, wp, gp, mp, rate, b1, b2, n, 1)
