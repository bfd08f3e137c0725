"""Hinge losses, fast: one pass over scores and targets.

How it is fast: simd/terms.h. Whether all targets are 0 or 1 is asked first, which the first few answer where they are not;
2t - 1 is made in registers. Categorical: the true class's score and the best of the others in one visit to each row.
What is saved: y and t, as in the reference.
Why it is right: refnet/kernels/margins.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._terms cimport (RN_HINGE, RN_SQUARED_HINGE, check_dl, check_pair, named, saved_kind, terms_backward, terms_cost,
                                 terms_forward)

cnp.import_array()

__all__ = ["MARGINS", "categorical_hinge_backward", "categorical_hinge_forward", "margin_backward", "margin_forward"]

cdef extern from "refnet_fast/simd/terms.h":
    bint RN_all_binary(bint dbl, void* t, cnp.npy_intp n) noexcept nogil
    void RN_categorical_hinge_forward(bint dbl, void* y, void* t, void* l, cnp.npy_intp m, cnp.npy_intp n,
                                      int threads) noexcept nogil
    void RN_categorical_hinge_backward(bint dbl, void* dl, void* y, void* t, void* dy, void* dt, cnp.npy_intp m, cnp.npy_intp n,
                                       int threads) noexcept nogil

MARGINS = ("hinge", "squared_hinge")                               # in the order of terms.h


def margin_forward(y, t, margin="hinge", save=True):
    """l_n = mean over c of f(1 - t_nc y_nc).    y, t (N, C)   ->   l (N,)

    `margin` is one of MARGINS; targets that are all 0 or 1 are read as -1 and 1.
    """
    cdef int kind = RN_HINGE + named(margin, MARGINS, "margin")
    check_pair(y, t, "margin_forward")
    cdef bint binary = RN_all_binary(rt.typenum(t) == cnp.NPY_DOUBLE, rt.data(t), rt.size(t))
    return terms_forward(kind, y, t, 0, True, binary, "margin_forward"), ((kind, binary, y, t) if save else None)


def margin_backward(dl, saved, needs=(True, True)):
    """dl (N,)   ->   dy, dt (N, C); None where not needed"""
    kind, binary, y, t = rt.unpack_saved(saved, 4, "margin_backward")
    need_y, need_t = rt.unpack_needs(needs, 2, "margin_backward")
    return terms_backward(saved_kind(kind, RN_HINGE, RN_SQUARED_HINGE, "margin_backward", "saved margin"), dl, y, t, need_y, need_t,
                          0, True, binary, "margin_backward")


def categorical_hinge_forward(y, t, save=True):
    """l_n = max(1 + q_n - p_n, 0).    y, t (N, C)   ->   l (N,)"""
    check_pair(y, t, "categorical_hinge_forward")
    cdef int type_ = rt.typenum(y)
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(terms_cost(RN_HINGE, m, n))
    l = rt.pool_empty(1, &m, type_)
    cdef void* yp = rt.data(y)
    cdef void* tp = rt.data(t)
    cdef void* lp = rt.data(l)
    if threads > 1:
        with nogil:
            RN_categorical_hinge_forward(type_ == cnp.NPY_DOUBLE, yp, tp, lp, m, n, threads)
    else:
        RN_categorical_hinge_forward(type_ == cnp.NPY_DOUBLE, yp, tp, lp, m, n, 1)
    return l, ((y, t) if save else None)


def categorical_hinge_backward(dl, saved, needs=(True, True)):
    """dl (N,)   ->   dy, dt (N, C); None where not needed"""
    y, t = rt.unpack_saved(saved, 2, "categorical_hinge_backward")
    need_y, need_t = rt.unpack_needs(needs, 2, "categorical_hinge_backward")
    check_pair(y, t, "categorical_hinge_backward", True)
    check_dl(dl, y, "categorical_hinge_backward")
    cdef int type_ = rt.typenum(y)
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(terms_cost(RN_HINGE, m, 2 * n))
    dy = rt.pool_like(y) if need_y else None
    dt = rt.pool_like(y) if need_t else None
    cdef void* dlp = rt.data(dl)
    cdef void* yp = rt.data(y)
    cdef void* tp = rt.data(t)
    cdef void* dyp = NULL if dy is None else rt.data(dy)
    cdef void* dtp = NULL if dt is None else rt.data(dt)
    if threads > 1:
        with nogil:
            RN_categorical_hinge_backward(type_ == cnp.NPY_DOUBLE, dlp, yp, tp, dyp, dtp, m, n, threads)
    else:
        RN_categorical_hinge_backward(type_ == cnp.NPY_DOUBLE, dlp, yp, tp, dyp, dtp, m, n, 1)
    return dy, dt
