"""Confusion, fast: one visit to each score, whatever the number of thresholds.

With the thresholds in ascending order, p > θ_j holds for the first b of them and for no other: b is found by bisection, the weight
is added to bin b of the yes or of the no, and sums over the bins from above give the four counts. So 200 thresholds cost eight
comparisons a score instead of 200, and no array of the scores' size is made.

Why it is right: refnet/kernels/confusion.py.
"""
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["confusion_matrix_update", "confusion_update"]

ctypedef fused real:
    float
    double


cdef void fill(real* p, real* t, real* w, real* theta, double* bins, cnp.npy_intp n, cnp.npy_intp c, cnp.npy_intp j,
               cnp.npy_intp groups) noexcept nogil:
    """bins (2, J + 1, groups): what falls between two thresholds, of the no (0) and of the yes (1)."""
    cdef cnp.npy_intp i, low, high, middle, at, half = (j + 1) * groups
    for i in range(n * c):
        low, high = 0, j
        while low < high:
            middle = (low + high) // 2
            if p[i] > theta[middle]:
                low = middle + 1
            else:
                high = middle
        at = low * groups + (i % c if groups > 1 else 0)
        bins[(half if t[i] != 0 else 0) + at] += 1.0 if w == NULL else <double>w[i]


cdef void add_from_above(double* bins, int64_t* order, double* yes, double* no, cnp.npy_intp j, cnp.npy_intp groups) noexcept nogil:
    """yes_j: the bins above θ_j; no_j: the others. Either may be NULL. `order` says which threshold is the k-th smallest."""
    cdef cnp.npy_intp k, g
    cdef double sum
    for g in range(groups):
        if yes != NULL:
            sum = 0
            for k in range(j - 1, -1, -1):
                sum += bins[(k + 1) * groups + g]
                yes[order[k] * groups + g] += sum
        if no != NULL:
            sum = 0
            for k in range(j):
                sum += bins[k * groups + g]
                no[order[k] * groups + g] += sum


cdef double* count_of(object count, object p, str name, cnp.npy_intp j, cnp.npy_intp* groups) except? NULL:
    """The pointer of a count, NULL for None; all counts agree in `groups`, which is 0 before the first."""
    if count is None:
        return NULL
    if rt.float_array(count, "confusion_update", name, -1) != cnp.NPY_DOUBLE:
        raise TypeError(f"confusion_update: {name} must be float64, not {count.dtype}")
    rt.slot_array(count, count, "confusion_update", name)
    cdef cnp.npy_intp c = rt.dim(p, 1), own = 0
    if count.ndim == 1 and rt.dim(count, 0) == j:
        own = 1
    elif count.ndim == 2 and rt.dim(count, 0) == j and rt.dim(count, 1) == c:
        own = c
    if (own == 0 and not (count.ndim == 2 and c == 0)) or (groups[0] >= 0 and groups[0] != own):
        rt.bad_shape(count, "confusion_update", name, f"({j},), or ({j}, {c}), and all counts alike")
    groups[0] = own
    return <double*>rt.data(count)


def confusion_update(tp, fp, tn, fn, p, t, thresholds, weights=None):
    """Writes the counts that are not None, in place: (J,), or (J, C) to keep the labels apart; float64.

    Args:
        tp, fp, tn, fn: counts of one shape, or None.
        p, t: scores and truth (N, C), of one float type.
        thresholds: (J,) float64.
        weights: (N, C) of the type of p, or None.
    """
    cdef int kind = rt.float_array(p, "confusion_update", "p", 2)
    rt.same_as(t, p, "confusion_update", "t", "p")
    if rt.float_array(thresholds, "confusion_update", "thresholds", 1) != cnp.NPY_DOUBLE:
        raise TypeError(f"confusion_update: thresholds must be float64, not {thresholds.dtype}")
    cdef void* w = NULL
    if weights is not None:
        rt.same_as(weights, p, "confusion_update", "weights", "p")
        w = rt.data(weights)
    cdef cnp.npy_intp n = rt.dim(p, 0), c = rt.dim(p, 1), j = rt.dim(thresholds, 0), groups = -1
    cdef double* TP = count_of(tp, p, "tp", j, &groups)
    cdef double* FP = count_of(fp, p, "fp", j, &groups)
    cdef double* TN = count_of(tn, p, "tn", j, &groups)
    cdef double* FN = count_of(fn, p, "fn", j, &groups)
    if groups <= 0 or n * c == 0:
        return
    ordered = np.argsort(thresholds, kind="stable")
    theta = np.ascontiguousarray(thresholds[ordered].astype(p.dtype))
    bins = np.zeros((2, j + 1, groups))
    cdef double* B = <double*>rt.data(bins)
    cdef int64_t* order = <int64_t*>rt.data(ordered)
    if kind == cnp.NPY_DOUBLE:
        fill[double](<double*>rt.data(p), <double*>rt.data(t), <double*>w, <double*>rt.data(theta), B, n, c, j, groups)
    else:
        fill[float](<float*>rt.data(p), <float*>rt.data(t), <float*>w, <float*>rt.data(theta), B, n, c, j, groups)
    add_from_above(B, order, FP, TN, j, groups)
    add_from_above(B + (j + 1) * groups, order, TP, FN, j, groups)


def confusion_matrix_update(matrix, labels, predictions, weights=None):
    """Writes matrix (K, K) float64 in place: adds each sample's weight in the row of its label, the column of its prediction.
    A sample with a label or a prediction outside [0, K) does not count.

    Args:
        labels, predictions: (N,) int64.
        weights: (N,) float64, or None.
    """
    if rt.float_array(matrix, "confusion_matrix_update", "matrix", 2) != cnp.NPY_DOUBLE:
        raise TypeError(f"confusion_matrix_update: matrix must be float64, not {matrix.dtype}")
    rt.slot_array(matrix, matrix, "confusion_matrix_update", "matrix")
    cdef cnp.npy_intp i, classes = rt.dim(matrix, 0)
    if rt.dim(matrix, 1) != classes:
        rt.bad_shape(matrix, "confusion_matrix_update", "matrix", "as many rows as columns")
    rt.index_array(labels, "confusion_matrix_update", "labels")
    rt.index_array(predictions, "confusion_matrix_update", "predictions")
    cdef cnp.npy_intp n = rt.dim(labels, 0)
    if rt.dim(predictions, 0) != n:
        rt.bad_shape(predictions, "confusion_matrix_update", "predictions", f"({n},), one for each label")
    cdef double* W = NULL
    if weights is not None:
        if rt.float_array(weights, "confusion_matrix_update", "weights", 1) != cnp.NPY_DOUBLE:
            raise TypeError(f"confusion_matrix_update: weights must be float64, not {weights.dtype}")
        if rt.dim(weights, 0) != n:
            rt.bad_shape(weights, "confusion_matrix_update", "weights", f"({n},), one for each label")
        W = <double*>rt.data(weights)
    cdef int64_t* a = <int64_t*>rt.data(labels)
    cdef int64_t* b = <int64_t*>rt.data(predictions)
    cdef double* M = <double*>rt.data(matrix)
    for i in range(n):
        if a[i] < 0 or a[i] >= classes or b[i] < 0 or b[i] >= classes:
            continue
        M[a[i] * classes + b[i]] += 1.0 if W == NULL else W[i]
