"""Kullback-Leibler divergence and the Poisson loss, fast: one pass over predictions and targets.

How it is fast: simd/terms.h. What the reference makes and throws away (limits, ratios, logarithms) never leaves registers.
What is saved: y and t, as in the reference.
Why it is right: refnet/kernels/divergences.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._terms cimport RN_KL, RN_POISSON, check_pair, named, saved_kind, terms_backward, terms_forward

cnp.import_array()

__all__ = ["DIVERGENCES", "divergence_backward", "divergence_forward"]

DIVERGENCES = ("kl", "poisson")                                    # in the order of terms.h


def divergence_forward(y, t, divergence="kl", epsilon=1e-7, save=True):
    """l_n = sum (kl) or mean (poisson) over c of f(y_nc, t_nc).    y, t (N, C)   ->   l (N,)

    `divergence` is one of DIVERGENCES.
    """
    cdef int kind = RN_KL + named(divergence, DIVERGENCES, "divergence")
    cdef double a = epsilon
    check_pair(y, t, "divergence_forward")
    return (terms_forward(kind, y, t, a, kind == RN_POISSON, False, "divergence_forward"),
            ((kind, a, y, t) if save else None))


def divergence_backward(dl, saved, needs=(True, True)):
    """dl (N,)   ->   dy, dt (N, C); None where not needed"""
    kind_, a, y, t = rt.unpack_saved(saved, 4, "divergence_backward")
    need_y, need_t = rt.unpack_needs(needs, 2, "divergence_backward")
    cdef int kind = saved_kind(kind_, RN_KL, RN_POISSON, "divergence_backward", "saved divergence")
    return terms_backward(kind, dl, y, t, need_y, need_t, a, kind == RN_POISSON, False, "divergence_backward")
