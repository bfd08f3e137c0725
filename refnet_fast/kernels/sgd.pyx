"""Stochastic gradient descent, fast: parameter, gradient and velocity in one pass, nothing in between in memory.

How it is fast: simd/optimize.h.
Why it is right: refnet/kernels/sgd.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["sgd_update"]

cdef extern from "refnet_fast/simd/optimize.h":
    void RN_sgd(bint dbl, void* w, void* g, void* velocity, double rate, double momentum, bint nesterov, cnp.npy_intp n,
                int threads) noexcept nogil


def sgd_update(w, dw, velocity, learning_rate, momentum=0.0, nesterov=False):
    """Writes w and velocity in place. All arrays of one shape; velocity None without momentum; learning_rate a number or 0-d."""
    cdef int t = rt.float_array(w, "sgd_update", "w", -1)
    rt.slot_array(w, w, "sgd_update", "w")
    rt.same_as(dw, w, "sgd_update", "dw", "w")
    if velocity is not None:
        rt.slot_array(velocity, w, "sgd_update", "velocity")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.15 * n)
    cdef double rate = learning_rate, mu = momentum
    cdef bint ahead = nesterov
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* up = NULL if velocity is None else rt.data(velocity)
    if threads > 1:
        with nogil:
            RN_sgd(t == cnp.NPY_DOUBLE, wp, gp, up, rate, mu, ahead, n, threads)
    else:
        RN_sgd(t == cnp.NPY_DOUBLE, wp, gp, up, rate, mu, ahead, n, 1)
