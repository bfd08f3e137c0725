"""Depthwise convolution, fast: vectors of channels, eight places at a time.

How it is fast
    forward     a vector of kernel entries is loaded once for eight places; windows are read in place, or from a frame with zeros around
                the image that fits L2; bias and relu in registers.
    backward    dx by the same code with the kernel flipped, a stride in phases; dw by dot products along rows of places, in float64
                beyond 64 of them; db beside it.
What is saved: x, w and y (relu, sigmoid, tanh) or z (gelu, gelu_tanh, silu).
Why it is right: refnet/kernels/depthwise.py. The code: simd/depthwise.h.
"""
cimport numpy as cnp
from libc.string cimport memset

from refnet_fast cimport _runtime as rt
from refnet_fast._window cimport is_empty, rn_window, set_axes, spatial_rank

cnp.import_array()

__all__ = ["depthwise_conv_backward", "depthwise_conv_forward"]

cdef extern from "refnet_fast/simd/depthwise.h":
    enum:
        RN_LINEAR, RN_TANH
    ctypedef struct rn_depthwise:
        rn_window win
        bint dbl
        int kind, slope
        cnp.npy_intp multiplier
        const void* src
        const void* kept
        const void* w
        const void* bias
        void* dst
        void* y
    ctypedef struct rn_depthwise_dw:
        rn_window win
        bint dbl
        int slope
        cnp.npy_intp multiplier
        const void* x
        const void* dy
        const void* kept
        void* dw
        void* db
    double rn_depthwise_ns(const rn_window* w, cnp.npy_intp size) noexcept nogil
    cnp.npy_intp rn_depthwise_plan(rn_depthwise* g, int threads) noexcept nogil
    cnp.npy_intp rn_depthwise_dw_plan(rn_depthwise_dw* g, int threads) noexcept nogil
    void RN_depthwise_run(bint dbl, rn_depthwise* g, char* scratch, int threads) noexcept nogil
    void RN_depthwise_dw_run(bint dbl, rn_depthwise_dw* g, char* scratch, int threads) noexcept nogil
    void RN_map_backward(bint dbl, int kind, const void* dy, const void* kept, void* dx, cnp.npy_intp n, int threads) noexcept nogil


cdef int run(rn_depthwise* g, int threads) except -1:
    cdef cnp.npy_intp need = rn_depthwise_plan(g, threads)
    cdef char* scratch = <char*>rt.scratch_get(need)
    with nogil:
        RN_depthwise_run(g.dbl, g, scratch, threads)
    rt.scratch_put(scratch, need)
    return 0


def depthwise_conv_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), activation="linear", save=True):
    """x (N, *S, C)   w (*K, C, M)   b (C M,) or None   ->   y (N, *I, C M)"""
    cdef int t = rt.float_array(x, "depthwise_conv_forward", "x", -1), rank = spatial_rank(x, "depthwise_conv_forward", "x")
    cdef int i, kind
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp n = rt.dim(x, 0), c = rt.dim(x, rank + 1), m
    cdef rn_depthwise job
    rt.same_array(w, t, "depthwise_conv_forward", "w", rank + 2)
    m = rt.dim(w, rank + 1)
    if rt.dim(w, rank) != c:
        rt.bad_shape(w, "depthwise_conv_forward", "w", f"(*kernel, {c}, depth multiplier) for x of shape {x.shape}")
    if b is not None:
        rt.same_array(b, t, "depthwise_conv_forward", "b", 1)
        if rt.dim(b, 0) != c * m:
            rt.bad_shape(b, "depthwise_conv_forward", "b", f"({c * m},) for w of shape {w.shape}")
    kind = rt.activation_code(activation)
    memset(&job, 0, sizeof(job))
    set_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, padding, dilation,
             c * m, "depthwise_conv_forward")
    dims[0] = n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].windows
    dims[rank + 1] = c * m
    y = rt.pool_empty(rank + 2, dims, t)
    z = rt.pool_empty(rank + 2, dims, t) if save and kind > RN_TANH else y
    if not is_empty(job.win.axis, n) and c * m:
        job.win.n = n
        job.win.channels = c * m
        job.dbl = dbl
        job.kind = kind
        job.multiplier = m
        job.src = rt.data(x)
        job.w = rt.data(w)
        job.bias = rt.data(b) if b is not None else NULL
        job.dst = rt.data(z)
        job.y = rt.data(y)
        run(&job, rt.team(rn_depthwise_ns(&job.win, 8 if dbl else 4) * n))
    if not save:
        return y, None
    return y, (x, w, b is not None, (strides, padding, dilation), kind, z)


def depthwise_conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, C M)   ->   dx (N, *S, C), dw (*K, C, M), db (C M,); None where not needed"""
    x, w, has_bias, geometry, kind_, kept = rt.unpack_saved(saved, 6, "depthwise_conv_backward")
    strides, padding, dilation = rt.unpack_saved(geometry, 3, "depthwise_conv_backward")
    need_x, need_w, need_b = rt.unpack_needs(needs, 3, "depthwise_conv_backward")
    cdef int t = rt.float_array(x, "depthwise_conv_backward", "saved x", -1), rank = spatial_rank(x, "depthwise_conv_backward", "saved x")
    cdef int kind = rt.saved_code(kind_, "depthwise_conv_backward"), threads, some, i
    rt.same_array(w, t, "depthwise_conv_backward", "saved w", rank + 2)
    cdef bint dbl = t == cnp.NPY_DOUBLE, empty
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp n = rt.dim(x, 0), c = rt.dim(x, rank + 1), m = rt.dim(w, rank + 1), need, own_size = 0, item = 8 if dbl else 4
    cdef rn_depthwise job
    cdef rn_depthwise_dw weights
    cdef char* scratch
    cdef void* dz
    cdef void* own = NULL
    cdef void* kp
    memset(&job, 0, sizeof(job))
    set_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, padding, dilation,
             c * m, "depthwise_conv_backward")
    dims[0] = n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].windows
    dims[rank + 1] = c * m
    if rt.dim(w, rank) != c:
        rt.bad_entry("depthwise_conv_backward", "saved w")
    rt.saved_array(kept, t, rank + 2, dims, "depthwise_conv_backward", "saved y")
    rt.same_as(dy, kept, "depthwise_conv_backward", "dy", "y")
    kp = rt.data(kept)
    job.win.n = n
    job.win.channels = c * m
    empty = is_empty(job.win.axis, n) or c * m == 0
    need_b = need_b and has_bias
    dx = rt.pool_like(x) if need_x else None
    dw = rt.pool_like(w) if need_w else None
    db = None
    if need_b:
        dims[0] = c * m
        db = rt.pool_empty(1, dims, t)
    if empty:
        for array in (dx, dw, db):
            if array is not None:
                memset(rt.data(array), 0, rt.size(array) * item)
        return dx, dw, db
    dz = rt.data(dy)
    if kind > RN_TANH:                       # a slope that costs exponentials is computed once
        own_size = rt.size(dy) * item
        own = rt.scratch_get(own_size)
        some = rt.team(rt.size(dy) * 1.5)
        with nogil:
            RN_map_backward(dbl, kind, dz, kp, own, own_size // item, some)
        dz = own
        kind = RN_LINEAR
    threads = rt.team(rn_depthwise_ns(&job.win, item) * n)
    if need_w or need_b:
        memset(&weights, 0, sizeof(weights))
        weights.win = job.win
        weights.dbl = dbl
        weights.slope = kind
        weights.multiplier = m
        weights.x = rt.data(x)
        weights.dy = dz
        weights.kept = kp
        weights.dw = rt.data(dw) if need_w else NULL
        weights.db = rt.data(db) if need_b else NULL
        need = rn_depthwise_dw_plan(&weights, threads)
        scratch = <char*>rt.scratch_get(need)
        with nogil:
            RN_depthwise_dw_run(dbl, &weights, scratch, threads)
        rt.scratch_put(scratch, need)
    if need_x:
        job.win.back = 1
        job.dbl = dbl
        job.kind = RN_LINEAR
        job.slope = kind
        job.multiplier = m
        job.src = dz
        job.kept = kp
        job.w = rt.data(w)
        job.dst = rt.data(dx)
        run(&job, threads)
    if own != NULL:
        rt.scratch_put(own, own_size)
    return dx, dw, db
