"""Transposed convolution: the backward pass of a convolution, used forwards.

Convolutions with strides lead from a large image to a small one with many channels. Whoever wants an image back (to
draw one, to mark each pixel, to remove noise) needs the way from few places to many, and it should be one that is
learned.

Forward
    Every entry of x is stamped into y with the whole kernel:
        ỹ[n, i s + u r, j s + v r, o] += Σ_c x[n,i,j,c] w[u,v,o,c]
        x (N, H, W, C)     w (U, V, F, C)     b (F,)     s the stride, r the dilation; (i, j) runs over the places of x
    ỹ has (H - 1) s + (U - 1) r + 1 rows; y = f(b + the part of ỹ that begins at `before` and has `size` rows). Where
    that part reaches beyond ỹ (output padding), nothing was stamped: 0.

    It is the transpose of a convolution in the sense of matrices. Write a convolution as z = A x with one huge sparse
    matrix A; then its dx = Aᵀ dz, and that map is this one. So an encoder's shapes can be walked back.

Derivation
    The transpose of a transpose is the thing itself. With dỹ = dz laid into ỹ's frame and S_uv its shifted window
    (convolution.py):
        x enters ỹ through  ỹ[S_uv] += x w_uvᵀ     =>     dx = Σ_uv (S_uv dỹ) w_uv         an ordinary convolution of dz
                                                          dw_uv = (S_uv dỹ)ᵀ x             summed over n, i, j
        db = dz summed over n and places.

By hand (one dimension, one channel, one filter)
    x = (1, 2), w = (1, 2, 3), stride 2. Stamped: (1, 2, 3) at place 0, (2, 4, 6) at place 2, together
        ỹ = (1, 2, 3 + 2, 4, 6) = (1, 2, 5, 4, 6)        kept, from `before` 1 on, `size` 3:  y = (2, 5, 4)
    Back, dy = (1, 10, 100), laid into the frame:    dỹ = (0, 1, 10, 100, 0)
        dx = (0·1 + 1·2 + 10·3, 10·1 + 100·2 + 0·3) = (32, 210)                 windows of dỹ at 0 and at 2, times w
        dw = (1·0 + 2·10, 1·1 + 2·100, 1·10 + 2·0) = (20, 201, 10)

    >>> x, w = np.array([1.0, 2.0]).reshape(1, 2, 1), np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    >>> y, saved = conv_transpose_forward(x, w, strides=(2,), before=(1,), size=(3,), dilation=(1,))
    >>> dx, dw, db = conv_transpose_backward(np.array([1.0, 10.0, 100.0]).reshape(1, 3, 1), saved)
    >>> y.ravel(), dx.ravel(), dw.ravel()
    (array([2., 5., 4.]), array([32., 210.]), array([20., 201., 10.]))

What is saved
    x, w; for f' what activation.py keeps.

References
    Zeiler, Krishnan, Taylor, Fergus (2010), Deconvolutional networks.
    Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, arXiv:1603.07285, chapter 4.
"""
import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward
from refnet.kernels.convolution import windows

__all__ = ["conv_transpose_backward", "conv_transpose_forward"]


def _frame(x_size, kernel_size, strides, dilation, before, size):
    """The size of ỹ, made large enough for the part of it that y is."""
    stamped = tuple((entries - 1) * s + (k - 1) * r + 1 if entries else 0
                    for entries, k, s, r in zip(x_size, kernel_size, strides, dilation, strict=True))
    return tuple(max(full, begin + kept) for full, begin, kept in zip(stamped, before, size, strict=True))


def _inside(before, size):
    return (slice(None), *(slice(begin, begin + kept) for begin, kept in zip(before, size, strict=True)))


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
    y, activation_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, (strides, before, size, dilation), activation_saved) if save else None)


def conv_transpose_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *size, F)   ->   dx (N, *S, C), dw (*K, F, C), db (F,); None where not needed"""
    x, w, has_bias, (strides, before, size, dilation), activation_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, activation_saved)                # y = f(z)
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
