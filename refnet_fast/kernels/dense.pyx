"""Dense, fast: one register tile for all three products, bias and activation applied before it is stored.

How it is fast
    forward     y = f(x W + b): tiles read rows of x in place against panels of W that are packed into L1 as they are
                needed (simd/gemm.h, simd/tile.h). relu is applied in registers, the others while the tile is in L1.
    backward    dz = dy f'(.) and db = sum dz in one pass (simd/dense.h), nothing if f is linear and db is not wanted;
                then dW = x^T dz with x^T packed tile by tile, dx = dz W^T with W^T packed panel by panel.
    one unit    (F = 1) is no product of matrices: a dot product per row, dW a weighted sum of rows.
    Tiny shapes read everything in place, on one thread, with the GIL: a call costs less than a microsecond.
What is saved: x, W and y (relu, sigmoid, tanh) or z (gelu, gelu_tanh, silu).
Why it is right: refnet/kernels/dense.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["dense_backward", "dense_forward"]

cdef extern from "refnet_fast/simd/dense.h":
    enum:
        RN_LINEAR, RN_TANH
    double RN_FLOPS_PER_NS
    ctypedef struct rn_gemm:
        int kind
        const void* bias
        void* y
        void* scratch
    void rn_gemm_set(rn_gemm* g, bint dbl, cnp.npy_intp m, cnp.npy_intp n, cnp.npy_intp k, void* a, cnp.npy_intp lda,
                     bint at, void* b, cnp.npy_intp ldb, bint bt, void* c) noexcept nogil
    cnp.npy_intp rn_gemm_plan(rn_gemm* g) noexcept nogil
    void rn_gemm_run(rn_gemm* g, int threads) noexcept nogil
    cnp.npy_intp rn_row_blocks(cnp.npy_intp m) noexcept nogil
    void RN_slope_and_sum(bint dbl, int kind, void* dy, void* kept, void* dz, void* db, double* partial, cnp.npy_intp m,
                          cnp.npy_intp n, int threads) noexcept nogil
    void RN_rowdot(bint dbl, void* x, void* w, void* bias, void* y, cnp.npy_intp m, cnp.npy_intp k,
                   int threads) noexcept nogil
    void RN_map_forward(bint dbl, int kind, void* x, void* y, cnp.npy_intp n, int threads) noexcept nogil


cdef inline double cost(bint dbl, cnp.npy_intp m, cnp.npy_intp n, cnp.npy_intp k) noexcept nogil:
    """Nanoseconds on one thread, roughly."""
    return 2.0 * m * n * k / (RN_FLOPS_PER_NS if not dbl else RN_FLOPS_PER_NS / 2)


cdef int multiply(rn_gemm* g, int threads) except -1:
    """Plan, fetch scratch from the pool, run; without the GIL if it takes long."""
    cdef cnp.npy_intp need = rn_gemm_plan(g)
    if need:
        g.scratch = rt.scratch_get(need)
    if threads > 1:
        with nogil:
            rn_gemm_run(g, threads)
    else:
        rn_gemm_run(g, 1)
    if need:
        rt.scratch_put(g.scratch, need)
    return 0


def dense_forward(x, w, b=None, activation="linear", save=True):
    """y = f(x W + b).    x (N, D)   w (D, F)   b (F,) or None   ->   y (N, F)"""
    cdef int t = rt.float_array(x, "dense_forward", "x", 2), kind, threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp dims[2]
    cdef cnp.npy_intp n, d, f
    cdef rn_gemm g
    cdef void* bias = NULL
    cdef void* xp = rt.data(x)
    cdef void* wp
    cdef void* yp
    rt.same_array(w, t, "dense_forward", "w", 2)
    n, d, f = rt.dim(x, 0), rt.dim(x, 1), rt.dim(w, 1)
    if rt.dim(w, 0) != d:
        rt.bad_shape(w, "dense_forward", "w", f"({d}, units) for x of shape {x.shape}")
    if b is not None:
        rt.same_array(b, t, "dense_forward", "b", 1)
        if rt.dim(b, 0) != f:
            rt.bad_shape(b, "dense_forward", "b", f"({f},) for w of shape {w.shape}")
        bias = rt.data(b)
    kind = rt.activation_code(activation)
    threads = rt.team(cost(dbl, n, f, d))
    dims[0] = n
    dims[1] = f
    y = rt.pool_empty(2, dims, t)
    z = rt.pool_empty(2, dims, t) if save and kind > RN_TANH else y
    wp = rt.data(w)
    if f == 1:
        yp = rt.data(z)
        if threads > 1:
            with nogil:
                RN_rowdot(dbl, xp, wp, bias, yp, n, d, threads)
        else:
            RN_rowdot(dbl, xp, wp, bias, yp, n, d, 1)
        if kind != RN_LINEAR:
            RN_map_forward(dbl, kind, yp, rt.data(y), n, 1)
    else:
        rn_gemm_set(&g, dbl, n, f, d, xp, d, False, wp, f, False, rt.data(z))
        g.bias = bias
        g.kind = kind
        g.y = rt.data(y)
        multiply(&g, threads)
    if not save:
        return y, None
    return y, (x, w, b is not None, kind, z)


def dense_backward(dy, saved, needs=(True, True, True)):
    """dy (N, F) = dL/dy   ->   dx (N, D), dw (D, F), db (F,); None where not needed"""
    x, w, has_bias, kind_, kept = rt.unpack_saved(saved, 5, "dense_backward")
    need_x, need_w, need_b = rt.unpack_needs(needs, 3, "dense_backward")
    cdef int t = rt.float_array(x, "dense_backward", "saved x", 2), kind = rt.saved_code(kind_, "dense_backward"), threads
    rt.same_array(w, t, "dense_backward", "saved w", 2)
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp n = rt.dim(x, 0), d = rt.dim(x, 1), f = rt.dim(w, 1), size = 8 if dbl else 4
    cdef cnp.npy_intp dims[2]
    cdef rn_gemm g
    cdef void* xp = rt.data(x)
    cdef void* wp = rt.data(w)
    cdef void* kp = NULL
    cdef void* dyp
    cdef void* dz
    cdef void* dbp = NULL
    cdef double* partial = NULL
    cdef void* own = NULL
    cdef cnp.npy_intp own_size = n * f * size, partial_size = 0
    rt.saved_matrix(w, t, d, f, "dense_backward", "saved w")
    rt.saved_matrix(kept, t, n, f, "dense_backward", "saved y")
    rt.same_as(dy, kept, "dense_backward", "dy", "y")
    dz = dyp = rt.data(dy)
    dx = dw = db = None
    if need_b and has_bias:
        dims[0] = f
        db = rt.pool_empty(1, dims, t)
        dbp = rt.data(db)
        partial_size = rn_row_blocks(n) * f * 8
        partial = <double*>rt.scratch_get(partial_size)
    if kind != RN_LINEAR:
        kp = rt.data(kept)
        dz = own = rt.scratch_get(own_size)
    if kp != NULL or dbp != NULL:
        threads = rt.team(n * f * (0.3 if kind <= RN_TANH else 1.5))
        if threads > 1:
            with nogil:
                RN_slope_and_sum(dbl, kind, dyp, kp, dz, dbp, partial, n, f, threads)
        else:
            RN_slope_and_sum(dbl, kind, dyp, kp, dz, dbp, partial, n, f, 1)
        if partial != NULL:
            rt.scratch_put(partial, partial_size)
    threads = rt.team(cost(dbl, n, f, d))
    if need_w:
        dims[0] = d
        dims[1] = f
        dw = rt.pool_empty(2, dims, t)
        if f == 1:                           # dW^T = dz^T x: rows of x, weighted
            rn_gemm_set(&g, dbl, 1, d, n, dz, n, False, xp, d, False, rt.data(dw))
        else:
            rn_gemm_set(&g, dbl, d, f, n, xp, d, True, dz, f, False, rt.data(dw))
        multiply(&g, threads)
    if need_x:
        dims[0] = n
        dims[1] = d
        dx = rt.pool_empty(2, dims, t)
        if f == 1:                           # w is contiguous: it is w^T as well
            rn_gemm_set(&g, dbl, n, d, 1, dz, 1, False, wp, d, False, rt.data(dx))
            multiply(&g, threads)
        elif n == 1:                         # a dot product per row of W
            RN_rowdot(dbl, wp, dz, NULL, rt.data(dx), d, f, threads)
        else:
            rn_gemm_set(&g, dbl, n, d, f, dz, f, False, wp, f, True, rt.data(dx))
            multiply(&g, threads)
    if own != NULL:
        rt.scratch_put(own, own_size)
    return dx, dw, db
