"""Transposed convolution, fast: the input gradient of a convolution, run forwards.

How it is fast
    forward     simd/conv.h's gradient of the input with x in the place of dz, bias and activation applied in registers: with stride s,
                places fall into s phases per axis, each an ordinary convolution with a part of the kernel; nothing is stamped and
                added, no zero is multiplied, every y is written once.
    backward    dx is an ordinary convolution of dz, dw the kernel gradient of that convolution, by the same tiles.
What is saved: x, w and y (relu, sigmoid, tanh) or z (gelu, gelu_tanh, silu).
Why it is right: refnet/kernels/convolution_transpose.py.
"""
cimport numpy as cnp
from libc.string cimport memset

from refnet_fast cimport _runtime as rt
from refnet_fast._convolve cimport (
    RN_LINEAR, RN_TANH, RN_map_backward, convolution_team, rn_conv, rn_conv_dw, run, run_dw,
)
from refnet_fast._window cimport LARGEST, check_extent, check_tuple, is_empty, missing_axes, rn_axis, spatial_rank, whole

cnp.import_array()

__all__ = ["conv_transpose_backward", "conv_transpose_forward"]

cdef extern from "refnet_fast/simd/columns.h":
    void RN_column_sums(bint dbl, const void* x, cnp.npy_intp m, cnp.npy_intp c, void* out, double* partial, int threads) noexcept nogil
    cnp.npy_intp rn_column_chunks(cnp.npy_intp m, cnp.npy_intp c) noexcept nogil


cdef int transposed_axes(rn_axis* axis, int rank, const cnp.npy_intp* x_sizes, const cnp.npy_intp* kernel, object strides,
                         object before, object size, object dilation, cnp.npy_intp channels, str function) except -1:
    """The axes of the convolution whose input gradient this is: its windows are x's places, its image is y."""
    cdef int i
    cdef rn_axis* a
    cdef cnp.npy_intp full
    cdef double extent = 1, all_taps = 1
    check_tuple(strides, rank, function, "strides")
    check_tuple(before, rank, function, "before")
    check_tuple(size, rank, function, "size")
    check_tuple(dilation, rank, function, "dilation")
    missing_axes(axis, rank)
    for i in range(rank):
        a = axis + 3 - rank + i
        a.windows, a.kernel = x_sizes[i], kernel[i]
        if a.kernel < 1:
            raise ValueError(f"{function}: kernel sizes are at least 1; that of axis {i} is {a.kernel}.")
        a.places, a.before = whole(size[i], 0, function, "size", i), whole(before[i], 0, function, "before", i)
        a.stride, a.dilation = whole(strides[i], 1, function, "the stride", i), whole(dilation[i], 1, function, "the dilation", i)
        if a.kernel > LARGEST or a.windows > LARGEST:
            check_extent(a.windows, a.kernel, channels, function)
        full = max((a.windows - 1) * a.stride + (a.kernel - 1) * a.dilation + 1, a.before + a.places)
        if a.windows < 2:                                        # the stride is never used; as it is, it has that many phases
            a.stride = min(a.stride, max(full, 1))
        extent *= max(full, 1)
        all_taps *= a.kernel
    check_extent(extent, all_taps, channels, function)
    return 0


def conv_transpose_forward(x, w, b=None, strides=(1, 1), before=(0, 0), size=(1, 1), dilation=(1, 1), activation="linear", save=True):
    """y = f(x *ᵀ w + b).    x (N, *S, C)   w (*K, F, C)   b (F,) or None   ->   y (N, *size, F)

    before: how much of the stamped result is cut off at the beginning of each spatial axis; size: how much is kept.
    """
    cdef int t = rt.float_array(x, "conv_transpose_forward", "x", -1), rank = spatial_rank(x, "conv_transpose_forward", "x")
    cdef int i, kind
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp n = rt.dim(x, 0), c = rt.dim(x, rank + 1), f
    cdef rn_conv job
    rt.same_array(w, t, "conv_transpose_forward", "w", rank + 2)
    f = rt.dim(w, rank)
    if rt.dim(w, rank + 1) != c:
        rt.bad_shape(w, "conv_transpose_forward", "w", f"(*kernel, filters, {c}) for x of shape {x.shape}")
    if b is not None:
        rt.same_array(b, t, "conv_transpose_forward", "b", 1)
        if rt.dim(b, 0) != f:
            rt.bad_shape(b, "conv_transpose_forward", "b", f"({f},) for w of shape {w.shape}")
    kind = rt.activation_code(activation)
    memset(&job, 0, sizeof(job))
    transposed_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, before, size,
                    dilation, max(c, f), "conv_transpose_forward")
    dims[0] = n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].places
    dims[rank + 1] = f
    y = rt.pool_empty(rank + 2, dims, t)
    z = rt.pool_empty(rank + 2, dims, t) if save and kind > RN_TANH else y
    if n and f and rt.size(y):
        job.win.n = n
        job.win.back = 1
        job.dbl = t == cnp.NPY_DOUBLE
        job.kind = kind
        job.groups = 1
        job.source = c
        job.to = f
        job.src = rt.data(x)
        job.w = rt.data(w)
        job.bias = rt.data(b) if b is not None else NULL
        job.dst = rt.data(z)
        job.y = rt.data(y)
        run(&job, convolution_team(&job))
    if not save:
        return y, None
    return y, (x, w, b is not None, (strides, before, size, dilation), kind, z)


def conv_transpose_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *size, F)   ->   dx (N, *S, C), dw (*K, F, C), db (F,); None where not needed"""
    x, w, has_bias, geometry, kind_, kept = rt.unpack_saved(saved, 6, "conv_transpose_backward")
    strides, before, size, dilation = rt.unpack_saved(geometry, 4, "conv_transpose_backward")
    need_x, need_w, need_b = rt.unpack_needs(needs, 3, "conv_transpose_backward")
    cdef int t = rt.float_array(x, "conv_transpose_backward", "saved x", -1), rank = spatial_rank(x, "conv_transpose_backward", "saved x")
    cdef int kind = rt.saved_code(kind_, "conv_transpose_backward"), threads, some, i
    rt.same_array(w, t, "conv_transpose_backward", "saved w", rank + 2)
    cdef bint dbl = t == cnp.NPY_DOUBLE, empty
    cdef cnp.npy_intp dims[5]
    cdef cnp.npy_intp n = rt.dim(x, 0), c = rt.dim(x, rank + 1), f = rt.dim(w, rank), need, own_size = 0
    cdef cnp.npy_intp item = 8 if dbl else 4, rows
    cdef rn_conv job
    cdef rn_conv_dw weights
    cdef double* partial
    cdef void* dz
    cdef void* dbp
    cdef void* own = NULL
    cdef void* kp
    memset(&job, 0, sizeof(job))
    transposed_axes(job.win.axis, rank, cnp.PyArray_DIMS(<cnp.ndarray>x) + 1, cnp.PyArray_DIMS(<cnp.ndarray>w), strides, before, size,
                    dilation, max(c, f), "conv_transpose_backward")
    dims[0] = n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].places
    dims[rank + 1] = f
    if rt.dim(w, rank + 1) != c:
        rt.bad_entry("conv_transpose_backward", "saved w")
    rt.saved_array(kept, t, rank + 2, dims, "conv_transpose_backward", "saved y")
    rt.same_as(dy, kept, "conv_transpose_backward", "dy", "y")
    kp = rt.data(kept)
    empty = is_empty(job.win.axis, n) or f == 0 or c == 0
    dx = rt.pool_like(x) if need_x else None
    dw = rt.pool_like(w) if need_w else None
    db = None
    dz = rt.data(dy)
    some = rt.team(rt.size(dy) * 0.5)
    if kind != RN_LINEAR:
        own_size = rt.size(dy) * item
        own = rt.scratch_get(own_size)
        with nogil:
            RN_map_backward(dbl, kind, dz, kp, own, own_size // item, some)
        dz = own
    if need_b and has_bias:
        dims[0] = f
        db = rt.pool_empty(1, dims, t)
        dbp = rt.data(db)
        rows = rt.size(dy) // f if f else 0
        need = rn_column_chunks(rows, f) * f * 8
        partial = <double*>rt.scratch_get(need)
        with nogil:
            RN_column_sums(dbl, dz, rows, f, dbp, partial, some)
        rt.scratch_put(partial, need)
    if empty:
        if need_x:
            memset(rt.data(dx), 0, rt.size(dx) * item)
        if need_w:
            memset(rt.data(dw), 0, rt.size(dw) * item)
    job.win.n = n
    job.dbl = dbl
    job.groups = 1
    job.source = f
    job.to = c
    threads = convolution_team(&job)
    if need_w and not empty:                 # the convolution's image is dz, its windows are x's places
        memset(&weights, 0, sizeof(weights))
        weights.win.axis = job.win.axis
        weights.win.n = n
        weights.dbl = dbl
        weights.groups = 1
        weights.channels = f
        weights.filters = c
        weights.x = dz
        weights.dy = rt.data(x)
        weights.dw = rt.data(dw)
        run_dw(&weights, threads)
    if need_x and not empty:
        job.src = dz
        job.w = rt.data(w)
        job.dst = job.y = rt.data(dx)
        run(&job, threads)
    if own != NULL:
        rt.scratch_put(own, own_size)
    return dx, dw, db
