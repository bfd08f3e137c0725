"""Softmax, fast: a row stays in registers or in L1 between its maximum, its exponentials and its quotient.

How it is fast: simd/rows.h (vector exp; rows over threads; sums over a row in float64 lanes).
What is saved: y (softmax) or log y, as in the reference.
Why it is right: refnet/kernels/softmax.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["log_softmax_backward", "log_softmax_forward", "softmax_backward", "softmax_forward"]

cdef extern from "refnet_fast/simd/rows.h":
    void RN_softmax_forward(bint dbl, bint is_log, void* x, void* y, cnp.npy_intp m, cnp.npy_intp n,
                            int threads) noexcept nogil
    void RN_softmax_backward(bint dbl, bint is_log, void* dy, void* y, void* dx, cnp.npy_intp m, cnp.npy_intp n,
                             int threads) noexcept nogil


cdef inline double cost(cnp.npy_intp m, cnp.npy_intp n) noexcept:
    """Nanoseconds on one thread, roughly: a row has a price of its own."""
    return m * (15 + 0.6 * n)


cdef object forward(bint is_log, object x, str function):
    cdef int t = rt.float_array(x, function, "x", 2)
    cdef cnp.npy_intp m = rt.dim(x, 0), n = rt.dim(x, 1)
    cdef int threads = rt.team(cost(m, n))
    y = rt.pool_like(x)
    if m == 0 or n == 0:                     # an empty array may have any number of rows
        return y
    cdef void* xp = rt.data(x)
    cdef void* yp = rt.data(y)
    if threads > 1:
        with nogil:
            RN_softmax_forward(t == cnp.NPY_DOUBLE, is_log, xp, yp, m, n, threads)
    else:
        RN_softmax_forward(t == cnp.NPY_DOUBLE, is_log, xp, yp, m, n, 1)
    return y


cdef object backward(bint is_log, object dy, object y, str function):
    cdef int t = rt.float_array(y, function, "saved", 2)
    rt.same_as(dy, y, function, "dy", "y")
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(cost(m, n))
    dx = rt.pool_like(y)
    if m == 0 or n == 0:
        return dx
    cdef void* dyp = rt.data(dy)
    cdef void* yp = rt.data(y)
    cdef void* dxp = rt.data(dx)
    if threads > 1:
        with nogil:
            RN_softmax_backward(t == cnp.NPY_DOUBLE, is_log, dyp, yp, dxp, m, n, threads)
    else:
        RN_softmax_backward(t == cnp.NPY_DOUBLE, is_log, dyp, yp, dxp, m, n, 1)
    return dx


def softmax_forward(x, save=True):
    """y = softmax(x) over the last axis; x (N, C)."""
    y = forward(False, x, "softmax_forward")
    return y, (y if save else None)


def softmax_backward(dy, saved):
    """dx = y (dy - sum_c dy_c y_c).    dy (N, C)   ->   dx (N, C)"""
    return backward(False, dy, saved, "softmax_backward")


def log_softmax_forward(x, save=True):
    """log softmax(x) over the last axis; x (N, C)."""
    y = forward(True, x, "log_softmax_forward")
    return y, (y if save else None)


def log_softmax_backward(dy, saved):
    """dx = dy - softmax(x) sum_c dy_c.    dy (N, C)   ->   dx (N, C)"""
    return backward(True, dy, saved, "log_softmax_backward")
