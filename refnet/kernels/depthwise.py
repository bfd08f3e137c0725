"""Depthwise convolution: every channel by itself.

Forward
    z[n,i,j, c M + m] = b + Σ_{u,v} x̂[n, i s + u d, j s + v d, c] W[u,v,c,m]           y = f(z)
        x (N, H, W, C)     W (U, V, C, M)     b (C M,)     y (N, I, J, C M)
    M, the depth multiplier, is how many filters each channel gets. Followed by a 1x1 convolution, which mixes the channels, it is a
    separable convolution: U·V·C + C·F weights instead of U·V·C·F.

Derivation
    z is, for one kernel position, an elementwise product of a shifted window S_uv x̂ (N, I, J, C, 1) with W_uv (C, M), broadcast:
        dW_uv[c,m] = Σ_nij (S_uv x̂)[n,i,j,c] dz[n,i,j,c,m]                     W was broadcast over n, i, j: a sum
        d(S_uv x̂)[n,i,j,c] = Σ_m dz[n,i,j,c,m] W_uv[c,m]                       x̂ was broadcast over m: a sum
    and, as in convolution.py, what was read from a place is added back at that place.

What is saved
    x, W; for f' what activation.py keeps.

References
    Chollet (2017), Xception: deep learning with depthwise separable convolutions, arXiv:1610.02357.
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
    y, f_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, (strides, padding, dilation), f_saved) if save else None)


def depthwise_conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, C M)   ->   dx (N, *S, C), dw (*K, C, M), db (C M,); None where not needed"""
    x, w, has_bias, (strides, padding, dilation), f_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, f_saved)                         # y = f(z)
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
        inside = tuple(slice(before, before + n) for (before, _), n in zip(padding, x.shape[1:-1], strict=True))
        dx = np.ascontiguousarray(dx[(slice(None), *inside)])
    db = None
    if need_b and has_bias:
        db = dz.reshape(-1, channels * multiplier).sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db
