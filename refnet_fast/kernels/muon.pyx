"""Muon, fast: the products on the engine of dense; a tall matrix is not transposed, its smaller product is taken.

What lies between the products is one pass each over an array that fits a cache, or is small beside the product.
How the products are fast: simd/gemm.h.
Why it is right: refnet/kernels/muon.py.
"""
cimport numpy as cnp
from libc.math cimport sqrt

from refnet_fast cimport _runtime as rt
from refnet_fast._gemm cimport gemm_cost, rn_gemm, rn_gemm_batch, rn_gemm_plan, rn_gemm_set

cnp.import_array()

__all__ = ["muon_update"]

ctypedef fused real:
    float
    double


cdef int product(bint dbl, cnp.npy_intp m, cnp.npy_intp n, cnp.npy_intp k, object a, bint at, object b, bint bt,
                 object c) except -1:
    """C (m, n) = A B; A, B transposed where at, bt say so."""
    cdef rn_gemm g
    cdef int threads = rt.team(gemm_cost(dbl, m, n, k))
    cdef cnp.npy_intp need
    rn_gemm_set(&g, dbl, m, n, k, rt.data(a), m if at else k, at, rt.data(b), k if bt else n, bt, rt.data(c))
    need = (rn_gemm_plan(&g) + 63) // 64 * 64
    if need:
        g.scratch = rt.scratch_get(need * threads)
    if threads > 1:
        with nogil:
            rn_gemm_batch(&g, 1, need, threads)
    else:
        rn_gemm_batch(&g, 1, need, 1)
    if need:
        rt.scratch_put(g.scratch, need * threads)
    return 0


cdef void start(real* m, real* g, real* x, real momentum, bint nesterov, cnp.npy_intp n) noexcept nogil:
    """m ← μ m + g, and x of length 1 (up to 1e-7), its squares summed in eight float64 lanes."""
    cdef double lanes[8]
    cdef double squares = 0
    cdef cnp.npy_intp i, j, whole = n - n % 8
    cdef real size
    for j in range(8):
        lanes[j] = 0
    for i in range(n):
        m[i] = momentum * m[i] + g[i]
        x[i] = g[i] + momentum * m[i] if nesterov else m[i]
    for i in range(0, whole, 8):
        for j in range(8):
            lanes[j] += <double>x[i + j] * <double>x[i + j]
    for i in range(whole, n):
        lanes[i - whole] += <double>x[i] * <double>x[i]
    for j in range(8):
        squares += lanes[j]
    size = <real>(sqrt(squares) + 1e-7)
    for i in range(n):
        x[i] = x[i] / size


cdef void combine(real of_a, real* a, real of_b, real* b, real* y, cnp.npy_intp n) noexcept nogil:
    """y = of_a a + of_b b; y may be one of them."""
    cdef cnp.npy_intp i
    for i in range(n):
        y[i] = of_a * a[i] + of_b * b[i]


cdef void subtract(real* w, real rate, real* x, cnp.npy_intp n) noexcept nogil:
    cdef cnp.npy_intp i
    for i in range(n):
        w[i] -= rate * x[i]


cdef inline void combine_any(bint dbl, double of_a, void* a, double of_b, void* b, void* y, cnp.npy_intp n) noexcept nogil:
    if dbl:
        combine[double](of_a, <double*>a, of_b, <double*>b, <double*>y, n)
    else:
        combine[float](<float>of_a, <float*>a, <float>of_b, <float*>b, <float*>y, n)


def muon_update(w, dw, m, learning_rate, momentum=0.95, nesterov=True, ns_steps=5, muon_a=3.4445, muon_b=-4.775, muon_c=2.0315,
                rms_rate=0.2):
    """Writes w and m in place. All arrays of one shape (I, J); learning_rate a number or 0-d; rms_rate None: without the factor."""
    cdef int t = rt.float_array(w, "muon_update", "w", 2)
    rt.slot_array(w, w, "muon_update", "w")
    rt.same_as(dw, w, "muon_update", "dw", "w")
    rt.slot_array(m, w, "muon_update", "m")
    cdef bint dbl = t == cnp.NPY_DOUBLE, ahead = nesterov
    cdef cnp.npy_intp rows = rt.dim(w, 0), columns = rt.dim(w, 1), n = rows * columns, turns = ns_steps, _turn
    cdef cnp.npy_intp k = min(rows, columns)
    cdef cnp.npy_intp square[2]
    cdef double mu = momentum, a = muon_a, b = muon_b, c = muon_c, rate = learning_rate
    if rms_rate is not None:
        rate *= sqrt(<double>max(rows, columns)) * <double>rms_rate
    if turns < 0 or turns > 1000:            # thirty are more than enough
        raise ValueError(f"muon_update: ns_steps must be in [0, 1000], got {ns_steps}.")
    if n == 0:
        return
    square[0] = square[1] = k
    x, y = rt.pool_like(w), rt.pool_like(w)
    gram, power = rt.pool_empty(2, square, t), rt.pool_empty(2, square, t)
    if dbl:
        start[double](<double*>rt.data(m), <double*>rt.data(dw), <double*>rt.data(x), mu, ahead, n)
    else:
        start[float](<float*>rt.data(m), <float*>rt.data(dw), <float*>rt.data(x), <float>mu, ahead, n)
    for _turn in range(turns):
        if rows <= columns:
            product(dbl, k, k, columns, x, False, x, True, gram)
        else:
            product(dbl, k, k, rows, x, True, x, False, gram)
        product(dbl, k, k, k, gram, False, gram, False, power)
        combine_any(dbl, b, rt.data(gram), c, rt.data(power), rt.data(gram), k * k)
        if rows <= columns:
            product(dbl, rows, columns, k, gram, False, x, False, y)
        else:
            product(dbl, rows, columns, k, x, False, gram, False, y)
        combine_any(dbl, a, rt.data(x), 1.0, rt.data(y), rt.data(x), n)
    if dbl:
        subtract[double](<double*>rt.data(w), rate, <double*>rt.data(x), n)
    else:
        subtract[float](<float*>rt.data(w), <float>rate, <float*>rt.data(x), n)
