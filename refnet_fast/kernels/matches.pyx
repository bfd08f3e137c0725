"""Matches, fast: one visit to each row, nothing between in memory.

Why it is right: refnet/kernels/matches.py.
"""
cimport numpy as cnp
from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["binary_matches", "categorical_matches", "sparse_categorical_matches", "sparse_top_k_matches"]

ctypedef fused real:
    float
    double


cdef inline cnp.npy_intp argmax(real* row, cnp.npy_intp c) noexcept nogil:
    """Where the first of the largest stands; the first NaN, if there is one."""
    cdef cnp.npy_intp j, best = 0
    cdef real top = row[0]
    for j in range(1, c):
        if not row[j] <= top:                                     # larger, or one of the two is NaN
            if top != top:
                return best
            top = row[j]
            best = j
    return best


cdef void match_labels(real* p, int64_t* labels, real* y, cnp.npy_intp m, cnp.npy_intp c) noexcept nogil:
    cdef cnp.npy_intp i
    for i in range(m):
        y[i] = argmax(p + i * c, c) == labels[i]


cdef void match_top(real* p, int64_t* labels, real* y, cnp.npy_intp m, cnp.npy_intp c, cnp.npy_intp k) noexcept nogil:
    cdef cnp.npy_intp i, j, rank
    cdef real chosen
    for i in range(m):
        y[i] = 0
        if labels[i] < 0 or labels[i] >= c:
            continue
        chosen = p[i * c + labels[i]]
        rank = 1
        for j in range(c):                                        # a NaN at the label is below everything
            rank += p[i * c + j] > chosen or (chosen != chosen and p[i * c + j] > -INFINITY)
        y[i] = rank <= k


cdef void match_rows(real* p, real* t, real* y, cnp.npy_intp m, cnp.npy_intp c) noexcept nogil:
    cdef cnp.npy_intp i
    for i in range(m):
        y[i] = argmax(p + i * c, c) == argmax(t + i * c, c)


cdef void match_signs(real* p, real* t, real* y, real threshold, cnp.npy_intp n) noexcept nogil:
    cdef cnp.npy_intp i
    for i in range(n):
        y[i] = t[i] == <real>(p[i] > threshold)


cdef object rows_of(object p, str function, int* kind):
    """A fresh (N,) for the rows of p, which must have at least one column."""
    kind[0] = rt.float_array(p, function, "p", 2)
    cdef cnp.npy_intp m = rt.dim(p, 0)
    if rt.dim(p, 1) == 0:
        rt.bad_shape(p, function, "p", "at least one column")
    return rt.pool_empty(1, &m, kind[0])


def sparse_categorical_matches(p, labels):
    """p (N, C)   labels (N,) int64   ->   (N,) of p's type, 1 where the largest entry stands at the label"""
    cdef int t
    y = rows_of(p, "sparse_categorical_matches", &t)
    cdef cnp.npy_intp m = rt.dim(p, 0), c = rt.dim(p, 1)
    rt.index_array(labels, "sparse_categorical_matches", "labels")
    if rt.dim(labels, 0) != m:
        rt.bad_shape(labels, "sparse_categorical_matches", "labels", f"({m},) for p of shape {p.shape}")
    if t == cnp.NPY_DOUBLE:
        match_labels[double](<double*>rt.data(p), <int64_t*>rt.data(labels), <double*>rt.data(y), m, c)
    else:
        match_labels[float](<float*>rt.data(p), <int64_t*>rt.data(labels), <float*>rt.data(y), m, c)
    return y


def sparse_top_k_matches(p, labels, k):
    """p (N, C)   labels (N,) int64   ->   (N,) of p's type, 1 where fewer than k entries are larger than that at the label"""
    cdef int t
    cdef cnp.npy_intp most = k
    y = rows_of(p, "sparse_top_k_matches", &t)
    cdef cnp.npy_intp m = rt.dim(p, 0), c = rt.dim(p, 1)
    rt.index_array(labels, "sparse_top_k_matches", "labels")
    if rt.dim(labels, 0) != m:
        rt.bad_shape(labels, "sparse_top_k_matches", "labels", f"({m},) for p of shape {p.shape}")
    if t == cnp.NPY_DOUBLE:
        match_top[double](<double*>rt.data(p), <int64_t*>rt.data(labels), <double*>rt.data(y), m, c, most)
    else:
        match_top[float](<float*>rt.data(p), <int64_t*>rt.data(labels), <float*>rt.data(y), m, c, most)
    return y


def categorical_matches(p, t):
    """p, t (N, C)   ->   (N,) of p's type, 1 where the largest entries of both stand at the same place"""
    cdef int kind
    y = rows_of(p, "categorical_matches", &kind)
    cdef cnp.npy_intp m = rt.dim(p, 0), c = rt.dim(p, 1)
    rt.same_as(t, p, "categorical_matches", "t", "p")
    if kind == cnp.NPY_DOUBLE:
        match_rows[double](<double*>rt.data(p), <double*>rt.data(t), <double*>rt.data(y), m, c)
    else:
        match_rows[float](<float*>rt.data(p), <float*>rt.data(t), <float*>rt.data(y), m, c)
    return y


def binary_matches(p, t, threshold=0.5):
    """p, t of one shape and type   ->   the same shape and type, 1 where [p > threshold] equals t"""
    cdef int kind = rt.float_array(p, "binary_matches", "p", -1)
    cdef double limit = threshold
    rt.same_as(t, p, "binary_matches", "t", "p")
    y = rt.pool_like(p)
    cdef cnp.npy_intp n = rt.size(p)
    if kind == cnp.NPY_DOUBLE:
        match_signs[double](<double*>rt.data(p), <double*>rt.data(t), <double*>rt.data(y), limit, n)
    else:
        match_signs[float](<float*>rt.data(p), <float*>rt.data(t), <float*>rt.data(y), <float>limit, n)
    return y
