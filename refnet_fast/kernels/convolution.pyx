"""Convolution, fast: windows are read as they lie in memory, by the register tile of the dense layer.

How it is fast
    forward     For channels last, the part of a window under one row of the kernel is contiguous. A tile of 14 windows points at them
                in place and multiplies them by panels of the kernel, all rows of the kernel in one sum in registers: no matrix of
                windows is ever made. Bias and relu are applied in registers, other activations while the tile is in L1. With padding,
                an image (or a slab of it) is copied into a frame with zeros around it that fits L2.
    backward    dx is a convolution of dz with the flipped kernel, by the same tile; a stride splits it into phases that multiply no
                zeros. dz = dy f'(.) is made on the way into dx's frame and into dW's panels. dW: tiles of kernel entries, k runs along
                rows of places, images in chunks whose sums are added in index order; db beside it, in float64.
    1x1         (stride 1) is a product of matrices: one long row of places.
What is saved: x, W and y (relu, sigmoid, tanh) or z (gelu, gelu_tanh, silu).
Why it is right: refnet/kernels/convolution.py. The code: simd/slide.h, conv.h, conv_dw.h, winograd.h, window.h.
"""
cimport numpy as cnp
from libc.string cimport memset

from refnet_fast cimport _runtime as rt
from refnet_fast._window cimport is_empty, rn_axis, rn_window, set_axes, spatial_rank, taps, windows

cnp.import_array()

__all__ = ["conv_backward", "conv_forward"]

cdef extern from "refnet_fast/simd/conv_dw.h":
    enum:
        RN_LINEAR, RN_RELU, RN_TANH
    double RN_CONV_FLOPS_PER_NS
    ctypedef struct rn_conv:
        rn_window win
        bint dbl
        int kind, slope
        cnp.npy_intp groups
        cnp.npy_intp source "from"
        cnp.npy_intp to
        const void* src
        const void* kept
        const void* w
        const void* bias
        void* dst
        void* y
    ctypedef struct rn_conv_dw:
        rn_window win
        bint dbl
        int slope
        cnp.npy_intp groups, channels, filters
        const void* x
        const void* dy
        const void* kept
        void* dw
        void* db
    cnp.npy_intp rn_conv_plan(rn_conv* g, int threads) noexcept nogil
    cnp.npy_intp rn_conv_dw_plan(rn_conv_dw* g, int threads) noexcept nogil
    void RN_conv_run(bint dbl, rn_conv* g, char* scratch, int threads) noexcept nogil
    void RN_conv_dw_run(bint dbl, rn_conv_dw* g, char* scratch, int threads) noexcept nogil
    void RN_map_backward(bint dbl, int kind, const void* dy, const void* kept, void* dx, cnp.npy_intp n, int threads) noexcept nogil


cdef extern from "refnet_fast/simd/winograd_back.h":
    ctypedef struct rn_wino:
        bint dbl
        int kind
        cnp.npy_intp n, to
        cnp.npy_intp source "from"
        const void* x
        const void* w
        const void* bias
        void* y
        void* z
    ctypedef struct rn_wino_back:
        rn_wino grid
        int slope
        const void* dy
        const void* kept
        void* dx
        void* dw
        void* db
    bint rn_wino_pays(const rn_axis* axis, bint back, cnp.npy_intp n, cnp.npy_intp source, cnp.npy_intp to, int size) noexcept nogil
    bint rn_wino_back_pays(const rn_axis* axis, cnp.npy_intp n, cnp.npy_intp source, cnp.npy_intp to, int size) noexcept nogil
    void rn_wino_set(rn_wino* g, const rn_axis* axis, bint back) noexcept nogil
    cnp.npy_intp rn_wino_plan(rn_wino* g, int threads) noexcept nogil
    cnp.npy_intp rn_wino_back_plan(rn_wino_back* g, int threads) noexcept nogil
    void RN_wino_run(bint dbl, rn_wino* g, char* scratch, int threads) noexcept nogil
    void RN_wino_back_run(bint dbl, rn_wino_back* g, char* scratch, int threads) noexcept nogil


cdef int run_winograd(rn_conv* g, int threads) except -1:
    """The same as `run`, for a slope that is linear, where `rn_wino_pays`."""
    cdef rn_wino wino
    cdef cnp.npy_intp need
    cdef char* scratch
    memset(&wino, 0, sizeof(wino))
    wino.dbl, wino.kind, wino.n, wino.source, wino.to = g.dbl, g.kind, g.win.n, g.source, g.to
    wino.x, wino.w, wino.bias, wino.z, wino.y = g.src, g.w, g.bias, g.dst, g.y
    rn_wino_set(&wino, g.win.axis, g.win.back)
    need = rn_wino_plan(&wino, threads)
    scratch = <char*>rt.scratch_get(need)
    with nogil:
        RN_wino_run(wino.dbl, &wino, scratch, threads)
    rt.scratch_put(scratch, need)
    return 0


cdef int run_winograd_back(rn_wino_back* g, const rn_axis* axis, int threads) except -1:
    """All gradients, where `rn_wino_back_pays`, for a slope that is linear or relu."""
    cdef cnp.npy_intp need
    cdef char* scratch
    rn_wino_set(&g.grid, axis, False)
    need = rn_wino_back_plan(g, threads)
    scratch = <char*>rt.scratch_get(need)
    with nogil:
        RN_wino_back_run(g.grid.dbl, g, scratch, threads)
    rt.scratch_put(scratch, need)
    return 0


cdef int run(rn_conv* g, int threads) except -1:
    cdef cnp.npy_intp need = rn_conv_plan(g, threads)
    cdef char* scratch = <char*>rt.scratch_get(need)
    if threads > 1:
        with nogil:
            RN_conv_run(g.dbl, g, scratch, threads)
    else:
        RN_conv_run(g.dbl, g, scratch, 1)
    rt.scratch_put(scratch, need)
    return 0


cdef int run_dw(rn_conv_dw* g, int threads) except -1:
    cdef cnp.npy_intp need = rn_conv_dw_plan(g, threads)
    cdef char* scratch = <char*>rt.scratch_get(need)
    if threads > 1:
        with nogil:
            RN_conv_dw_run(g.dbl, g, scratch, threads)
    else:
        RN_conv_dw_run(g.dbl, g, scratch, 1)
    rt.scratch_put(scratch, need)
    return 0


cdef object zeros_like(object a):
    z = rt.pool_like(a)
    memset(rt.data(z), 0, rt.size(z) * cnp.PyArray_ITEMSIZE(<cnp.ndarray>z))
    return z


def conv_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation="linear", save=True):
    """y = f(x * w + b).    x (N, *S, C)   w (*K, C/groups, F)   b (F,) or None   ->   y (N, *I, F)

    The tuples have one entry per spatial axis: 1, 2 or 3 of them.
    """
    cdef int t = rt.float_array(x, "conv_forward", "x", -1), rank = spatial_rank(x, "conv_forward", "x"), i, kind, threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp g = groups, n = rt.dim(x, 0), c = rt.dim(x, rank + 1), f
    cdef rn_conv job
    rt.same_array(w, t, "conv_forward", "w", rank + 2)
    f = rt.dim(w, rank + 1)
    if g < 1 or c % g or f % g or rt.dim(w, rank) != c // g:
        rt.bad_shape(w, "conv_forward", "w", f"(*kernel, {c}/groups, a multiple of groups) for x of shape {x.shape} and groups={groups}")
    if b is not None:
        rt.same_array(b, t, "conv_forward", "b", 1)
        if rt.dim(b, 0) != f:
            rt.bad_shape(b, "conv_forward", "b", f"({f},) for w of shape {w.shape}")
    kind = rt.activation_code(activation)
    memset(&job, 0, sizeof(job))
    set_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, padding, dilation,
             "conv_forward")
    dims[0] = n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].windows
    dims[rank + 1] = f
    y = rt.pool_empty(rank + 2, dims, t)
    z = rt.pool_empty(rank + 2, dims, t) if save and kind > RN_TANH else y
    if not is_empty(job.win.axis, n) and f:
        job.win.n = n
        job.dbl = dbl
        job.kind = kind
        job.groups = g
        job.source = c
        job.to = f
        job.src = rt.data(x)
        job.w = rt.data(w)
        job.bias = rt.data(b) if b is not None else NULL
        job.dst = rt.data(z)
        job.y = rt.data(y)
        threads = rt.team(2.0 * n * f * (c // g) * taps(job.win.axis) * windows(job.win.axis) / RN_CONV_FLOPS_PER_NS * (2 if dbl else 1))
        if g == 1 and rn_wino_pays(job.win.axis, False, n, c, f, 8 if dbl else 4):
            run_winograd(&job, threads)
        else:
            run(&job, threads)
    if not save:
        return y, None
    return y, (x, w, b is not None, (strides, padding, dilation, groups), kind, z)


def conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, F)   ->   dx (N, *S, C), dw (*K, C/groups, F), db (F,); None where not needed"""
    x, w, has_bias, (strides, padding, dilation, groups), kind_, kept = saved
    need_x, need_w, need_b = needs
    cdef int t = rt.typenum(x), rank = cnp.PyArray_NDIM(<cnp.ndarray>x) - 2, kind = kind_, threads, map_threads
    cdef bint dbl = t == cnp.NPY_DOUBLE, empty, fast_x, whole
    cdef cnp.npy_intp dims[1]
    cdef cnp.npy_intp g = groups, n = rt.dim(x, 0), c = rt.dim(x, rank + 1), f = rt.dim(w, rank + 1), own_size = 0
    cdef rn_conv job
    cdef rn_conv_dw weights
    cdef rn_wino_back both
    cdef void* dz
    cdef void* own = NULL
    cdef void* kp = rt.data(kept)
    rt.same_as(dy, kept, "conv_backward", "dy", "y")
    memset(&job, 0, sizeof(job))
    set_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, padding, dilation,
             "conv_backward")
    empty = is_empty(job.win.axis, n) or f == 0 or c == 0
    need_b = need_b and has_bias
    dx = (zeros_like(x) if empty else rt.pool_like(x)) if need_x else None
    dw = (zeros_like(w) if empty else rt.pool_like(w)) if need_w else None
    db = None
    if need_b:
        dims[0] = f
        db = rt.pool_empty(1, dims, t)
        if empty:
            memset(rt.data(db), 0, f * cnp.PyArray_ITEMSIZE(<cnp.ndarray>db))
    if empty:
        return dx, dw, db
    dz = rt.data(dy)
    whole = g == 1 and rn_wino_back_pays(job.win.axis, n, c, f, 8 if dbl else 4)
    fast_x = not whole and need_x and g == 1 and rn_wino_pays(job.win.axis, True, n, f, c, 8 if dbl else 4)
    if kind > RN_TANH or kind > RN_RELU and whole or kind != RN_LINEAR and fast_x:       # what several need, or is dear, is made once
        own_size = rt.size(dy) * cnp.PyArray_ITEMSIZE(<cnp.ndarray>dy)
        own = rt.scratch_get(own_size)
        map_threads = rt.team(rt.size(dy) * (1.5 if kind > RN_TANH else 0.2))
        with nogil:
            RN_map_backward(dbl, kind, dz, kp, own, own_size // (8 if dbl else 4), map_threads)
        dz = own
        kind = RN_LINEAR
    threads = rt.team(2.0 * n * f * (c // g) * taps(job.win.axis) * windows(job.win.axis) / RN_CONV_FLOPS_PER_NS * (2 if dbl else 1))
    if whole:
        memset(&both, 0, sizeof(both))
        both.grid.dbl, both.grid.n, both.grid.source, both.grid.to = dbl, n, c, f
        both.grid.x, both.grid.w, both.dy, both.kept, both.slope = rt.data(x), rt.data(w), dz, kp, kind
        both.dx = rt.data(dx) if need_x else NULL
        both.dw = rt.data(dw) if need_w else NULL
        both.db = rt.data(db) if need_b else NULL
        run_winograd_back(&both, job.win.axis, threads)
        need_x = need_w = need_b = False
    if need_w or need_b:
        memset(&weights, 0, sizeof(weights))
        weights.win.axis = job.win.axis
        weights.win.n = n
        weights.dbl = dbl
        weights.slope = kind
        weights.groups = g
        weights.channels = c
        weights.filters = f
        weights.x = rt.data(x)
        weights.dy = dz
        weights.kept = kp
        weights.dw = rt.data(dw) if need_w else NULL
        weights.db = rt.data(db) if need_b else NULL
        run_dw(&weights, threads)
    if need_x:
        job.win.n = n
        job.win.back = 1
        job.dbl = dbl
        job.kind = RN_LINEAR
        job.slope = kind
        job.groups = g
        job.source = f
        job.to = c
        job.src = dz
        job.kept = kp
        job.w = rt.data(w)
        job.dst = job.y = rt.data(dx)
        if fast_x:
            run_winograd(&job, threads)
        else:
            run(&job, threads)
    if own != NULL:
        rt.scratch_put(own, own_size)
    return dx, dw, db
