"""Batch normalization, fast: two passes over memory forward, two backward.

How it is fast
    forward     pass one: mean and squares of a chunk of rows while it lies in L2, combined over chunks by Chan's formula; pass two:
                y = (x - mean) scale + beta.
    backward    pass one: both sums; pass two: all three terms of dx. All vectorised over features, all sums in float64.
    relu        is applied in pass two; backward it asks again where y was positive, in registers: y is not read.
What is saved: x, mean and 1/sigma (float64), gamma, beta, the weights and their sum.
Why it is right: refnet/kernels/batch_norm.py. The code: simd/norm.h.
"""
cimport numpy as cnp
from libc.math cimport sqrt

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["batch_norm_backward", "batch_norm_forward"]

cdef extern from "refnet_fast/simd/norm.h":
    cnp.npy_intp rn_norm_chunks(cnp.npy_intp m, cnp.npy_intp c) noexcept nogil
    double RN_batch_norm_statistics(bint dbl, const void* x, const void* weights, double* mean, double* variance, double* partial,
                                    cnp.npy_intp m, cnp.npy_intp c, int threads) noexcept nogil
    void RN_batch_norm_forward(bint dbl, const void* x, void* y, const double* mean, const double* inverse, const void* gamma,
                               const void* beta, int relu, void* columns, cnp.npy_intp m, cnp.npy_intp c, int threads) noexcept nogil
    void RN_batch_norm_backward(bint dbl, const void* dy, const void* x, const double* mean, const double* inverse, const void* gamma,
                                const void* beta, const void* weights, double total, int training, int relu,
                                void* dx, void* dgamma, void* dbeta, double* partial,
                                void* columns, cnp.npy_intp m, cnp.npy_intp c, int threads) noexcept nogil


cdef int check_column(object a, int t, cnp.npy_intp c, str name, object x) except -1:
    rt.same_array(a, t, "batch_norm_forward", name, 1)
    if rt.dim(a, 0) != c:
        rt.bad_shape(a, "batch_norm_forward", name, f"({c},) for x of shape {x.shape}")
    return 0


def batch_norm_forward(x, gamma=None, beta=None, epsilon=1e-3, statistics=None, training=True, weights=None, activation="linear",
                       save=True):
    """x (N, C)   gamma, beta (C,) or None   ->   y (N, C)

    Args:
        statistics: (2, C), mean and variance: written in training (None: not wanted), read at inference.
        weights: (N,), how much each row counts in the statistics (a mask); None: all alike.
        activation: linear or relu.
    """
    cdef int t = rt.float_array(x, "batch_norm_forward", "x", 2), threads, relu = rt.activation_code(activation)
    cdef bint dbl = t == cnp.NPY_DOUBLE, learn = training
    cdef cnp.npy_intp m = rt.dim(x, 0), c = rt.dim(x, 1), i, need, columns_need = 4 * c * (8 if dbl else 4)
    cdef cnp.npy_intp dims[2]
    cdef double total = 0, eps = epsilon
    cdef double* mean
    cdef double* inverse
    cdef double* partial
    cdef void* xp = rt.data(x)
    cdef void* yp
    cdef void* gp = NULL
    cdef void* bp = NULL
    cdef void* wp = NULL
    cdef void* sp = NULL
    cdef void* columns
    if c > 2147483647:                                            # no rows, and columns that would overflow what follows
        rt.bad_shape(x, "batch_norm_forward", "x", "at most 2**31 columns")
    if relu > 1:                                                  # the codes of linear and relu are 0 and 1
        raise ValueError(f"batch_norm_forward: activation must be linear or relu; got {activation!r}. Use activation_forward.")
    if gamma is not None:
        check_column(gamma, t, c, "gamma", x)
        gp = rt.data(gamma)
    if beta is not None:
        check_column(beta, t, c, "beta", x)
        bp = rt.data(beta)
    if statistics is not None:
        rt.same_array(statistics, t, "batch_norm_forward", "statistics", 2)
        if rt.dim(statistics, 0) != 2 or rt.dim(statistics, 1) != c:
            rt.bad_shape(statistics, "batch_norm_forward", "statistics", f"(2, {c}) for x of shape {x.shape}")
        if learn and not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>statistics):
            rt.bad_array(statistics, "batch_norm_forward", "statistics", "writeable float", -1)
        sp = rt.data(statistics)
    elif not learn:
        raise ValueError("batch_norm_forward: statistics is None, expected (2, C): inference reads the moving mean and variance from it.")
    if weights is not None:
        rt.same_array(weights, t, "batch_norm_forward", "weights", 1)
        if rt.dim(weights, 0) != m:
            rt.bad_shape(weights, "batch_norm_forward", "weights", f"({m},) for x of shape {x.shape}")
        wp = rt.data(weights)
    dims[0], dims[1] = 2, c
    moments = rt.pool_empty(2, dims, cnp.NPY_DOUBLE)              # mean, 1/sigma
    mean = <double*>rt.data(moments)
    inverse = mean + c
    dims[0] = m
    y = rt.pool_empty(2, dims, t)
    yp = rt.data(y)
    if c == 0:                                                    # no columns, and perhaps no end of rows
        m = 0
    threads = rt.team(m * c * (0.3 if dbl else 0.15))
    if learn:
        need = rn_norm_chunks(m, c) * (2 * c + 1) * 8
        partial = <double*>rt.scratch_get(need)
        with nogil:
            total = RN_batch_norm_statistics(dbl, xp, wp, mean, inverse, partial, m, c, threads)
        rt.scratch_put(partial, need)
        if sp != NULL:
            for i in range(2 * c):
                if dbl:
                    (<double*>sp)[i] = mean[i]
                else:
                    (<float*>sp)[i] = <float>mean[i]
    else:
        for i in range(2 * c):
            mean[i] = (<double*>sp)[i] if dbl else (<float*>sp)[i]
    for i in range(c):
        inverse[i] = 1 / sqrt(inverse[i] + eps)
    columns = rt.scratch_get(columns_need)
    with nogil:
        RN_batch_norm_forward(dbl, xp, yp, mean, inverse, gp, bp, relu, columns, m, c, threads)
    rt.scratch_put(columns, columns_need)
    return y, ((x, moments, gamma, beta, weights, total, learn, relu) if save else None)


def batch_norm_backward(dy, saved, needs=(True, True, True)):
    """dy (N, C)   ->   dx (N, C), dgamma (C,), dbeta (C,); None where not needed"""
    x, moments, gamma, beta, weights, total_, training, relu = rt.unpack_saved(saved, 8, "batch_norm_backward")
    need_x, need_gamma, need_beta = rt.unpack_needs(needs, 3, "batch_norm_backward")
    cdef int t = rt.float_array(x, "batch_norm_backward", "saved x", 2), learn = training, relu_ = relu, threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp m = rt.dim(x, 0), c = rt.dim(x, 1), need, columns_need = 7 * c * (8 if dbl else 4)
    cdef cnp.npy_intp dims[1]
    cdef double total = total_
    cdef double* mean
    cdef double* inverse
    cdef double* partial
    cdef void* xp = rt.data(x)
    cdef void* dyp
    cdef void* gp = NULL
    cdef void* bp = NULL
    cdef void* wp = NULL
    cdef void* dxp = NULL
    cdef void* dgp = NULL
    cdef void* dbp = NULL
    cdef void* columns
    rt.saved_matrix(moments, cnp.NPY_DOUBLE, 2, c, "batch_norm_backward", "saved moments")
    mean = <double*>rt.data(moments)
    inverse = mean + c
    rt.same_as(dy, x, "batch_norm_backward", "dy", "y")
    dyp = rt.data(dy)
    dims[0] = c
    dx = dgamma = dbeta = None
    if gamma is not None:
        rt.saved_vector(gamma, t, c, "batch_norm_backward", "saved gamma")
        gp = rt.data(gamma)
    if beta is not None:
        rt.saved_vector(beta, t, c, "batch_norm_backward", "saved beta")
        bp = rt.data(beta)
    if weights is not None:
        rt.saved_vector(weights, t, m, "batch_norm_backward", "saved weights")
        wp = rt.data(weights)
    if need_x:
        dx = rt.pool_like(x)
        dxp = rt.data(dx)
    if need_gamma and gamma is not None:
        dgamma = rt.pool_empty(1, dims, t)
        dgp = rt.data(dgamma)
    if need_beta and beta is not None:
        dbeta = rt.pool_empty(1, dims, t)
        dbp = rt.data(dbeta)
    if c == 0:
        m = 0
    need = rn_norm_chunks(m, c) * 2 * c * 8
    partial = <double*>rt.scratch_get(need)
    columns = rt.scratch_get(columns_need)
    threads = rt.team(m * c * (0.4 if dbl else 0.2))
    with nogil:
        RN_batch_norm_backward(dbl, dyp, xp, mean, inverse, gp, bp, wp, total, learn, relu_, dxp, dgp, dbp, partial, columns, m, c,
                               threads)
    rt.scratch_put(columns, columns_need)
    rt.scratch_put(partial, need)
    return dx, dgamma, dbeta
