"""Schedule-free AdamW, fast: one pass over parameter, gradient and both slots; the average is never in memory.

How it is fast: simd/update_free.h.
Why it is right: refnet/kernels/schedule_free.py.
"""
cimport numpy as cnp
from libc.math cimport pow

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["schedule_free_update"]

cdef extern from "refnet_fast/simd/update_free.h":
    void RN_schedule_free(bint dbl, void* w, void* g, void* z, void* v, double rate, double beta_1, double beta_2, double step,
                          double correction, double eps, cnp.npy_intp n, int threads) noexcept nogil


def schedule_free_update(w, dw, z, v, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup_steps=0):
    """Writes w, z and v in place. All arrays of one shape; step counts from 1. step and learning_rate: numbers or 0-d arrays."""
    cdef int t = rt.float_array(w, "schedule_free_update", "w", -1)
    rt.slot_array(w, w, "schedule_free_update", "w")
    rt.same_as(dw, w, "schedule_free_update", "dw", "w")
    rt.slot_array(z, w, "schedule_free_update", "z")
    rt.slot_array(v, w, "schedule_free_update", "v")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.4 * n)
    cdef double b1 = beta_1, b2 = beta_2, eps = epsilon, rate = learning_rate, count = step, warmup = warmup_steps
    if count < warmup:
        rate *= count / warmup
    cdef double correction = 1 - pow(b2, count)
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* zp = rt.data(z)
    cdef void* vp = rt.data(v)
    if threads > 1:
        with nogil:
            RN_schedule_free(t == cnp.NPY_DOUBLE, wp, gp, zp, vp, rate, b1, b2, count, correction, eps, n, threads)
    else:
        RN_schedule_free(t == cnp.NPY_DOUBLE, wp, gp, zp, vp, rate, b1, b2, count, correction, eps, n, 1)
