"""Transposed convolution: the backward pass of a convolution, used forwards.

Forward
    Every entry of x is stamped into y with the whole kernel:
        ŷ[n, i s + u d, j s + v d, f] += Σ_c x[n,i,j,c] W[u,v,f,c]
        x (N, H, W, C)     W (U, V, F, C)     b (F,)
    ŷ has (H - 1) s + (U - 1) d + 1 rows; y = f(b + the part of ŷ that begins at `before` and has `size` rows). Where that part
    reaches beyond ŷ (output padding), nothing was stamped: 0.

    It is the transpose of a convolution in the sense of matrices. Write a convolution as z = A x with one huge sparse matrix
    A; then its dx = Aᵀ dz, and that map is this one. So an encoder's shapes can be walked back.

Derivation
    The transpose of a transpose is the thing itself. With dẑ = dz laid into ŷ's frame and S_uv its shifted window (convolution.py):
        x enters ŷ through   ŷ[S_uv] += x W_uvᵀ     =>     dx = Σ_uv (S_uv dẑ) W_uv            an ordinary convolution of dz
                                                           dW_uv = (S_uv dẑ)ᵀ x                summed over n, i, j
        db = dz summed over n and places.

What is saved
    x, W; for f' what activation.py keeps.

References
    Zeiler, Krishnan, Taylor, Fergus (2010), Deconvolutional networks. Dumoulin, Visin (2016), arXiv:1603.07285, chapter 4.
"""
import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward
from refnet.kernels.convolution import windows

__all__ = ["conv_transpose_backward", "conv_transpose_forward"]


def _frame(x_size, kernel_size, strides, dilation, before, size):
    """The size of ŷ, made large enough for the part of it that y is."""
    stamped = tuple((n - 1) * s + (k - 1) * d + 1 if n else 0
                    for n, k, s, d in zip(x_size, kernel_size, strides, dilation, strict=True))
    return tuple(max(full, b + n) for full, b, n in zip(stamped, before, size, strict=True))


def _inside(before, size):
    return (slice(None), *(slice(b, b + n) for b, n in zip(before, size, strict=True)))


def conv_transpose_forward(x, w, b=None, strides=(1, 1), before=(0, 0), size=(1, 1), dilation=(1, 1), activation="linear",
                           save=True):
    """y = f(x *ᵀ w + b).    x (N, *S, C)   w (*K, F, C)   b (F,) or None   ->   y (N, *size, F)

    before: how much of the stamped result is cut off at the beginning of each spatial axis; size: how much is kept.
    """
    kernel_size, filters = w.shape[:-2], w.shape[-2]
    stamped = np.zeros((x.shape[0], *_frame(x.shape[1:-1], kernel_size, strides, dilation, before, size), filters), x.dtype)
    for position, window in windows(stamped, kernel_size, x.shape[1:-1], strides, dilation):
        stamped[window] += x @ w[position].T
    z = stamped[_inside(before, size)]
    z = z + b if b is not None else np.ascontiguousarray(z)
    y, f_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, (strides, before, size, dilation), f_saved) if save else None)


def conv_transpose_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *size, F)   ->   dx (N, *S, C), dw (*K, F, C), db (F,); None where not needed"""
    x, w, has_bias, (strides, before, size, dilation), f_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, f_saved)                         # y = f(z)
    kernel_size, (filters, channels) = w.shape[:-2], w.shape[-2:]
    frame = np.zeros((x.shape[0], *_frame(x.shape[1:-1], kernel_size, strides, dilation, before, size), filters), dz.dtype)
    frame[_inside(before, size)] = dz                             # what was cut off received no gradient
    dx = np.zeros_like(x) if need_x else None
    dw = np.zeros_like(w) if need_w else None
    for position, window in windows(frame, kernel_size, x.shape[1:-1], strides, dilation):
        if need_x:                                                # stamped[window] += x @ w[position].T, through x
            dx += frame[window] @ w[position]
        if need_w:                                                # ... and through w
            dw[position] = frame[window].reshape(-1, filters).T @ x.reshape(-1, channels)
    db = None
    if need_b and has_bias:
        db = dz.reshape(-1, filters).sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db
