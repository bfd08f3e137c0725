"""Convolution and maximum pooling in one, fast: what lies between the two never reaches memory.

How it is fast
    forward     The places of a convolution, four times as many as the pool leaves, stay in a buffer that fits L2 (or, in Winograd's
                filtering, in registers) until they are pooled. Written: y and a byte for each winner.
    backward    dz is zero but for the winners. It is put together again from dy and the bytes, a unit of the convolution at a time;
                only a gradient of the input that is not part of one pass over dz (simd/winograd_back.h) wants it as a whole.
What is saved: x, w, the winners and y, a quarter of the y that a convolution keeps.
Ties: places that are equal in exact arithmetic can differ in their last bits after Winograd's filtering; then the largest wins, not
the first, as it would with max_pool behind such a convolution.
Why it is right: refnet/kernels/convolution_pooling.py. The code: _convolve.pxd, simd/conv_pool.h and those of the two chapters.
"""
cimport numpy as cnp
from libc.string cimport memset

from refnet_fast cimport _runtime as rt
from refnet_fast._convolve cimport RN_TANH, check_convolution, convolution_gradients, convolve, rn_conv, rn_pool, rn_unpool
from refnet_fast._window cimport is_empty

cnp.import_array()

__all__ = ["conv_max_pool_backward", "conv_max_pool_forward"]


def conv_max_pool_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation="linear",
                          save=True):
    """y = 2x2 maxima of f(x * w + b).    x (N, H, W, C)   w (U, V, C/groups, F)   b (F,) or None   ->   y (N, I//2, J//2, F)

    activation: linear, relu, sigmoid or tanh.
    """
    cdef int t = rt.float_array(x, "conv_max_pool_forward", "x", 4), i
    cdef cnp.npy_intp dims[4]
    cdef rn_conv job
    cdef rn_pool pool
    check_convolution(x, w, b, 2, strides, padding, dilation, groups, "conv_max_pool_forward", &job)
    job.kind = rt.activation_code(activation)
    if job.kind > RN_TANH:
        raise ValueError(f"conv_max_pool_forward: activation must be linear, relu, sigmoid or tanh, whose derivative follows from y; "
                         f"got {activation!r}. Use conv_forward and max_pool_forward.")
    memset(&pool, 0, sizeof(pool))
    dims[0] = pool.n = job.win.n
    for i in range(2):                                            # an odd last row or column is not computed: nobody pools it
        dims[1 + i] = pool.axis[1 + i].windows = job.win.axis[1 + i].windows // 2
        pool.axis[1 + i].places = job.win.axis[1 + i].windows = 2 * dims[1 + i]
    dims[3] = pool.c = job.to
    y = rt.pool_empty(4, dims, t)
    winner = rt.pool_empty(4, dims, cnp.NPY_UINT8) if save else None
    if not is_empty(job.win.axis, job.win.n) and rt.size(y):
        pool.out = rt.data(y)
        pool.winner = rt.data(winner) if save else NULL
        job.pool = &pool
        convolve(&job)
    if not save:
        return y, None
    return y, (x, w, b is not None, (strides, padding, dilation, groups), job.kind, y, winner)


def conv_max_pool_backward(dy, saved, needs=(True, True, True)):
    """dy (N, I//2, J//2, F)   ->   dx (N, H, W, C), dw (U, V, C/groups, F), db (F,); None where not needed"""
    x, w, has_bias, geometry, kind, y, winner = rt.unpack_saved(saved, 7, "conv_max_pool_backward")
    cdef rn_unpool pool
    cdef int i
    rt.float_array(x, "conv_max_pool_backward", "saved x", 4)
    rt.same_array(y, rt.typenum(x), "conv_max_pool_backward", "saved y", 4)
    rt.saved_array(winner, cnp.NPY_UINT8, 4, cnp.PyArray_DIMS(<cnp.ndarray>y), "conv_max_pool_backward", "saved winners")
    memset(&pool, 0, sizeof(pool))
    pool.winner = <const unsigned char*>rt.data(winner)
    for i in range(2):
        pool.out[i] = rt.dim(y, 1 + i)
        pool.size[i] = 2 * pool.out[i]
    return convolution_gradients(dy, x, w, has_bias, geometry, kind, y, &pool, needs, "conv_max_pool_backward")
