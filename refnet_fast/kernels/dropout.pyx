"""Dropout, fast: random words, comparison, scaling and the mask in one visit to each element.

How it is fast: simd/philox.h. Words are made 512 at a time and never leave L1.
What is saved: the mask, one byte an element, as in the reference.
Why it is right: refnet/kernels/dropout.py.
"""
cimport numpy as cnp
from libc.math cimport floor
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["dropout_backward", "dropout_forward", "dropout_mask"]

cdef extern from "refnet_fast/simd/philox.h":
    void rn_dropout_mask(uint8_t* mask, cnp.npy_intp n, uint64_t keep, uint64_t seed, uint64_t count,
                         int threads) noexcept nogil
    void RN_dropout_forward(bint dbl, void* x, void* y, uint8_t* mask, cnp.npy_intp n, uint64_t keep, double scale,
                            uint64_t seed, uint64_t count, int threads) noexcept nogil
    void RN_dropout_backward(bint dbl, void* dy, uint8_t* mask, void* dx, cnp.npy_intp n, double scale,
                             int threads) noexcept nogil


cdef uint64_t threshold(double rate) except? 0:
    """floor((1 - rate) 2^32): a word below it keeps its element."""
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must lie between 0 and 1, got {rate}.")
    return <uint64_t>floor((1 - rate) * 4294967296.0)


def dropout_mask(size, rate, seed, count):
    """k_0 ... k_(size-1).    ->   (size,) uint8 of zeros and ones"""
    cdef cnp.npy_intp n = size
    cdef uint64_t keep = threshold(rate), key = seed & 0xFFFFFFFFFFFFFFFF, upper = count & 0xFFFFFFFFFFFFFFFF
    cdef int threads = rt.team(0.5 * n)
    if n < 0:
        raise ValueError(f"dropout_mask: size must not be negative, got {size}.")
    mask = rt.pool_empty(1, &n, cnp.NPY_UINT8)
    cdef uint8_t* mp = <uint8_t*>rt.data(mask)
    if threads > 1:
        with nogil:
            rn_dropout_mask(mp, n, keep, key, upper, threads)
    else:
        rn_dropout_mask(mp, n, keep, key, upper, 1)
    return mask


def dropout_forward(x, rate, key, save=True):
    """y = k x / (1 - rate).    x any shape, 0 <= rate <= 1; rate 0 returns x itself; key (2,) uint32: seed and count"""
    cdef int t = rt.float_array(x, "dropout_forward", "x", -1)
    cdef double r = rate, scale
    rt.key_array(key, "dropout_forward", "key")
    cdef uint64_t keep = threshold(r), seed = (<uint32_t*>rt.data(key))[0], upper = (<uint32_t*>rt.data(key))[1]
    cdef cnp.npy_intp n = rt.size(x)
    cdef int threads = rt.team(0.6 * n)
    if r == 0:
        return x, ((None, 1.0) if save else None)
    scale = 1 / (1 - r) if r < 1 else 0.0
    y = rt.pool_like(x)
    mask = None
    if save:
        mask = rt.pool_empty(cnp.PyArray_NDIM(<cnp.ndarray>x), cnp.PyArray_DIMS(<cnp.ndarray>x), cnp.NPY_UINT8)
    cdef void* xp = rt.data(x)
    cdef void* yp = rt.data(y)
    cdef uint8_t* mp = NULL if mask is None else <uint8_t*>rt.data(mask)
    if threads > 1:
        with nogil:
            RN_dropout_forward(t == cnp.NPY_DOUBLE, xp, yp, mp, n, keep, scale, seed, upper, threads)
    else:
        RN_dropout_forward(t == cnp.NPY_DOUBLE, xp, yp, mp, n, keep, scale, seed, upper, 1)
    return y, ((mask, scale) if save else None)


def dropout_backward(dy, saved):
    """dx = k dy / (1 - rate)."""
    mask, scale_ = rt.unpack_saved(saved, 2, "dropout_backward")
    if mask is None:
        return dy
    rt.same_array(mask, cnp.NPY_UINT8, "dropout_backward", "saved mask", -1)
    cdef int t = rt.float_array(dy, "dropout_backward", "dy", cnp.PyArray_NDIM(<cnp.ndarray>mask))
    if dy.shape != mask.shape:
        rt.bad_shape(dy, "dropout_backward", "dy", f"the shape of y, {mask.shape}")
    cdef cnp.npy_intp n = rt.size(dy)
    cdef double scale = scale_
    cdef int threads = rt.team(0.15 * n)
    dx = rt.pool_like(dy)
    cdef void* dyp = rt.data(dy)
    cdef uint8_t* mp = <uint8_t*>rt.data(mask)
    cdef void* dxp = rt.data(dx)
    if threads > 1:
        with nogil:
            RN_dropout_backward(t == cnp.NPY_DOUBLE, dyp, mp, dxp, n, scale, threads)
    else:
        RN_dropout_backward(t == cnp.NPY_DOUBLE, dyp, mp, dxp, n, scale, 1)
    return dx
