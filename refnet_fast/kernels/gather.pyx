"""Gather, fast: rows are copied whole, by several threads when there is much to copy.

How it is fast: simd/gather.h (the next row is fetched while one is copied).
Why it is right: refnet/kernels/gather.py.
"""
cimport numpy as cnp
from libc.stdint cimport int64_t

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["gather_rows"]

cdef extern from "refnet_fast/simd/gather.h":
    cnp.npy_intp rn_bad_index(int64_t* index, cnp.npy_intp m, cnp.npy_intp length) noexcept nogil
    void rn_gather(void* x, int64_t* rows, void* y, cnp.npy_intp b, cnp.npy_intp bytes, int threads) noexcept nogil


def gather_rows(x, rows):
    """x[rows], a fresh C-contiguous array of x's dtype.

    Raises:
        IndexError: a row lies outside 0..N-1. Negative rows are refused: in a permutation they are a mistake.
    """
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp b, bad, bytes_
    cdef int i, ndim, threads
    cdef cnp.dtype descr
    if not cnp.PyArray_Check(x) or not cnp.PyArray_CHKFLAGS(<cnp.ndarray>x, cnp.NPY_ARRAY_C_CONTIGUOUS):
        rt.bad_array(x, "gather_rows", "x", "numbers", -1)
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    descr = <cnp.dtype>cnp.PyArray_DESCR(<cnp.ndarray>x)
    if ndim == 0 or descr.hasobject:
        raise TypeError(f"gather_rows: x must be an array of numbers with at least one axis, got {x.dtype} of shape "
                        f"{x.shape}.")
    rt.index_array(rows, "gather_rows", "rows")
    b = rt.dim(rows, 0)
    cdef int64_t* rp = <int64_t*>rt.data(rows)
    bad = rn_bad_index(rp, b, rt.dim(x, 0))
    if bad >= 0:
        raise IndexError(f"row {rp[bad]} is out of range for an array of {rt.dim(x, 0)} rows.")
    dims[0] = b
    bytes_ = cnp.PyArray_ITEMSIZE(<cnp.ndarray>x)
    for i in range(1, ndim):
        dims[i] = rt.dim(x, i)
        bytes_ *= dims[i]
    y = rt.pool_new(ndim, dims, descr)
    cdef void* xp = rt.data(x)
    cdef void* yp = rt.data(y)
    threads = rt.team(0.1 * b * bytes_)
    if threads > 1:
        with nogil:
            rn_gather(xp, rp, yp, b, bytes_, threads)
    else:
        rn_gather(xp, rp, yp, b, bytes_, 1)
    return y
