"""What the chapters around convolution share: checked arguments in, the fastest of the ways through simd/ chosen, gradients out."""
cimport numpy as cnp
from libc.string cimport memset

from refnet_fast cimport _runtime as rt
from refnet_fast._window cimport is_empty, rn_axis, rn_window, set_axes, spatial_rank, taps, windows

cdef extern from "refnet_fast/simd/conv_dw.h":
    enum:
        RN_LINEAR, RN_RELU, RN_TANH
    ctypedef struct rn_pool:
        rn_axis axis[3]
        cnp.npy_intp n, c
        void* out
        void* winner
    ctypedef struct rn_unpool:
        const void* dy
        const void* kept
        const unsigned char* winner
        int slope
        cnp.npy_intp c
        cnp.npy_intp size[2]
        cnp.npy_intp out[2]
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
        const rn_pool* pool
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
        const rn_unpool* pool
    cnp.npy_intp rn_conv_plan(rn_conv* g, int threads) noexcept nogil
    cnp.npy_intp rn_conv_dw_plan(rn_conv_dw* g, int threads) noexcept nogil
    void RN_conv_run(bint dbl, rn_conv* g, char* scratch, int threads) noexcept nogil
    void RN_conv_dw_run(bint dbl, rn_conv_dw* g, char* scratch, int threads) noexcept nogil
    void RN_unpool(bint dbl, const rn_unpool* g, cnp.npy_intp n, void* dz, int threads) noexcept nogil
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
        const rn_pool* pool
    ctypedef struct rn_wino_back:
        rn_wino grid
        int slope
        const void* dy
        const void* kept
        void* dx
        void* dw
        void* db
        const rn_unpool* pool
    bint rn_wino_pays(const rn_axis* axis, bint back, cnp.npy_intp n, cnp.npy_intp source, cnp.npy_intp to, int size) noexcept nogil
    bint rn_wino_back_pays(const rn_axis* axis, cnp.npy_intp n, cnp.npy_intp source, cnp.npy_intp to, int size) noexcept nogil
    void rn_wino_set(rn_wino* g, const rn_axis* axis, bint back) noexcept nogil
    cnp.npy_intp rn_wino_plan(rn_wino* g, int threads) noexcept nogil
    cnp.npy_intp rn_wino_back_plan(rn_wino_back* g, int threads) noexcept nogil
    cnp.npy_intp RN_WINO_BACK_IMAGES
    void RN_wino_run(bint dbl, rn_wino* g, char* scratch, int threads) noexcept nogil
    void RN_wino_back_run(bint dbl, rn_wino_back* g, char* scratch, int threads) noexcept nogil


cdef inline int run_winograd(rn_conv* g, int threads) except -1:
    """The same as `run`, for a slope that is linear, where `rn_wino_pays`."""
    cdef rn_wino wino
    cdef cnp.npy_intp need
    cdef char* scratch
    memset(&wino, 0, sizeof(wino))
    wino.dbl, wino.kind, wino.n, wino.source, wino.to = g.dbl, g.kind, g.win.n, g.source, g.to
    wino.x, wino.w, wino.bias, wino.z, wino.y, wino.pool = g.src, g.w, g.bias, g.dst, g.y, g.pool
    rn_wino_set(&wino, g.win.axis, g.win.back)
    need = rn_wino_plan(&wino, threads)
    scratch = <char*>rt.scratch_get(need)
    with nogil:
        RN_wino_run(wino.dbl, &wino, scratch, threads)
    rt.scratch_put(scratch, need)
    return 0


cdef inline int run_winograd_back(rn_wino_back* g, const rn_axis* axis, int threads) except -1:
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


cdef inline int run(rn_conv* g, int threads) except -1:
    cdef cnp.npy_intp need = rn_conv_plan(g, threads)
    cdef char* scratch = <char*>rt.scratch_get(need)
    if threads > 1:
        with nogil:
            RN_conv_run(g.dbl, g, scratch, threads)
    else:
        RN_conv_run(g.dbl, g, scratch, 1)
    rt.scratch_put(scratch, need)
    return 0


cdef inline int run_dw(rn_conv_dw* g, int threads) except -1:
    cdef cnp.npy_intp need = rn_conv_dw_plan(g, threads)
    cdef char* scratch = <char*>rt.scratch_get(need)
    if threads > 1:
        with nogil:
            RN_conv_dw_run(g.dbl, g, scratch, threads)
    else:
        RN_conv_dw_run(g.dbl, g, scratch, 1)
    rt.scratch_put(scratch, need)
    return 0


cdef inline object zeros_like(object a):
    z = rt.pool_like(a)
    memset(rt.data(z), 0, rt.size(z) * cnp.PyArray_ITEMSIZE(<cnp.ndarray>z))
    return z


cdef inline int check_convolution(object x, object w, object b, int rank, object strides, object padding, object dilation, object groups,
                                  str function, rn_conv* job) except -1:
    """Check all arguments and fill `job`, but for activation and results."""
    cdef int t = rt.typenum(x)
    cdef cnp.npy_intp g = groups, c = rt.dim(x, rank + 1), f
    rt.same_array(w, t, function, "w", rank + 2)
    f = rt.dim(w, rank + 1)
    if g < 1 or c % g or f % g or rt.dim(w, rank) != c // g:
        rt.bad_shape(w, function, "w", f"(*kernel, {c}/groups, a multiple of groups) for x of shape {x.shape} and groups={groups}")
    if b is not None:
        rt.same_array(b, t, function, "b", 1)
        if rt.dim(b, 0) != f:
            rt.bad_shape(b, function, "b", f"({f},) for w of shape {w.shape}")
    memset(job, 0, sizeof(rn_conv))
    set_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, padding, dilation,
             max(c, f), function)
    job.win.n = rt.dim(x, 0)
    job.dbl = t == cnp.NPY_DOUBLE
    job.groups = g
    job.source = c
    job.to = f
    job.src = rt.data(x)
    job.w = rt.data(w)
    job.bias = rt.data(b) if b is not None else NULL
    return 0


cdef inline int convolution_team(const rn_conv* job) noexcept:
    """Threads for the work of one pass, in either direction."""
    return rt.team(2.0 * job.win.n * job.to * (job.source // job.groups) * taps(job.win.axis) * windows(job.win.axis)
                   / RN_CONV_FLOPS_PER_NS * (2 if job.dbl else 1))


cdef inline int convolve(rn_conv* job) except -1:
    """Run a forward pass that is not empty."""
    cdef int threads = convolution_team(job)
    if job.groups == 1 and rn_wino_pays(job.win.axis, False, job.win.n, job.source, job.to, 8 if job.dbl else 4):
        return run_winograd(job, threads)
    return run(job, threads)


cdef inline tuple convolution_gradients(object dy, object x, object w, bint has_bias, object geometry, object code, object kept,
                                        rn_unpool* pool, object needs, str function):
    """dx, dw, db. pool: NULL, or dy and kept are what a 2x2 pool left, and `pool` has the winners and sizes."""
    strides, padding, dilation, groups = rt.unpack_saved(geometry, 4, function)
    need_x, need_w, need_b = rt.unpack_needs(needs, 3, function)
    cdef int t = rt.float_array(x, function, "saved x", -1), rank = spatial_rank(x, function, "saved x")
    cdef int kind = rt.saved_code(code, function), threads, map_threads, i
    cdef bint dbl, empty, fast_x, fast_w, whole
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp n, c, f, item, own_size = 0, dz_size = 0
    cdef rn_conv job
    cdef rn_conv_dw weights
    cdef rn_wino_back both
    cdef void* dz
    cdef void* own = NULL
    cdef void* places = NULL
    cdef void* kp
    check_convolution(x, w, None, rank, strides, padding, dilation, groups, function, &job)
    dims[0] = job.win.n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].windows // (1 if pool == NULL else 2)
    dims[rank + 1] = job.to
    rt.saved_array(kept, t, rank + 2, dims, function, "saved y")
    rt.same_as(dy, kept, function, "dy", "y")
    dz, kp = rt.data(dy), rt.data(kept)
    if pool != NULL:
        if kind > RN_TANH:
            rt.bad_entry(function, "saved activation")
        for i in range(2):
            job.win.axis[1 + i].windows = pool.size[i]           # an odd last row or column has no gradient
    n, c, f, dbl = job.win.n, job.source, job.to, job.dbl
    item = 8 if dbl else 4
    empty = is_empty(job.win.axis, n) or f == 0 or c == 0
    need_b = need_b and has_bias
    dx = (zeros_like(x) if empty else rt.pool_like(x)) if need_x else None
    dw = (zeros_like(w) if empty else rt.pool_like(w)) if need_w else None
    db = None
    if need_b:
        dims[0] = f
        db = rt.pool_empty(1, dims, rt.typenum(x))
        if empty:
            memset(rt.data(db), 0, f * item)
    if empty or not (need_x or need_w or need_b):
        return dx, dw, db
    fast_w = job.groups == 1 and (need_w or need_b or n >= RN_WINO_BACK_IMAGES) and rn_wino_back_pays(job.win.axis, n, c, f, item)
    whole = fast_w and n >= RN_WINO_BACK_IMAGES                  # all gradients in one pass
    fast_x = not whole and need_x and job.groups == 1 and rn_wino_pays(job.win.axis, True, n, f, c, item)
    # dy f' as an array of its own: where f' is dear and several need it, or where those who read dy know f' of relu only
    if kind > RN_TANH or kind > RN_RELU and (fast_w or pool != NULL) or kind != RN_LINEAR and fast_x and pool == NULL:
        own_size = rt.size(dy) * item
        own = rt.scratch_get(own_size)
        map_threads = rt.team(rt.size(dy) * (1.5 if kind > RN_TANH else 0.2))
        with nogil:
            RN_map_backward(dbl, kind, dz, kp, own, own_size // item, map_threads)
        dz = own
        kind = RN_LINEAR
    threads = convolution_team(&job)
    if pool != NULL:
        pool.dy, pool.kept, pool.slope, pool.c = dz, kp, kind, f
    if fast_w:
        memset(&both, 0, sizeof(both))
        both.grid.dbl, both.grid.n, both.grid.source, both.grid.to = dbl, n, c, f
        both.grid.x, both.grid.w, both.dy, both.kept, both.slope, both.pool = job.src, job.w, dz, kp, kind, pool
        both.dx = rt.data(dx) if whole and need_x else NULL
        both.dw = rt.data(dw) if need_w else NULL
        both.db = rt.data(db) if need_b else NULL
        run_winograd_back(&both, job.win.axis, threads)
        need_w = need_b = False
        need_x = need_x and not whole
    if need_w or need_b:
        memset(&weights, 0, sizeof(weights))
        weights.win.axis = job.win.axis
        weights.win.n = n
        weights.dbl = dbl
        weights.slope = RN_LINEAR if pool != NULL else kind
        weights.groups = job.groups
        weights.channels = c
        weights.filters = f
        weights.x = job.src
        weights.dy = dz
        weights.kept = kp
        weights.pool = pool
        weights.dw = rt.data(dw) if need_w else NULL
        weights.db = rt.data(db) if need_b else NULL
        run_dw(&weights, threads)
    if need_x:
        if pool != NULL:                                         # the gradient of the input reads all of dz, several times
            dz_size = n * pool.size[0] * pool.size[1] * f * item
            places = rt.scratch_get(dz_size)
            with nogil:
                RN_unpool(dbl, pool, n, places, threads)
            dz, kind = places, RN_LINEAR
        job.win.back = 1
        job.kind = RN_LINEAR
        job.slope = kind
        job.source = f
        job.to = c
        job.src = dz
        job.kept = kp
        job.dst = job.y = rt.data(dx)
        if fast_x:
            run_winograd(&job, threads)
        else:
            run(&job, threads)
    if own != NULL:
        rt.scratch_put(own, own_size)
    if places != NULL:
        rt.scratch_put(places, dz_size)
    return dx, dw, db
