"""Convolution, fast: windows are read as they lie in memory, by the register tile of the dense layer.

How it is fast
    forward     For channels last, the part of a window under one row of the kernel is contiguous. A tile of 14 windows points at them
                in place and multiplies them by panels of the kernel, all rows of the kernel in one sum in registers: no matrix of
                windows is ever made. Bias and relu are applied in registers, other activations while the tile is in L1. With padding,
                an image (or a slab of it) is copied into a frame with zeros around it that fits L2.
    backward    dx is a convolution of dz with the flipped kernel, by the same tile; a stride splits it into phases that multiply no
                zeros. dz = dy f'(.) is made on the way into dx's frame and into dw's panels. dw: tiles of kernel entries, k runs along
                rows of places, images in chunks whose sums are added in index order; db beside it, in float64.
    3x3         (stride 1, 32 channels or more) a quarter of the multiplications, by Winograd's filtering; from four images on all
                gradients in one pass.
    1x1         (stride 1) is a product of matrices: one long row of places.
What is saved: x, w and y (relu, sigmoid, tanh) or z (gelu, gelu_tanh, silu).
Why it is right: refnet/kernels/convolution.py. The code: _convolve.pxd, simd/slide.h, conv.h, conv_dw.h,
winograd.h, winograd_back.h, window.h.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt
from refnet_fast._convolve cimport RN_TANH, check_convolution, convolution_gradients, convolve, rn_conv
from refnet_fast._window cimport is_empty, spatial_rank

cnp.import_array()

__all__ = ["conv_backward", "conv_forward"]


def conv_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation="linear", save=True):
    """y = f(x * w + b).    x (N, *S, C)   w (*K, C/groups, F)   b (F,) or None   ->   y (N, *I, F)

    The tuples have one entry per spatial axis: 1, 2 or 3 of them.
    """
    cdef int t = rt.float_array(x, "conv_forward", "x", -1), rank = spatial_rank(x, "conv_forward", "x"), i, kind
    cdef cnp.npy_intp dims[5]
    cdef rn_conv job
    check_convolution(x, w, b, rank, strides, padding, dilation, groups, "conv_forward", &job)
    kind = job.kind = rt.activation_code(activation)
    dims[0] = job.win.n
    for i in range(rank):
        dims[1 + i] = job.win.axis[3 - rank + i].windows
    dims[rank + 1] = job.to
    y = rt.pool_empty(rank + 2, dims, t)
    z = rt.pool_empty(rank + 2, dims, t) if save and kind > RN_TANH else y
    if not is_empty(job.win.axis, job.win.n) and job.to:
        job.dst = rt.data(z)
        job.y = rt.data(y)
        convolve(&job)
    if not save:
        return y, None
    return y, (x, w, b is not None, (strides, padding, dilation, groups), kind, z)


def conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, F)   ->   dx (N, *S, C), dw (*K, C/groups, F), db (F,); None where not needed"""
    x, w, has_bias, geometry, kind, kept = rt.unpack_saved(saved, 6, "conv_backward")
    return convolution_gradients(dy, x, w, has_bias, geometry, kind, kept, NULL, needs, "conv_backward")
