"""Adamax and Nadam, fast: one pass over parameter, gradient and both slots.

How it is fast: simd/update_adamax.h.
Why it is right: refnet/kernels/adamax.py.
"""
cimport numpy as cnp
from libc.math cimport pow

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["adamax_update", "momentum_product_update", "nadam_update"]

cdef extern from "refnet_fast/simd/update_adamax.h":
    void RN_adamax(bint dbl, void* w, void* g, void* m, void* u, double alpha, double beta_1, double beta_2, double eps,
                   cnp.npy_intp n, int threads) noexcept nogil
    void RN_nadam(bint dbl, void* w, void* g, void* m, void* v, double rate, double of_m, double of_g, double beta_1,
                  double beta_2, double correction, double eps, cnp.npy_intp n, int threads) noexcept nogil


def adamax_update(w, dw, m, u, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Writes w, m and u in place. All arrays of one shape; step counts from 1. step and learning_rate: numbers or 0-d arrays."""
    cdef int t = rt.float_array(w, "adamax_update", "w", -1)
    rt.slot_array(w, w, "adamax_update", "w")
    rt.same_as(dw, w, "adamax_update", "dw", "w")
    rt.slot_array(m, w, "adamax_update", "m")
    rt.slot_array(u, w, "adamax_update", "u")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.25 * n)
    cdef double b1 = beta_1, b2 = beta_2, eps = epsilon, rate = learning_rate, count = step
    cdef double alpha = rate / (1 - pow(b1, count))
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* mp = rt.data(m)
    cdef void* up = rt.data(u)
    if threads > 1:
        with nogil:
            RN_adamax(t == cnp.NPY_DOUBLE, wp, gp, mp, up, alpha, b1, b2, eps, n, threads)
    else:
        RN_adamax(t == cnp.NPY_DOUBLE, wp, gp, mp, up, alpha, b1, b2, eps, n, 1)


cdef inline double momentum(double beta_1, double step) noexcept nogil:
    return beta_1 * (1 - 0.5 * pow(0.96, step))


def momentum_product_update(product, step, beta_1=0.9):
    """Π ← Π μ_t: multiplies the 0-d array `product` in place by the momentum of step t."""
    cdef int t = rt.float_array(product, "momentum_product_update", "product", 0)
    rt.slot_array(product, product, "momentum_product_update", "product")
    cdef double now = momentum(beta_1, step)
    if t == cnp.NPY_DOUBLE:
        (<double*>rt.data(product))[0] *= now
    else:
        (<float*>rt.data(product))[0] *= <float>now


def nadam_update(w, dw, m, v, product, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Writes w, m and v in place. All arrays of one shape; step counts from 1; product 0-d: Π, this step's μ included.

    step, product and learning_rate: numbers or 0-d arrays.
    """
    cdef int t = rt.float_array(w, "nadam_update", "w", -1)
    rt.slot_array(w, w, "nadam_update", "w")
    rt.same_as(dw, w, "nadam_update", "dw", "w")
    rt.slot_array(m, w, "nadam_update", "m")
    rt.slot_array(v, w, "nadam_update", "v")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.4 * n)
    cdef double b1 = beta_1, b2 = beta_2, eps = epsilon, rate = learning_rate, count = step, whole = product
    cdef double now = momentum(b1, count), following = momentum(b1, count + 1), correction = 1 - pow(b2, count)
    cdef double of_m = following / (1 - whole * following), of_g = (1 - now) / (1 - whole)
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* mp = rt.data(m)
    cdef void* vp = rt.data(v)
    if threads > 1:
        with nogil:
            RN_nadam(t == cnp.NPY_DOUBLE, wp, gp, mp, vp, rate, of_m, of_g, b1, b2, correction, eps, n, threads)
    else:
        RN_nadam(t == cnp.NPY_DOUBLE, wp, gp, mp, vp, rate, of_m, of_g, b1, b2, correction, eps, n, 1)
