"""Mean squared and mean absolute error, fast: one pass over predictions and targets.

How it is fast: simd/terms.h. A single column is treated as one long vector.
What is saved: y and t, not their difference: nothing is written that can be read again.
Why it is right: refnet/kernels/errors.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._terms cimport RN_ABSOLUTE, RN_SQUARED, check_pair, terms_backward, terms_forward

cnp.import_array()

__all__ = [
    "mean_absolute_error_backward", "mean_absolute_error_forward",
    "mean_squared_error_backward", "mean_squared_error_forward",
]


cdef object forward(int kind, object y, object t, str function):
    check_pair(y, t, function)
    return terms_forward(kind, y, t, 0, True, False, function)


cdef tuple backward(int kind, object dl, object saved, object needs, str function):
    y, t = rt.unpack_saved(saved, 2, function)
    need_y, need_t = rt.unpack_needs(needs, 2, function)
    return terms_backward(kind, dl, y, t, need_y, need_t, 0, True, False, function)


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
