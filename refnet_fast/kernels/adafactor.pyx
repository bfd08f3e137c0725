"""Adafactor, fast: means of rows and columns in one pass each, the length of the step in a third, the step in a fourth.

How it is fast: simd/update_adafactor.h.
Why it is right: refnet/kernels/adafactor.py.
"""
cimport numpy as cnp
from libc.math cimport pow, sqrt

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["adafactor_update"]

cdef extern from "refnet_fast/simd/update_adafactor.h":
    void RN_adafactor(bint dbl, void* w, void* g, void* v, void* r, void* c, double rate, double beta, double eps_1,
                      double eps_2, double threshold, double* scratch, cnp.npy_intp count, cnp.npy_intp rows,
                      cnp.npy_intp columns, int threads) noexcept nogil
    cnp.npy_intp rn_adafactor_scratch(cnp.npy_intp matrices, cnp.npy_intp rows, cnp.npy_intp columns) noexcept nogil


cdef int factor(object a, object w, int t, int without, str name, str expected) except -1:
    """A slot of w's shape without one of its last two axes."""
    cdef int i, ndim = cnp.PyArray_NDIM(<cnp.ndarray>w)
    rt.same_array(a, t, "adafactor_update", name, ndim - 1)
    if not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>a):
        rt.bad_array(a, "adafactor_update", name, "writeable float", -1)
    for i in range(ndim - 1):
        if rt.dim(a, i) != rt.dim(w, i if i < without else i + 1):
            rt.bad_shape(a, "adafactor_update", name, f"{expected} for w of shape {w.shape}")
    return 0


def adafactor_update(w, dw, v, r, c, step, learning_rate, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0):
    """Writes w, v, r and c in place. w, dw, v (..., I, J), r (..., I), c (..., J); for a vector r and c are None.

    step counts from 1. step and learning_rate: numbers or 0-d arrays.
    """
    cdef int t = rt.float_array(w, "adafactor_update", "w", -1)
    rt.slot_array(w, w, "adafactor_update", "w")
    rt.same_as(dw, w, "adafactor_update", "dw", "w")
    rt.slot_array(v, w, "adafactor_update", "v")
    cdef int ndim = cnp.PyArray_NDIM(<cnp.ndarray>w)
    cdef cnp.npy_intp n = rt.size(w), rows = 1, columns = n
    if (r is None) != (c is None):
        raise ValueError("adafactor_update: r and c must be given together, or both be None.")
    if r is not None:
        if ndim < 2:
            rt.bad_shape(w, "adafactor_update", "w", "(..., I, J): for a vector r and c are None")
        factor(r, w, t, ndim - 1, "r", "(..., I)")
        factor(c, w, t, ndim - 2, "c", "(..., J)")
        rows, columns = rt.dim(w, ndim - 2), rt.dim(w, ndim - 1)
    cdef double rate = learning_rate, count = step, eps_1 = epsilon_1, eps_2 = epsilon_2, threshold = clip_threshold
    cdef double decay = beta_2_decay
    cdef double beta = 1 - pow(count, decay), slow = 1 / sqrt(count)
    cdef int threads = rt.team(1.5 * n)
    cdef void* wp = rt.data(w)
    cdef void* gp = rt.data(dw)
    cdef void* vp = rt.data(v)
    cdef void* rp = NULL if r is None else rt.data(r)
    cdef void* cp = NULL if c is None else rt.data(c)
    if n == 0:
        return
    if slow < rate:
        rate = slow
    cdef cnp.npy_intp matrices = n // (rows * columns)
    cdef size_t size = rn_adafactor_scratch(matrices, rows, columns) * sizeof(double)
    cdef double* scratch = <double*>rt.scratch_get(size)
    if threads > 1:
        with nogil:
            RN_adafactor(t == cnp.NPY_DOUBLE, wp, gp, vp, rp, cp, rate, beta, eps_1, eps_2, threshold, scratch, matrices, rows,
                         columns, threads)
    else:
        RN_adafactor(t == cnp.NPY_DOUBLE, wp, gp, vp, rp, cp, rate, beta, eps_1, eps_2, threshold, scratch, matrices, rows,
                     columns, 1)
    rt.scratch_put(scratch, size)
