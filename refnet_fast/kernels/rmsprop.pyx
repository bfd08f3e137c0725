"""RMSprop, fast: one pass over parameter, gradient and running mean, square root and division in vectors.

How it is fast: simd/optimize.h.
Why it is right: refnet/kernels/rmsprop.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["rmsprop_update"]

cdef extern from "refnet_fast/simd/optimize.h":
    void RN_rmsprop(bint dbl, void* w, void* g, void* v, void* velocity, void* mean, double rate, double rho,
                    double momentum, double eps, cnp.npy_intp n, int threads) noexcept nogil


def rmsprop_update(w, dw, v, learning_rate, rho=0.9, epsilon=1e-7, momentum=0.0, velocity=None, mean_gradient=None):
    """Writes w, v, velocity and mean_gradient in place. All arrays of one shape.

    velocity None: no momentum. mean_gradient None: not centered. learning_rate: a number or 0-d.
    """
    cdef int t = rt.float_array(w, "rmsprop_update", "w", -1)
    rt.slot_array(w, w, "rmsprop_update", "w")
    rt.same_as(dw, w, "rmsprop_update", "dw", "w")
    rt.slot_array(v, w, "rmsprop_update", "v")
    if velocity is not None:
        rt.slot_array(velocity, w, "rmsprop_update", "velocity")
    if mean_gradient is not None:
        rt.slot_array(mean_gradient, w, "rmsprop_update", "mean_gradient")
    cdef cnp.npy_intp n = rt.size(w)
    cdef int threads = rt.team(0.3 * n)
    cdef double rate = learning_rate, decay = rho, mu = momentum, eps = epsilon
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* vp = rt.data(v)
    cdef void* up = NULL if velocity is None else rt.data(velocity)
    cdef void* mp = NULL if mean_gradient is None else rt.data(mean_gradient)
    if threads > 1:
        with nogil:
            RN_rmsprop(t == cnp.NPY_DOUBLE, wp, gp, vp, up, mp, rate, decay, mu, eps, n, threads)
    else:
        RN_rmsprop(t == cnp.NPY_DOUBLE, wp, gp, vp, up, mp, rate, decay, mu, eps, n, 1)
