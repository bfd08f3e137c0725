"""Mean squared and mean absolute error, fast: one pass over predictions and targets.

How it is fast: simd/loss.h. A single column is treated as one long vector.
What is saved: y and t, not their difference: nothing is written that can be read again.
Why it is right: refnet/kernels/errors.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = [
    "mean_absolute_error_backward", "mean_absolute_error_forward",
    "mean_squared_error_backward", "mean_squared_error_forward",
]

cdef extern from "refnet_fast/simd/loss.h":
    enum:
        RN_SQUARED, RN_ABSOLUTE
    void RN_loss_forward(bint dbl, int kind, void* y, void* t, void* l, cnp.npy_intp m, cnp.npy_intp n,
                         int threads) noexcept nogil
    void RN_loss_backward(bint dbl, int kind, void* dl, void* y, void* t, void* dy, void* dt, cnp.npy_intp m,
                          cnp.npy_intp n, int threads) noexcept nogil


cdef object forward(int kind, object y, object t, str function):
    cdef int type_ = rt.float_array(y, function, "y", 2)
    rt.same_as(t, y, function, "t", "y")
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(m * (5 + 0.2 * n))
    l = rt.pool_empty(1, &m, type_)
    cdef void* yp = rt.data(y)
    cdef void* tp = rt.data(t)
    cdef void* lp = rt.data(l)
    if threads > 1:
        with nogil:
            RN_loss_forward(type_ == cnp.NPY_DOUBLE, kind, yp, tp, lp, m, n, threads)
    else:
        RN_loss_forward(type_ == cnp.NPY_DOUBLE, kind, yp, tp, lp, m, n, 1)
    return l


cdef object backward(int kind, object dl, object saved, object needs, str function):
    y, t = rt.unpack_saved(saved, 2, function)
    need_y, need_t = rt.unpack_needs(needs, 2, function)
    cdef int type_ = rt.float_array(y, function, "saved y", 2)
    rt.same_as(t, y, function, "saved t", "y")
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(m * (5 + 0.2 * n))
    rt.same_array(dl, type_, function, "dl", 1)
    if rt.dim(dl, 0) != m:
        rt.bad_shape(dl, function, "dl", f"({m},)")
    dy = rt.pool_like(y) if need_y else None
    dt = rt.pool_like(y) if need_t else None
    cdef void* dlp = rt.data(dl)
    cdef void* yp = rt.data(y)
    cdef void* tp = rt.data(t)
    cdef void* dyp = NULL if dy is None else rt.data(dy)
    cdef void* dtp = NULL if dt is None else rt.data(dt)
    if threads > 1:
        with nogil:
            RN_loss_backward(type_ == cnp.NPY_DOUBLE, kind, dlp, yp, tp, dyp, dtp, m, n, threads)
    else:
        RN_loss_backward(type_ == cnp.NPY_DOUBLE, kind, dlp, yp, tp, dyp, dtp, m, n, 1)
    return dy, dt


def mean_squared_error_forward(y, t, save=True):
    """l_n = mean over c of (y_nc - t_nc)^2.    y, t (N, C)   ->   l (N,)"""
    return forward(RN_SQUARED, y, t, "mean_squared_error_forward"), ((y, t) if save else None)


def mean_squared_error_backward(dl, saved, needs=(True, True)):
    """dl (N,)   ->   dy, dt (N, C); None where not needed"""
    return backward(RN_SQUARED, dl, saved, needs, "mean_squared_error_backward")


def mean_absolute_error_forward(y, t, save=True):
    """l_n = mean over c of |y_nc - t_nc|.    y, t (N, C)   ->   l (N,)"""
    return forward(RN_ABSOLUTE, y, t, "mean_absolute_error_forward"), ((y, t) if save else None)


def mean_absolute_error_backward(dl, saved, needs=(True, True)):
    """dl (N,)   ->   dy, dt (N, C); None where not needed"""
    return backward(RN_ABSOLUTE, dl, saved, needs, "mean_absolute_error_backward")
