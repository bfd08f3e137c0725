"""Dense, fast: one register tile for all three products, bias and activation applied before it is stored.

How it is fast
    forward     y = f(x w + b): tiles read rows of x in place against panels of w that are packed into L1 as they are
                needed (simd/gemm.h, simd/tile.h). relu is applied in registers, the others while the tile is in L1.
    backward    dz = dy f'(.) and db = sum dz in one pass (simd/dense.h), nothing if f is linear and db is not wanted;
                then dw = x^T dz with x^T packed tile by tile, dx = dz w^T with w^T packed panel by panel.
    one unit    (F = 1) is no product of matrices: a dot product per row, dw a weighted sum of rows.
    rows        of a data set, by their numbers: the tile has a pointer for each row, and the packing of x^T takes one step
                of k from each; the shuffled batch is never made. Bit for bit what gathering first gives.
    zeros       Data that are mostly zeros (handwriting on black, bags of words) are multiplied at the price of what is not
                zero: simd/sparse.h. A few samples of x decide; w or dz that are not finite take the ordinary way, since
                0 times them is NaN.
    Tiny shapes read everything in place, on one thread, with the GIL: a call costs less than a microsecond.
What is saved: x, w, y (relu, sigmoid, tanh) or z (gelu, gelu_tanh, silu), and what of x is not zero, if that is little.
Why it is right: refnet/kernels/dense.py.
"""
cimport cython
cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from refnet_fast cimport _runtime as rt
from refnet_fast._gemm cimport gemm_cost, rn_gemm, rn_gemm_plan, rn_gemm_run, rn_gemm_set

cnp.import_array()

__all__ = ["dense_backward", "dense_forward", "dense_rows_backward", "dense_rows_forward"]

cdef extern from "refnet_fast/simd/dense.h":
    enum:
        RN_LINEAR, RN_TANH
    cnp.npy_intp rn_row_blocks(cnp.npy_intp m) noexcept nogil
    void RN_slope_and_sum(bint dbl, int kind, void* dy, void* kept, void* dz, void* db, double* partial, cnp.npy_intp m,
                          cnp.npy_intp n, int threads) noexcept nogil
    void RN_rowdot(bint dbl, void* x, void* w, void* bias, void* y, cnp.npy_intp m, cnp.npy_intp k,
                   int threads) noexcept nogil
    void RN_map_forward(bint dbl, int kind, void* x, void* y, cnp.npy_intp n, int threads) noexcept nogil

cdef extern from "refnet_fast/simd/sparse.h":
    ctypedef struct rn_nonzeros:
        cnp.npy_intp m, k
    cnp.npy_intp rn_nonzeros_size(rn_nonzeros* z, cnp.npy_intp m, cnp.npy_intp k, double share,
                                  cnp.npy_intp size) noexcept nogil
    void rn_nonzeros_place(rn_nonzeros* z, void* memory, cnp.npy_intp size) noexcept nogil
    cnp.npy_intp rn_spread_size(rn_nonzeros* z, cnp.npy_intp n, cnp.npy_intp size) noexcept nogil
    double RN_sampled_share(bint dbl, void* x, const int64_t* rows, cnp.npy_intp m, cnp.npy_intp k) noexcept nogil
    bint RN_scan(bint dbl, void* x, const int64_t* rows, rn_nonzeros* z, int threads) noexcept nogil
    bint RN_all_finite(bint dbl, void* p, cnp.npy_intp n, int threads) noexcept nogil
    cnp.npy_intp rn_product_size(rn_nonzeros* z, cnp.npy_intp n, cnp.npy_intp size, int threads) noexcept nogil
    bint RN_sparse_product(bint dbl, rn_nonzeros* z, int kind, void* w, void* bias, void* c, void* y, cnp.npy_intp n,
                           void* scratch, int threads) noexcept nogil
    void RN_sparse_transposed(bint dbl, rn_nonzeros* z, void* dz, void* dw, cnp.npy_intp n, void* scratch,
                              int threads) noexcept nogil

cdef double SPARSE_NANOSECONDS = 50000.0     # of a product, below which nobody looks for zeros


cdef inline double sparse_share(cnp.npy_intp f) noexcept nogil:
    """The share of x that is not zero below which it pays to leave out zeros: writing down what remains costs the same
    for few columns and for many. It broke even at 0.12 for 16 columns, 0.26 for 64, 0.37 for 512 (AVX-512, forward and
    backward; AVX2: 0.08 for 16); this stays below."""
    return 0.35 * f / (f + 64)


@cython.final
cdef class Nonzeros:
    """What of x (m, k) is not zero. It owns its memory, and nobody but the two kernels can look inside."""
    cdef rn_nonzeros list
    cdef void* memory
    cdef cnp.npy_intp bytes
    cdef bint dbl

    def __dealloc__(self):
        if self.memory != NULL:
            rt.scratch_put(self.memory, self.bytes)


cdef Nonzeros nonzeros(bint dbl, void* x, const int64_t* rows, cnp.npy_intp m, cnp.npy_intp k, cnp.npy_intp f):
    """The list of what is not zero, or None where the ordinary product is the better way."""
    cdef cnp.npy_intp size = 8 if dbl else 4
    cdef double work = gemm_cost(dbl, m, f, k), share
    cdef int threads = rt.team(work)
    cdef bint found
    cdef Nonzeros z
    if work < SPARSE_NANOSECONDS or m < 4 or k >> 31 or m >> 31:
        return None
    share = RN_sampled_share(dbl, x, rows, m, k)
    if share > sparse_share(f):
        return None
    z = Nonzeros.__new__(Nonzeros)
    z.dbl = dbl
    z.bytes = rn_nonzeros_size(&z.list, m, k, share, size)
    try:
        z.memory = rt.scratch_get(z.bytes)
    except MemoryError:                      # the ordinary product needs none
        return None
    rn_nonzeros_place(&z.list, z.memory, size)
    with nogil:
        found = RN_scan(dbl, x, rows, &z.list, threads)
    return z if found else None


cdef bint sparse_multiply(Nonzeros z, int kind, void* w, void* bias, void* c, void* y, cnp.npy_intp f, int threads) except -1:
    """c = x w + bias, y = f(c), if all weights are finite and there is memory for it; else False."""
    cdef cnp.npy_intp need = rn_product_size(&z.list, f, 8 if z.dbl else 4, threads)
    cdef void* scratch = NULL
    cdef bint done
    if need:
        try:
            scratch = rt.scratch_get(need)
        except MemoryError:
            return False
    with nogil:
        done = RN_sparse_product(z.dbl, &z.list, kind, w, bias, c, y, f, scratch, threads)
    if need:
        rt.scratch_put(scratch, need)
    return done


cdef int multiply(rn_gemm* g, int threads) except -1:
    """Plan, fetch scratch from the pool, run; without the GIL if it takes long."""
    cdef cnp.npy_intp need
    if g.m == 0 or g.n == 0:                 # an empty array may be as long as it likes along the other axis
        return 0
    need = rn_gemm_plan(g)
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


cdef const int64_t* checked_rows(object rows, object x, str function) except NULL:
    """Pointer to row numbers, all of which x has."""
    cdef cnp.npy_intp i, n, length = rt.dim(x, 0)
    cdef const int64_t* p
    rt.index_array(rows, function, "rows")
    n = rt.dim(rows, 0)
    p = <const int64_t*>rt.data(rows)
    for i in range(n):
        if p[i] < 0 or p[i] >= length:
            raise IndexError(f"row {p[i]} is out of range for an array of {length} rows.")
    return p


cdef void copy_rows(char* x, const int64_t* rows, char* out, cnp.npy_intp n, cnp.npy_intp bytes) noexcept nogil:
    cdef cnp.npy_intp i
    for i in range(n):
        memcpy(out + i * bytes, x + rows[i] * bytes, bytes)


cdef tuple forward(object x, object rows, object w, object b, object activation, object save, str function):
    """(y, kept, kind, nonzeros): rows None for all rows of x."""
    cdef int t = rt.float_array(x, function, "x", 2), kind, threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp dims[2]
    cdef cnp.npy_intp n, d, f, copied = 0
    cdef rn_gemm g
    cdef void* bias = NULL
    cdef const int64_t* index = NULL
    cdef Nonzeros sparse = None
    cdef void* xp = rt.data(x)
    cdef void* wp
    cdef void* zp
    cdef void* yp
    rt.same_array(w, t, function, "w", 2)
    n, d, f = rt.dim(x, 0), rt.dim(x, 1), rt.dim(w, 1)
    if rt.dim(w, 0) != d:
        rt.bad_shape(w, function, "w", f"({d}, units) for x of shape {x.shape}")
    if b is not None:
        rt.same_array(b, t, function, "b", 1)
        if rt.dim(b, 0) != f:
            rt.bad_shape(b, function, "b", f"({f},) for w of shape {w.shape}")
        bias = rt.data(b)
    kind = rt.activation_code(activation)
    if rows is not None:
        index = checked_rows(rows, x, function)
        n = rt.dim(rows, 0)
        if f == 1 or n <= 3:                 # ways that read x as it lies in memory
            copied = n * d * (8 if dbl else 4)
            xp = rt.scratch_get(copied)
            copy_rows(<char*>rt.data(x), index, <char*>xp, n, d * (8 if dbl else 4))
            index = NULL
    threads = rt.team(gemm_cost(dbl, n, f, d))
    dims[0] = n
    dims[1] = f
    y = rt.pool_empty(2, dims, t)
    z = rt.pool_empty(2, dims, t) if save and kind > RN_TANH else y
    wp = rt.data(w)
    zp = rt.data(z)
    yp = rt.data(y)
    if f > 1:
        sparse = nonzeros(dbl, xp, index, n, d, f)
        if sparse is not None and not sparse_multiply(sparse, kind, wp, bias, zp, yp, f, threads):
            sparse = None
    if f == 1:
        if threads > 1:
            with nogil:
                RN_rowdot(dbl, xp, wp, bias, zp, n, d, threads)
        else:
            RN_rowdot(dbl, xp, wp, bias, zp, n, d, 1)
        if kind != RN_LINEAR:
            RN_map_forward(dbl, kind, zp, yp, n, 1)
    elif sparse is None:
        rn_gemm_set(&g, dbl, n, f, d, xp, d, False, wp, f, False, rt.data(z))
        g.rows = index
        g.bias = bias
        g.kind = kind
        g.y = rt.data(y)
        multiply(&g, threads)
    if copied:
        rt.scratch_put(xp, copied)
    return y, z, kind, sparse


def dense_forward(x, w, b=None, activation="linear", save=True):
    """y = f(x w + b).    x (N, D)   w (D, F)   b (F,) or None   ->   y (N, F)"""
    y, z, kind, sparse = forward(x, None, w, b, activation, save, "dense_forward")
    if not save:
        return y, None
    return y, (x, w, b is not None, kind, z, sparse)


def dense_backward(dy, saved, needs=(True, True, True)):
    """dy (N, F) = dL/dy   ->   dx (N, D), dw (D, F), db (F,); None where not needed"""
    x, w, has_bias, kind, kept, sparse = rt.unpack_saved(saved, 6, "dense_backward")
    need_x, need_w, need_b = rt.unpack_needs(needs, 3, "dense_backward")
    return backward(dy, x, None, w, has_bias, kind, kept, sparse, need_x, need_w, need_b, "dense_backward")


def dense_rows_forward(w, b, x, rows, activation="linear", save=True):
    """y = f(x[rows] w + b).    w (D, F)   b (F,) or None   x (M, D)   rows (N,) int64   ->   y (N, F)

    Raises:
        IndexError: a row lies outside 0..M-1.
    """
    y, z, kind, sparse = forward(x, rows, w, b, activation, save, "dense_rows_forward")
    if not save:
        return y, None
    return y, (x, rows, w, b is not None, kind, z, sparse)


def dense_rows_backward(dy, saved, needs=(True, True)):
    """dy (N, F) = dL/dy   ->   dw (D, F), db (F,); None where not needed"""
    x, rows, w, has_bias, kind, kept, sparse = rt.unpack_saved(saved, 7, "dense_rows_backward")
    need_w, need_b = rt.unpack_needs(needs, 2, "dense_rows_backward")
    return backward(dy, x, rows, w, has_bias, kind, kept, sparse, False, need_w, need_b, "dense_rows_backward")[1:]


cdef tuple backward(object dy, object x, object rows, object w, object has_bias, object kind_, object kept, object sparse_,
                    object need_x, object need_w, object need_b, str function):
    """(dx, dw, db) for what `forward` kept."""
    cdef int t = rt.float_array(x, function, "saved x", 2), kind = rt.saved_code(kind_, function), threads
    rt.same_array(w, t, function, "saved w", 2)
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
    cdef const int64_t* index = NULL
    cdef cnp.npy_intp own_size, partial_size = 0, copied = 0, spread_size
    cdef Nonzeros sparse = None
    cdef void* spread
    cdef void* dwp
    cdef bint finite
    if rows is not None:
        index = checked_rows(rows, x, function)
        n = rt.dim(rows, 0)
    own_size = n * f * size
    rt.saved_matrix(w, t, d, f, function, "saved w")
    rt.saved_matrix(kept, t, n, f, function, "saved y")
    rt.same_as(dy, kept, function, "dy", "y")
    if sparse_ is not None:
        if type(sparse_) is not Nonzeros:
            rt.bad_entry(function, "saved list of what is not zero")
        sparse = <Nonzeros>sparse_
        if sparse.list.m != n or sparse.list.k != d or sparse.dbl != dbl:
            rt.bad_entry(function, "saved list of what is not zero")
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
        if f == 0:                           # no columns, and perhaps no end of rows
            pass
        elif threads > 1:
            with nogil:
                RN_slope_and_sum(dbl, kind, dyp, kp, dz, dbp, partial, n, f, threads)
        else:
            RN_slope_and_sum(dbl, kind, dyp, kp, dz, dbp, partial, n, f, 1)
        if partial != NULL:
            rt.scratch_put(partial, partial_size)
    threads = rt.team(gemm_cost(dbl, n, f, d))
    if need_w:
        dims[0] = d
        dims[1] = f
        dw = rt.pool_empty(2, dims, t)
        dwp = rt.data(dw)
        if sparse is not None:
            with nogil:
                finite = RN_all_finite(dbl, dz, n * f, threads)
            if not finite:
                sparse = None
        if sparse is not None:
            spread_size = rn_spread_size(&sparse.list, f, size)
            spread = rt.scratch_get(spread_size)
            with nogil:
                RN_sparse_transposed(dbl, &sparse.list, dz, dwp, f, spread, threads)
            rt.scratch_put(spread, spread_size)
        elif f == 1:                         # dw^T = dz^T x: rows of x, weighted
            if index != NULL:
                copied = n * d * size
                xp = rt.scratch_get(copied)
                copy_rows(<char*>rt.data(x), index, <char*>xp, n, d * size)
            rn_gemm_set(&g, dbl, 1, d, n, dz, n, False, xp, d, False, dwp)
            multiply(&g, threads)
        else:
            rn_gemm_set(&g, dbl, d, f, n, xp, d, True, dz, f, False, dwp)
            g.rows = index
            multiply(&g, threads)
        if copied:
            rt.scratch_put(xp, copied)
    if need_x:
        dims[0] = n
        dims[1] = d
        dx = rt.pool_empty(2, dims, t)
        if f == 1:                           # w is contiguous: it is w^T as well
            rn_gemm_set(&g, dbl, n, d, 1, dz, 1, False, wp, d, False, rt.data(dx))
            multiply(&g, threads)
        elif n == 1:                         # a dot product per row of w
            RN_rowdot(dbl, wp, dz, NULL, rt.data(dx), d, f, threads)
        else:
            rn_gemm_set(&g, dbl, n, d, f, dz, f, False, wp, f, True, rt.data(dx))
            multiply(&g, threads)
    if own != NULL:
        rt.scratch_put(own, own_size)
    return dx, dw, db
