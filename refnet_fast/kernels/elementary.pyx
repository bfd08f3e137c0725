"""Elementary functions, fast: exp, log and erf as vector polynomials, one pass over memory.

How it is fast: simd/map.h, simd/vecmath.h (error bounds are stated there and tested).
What is saved: y for exp, x for log and erf, as in the reference.
Why it is right: refnet/kernels/elementary.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["erf_backward", "erf_forward", "exp_backward", "exp_forward", "log_backward", "log_forward"]

cdef extern from "refnet_fast/simd/map.h":
    enum:
        RN_EXP, RN_LOG, RN_ERF
    void RN_map_forward(bint dbl, int kind, void* x, void* y, cnp.npy_intp n, int threads) noexcept nogil
    void RN_map_backward(bint dbl, int kind, void* dy, void* kept, void* dx, cnp.npy_intp n, int threads) noexcept nogil


cdef object forward(int kind, object x, str function):
    cdef int t = rt.float_array(x, function, "x", -1)
    cdef cnp.npy_intp n = rt.size(x)
    cdef int threads = rt.team(0.4 * n)
    y = rt.pool_like(x)
    cdef void* xp = rt.data(x)
    cdef void* yp = rt.data(y)
    if threads > 1:
        with nogil:
            RN_map_forward(t == cnp.NPY_DOUBLE, kind, xp, yp, n, threads)
    else:
        RN_map_forward(t == cnp.NPY_DOUBLE, kind, xp, yp, n, 1)
    return y


cdef object backward(int kind, object dy, object kept, str function):
    cdef int t = rt.float_array(kept, function, "saved", -1)
    rt.same_as(dy, kept, function, "dy", "y")
    cdef cnp.npy_intp n = rt.size(kept)
    cdef int threads = rt.team(0.4 * n)
    dx = rt.pool_like(kept)
    cdef void* dyp = rt.data(dy)
    cdef void* kp = rt.data(kept)
    cdef void* dxp = rt.data(dx)
    if threads > 1:
        with nogil:
            RN_map_backward(t == cnp.NPY_DOUBLE, kind, dyp, kp, dxp, n, threads)
    else:
        RN_map_backward(t == cnp.NPY_DOUBLE, kind, dyp, kp, dxp, n, 1)
    return dx


def exp_forward(x, save=True):
    """y = e^x, elementwise; any shape."""
    y = forward(RN_EXP, x, "exp_forward")
    return y, (y if save else None)


def exp_backward(dy, saved):
    """dx = dy y."""
    return backward(RN_EXP, dy, saved, "exp_backward")


def log_forward(x, save=True):
    """y = ln x, elementwise; any shape. No warning is raised for x <= 0: the value (-inf or NaN) says it."""
    return forward(RN_LOG, x, "log_forward"), (x if save else None)


def log_backward(dy, saved):
    """dx = dy / x."""
    return backward(RN_LOG, dy, saved, "log_backward")


def erf_forward(x, save=True):
    """y = erf(x), elementwise; any shape."""
    return forward(RN_ERF, x, "erf_forward"), (x if save else None)


def erf_backward(dy, saved):
    """dx = dy 2/sqrt(pi) exp(-x^2)."""
    return backward(RN_ERF, dy, saved, "erf_backward")
