"""FTRL, fast: one pass over parameter, gradient, accumulator and linear term.

How it is fast: simd/update_ftrl.h.
Why it is right: refnet/kernels/ftrl.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["ftrl_update"]

cdef extern from "refnet_fast/simd/update_ftrl.h":
    void RN_ftrl(bint dbl, void* w, void* g, void* accumulator, void* linear, double rate, double power, double l1,
                 double shrinkage, double rest, cnp.npy_intp n, int threads) noexcept nogil


def ftrl_update(w, dw, accumulator, linear, learning_rate, learning_rate_power=-0.5, l1_regularization_strength=0.0,
                l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0, beta=0.0):
    """Writes w, accumulator (q) and linear (z) in place. All arrays of one shape; learning_rate > 0, a number or 0-d."""
    cdef int t = rt.float_array(w, "ftrl_update", "w", -1)
    rt.slot_array(w, w, "ftrl_update", "w")
    rt.same_as(dw, w, "ftrl_update", "dw", "w")
    rt.slot_array(accumulator, w, "ftrl_update", "accumulator")
    rt.slot_array(linear, w, "ftrl_update", "linear")
    cdef cnp.npy_intp n = rt.size(w)
    cdef double rate = learning_rate, power = -learning_rate_power, l1 = l1_regularization_strength
    cdef double shrinkage = 2 * l2_shrinkage_regularization_strength
    cdef double l2 = l2_regularization_strength, first = beta
    if rate == 0:
        raise ValueError("ftrl_update: learning_rate must not be 0: the rule divides by it.")
    cdef double rest = 2 * l2 + first / rate
    cdef int threads = rt.team((0.5 if power == 0.5 else 10.0) * n)
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* qp = rt.data(accumulator)
    cdef void* zp = rt.data(linear)
    if threads > 1:
        with nogil:
            RN_ftrl(t == cnp.NPY_DOUBLE, wp, gp, qp, zp, rate, power, l1, shrinkage, rest, n, threads)
    else:
        RN_ftrl(t == cnp.NPY_DOUBLE, wp, gp, qp, zp, rate, power, l1, shrinkage, rest, n, 1)
