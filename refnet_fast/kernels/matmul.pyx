"""Matrix product, fast: the register tile of dense, over a batch.

How it is fast: simd/gemm.h. A batch of small products gives each thread products of its own; a single or a large one
is cut up within. Transposed operands (backward) are read transposed, not copied beforehand.
What is saved: a and b, as in the reference.
Why it is right: refnet/kernels/matmul.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._gemm cimport gemm_cost, rn_gemm, rn_gemm_batch, rn_gemm_plan, rn_gemm_set

cnp.import_array()

__all__ = ["matmul_backward", "matmul_forward"]

cdef int multiply(bint dbl, cnp.npy_intp count, cnp.npy_intp m, cnp.npy_intp n, cnp.npy_intp k, object a, bint at,
                  object b, bint bt, object c) except -1:
    """C = A B for `count` pairs of matrices that lie one after the other."""
    cdef rn_gemm g
    cdef int threads = rt.team(count * gemm_cost(dbl, m, n, k))
    cdef cnp.npy_intp need
    if count == 0 or m == 0 or n == 0:       # an empty array may be as long as it likes along the other axes
        return 0
    rn_gemm_set(&g, dbl, m, n, k, rt.data(a), m if at else k, at, rt.data(b), k if bt else n, bt, rt.data(c))
    need = (rn_gemm_plan(&g) + 63) // 64 * 64
    if need:
        g.scratch = rt.scratch_get(need * threads)
    if threads > 1:
        with nogil:
            rn_gemm_batch(&g, count, need, threads)
    else:
        rn_gemm_batch(&g, count, need, 1)
    if need:
        rt.scratch_put(g.scratch, need * threads)
    return 0


def matmul_forward(a, b, save=True):
    """y = a b.    a (..., N, D)   b (..., D, F), the same leading dimensions   ->   y (..., N, F)"""
    cdef int t = rt.float_array(a, "matmul_forward", "a", -1), ndim = cnp.PyArray_NDIM(<cnp.ndarray>a), i
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp count = 1
    if ndim < 2:
        rt.bad_shape(a, "matmul_forward", "a", "(..., N, D)")
    rt.same_array(b, t, "matmul_forward", "b", ndim)
    for i in range(ndim - 2):
        dims[i] = rt.dim(a, i)
        count *= dims[i]
        if rt.dim(b, i) != dims[i]:
            rt.bad_shape(b, "matmul_forward", "b", f"the leading dimensions of a, {a.shape[:-2]}")
    if rt.dim(b, ndim - 2) != rt.dim(a, ndim - 1):
        rt.bad_shape(b, "matmul_forward", "b", f"(..., {a.shape[-1]}, N) for a of shape {a.shape}")
    dims[ndim - 2] = rt.dim(a, ndim - 2)
    dims[ndim - 1] = rt.dim(b, ndim - 1)
    y = rt.pool_empty(ndim, dims, t)
    multiply(t == cnp.NPY_DOUBLE, count, dims[ndim - 2], dims[ndim - 1], rt.dim(a, ndim - 1), a, False, b, False, y)
    return y, ((a, b) if save else None)


def matmul_backward(dy, saved, needs=(True, True)):
    """dy (..., N, F)   ->   da (..., N, D), db (..., D, F); None where not needed"""
    a, b = rt.unpack_saved(saved, 2, "matmul_backward")
    need_a, need_b = rt.unpack_needs(needs, 2, "matmul_backward")
    cdef int t = rt.float_array(a, "matmul_backward", "saved a", -1), ndim = cnp.PyArray_NDIM(<cnp.ndarray>a), i
    rt.same_array(b, t, "matmul_backward", "saved b", ndim)
    if ndim < 2 or rt.dim(b, ndim - 2) != rt.dim(a, ndim - 1):
        rt.bad_entry("matmul_backward", "saved b")
    cdef cnp.npy_intp m = rt.dim(a, ndim - 2), k = rt.dim(a, ndim - 1), n = rt.dim(b, ndim - 1), count = 1
    rt.same_array(dy, t, "matmul_backward", "dy", ndim)
    for i in range(ndim - 2):
        count *= rt.dim(a, i)
        if rt.dim(b, i) != rt.dim(a, i):
            rt.bad_entry("matmul_backward", "saved b")
        if rt.dim(dy, i) != rt.dim(a, i):
            rt.bad_shape(dy, "matmul_backward", "dy", f"the shape of y, {a.shape[:-1] + b.shape[-1:]}")
    if rt.dim(dy, ndim - 2) != m or rt.dim(dy, ndim - 1) != n:
        rt.bad_shape(dy, "matmul_backward", "dy", f"the shape of y, {a.shape[:-1] + b.shape[-1:]}")
    da = db = None
    if need_a:
        da = rt.pool_like(a)
        multiply(t == cnp.NPY_DOUBLE, count, m, k, n, dy, False, b, True, da)
    if need_b:
        db = rt.pool_like(b)
        multiply(t == cnp.NPY_DOUBLE, count, k, n, m, a, True, dy, False, db)
    return da, db
