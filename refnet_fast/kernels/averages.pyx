"""Averages, fast: sums in eight float64 lanes that are added in order, no temporary.

Why it is right: refnet/kernels/averages.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["mean_update", "moving_average_update"]

ctypedef fused real:
    float
    double


cdef double total_of(real* values, real* weights, cnp.npy_intp m) noexcept nogil:
    cdef double lanes[8]
    cdef double sum = 0
    cdef cnp.npy_intp i, j, whole = m - m % 8
    for j in range(8):
        lanes[j] = 0
    for i in range(0, whole, 8):
        for j in range(8):
            lanes[j] += <double>values[i + j] if weights == NULL else <double>values[i + j] * <double>weights[i + j]
    for i in range(whole, m):
        lanes[i - whole] += <double>values[i] if weights == NULL else <double>values[i] * <double>weights[i]
    for j in range(8):
        sum += lanes[j]
    return sum


cdef inline double sum_of(int t, void* values, void* weights, cnp.npy_intp m) noexcept nogil:
    if t == cnp.NPY_DOUBLE:
        return total_of[double](<double*>values, <double*>weights, m)
    return total_of[float](<float*>values, <float*>weights, m)


def mean_update(total, count, values, weights=None):
    """Writes total and count, 0-d float64, in place.

    Args:
        values: (N,) or 0-d, of a float type.
        weights: None (1 each), a number for all, or an array of the shape of `values`.
    """
    rt.sum_array(total, "mean_update", "total")
    rt.sum_array(count, "mean_update", "count")
    cdef int t = rt.float_array(values, "mean_update", "values", -1)
    cdef cnp.npy_intp m = rt.size(values)
    cdef double* S = <double*>rt.data(total)
    cdef double* W = <double*>rt.data(count)
    cdef double each
    if weights is None:
        S[0] += sum_of(t, rt.data(values), NULL, m)
        W[0] += m
    elif cnp.PyArray_Check(weights):
        rt.same_as(weights, values, "mean_update", "weights", "values")
        S[0] += sum_of(t, rt.data(values), rt.data(weights), m)
        W[0] += sum_of(t, rt.data(weights), NULL, m)
    else:
        each = weights
        S[0] += sum_of(t, rt.data(values), NULL, m) * each
        W[0] += m * each


def moving_average_update(average, value, momentum):
    """Writes average in place: average ← momentum · average + (1 - momentum) · value. Arrays of one shape and float type."""
    cdef int t = rt.float_array(average, "moving_average_update", "average", -1)
    rt.slot_array(average, average, "moving_average_update", "average")
    rt.same_as(value, average, "moving_average_update", "value", "average")
    cdef cnp.npy_intp i, n = rt.size(average)
    cdef double keep = momentum, take = 1.0 - keep
    cdef double* ad
    cdef double* vd
    cdef float* af
    cdef float* vf
    if t == cnp.NPY_DOUBLE:
        ad, vd = <double*>rt.data(average), <double*>rt.data(value)
        for i in range(n):
            ad[i] = ad[i] * keep + vd[i] * take
    else:
        af, vf = <float*>rt.data(average), <float*>rt.data(value)
        for i in range(n):
            af[i] = af[i] * <float>keep + vf[i] * <float>take
