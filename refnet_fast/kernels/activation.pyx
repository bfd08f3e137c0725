"""Activation, fast: one pass over memory with vector polynomials, a named function or its derivative.

How it is fast: simd/map.h (vector exp, tanh, erf from simd/vecmath.h; chunks over threads; no temporaries).
What is saved: y for relu, sigmoid, tanh; z for gelu, gelu_tanh, silu, as in the reference.
Why it is right: refnet/kernels/activation.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

from refnet_fast._runtime import ACTIVATIONS

cnp.import_array()

__all__ = ["ACTIVATIONS", "activation_backward", "activation_forward"]

cdef extern from "refnet_fast/simd/map.h":
    enum:
        RN_LINEAR, RN_RELU, RN_SIGMOID, RN_TANH, RN_GELU, RN_GELU_TANH, RN_SILU
    void RN_map_forward(bint dbl, int kind, void* x, void* y, cnp.npy_intp n, int threads) noexcept nogil
    void RN_map_backward(bint dbl, int kind, void* dy, void* kept, void* dx, cnp.npy_intp n, int threads) noexcept nogil


cdef inline double cost(int kind, cnp.npy_intp n) noexcept:
    """Nanoseconds on one thread, roughly."""
    return n * (0.1 if kind == RN_RELU else 0.4)


def activation_forward(z, activation="relu", save=True):
    """y = f(z), elementwise; `activation` is one of ACTIVATIONS."""
    cdef int kind = rt.activation_code(activation), t = rt.float_array(z, "activation_forward", "z", -1)
    cdef cnp.npy_intp n = rt.size(z)
    cdef int threads = rt.team(cost(kind, n))
    if kind == RN_LINEAR:
        return z, ((kind, None) if save else None)
    y = rt.pool_like(z)
    cdef void* zp = rt.data(z)
    cdef void* yp = rt.data(y)
    if threads > 1:
        with nogil:
            RN_map_forward(t == cnp.NPY_DOUBLE, kind, zp, yp, n, threads)
    else:
        RN_map_forward(t == cnp.NPY_DOUBLE, kind, zp, yp, n, 1)
    if not save:
        return y, None
    return y, (kind, y if kind <= RN_TANH else z)


def activation_backward(dy, saved):
    """dz = dy f'(z)."""
    kind_, kept = rt.unpack_saved(saved, 2, "activation_backward")
    cdef int kind = rt.saved_code(kind_, "activation_backward"), t
    if kind == RN_LINEAR:
        return dy
    t = rt.float_array(kept, "activation_backward", "saved y", -1)
    rt.same_as(dy, kept, "activation_backward", "dy", "y")
    cdef cnp.npy_intp n = rt.size(dy)
    cdef int threads = rt.team(cost(kind, n))
    dz = rt.pool_like(kept)
    cdef void* dyp = rt.data(dy)
    cdef void* kp = rt.data(kept)
    cdef void* dzp = rt.data(dz)
    if threads > 1:
        with nogil:
            RN_map_backward(t == cnp.NPY_DOUBLE, kind, dyp, kp, dzp, n, threads)
    else:
        RN_map_backward(t == cnp.NPY_DOUBLE, kind, dyp, kp, dzp, n, 1)
    return dz
