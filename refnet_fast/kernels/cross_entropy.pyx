"""Cross-entropy, fast: softmax (or sigmoid), logarithm and sum in one visit to each row.

How it is fast: simd/loss.h, simd/terms.h. The probabilities are written once, for backward, and only if that was asked for.
What is saved: categorical: p, the row sums s (from probabilities only) and the targets or labels; binary: y and t.
Why it is right: refnet/kernels/cross_entropy.py.
"""
cimport numpy as cnp
from libc.stdint cimport int64_t

from refnet_fast cimport _runtime as rt
from refnet_fast._terms cimport RN_BINARY_LOGITS, RN_BINARY_PROBS, check_pair, saved_kind, terms_backward, terms_forward

cnp.import_array()

__all__ = [
    "binary_crossentropy_backward", "binary_crossentropy_forward",
    "categorical_crossentropy_backward", "categorical_crossentropy_forward",
    "sparse_categorical_crossentropy_backward", "sparse_categorical_crossentropy_forward",
]

cdef extern from "refnet_fast/simd/loss.h":
    void RN_categorical_forward(bint dbl, bint logits, void* y, void* t, int64_t* labels, void* l, void* p, void* s,
                                cnp.npy_intp m, cnp.npy_intp n, int threads) noexcept nogil
    void RN_categorical_backward(bint dbl, void* dl, void* p, void* s, void* t, int64_t* labels, void* dx,
                                 cnp.npy_intp m, cnp.npy_intp n, int threads) noexcept nogil


cdef extern from "refnet_fast/simd/gather.h":
    cnp.npy_intp rn_bad_index(int64_t* index, cnp.npy_intp m, cnp.npy_intp length) noexcept nogil


cdef inline double cost(cnp.npy_intp m, cnp.npy_intp n) noexcept:
    """Nanoseconds on one thread, roughly: a row has a price of its own."""
    return m * (15 + 0.6 * n)


cdef int check_dl(object dl, int t, cnp.npy_intp m, str function) except -1:
    rt.same_array(dl, t, function, "dl", 1)
    if rt.dim(dl, 0) != m:
        rt.bad_shape(dl, function, "dl", f"({m},)")
    return 0


cdef int check_labels(object labels, cnp.npy_intp m, cnp.npy_intp classes, str function) except -1:
    cdef cnp.npy_intp bad
    rt.index_array(labels, function, "labels")
    if rt.dim(labels, 0) != m:
        rt.bad_shape(labels, function, "labels", f"({m},) for y of shape {(m, classes)}")
    bad = rn_bad_index(<int64_t*>rt.data(labels), m, classes)
    if bad >= 0:
        raise ValueError(f"label {int(labels[bad])} at position {bad} is out of range for {classes} classes: "
                         f"labels must be integers from 0 to {classes - 1}.")
    return 0


def binary_crossentropy_forward(y, t, from_logits=False, save=True):
    """l_n = mean over c of the surprise at t_nc.    y, t (N, C)   ->   l (N,)"""
    cdef int kind = RN_BINARY_LOGITS if from_logits else RN_BINARY_PROBS
    check_pair(y, t, "binary_crossentropy_forward")
    return terms_forward(kind, y, t, 0, True, False, "binary_crossentropy_forward"), ((y, t, kind) if save else None)


def binary_crossentropy_backward(dl, saved):
    """dl (N,)   ->   dy (N, C)"""
    y, t, kind = rt.unpack_saved(saved, 3, "binary_crossentropy_backward")
    kind = saved_kind(kind, RN_BINARY_LOGITS, RN_BINARY_PROBS, "binary_crossentropy_backward", "saved kind")
    return terms_backward(kind, dl, y, t, True, False, 0, True, False, "binary_crossentropy_backward")[0]


cdef object forward(object y, object t, object labels, bint logits, bint save, int type_):
    cdef cnp.npy_intp m = rt.dim(y, 0), n = rt.dim(y, 1)
    cdef int threads = rt.team(cost(m, n))
    l = rt.pool_empty(1, &m, type_)
    p = rt.pool_like(y) if save else None
    s = rt.pool_empty(1, &m, type_) if save and not logits else None
    cdef void* yp = rt.data(y)
    cdef void* tp = NULL if t is None else rt.data(t)
    cdef int64_t* labelp = NULL if labels is None else <int64_t*>rt.data(labels)
    cdef void* lp = rt.data(l)
    cdef void* pp = NULL if p is None else rt.data(p)
    cdef void* sp = NULL if s is None else rt.data(s)
    if threads > 1:
        with nogil:
            RN_categorical_forward(type_ == cnp.NPY_DOUBLE, logits, yp, tp, labelp, lp, pp, sp, m, n, threads)
    else:
        RN_categorical_forward(type_ == cnp.NPY_DOUBLE, logits, yp, tp, labelp, lp, pp, sp, m, n, 1)
    return l, ((p, s, labels if t is None else t) if save else None)


cdef object backward(object dl, object saved, bint sparse, str function):
    p, s, target = rt.unpack_saved(saved, 3, function)
    cdef int type_ = rt.float_array(p, function, "saved p", 2)
    cdef cnp.npy_intp m = rt.dim(p, 0), n = rt.dim(p, 1)
    cdef int threads = rt.team(cost(m, n))
    check_dl(dl, type_, m, function)
    if s is not None:
        rt.saved_vector(s, type_, m, function, "saved s")
    if sparse:                               # again: whoever made the labels may have written into them since
        check_labels(target, m, n, function)
    else:
        rt.same_as(target, p, function, "saved t", "y")
    dx = rt.pool_like(p)
    cdef void* dlp = rt.data(dl)
    cdef void* pp = rt.data(p)
    cdef void* sp = NULL if s is None else rt.data(s)
    cdef void* tp = NULL if sparse else rt.data(target)
    cdef int64_t* labelp = <int64_t*>rt.data(target) if sparse else NULL
    cdef void* dxp = rt.data(dx)
    if threads > 1:
        with nogil:
            RN_categorical_backward(type_ == cnp.NPY_DOUBLE, dlp, pp, sp, tp, labelp, dxp, m, n, threads)
    else:
        RN_categorical_backward(type_ == cnp.NPY_DOUBLE, dlp, pp, sp, tp, labelp, dxp, m, n, 1)
    return dx


def categorical_crossentropy_forward(y, t, from_logits=False, save=True):
    """l_n = -sum over c of t_nc log p_nc.    y, t (N, C)   ->   l (N,)"""
    cdef int type_ = rt.float_array(y, "categorical_crossentropy_forward", "y", 2)
    rt.same_as(t, y, "categorical_crossentropy_forward", "t", "y")
    return forward(y, t, None, from_logits, save, type_)


def categorical_crossentropy_backward(dl, saved):
    """dl (N,)   ->   dy (N, C)"""
    return backward(dl, saved, False, "categorical_crossentropy_backward")


def sparse_categorical_crossentropy_forward(y, labels, from_logits=False, save=True):
    """l_n = -log p_{n, label_n}.    y (N, C)   labels (N,) int64 in 0..C-1   ->   l (N,)

    Raises:
        ValueError: a label lies outside 0..C-1 (it is named, with its position).
    """
    cdef int type_ = rt.float_array(y, "sparse_categorical_crossentropy_forward", "y", 2)
    cdef cnp.npy_intp m = rt.dim(y, 0), classes = rt.dim(y, 1)
    check_labels(labels, m, classes, "sparse_categorical_crossentropy_forward")
    return forward(y, None, labels, from_logits, save, type_)


def sparse_categorical_crossentropy_backward(dl, saved):
    """dl (N,)   ->   dy (N, C)"""
    return backward(dl, saved, True, "sparse_categorical_crossentropy_backward")
