"""Adagrad and Adadelta, fast: one pass over parameter, gradient and slots, roots and divisions in vectors.

How it is fast: simd/update_adagrad.h.
Why it is right: refnet/kernels/adagrad.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["adadelta_update", "adagrad_update"]

cdef extern from "refnet_fast/simd/update_adagrad.h":
    void RN_adagrad(bint dbl, void* w, void* g, void* accumulator, double rate, double eps, cnp.npy_intp n,
                    int threads) noexcept nogil
    void RN_adadelta(bint dbl, void* w, void* g, void* v, void* u, double rate, double rho, double eps, cnp.npy_intp n,
                     int threads) noexcept nogil


def adagrad_update(w, dw, accumulator, learning_rate, epsilon=1e-7):
    """Writes w and accumulator in place. All arrays of one shape; learning_rate a number or 0-d."""
    cdef int t = rt.float_array(w, "adagrad_update", "w", -1)
    rt.slot_array(w, w, "adagrad_update", "w")
    rt.same_as(dw, w, "adagrad_update", "dw", "w")
    rt.slot_array(accumulator, w, "adagrad_update", "accumulator")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.25 * n)
    cdef double rate = learning_rate, eps = epsilon
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* qp = rt.data(accumulator)
    if threads > 1:
        with nogil:
            RN_adagrad(t == cnp.NPY_DOUBLE, wp, gp, qp, rate, eps, n, threads)
    else:
        RN_adagrad(t == cnp.NPY_DOUBLE, wp, gp, qp, rate, eps, n, 1)


def adadelta_update(w, dw, v, u, learning_rate, rho=0.95, epsilon=1e-7):
    """Writes w, v and u in place. All arrays of one shape; learning_rate a number or 0-d."""
    cdef int t = rt.float_array(w, "adadelta_update", "w", -1)
    rt.slot_array(w, w, "adadelta_update", "w")
    rt.same_as(dw, w, "adadelta_update", "dw", "w")
    rt.slot_array(v, w, "adadelta_update", "v")
    rt.slot_array(u, w, "adadelta_update", "u")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.4 * n)
    cdef double rate = learning_rate, decay = rho, eps = epsilon
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* vp = rt.data(v)
    cdef void* up = rt.data(u)
    if threads > 1:
        with nogil:
            RN_adadelta(t == cnp.NPY_DOUBLE, wp, gp, vp, up, rate, decay, eps, n, threads)
    else:
        RN_adadelta(t == cnp.NPY_DOUBLE, wp, gp, vp, up, rate, decay, eps, n, 1)
