"""Layer, group and root-mean-square normalization, fast: a row stays in L1 from its mean to its result.

How it is fast
    forward     per row: sum, squares around the mean, result; the first pass reads memory, the others L1. Rows in chunks over threads.
    backward    per row: both sums and, beside them, the column sums for dgamma and dbeta (float64 partials per chunk of rows); then dx.
What is saved: x, mean and 1/sigma of each row (float64), gamma.
Why it is right: refnet/kernels/layer_norm.py. The code: simd/row_norm.h.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

cnp.import_array()

__all__ = ["layer_norm_backward", "layer_norm_forward", "rms_norm_backward", "rms_norm_forward"]

cdef extern from "refnet_fast/simd/row_norm.h":
    cnp.npy_intp rn_row_chunks(cnp.npy_intp m, cnp.npy_intp c) noexcept nogil
    void RN_row_norm_forward(bint dbl, const void* x, const void* gamma, const void* beta, double epsilon, void* y, double* mean,
                             double* inverse, cnp.npy_intp m, cnp.npy_intp c, int threads) noexcept nogil
    void RN_row_norm_backward(bint dbl, const void* dy, const void* x, double* mean, double* inverse, const void* gamma, void* dx,
                              void* dgamma, void* dbeta, double* partial, cnp.npy_intp m, cnp.npy_intp c, int threads) noexcept nogil


cdef int check_column(object a, int t, cnp.npy_intp c, str function, str name, object x) except -1:
    rt.same_array(a, t, function, name, 1)
    if rt.dim(a, 0) != c:
        rt.bad_shape(a, function, name, f"({c},) for x of shape {x.shape}")
    return 0


cdef tuple forward(object x, object gamma, object beta, double epsilon, bint save, bint centred, str function):
    cdef int t = rt.float_array(x, function, "x", 2), threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp m = rt.dim(x, 0), c = rt.dim(x, 1)
    cdef cnp.npy_intp dims[2]
    cdef double* inverse
    cdef double* mean
    cdef void* xp = rt.data(x)
    cdef void* yp
    cdef void* gp = NULL
    cdef void* bp = NULL
    if gamma is not None:
        check_column(gamma, t, c, function, "gamma", x)
        gp = rt.data(gamma)
    if beta is not None:
        check_column(beta, t, c, function, "beta", x)
        bp = rt.data(beta)
    dims[0], dims[1] = 2 if centred else 1, m
    moments = rt.pool_empty(2, dims, cnp.NPY_DOUBLE)              # 1/sigma, mean
    inverse = <double*>rt.data(moments)
    mean = inverse + m if centred else NULL
    y = rt.pool_like(x)
    yp = rt.data(y)
    threads = rt.team(m * c * (0.4 if dbl else 0.2))
    with nogil:
        RN_row_norm_forward(dbl, xp, gp, bp, epsilon, yp, mean, inverse, m, c, threads)
    return y, ((x, moments, gamma, beta is not None) if save else None)


cdef tuple backward(object dy, object saved, bint need_x, bint need_gamma, bint need_beta, bint centred, str function):
    x, moments, gamma, has_beta = rt.unpack_saved(saved, 4, function)
    cdef int t = rt.float_array(x, function, "saved x", 2), threads
    cdef bint dbl = t == cnp.NPY_DOUBLE
    cdef cnp.npy_intp m = rt.dim(x, 0), c = rt.dim(x, 1), need
    cdef cnp.npy_intp dims[1]
    cdef double* inverse
    cdef double* mean
    cdef double* partial
    cdef void* xp = rt.data(x)
    cdef void* dyp
    cdef void* gp = NULL
    cdef void* dxp = NULL
    cdef void* dgp = NULL
    cdef void* dbp = NULL
    rt.saved_matrix(moments, cnp.NPY_DOUBLE, 2 if centred else 1, m, function, "saved moments")
    inverse = <double*>rt.data(moments)
    mean = inverse + m if centred else NULL
    rt.same_as(dy, x, function, "dy", "y")
    dyp = rt.data(dy)
    dims[0] = c
    dx = dgamma = dbeta = None
    if gamma is not None:
        rt.saved_vector(gamma, t, c, function, "saved gamma")
        gp = rt.data(gamma)
    if need_x:
        dx = rt.pool_like(x)
        dxp = rt.data(dx)
    if need_gamma and gamma is not None:
        dgamma = rt.pool_empty(1, dims, t)
        dgp = rt.data(dgamma)
    if need_beta and has_beta:
        dbeta = rt.pool_empty(1, dims, t)
        dbp = rt.data(dbeta)
    need = rn_row_chunks(m, c) * 2 * c * 8
    partial = <double*>rt.scratch_get(need)
    threads = rt.team(m * c * (0.6 if dbl else 0.3))
    with nogil:
        RN_row_norm_backward(dbl, dyp, xp, mean, inverse, gp, dxp, dgp, dbp, partial, m, c, threads)
    rt.scratch_put(partial, need)
    return dx, dgamma, dbeta


def layer_norm_forward(x, gamma=None, beta=None, epsilon=1e-3, save=True):
    """x (N, C)   gamma, beta (C,) or None   ->   y (N, C)"""
    return forward(x, gamma, beta, epsilon, save, True, "layer_norm_forward")


def layer_norm_backward(dy, saved, needs=(True, True, True)):
    """dy (N, C)   ->   dx (N, C), dgamma (C,), dbeta (C,); None where not needed"""
    need_x, need_gamma, need_beta = rt.unpack_needs(needs, 3, "layer_norm_backward")
    return backward(dy, saved, need_x, need_gamma, need_beta, True, "layer_norm_backward")


def rms_norm_forward(x, gamma=None, epsilon=1e-6, save=True):
    """x (N, C)   gamma (C,) or None   ->   y (N, C)"""
    return forward(x, gamma, None, epsilon, save, False, "rms_norm_forward")


def rms_norm_backward(dy, saved, needs=(True, True)):
    """dy (N, C)   ->   dx (N, C), dgamma (C,); None where not needed"""
    need_x, need_gamma = rt.unpack_needs(needs, 2, "rms_norm_backward")
    dx, dgamma, _ = backward(dy, saved, need_x, need_gamma, False, False, "rms_norm_backward")
    return dx, dgamma
