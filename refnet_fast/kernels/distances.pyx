"""Huber, log-cosh, logarithmic and percentage errors, fast: one pass over predictions and targets.

How it is fast: simd/terms.h. What the reference makes and throws away (errors, limits, logarithms) never leaves registers.
What is saved: y and t, as in the reference.
Why it is right: refnet/kernels/distances.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._terms cimport RN_HUBER, RN_PERCENTAGE, check_pair, named, saved_kind, terms_backward, terms_forward

cnp.import_array()

__all__ = ["DISTANCES", "distance_backward", "distance_forward"]

DISTANCES = ("huber", "log_cosh", "logarithmic", "percentage")     # in the order of terms.h


def distance_forward(y, t, distance="huber", parameter=1.0, save=True):
    """l_n = mean over c of f(y_nc, t_nc).    y, t (N, C)   ->   l (N,)

    `distance` is one of DISTANCES; `parameter` is δ (huber) or ε (logarithmic, percentage); log_cosh has none.
    """
    cdef int kind = RN_HUBER + named(distance, DISTANCES, "distance")
    cdef double a = parameter
    check_pair(y, t, "distance_forward")
    return terms_forward(kind, y, t, a, True, False, "distance_forward"), ((kind, a, y, t) if save else None)


def distance_backward(dl, saved, needs=(True, True)):
    """dl (N,)   ->   dy, dt (N, C); None where not needed"""
    kind, a, y, t = rt.unpack_saved(saved, 4, "distance_backward")
    need_y, need_t = rt.unpack_needs(needs, 2, "distance_backward")
    return terms_backward(saved_kind(kind, RN_HUBER, RN_PERCENTAGE, "distance_backward", "saved distance"), dl, y, t, need_y, need_t,
                          a, True, False, "distance_backward")
