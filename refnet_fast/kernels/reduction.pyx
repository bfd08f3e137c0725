"""Reduction, fast: a weighted sum in eight float64 lanes that are added in order.

What is saved: the weights, the scale and N, as in the reference.
Why it is right: refnet/kernels/reduction.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["weighted_sum_backward", "weighted_sum_forward"]

ctypedef fused real:
    float
    double


cdef double total(real* l, real* w, cnp.npy_intp m) noexcept nogil:
    cdef double lanes[8]
    cdef double sum = 0
    cdef cnp.npy_intp i, j, whole = m - m % 8
    for j in range(8):
        lanes[j] = 0
    if w == NULL:
        for i in range(0, whole, 8):
            for j in range(8):
                lanes[j] += <double>l[i + j]
        for i in range(whole, m):
            lanes[i - whole] += <double>l[i]
    else:
        for i in range(0, whole, 8):
            for j in range(8):
                lanes[j] += <double>l[i + j] * <double>w[i + j]
        for i in range(whole, m):
            lanes[i - whole] += <double>l[i] * <double>w[i]
    for j in range(8):
        sum += lanes[j]
    return sum


cdef void spread(real each, real* w, real* dl, cnp.npy_intp m) noexcept nogil:
    cdef cnp.npy_intp i
    if w == NULL:
        for i in range(m):
            dl[i] = each
    else:
        for i in range(m):
            dl[i] = each * w[i]


def weighted_sum_forward(l, weights=None, scale=1.0, save=True):
    """L = scale * sum of weights times l, accumulated in float64.    l, weights (N,)   ->   a 0-d array"""
    cdef int t = rt.float_array(l, "weighted_sum_forward", "l", 1)
    cdef cnp.npy_intp m = rt.dim(l, 0)
    cdef void* w = NULL
    cdef double s = scale
    if weights is not None:
        rt.same_as(weights, l, "weighted_sum_forward", "weights", "l")
        w = rt.data(weights)
    y = rt.pool_empty(0, NULL, t)
    if t == cnp.NPY_DOUBLE:
        (<double*>rt.data(y))[0] = s * total[double](<double*>rt.data(l), <double*>w, m)
    else:
        (<float*>rt.data(y))[0] = <float>(s * total[float](<float*>rt.data(l), <float*>w, m))
    return y, ((weights, s, m, t) if save else None)


def weighted_sum_backward(dy, saved):
    """dy 0-d   ->   dl (N,)"""
    weights, scale_, m_, t_ = rt.unpack_saved(saved, 4, "weighted_sum_backward")
    cdef int t = rt.saved_float(t_, "weighted_sum_backward", "saved type")
    cdef cnp.npy_intp m = m_
    cdef double scale = scale_
    cdef void* w = NULL
    if weights is not None:
        rt.saved_vector(weights, t, m, "weighted_sum_backward", "saved weights")
        w = rt.data(weights)
    rt.same_array(dy, t, "weighted_sum_backward", "dy", 0)
    dl = rt.pool_empty(1, &m, t)
    if t == cnp.NPY_DOUBLE:
        spread[double]((<double*>rt.data(dy))[0] * scale, <double*>w, <double*>rt.data(dl), m)
    else:
        spread[float]((<float*>rt.data(dy))[0] * <float>scale, <float*>w, <float*>rt.data(dl), m)
    return dl
