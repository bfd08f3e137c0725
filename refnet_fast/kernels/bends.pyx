"""Bends, fast: one pass over memory with vector polynomials, a named function or its derivative.

How it is fast: simd/bends.h (vector exp, log, tanh from simd/vecmath.h; chunks over threads; no temporaries).
What is saved: x, as in the reference.
Why it is right: refnet/kernels/bends.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._terms cimport named, saved_kind

cnp.import_array()

__all__ = ["BENDS", "bend_backward", "bend_forward"]

cdef extern from "refnet_fast/simd/bends.h":
    enum:
        RN_LEAKY_RELU, RN_THRESHOLD
    void RN_bend_forward(bint dbl, int kind, void* x, void* y, cnp.npy_intp n, double a, double b, int threads) noexcept nogil
    void RN_bend_backward(bint dbl, int kind, void* dy, void* x, void* dx, cnp.npy_intp n, double a, double b,
                          int threads) noexcept nogil

BENDS = (                                                          # in the order of bends.h
    "leaky_relu", "relu6", "elu", "celu", "softplus", "log_sigmoid", "softsign", "squareplus", "mish", "sparse_plus",
    "sparse_sigmoid", "hard_sigmoid", "hard_silu", "hard_tanh", "tanh_shrink", "hard_shrink", "soft_shrink", "threshold",
)


def bend_forward(x, bend, a=0.0, b=0.0, save=True):
    """y = f(x), elementwise; `bend` is one of BENDS, a and b are its parameters."""
    cdef int kind = named(bend, BENDS, "bend"), t = rt.float_array(x, "bend_forward", "x", -1)
    cdef cnp.npy_intp n = rt.size(x)
    cdef int threads = rt.team(0.4 * n)
    cdef double first = a, second = b
    y = rt.pool_like(x)
    cdef void* xp = rt.data(x)
    cdef void* yp = rt.data(y)
    if threads > 1:
        with nogil:
            RN_bend_forward(t == cnp.NPY_DOUBLE, kind, xp, yp, n, first, second, threads)
    else:
        RN_bend_forward(t == cnp.NPY_DOUBLE, kind, xp, yp, n, first, second, 1)
    return y, ((kind, first, second, x) if save else None)


def bend_backward(dy, saved):
    """dx = dy f'(x)."""
    kind_, a, b, x = rt.unpack_saved(saved, 4, "bend_backward")
    cdef int kind = saved_kind(kind_, RN_LEAKY_RELU, RN_THRESHOLD, "bend_backward", "saved bend")
    cdef int t = rt.float_array(x, "bend_backward", "saved x", -1)
    rt.same_as(dy, x, "bend_backward", "dy", "y")
    cdef cnp.npy_intp n = rt.size(x)
    cdef int threads = rt.team(0.4 * n)
    cdef double first = a, second = b
    dx = rt.pool_like(x)
    cdef void* dyp = rt.data(dy)
    cdef void* xp = rt.data(x)
    cdef void* dxp = rt.data(dx)
    if threads > 1:
        with nogil:
            RN_bend_backward(t == cnp.NPY_DOUBLE, kind, dyp, xp, dxp, n, first, second, threads)
    else:
        RN_bend_backward(t == cnp.NPY_DOUBLE, kind, dyp, xp, dxp, n, first, second, 1)
    return dx
