"""Pooling, fast: vectors of channels through their windows, the winner kept as one byte.

How it is fast
    forward     nothing is padded or copied: windows at the border are shorter. For a maximum the position of the winner within its window
                is kept in one byte (four beyond 255 positions).
    backward    reads dy and the bytes only. Windows that do not overlap write each place once; with overlap, dx is cleared and added to,
                each thread to rows of its own.
What is saved: the winners (max); shapes.
Why it is right: refnet/kernels/pooling.py. The code: simd/pool.h.
"""
cimport numpy as cnp
from libc.string cimport memset

from refnet_fast cimport _runtime as rt
from refnet_fast._window cimport check_tuple, is_empty, rn_axis, set_axes, spatial_rank, taps, whole

cnp.import_array()

__all__ = [
    "average_pool_backward", "average_pool_forward", "global_average_pool_backward", "global_average_pool_forward",
    "max_pool_backward", "max_pool_forward",
]

cdef extern from "refnet_fast/simd/pool.h":
    ctypedef struct rn_pool:
        rn_axis axis[3]
        cnp.npy_intp n, c
        const void* input "in"
        void* out
        void* winner
        bint large, average
        cnp.npy_intp* lists
    cnp.npy_intp rn_pool_list_bytes(const rn_pool* g) noexcept nogil
    void RN_pool_forward(bint dbl, rn_pool* g, int threads) noexcept nogil
    void RN_pool_backward(bint dbl, rn_pool* g, int threads) noexcept nogil
    void RN_global_forward(bint dbl, const void* x, void* y, double* sums, cnp.npy_intp n, cnp.npy_intp p, cnp.npy_intp c,
                           int threads) noexcept nogil
    void RN_global_backward(bint dbl, const void* dy, void* dx, cnp.npy_intp n, cnp.npy_intp p, cnp.npy_intp c,
                            int threads) noexcept nogil


cdef int set_pool(rn_pool* job, object shape, int rank, object pool_size, object strides, object padding, str function) except -1:
    cdef cnp.npy_intp sizes[3]
    cdef cnp.npy_intp window[3]
    cdef int i
    check_tuple(pool_size, rank, function, "pool_size")
    for i in range(rank):
        sizes[i] = shape[1 + i]
        window[i] = whole(pool_size[i], 1, function, "the pool size", i)
    memset(job, 0, sizeof(rn_pool))
    job.n = shape[0]
    job.c = shape[rank + 1]
    set_axes(job.axis, rank, sizes, window, strides, padding, None, job.c, function)
    return 0


cdef tuple forward(object x, object pool_size, object strides, object padding, bint save, bint average, str function):
    cdef int t = rt.float_array(x, function, "x", -1), rank = spatial_rank(x, function, "x"), i, threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp need
    cdef rn_pool job
    set_pool(&job, x.shape, rank, pool_size, strides, padding, function)
    dims[0] = job.n
    for i in range(rank):
        dims[1 + i] = job.axis[3 - rank + i].windows
    dims[rank + 1] = job.c
    y = rt.pool_empty(rank + 2, dims, t)
    job.large = taps(job.axis) > 255
    job.average = average
    winner = None
    if save and not average:
        winner = rt.pool_empty(rank + 2, dims, cnp.NPY_INT32 if job.large else cnp.NPY_UINT8)
        job.winner = rt.data(winner)
    if not is_empty(job.axis, job.n) and job.c:
        job.input = rt.data(x)
        job.out = rt.data(y)
        threads = rt.team(rt.size(x) * (0.4 if dbl else 0.2))
        need = rn_pool_list_bytes(&job) * threads
        job.lists = <cnp.npy_intp*>rt.scratch_get(need)
        with nogil:
            RN_pool_forward(dbl, &job, threads)
        rt.scratch_put(job.lists, need)
    return y, (winner, x.shape, t, pool_size, strides, padding) if save else None


cdef object backward(object dy, object saved, bint average, str function):
    winner, shape, t_, pool_size, strides, padding = rt.unpack_saved(saved, 6, function)
    if type(shape) is not tuple or not 3 <= len(shape) <= 5:
        rt.bad_entry(function, "saved shape")
    cdef int t = rt.saved_float(t_, function, "saved type"), rank = len(shape) - 2, i, threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp dims[5]
    cdef rn_pool job
    set_pool(&job, shape, rank, pool_size, strides, padding, function)
    rt.same_array(dy, t, function, "dy", rank + 2)
    dims[0], dims[rank + 1] = job.n, job.c
    for i in range(rank):
        dims[1 + i] = job.axis[3 - rank + i].windows
    for i in range(rank + 2):
        if rt.dim(dy, i) != dims[i]:
            rt.bad_shape(dy, function, "dy", f"the shape of y, {tuple([dims[i] for i in range(rank + 2)])}")
    job.large = taps(job.axis) > 255
    if not average:
        rt.saved_array(winner, cnp.NPY_INT32 if job.large else cnp.NPY_UINT8, rank + 2, dims, function, "saved winners")
    for i in range(rank + 2):
        dims[i] = shape[i]
    dx = rt.pool_empty(rank + 2, dims, t)
    if is_empty(job.axis, job.n) or job.c == 0:
        memset(rt.data(dx), 0, rt.size(dx) * (8 if dbl else 4))
        return dx
    job.average = average
    job.winner = rt.data(winner) if not average else NULL
    job.input = rt.data(dy)
    job.out = rt.data(dx)
    threads = rt.team(rt.size(dx) * (0.4 if dbl else 0.2))
    with nogil:
        RN_pool_backward(dbl, &job, threads)
    return dx


def max_pool_forward(x, pool_size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)), save=True):
    """x (N, *S, C)   ->   y (N, *I, C)"""
    return forward(x, pool_size, strides, padding, save, False, "max_pool_forward")


def max_pool_backward(dy, saved):
    """dy (N, *I, C)   ->   dx (N, *S, C)"""
    return backward(dy, saved, False, "max_pool_backward")


def average_pool_forward(x, pool_size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)), save=True):
    """x (N, *S, C)   ->   y (N, *I, C)"""
    return forward(x, pool_size, strides, padding, save, True, "average_pool_forward")


def average_pool_backward(dy, saved):
    """dy (N, *I, C)   ->   dx (N, *S, C)"""
    return backward(dy, saved, True, "average_pool_backward")


def global_average_pool_forward(x, save=True):
    """x (N, P, C)   ->   y (N, C): the mean over the P places, accumulated in float64."""
    cdef int t = rt.float_array(x, "global_average_pool_forward", "x", 3), threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp n = rt.dim(x, 0), p = rt.dim(x, 1), c = rt.dim(x, 2), need = n * c * 8
    cdef cnp.npy_intp dims[2]
    cdef void* xp = rt.data(x)
    cdef void* yp
    cdef double* sums
    dims[0] = n
    dims[1] = c
    y = rt.pool_empty(2, dims, t)
    yp = rt.data(y)
    if n == 0 or c == 0:                     # an empty array may be as long as it likes along the other axes
        return y, ((x.shape, t) if save else None)
    threads = rt.team(rt.size(x) * 0.2)
    sums = <double*>rt.scratch_get(need)
    with nogil:
        RN_global_forward(dbl, xp, yp, sums, n, p, c, threads)
    rt.scratch_put(sums, need)
    return y, ((x.shape, t) if save else None)


def global_average_pool_backward(dy, saved):
    """dy (N, C)   ->   dx (N, P, C)"""
    shape, t_ = rt.unpack_saved(saved, 2, "global_average_pool_backward")
    if type(shape) is not tuple or len(shape) != 3:
        rt.bad_entry("global_average_pool_backward", "saved shape")
    cdef int t = rt.saved_float(t_, "global_average_pool_backward", "saved type"), threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp n = shape[0], p = shape[1], c = shape[2]
    cdef cnp.npy_intp dims[3]
    cdef void* dyp
    cdef void* dxp
    rt.same_array(dy, t, "global_average_pool_backward", "dy", 2)
    if rt.dim(dy, 0) != n or rt.dim(dy, 1) != c:
        rt.bad_shape(dy, "global_average_pool_backward", "dy", f"the shape of y, {(shape[0], shape[2])}")
    dims[0], dims[1], dims[2] = n, p, c
    dx = rt.pool_empty(3, dims, t)
    if rt.size(dx) == 0:
        return dx
    dyp, dxp = rt.data(dy), rt.data(dx)
    threads = rt.team(rt.size(dx) * 0.2)
    with nogil:
        RN_global_backward(dbl, dyp, dxp, n, p, c, threads)
    return dx
