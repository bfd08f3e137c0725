"""Depthwise convolution: every channel by itself.

A convolution does two things at once: it looks around in space, and it mixes channels. Doing the one after the other
takes a fraction of the weights and of the multiplications (in the count below, an eighth).

Forward
    z[n,i,j, c M + m] = b[c M + m] + Σ_{u,v} x̃[n, i s + u r, j s + v r, c] w[u,v,c,m]           y = f(z)
        x (N, H, W, C)     w (U, V, C, M)     b (C M,)     y (N, I, J, C M)       x̃, s, r as in convolution.py
    M, the depth multiplier, is how many filters each channel gets. Followed by a 1x1 convolution to F channels, which
    mixes them, it is a separable convolution: U·V·C·M + C·M·F weights instead of U·V·C·F.

Derivation
    z is, for one kernel position, an elementwise product of a shifted window S_uv x̃ (N, I, J, C, 1) with w_uv (C, M),
    broadcast:
        dw_uv[c,m] = Σ_nij (S_uv x̃)[n,i,j,c] dz[n,i,j,c,m]                     w was broadcast over n, i, j: a sum
        d(S_uv x̃)[n,i,j,c] = Σ_m dz[n,i,j,c,m] w_uv[c,m]                       x̃ was broadcast over m: a sum
    and, as in convolution.py, what was read from a place is added back at that place.

By hand (one dimension, two channels, M = 1)
    channel 0: x = (1, 2, 3), w = (1, 2):      y = (1·1 + 2·2, 1·2 + 2·3) = (5, 8)
    channel 1: x = (5, 3, 4), w = (1, -1):     y = (1·5 - 1·3, 1·3 - 1·4) = (2, -1)
    Back, dy = (1, 10) in both:
        channel 0:    dw = (1·1 + 2·10, 2·1 + 3·10) = (21, 32)      dx = (1·1, 2·1 + 1·10, 2·10) = (1, 12, 20)
        channel 1:    dw = (5·1 + 3·10, 3·1 + 4·10) = (35, 43)      dx = (1·1, -1·1 + 1·10, -1·10) = (1, 9, -10)
    Weights for a 3x3 kernel from 64 channels to 64, M = 1:    3·3·64 + 64·64 = 4672 instead of 3·3·64·64 = 36864.

    >>> x = np.array([[1.0, 5.0], [2.0, 3.0], [3.0, 4.0]]).reshape(1, 3, 2)
    >>> w = np.array([[1.0, 1.0], [2.0, -1.0]]).reshape(2, 2, 1)
    >>> y, saved = depthwise_conv_forward(x, w, strides=(1,), padding=((0, 0),), dilation=(1,))
    >>> y[0].T
    array([[5., 8.], [2., -1.]])
    >>> dx, dw, db = depthwise_conv_backward(np.array([[[1.0, 1.0], [10.0, 10.0]]]), saved)
    >>> dx[0].T, dw[:, :, 0].T
    (array([[1., 12., 20.], [1., 9., -10.]]), array([[21., 32.], [35., 43.]]))

What is saved
    x, w; for f' what activation.py keeps.

References
    Chollet (2017), Xception: deep learning with depthwise separable convolutions, arXiv:1610.02357.
    Howard et al. (2017), MobileNets: efficient convolutional neural networks for mobile vision applications,
    arXiv:1704.04861.
"""
import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward
from refnet.kernels.convolution import output_sizes, pad_spatial, windows

__all__ = ["depthwise_conv_backward", "depthwise_conv_forward"]


def depthwise_conv_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), activation="linear", save=True):
    """x (N, *S, C)   w (*K, C, M)   b (C M,) or None   ->   y (N, *I, C M)"""
    kernel_size, (channels, multiplier) = w.shape[:-2], w.shape[-2:]
    size = output_sizes(x.shape[1:-1], kernel_size, strides, padding, dilation)
    padded = pad_spatial(x, padding)
    z = np.zeros((x.shape[0], *size, channels, multiplier), x.dtype)
    for position, window in windows(padded, kernel_size, size, strides, dilation):
        z += padded[window][..., None] * w[position]
    z = z.reshape(x.shape[0], *size, channels * multiplier)
    if b is not None:
        z += b
    y, activation_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, (strides, padding, dilation), activation_saved) if save else None)


def depthwise_conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, C M)   ->   dx (N, *S, C), dw (*K, C, M), db (C M,); None where not needed"""
    x, w, has_bias, (strides, padding, dilation), activation_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, activation_saved)                # y = f(z)
    kernel_size, (channels, multiplier) = w.shape[:-2], w.shape[-2:]
    size = dz.shape[1:-1]
    split = dz.reshape(*dz.shape[:-1], channels, multiplier)
    padded = pad_spatial(x, padding)
    dx = np.zeros_like(padded) if need_x else None
    dw = np.zeros_like(w) if need_w else None
    places = tuple(range(split.ndim - 2))
    for position, window in windows(padded, kernel_size, size, strides, dilation):
        if need_w:                                                # z += window * w[position], through w
            dw[position] = (padded[window][..., None] * split).sum(axis=places, dtype=np.float64)
        if need_x:                                                # ... and through the window
            dx[window] += (split * w[position]).sum(axis=-1)
    if need_x:
        inside = tuple(slice(before, before + size) for (before, _), size in zip(padding, x.shape[1:-1], strict=True))
        dx = np.ascontiguousarray(dx[(slice(None), *inside)])
    db = None
    if need_b and has_bias:
        db = dz.reshape(-1, channels * multiplier).sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db
