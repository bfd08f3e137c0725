"""Adam, fast: one pass over parameter, gradient and both moments, square root and division in vectors.

How it is fast: simd/optimize.h.
Why it is right: refnet/kernels/adam.py.
"""
cimport numpy as cnp
from libc.math cimport pow, sqrt

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["adam_update"]

cdef extern from "refnet_fast/simd/optimize.h":
    void RN_adam(bint dbl, void* w, void* g, void* m, void* v, void* v_max, double alpha, double beta_1, double beta_2,
                 double eps, cnp.npy_intp n, int threads) noexcept nogil


def adam_update(w, dw, m, v, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, v_max=None):
    """Writes w, m, v and v_max in place. All arrays of one shape; step counts from 1; v_max None: no amsgrad.

    step and learning_rate: numbers or 0-d arrays.
    """
    cdef int t = rt.float_array(w, "adam_update", "w", -1)
    rt.slot_array(w, w, "adam_update", "w")
    rt.same_as(dw, w, "adam_update", "dw", "w")
    rt.slot_array(m, w, "adam_update", "m")
    rt.slot_array(v, w, "adam_update", "v")
    if v_max is not None:
        rt.slot_array(v_max, w, "adam_update", "v_max")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.3 * n)
    cdef double b1 = beta_1, b2 = beta_2, eps = epsilon, rate = learning_rate, count = step
    cdef double alpha = rate * sqrt(1 - pow(b2, count)) / (1 - pow(b1, count))
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* mp = rt.data(m)
    cdef void* vp = rt.data(v)
    cdef void* tp = NULL if v_max is None else rt.data(v_max)
    if threads > 1:
        with nogil:
            RN_adam(t == cnp.NPY_DOUBLE, wp, gp, mp, vp, tp, alpha, b1, b2, eps, n, threads)
    else:
        RN_adam(t == cnp.NPY_DOUBLE, wp, gp, mp, vp, tp, alpha, b1, b2, eps, n, 1)
