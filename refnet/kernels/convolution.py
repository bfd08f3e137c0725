"""Convolution: a dense layer that slides.

An eye, an edge, a word is the same wherever it stands. A dense layer would have to learn it anew for every place; a
convolution learns one small set of weights, the kernel, and tries it everywhere: few weights, and what is learned in
one place is known in all.

Forward (two dimensions; one and three are the same with fewer or more indices)
    z[n,i,j,o] = b_o + Σ_{u,v,c} x̃[n, i s + u r, j s + v r, c] w[u,v,c,o]          y = f(z)
        x (N, H, W, C)     w (U, V, C/G, F)     b (F,)     y (N, I, J, F)
        n a sample, (i, j) a place of y, (u, v) a position in the kernel, c a channel of x, o a channel of y (the
        result of one filter)
        x̃ is x with zeros around it (the padding), s the stride, r the dilation, how far apart the kernel's positions are
        I = ⌊(H + padding - ((U - 1) r + 1)) / s⌋ + 1

    Fix one kernel position (u, v). What it contributes is a dense layer: a window of x̃, shifted by (u r, v r) and
    read with step s, times the matrix w[u,v]. A convolution is the sum of U·V shifted dense layers, and that is how
    it is written here.

    G groups: the channels are cut into G equal parts, each with its own F/G filters. Group g of y sees only group g
    of x.
    (As in every neural-network library this is a cross-correlation: the kernel is not flipped.)

Derivation
    Let S_uv x̃ be that shifted window, (N, I, J, C):   z = b + Σ_uv (S_uv x̃) w_uv.
    Each term is a dense layer, so dense.py gives everything:
        dw_uv = (S_uv x̃)ᵀ dz             summed over n, i, j
        db    = dz                       summed over n, i, j
        d(S_uv x̃) = dz w_uvᵀ             and what was read from x̃ at (i s + u r, j s + v r) is added back at that place:
        dx̃[n, i s + u r, j s + v r, c] += Σ_o dz[n,i,j,o] w[u,v,c,o]
    dx is dx̃ without its border: a zero that was put there learns nothing.

    Why that is a convolution with the flipped kernel. Put s - 1 zeros between the entries of dz (call it dz⁰, so that
    dz⁰[i s] = dz[i]) and collect what arrives at one place p = i s + u r:
        dx̃[p] = Σ_u dz⁰[p - u r] w_uᵀ       u runs up, the index of dz⁰ runs down.
    Substitute u' = U - 1 - u:  dx̃[p] = Σ_u' dz⁰[p - (U - 1) r + u' r] w_(U-1-u')ᵀ: a convolution of dz⁰, padded with
    (U - 1) r zeros on both sides, stride 1, dilation r, with the kernel read backwards and its channels exchanged. It
    ends where the last window ends; where the stride leaves a remainder, the last places of x̃ were read by no window,
    and their gradient is 0.
    The code below adds to shifted windows instead: the same sum, nothing flipped.

By hand (one dimension, one channel, one filter)
    x = (1, 2, 3, 4), w = (2, 1):
        y = (2·1 + 1·2, 2·2 + 1·3, 2·3 + 1·4) = (4, 7, 10)
    Back, dy = (1, 10, 100):
        dw = (1·1 + 2·10 + 3·100, 2·1 + 3·10 + 4·100) = (321, 432)
        db = 1 + 10 + 100 = 111
        dx = (2·1, 1·1 + 2·10, 1·10 + 2·100, 1·100) = (2, 21, 210, 100)
    The same by the flipped kernel (1, 2), over dy with one zero on both sides, (0, 1, 10, 100, 0):
        dx = (1·0 + 2·1, 1·1 + 2·10, 1·10 + 2·100, 1·100 + 2·0) = (2, 21, 210, 100)
    With stride 2 and dilation 3 over nine places, z[i] reads the places 2 i and 2 i + 3, so dy goes to
        0 and 3: 2·1 and 1·1;   2 and 5: 2·10 and 1·10;   4 and 7: 2·100 and 1·100;   none to 8, the remainder.

    >>> x, w = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1), np.array([2.0, 1.0]).reshape(2, 1, 1)
    >>> b, dy = np.array([0.0]), np.array([1.0, 10.0, 100.0]).reshape(1, 3, 1)
    >>> flipped = np.array([1.0, 2.0]).reshape(2, 1, 1)
    >>> y, saved = conv_forward(x, w, b, strides=(1,), padding=((0, 0),), dilation=(1,))
    >>> [a.ravel() for a in (y, *conv_backward(dy, saved))]
    [array([4., 7., 10.]), array([2., 21., 210., 100.]), array([321., 432.]), array([111.])]
    >>> conv_forward(dy, flipped, strides=(1,), padding=((1, 1),), dilation=(1,))[0].ravel()
    array([2., 21., 210., 100.])
    >>> y, saved = conv_forward(np.ones((1, 9, 1)), w, strides=(2,), padding=((0, 0),), dilation=(3,))
    >>> conv_backward(dy, saved)[0].ravel()
    array([2., 0., 20., 1., 200., 10., 0., 100., 0.])
    >>> dy0 = np.array([1.0, 0.0, 10.0, 0.0, 100.0]).reshape(1, 5, 1)
    >>> conv_forward(dy0, flipped, strides=(1,), padding=((3, 3),), dilation=(3,))[0].ravel()
    array([2., 0., 20., 1., 200., 10., 0., 100.])

What is saved
    x, w; for f' what activation.py keeps.

Kinks
    Those of f.

References
    LeCun et al. (1989), Backpropagation applied to handwritten zip code recognition.
    Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, arXiv:1603.07285 (sizes, strides,
    dilation).
"""
from itertools import product

import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward

__all__ = ["conv_backward", "conv_forward"]


def pad_spatial(x, padding):
    """x (N, *S, C) with zeros around its spatial axes; padding ((before, after), ...)."""
    if not any(before or after for before, after in padding):
        return x
    return np.pad(x, ((0, 0), *padding, (0, 0)))


def windows(x, kernel_size, output_size, strides, dilation):
    """For every kernel position: (position, the slice of x̃ (N, *S, C) that it reads: (N, *I, C))."""
    for position in product(*(range(k) for k in kernel_size)):
        spatial = tuple(slice(u * r, u * r + s * (size - 1) + 1, s)
                        for u, r, s, size in zip(position, dilation, strides, output_size, strict=True))
        yield position, (slice(None), *spatial)


def output_sizes(sizes, kernel_size, strides, padding, dilation):
    """How many windows fit along each spatial axis."""
    return tuple((size + before + after - ((k - 1) * r + 1)) // s + 1 if size + before + after >= (k - 1) * r + 1 else 0
                 for size, k, s, (before, after), r in zip(sizes, kernel_size, strides, padding, dilation, strict=True))


def conv_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation="linear", save=True):
    """y = f(x * w + b).    x (N, *S, C)   w (*K, C/groups, F)   b (F,) or None   ->   y (N, *I, F)

    The tuples have one entry per spatial axis: 1, 2 or 3 of them.
    """
    kernel_size, (per_group, filters) = w.shape[:-2], w.shape[-2:]
    size = output_sizes(x.shape[1:-1], kernel_size, strides, padding, dilation)
    padded = pad_spatial(x, padding)
    z = np.zeros((x.shape[0], *size, filters), x.dtype)
    filters_each = filters // groups
    for position, window in windows(padded, kernel_size, size, strides, dilation):
        for g in range(groups):
            ins, outs = slice(g * per_group, (g + 1) * per_group), slice(g * filters_each, (g + 1) * filters_each)
            z[..., outs] += padded[window][..., ins] @ w[position][:, outs]
    if b is not None:
        z += b                                                    # (F,) broadcast over batch and places
    y, activation_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, (strides, padding, dilation, groups), activation_saved) if save else None)


def conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, F)   ->   dx (N, *S, C), dw (*K, C/groups, F), db (F,); None where not needed"""
    x, w, has_bias, (strides, padding, dilation, groups), activation_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, activation_saved)                # y = f(z)                        (N, *I, F)
    kernel_size, (per_group, filters) = w.shape[:-2], w.shape[-2:]
    filters_each = filters // groups
    padded = pad_spatial(x, padding)
    dx = np.zeros_like(padded) if need_x else None
    dw = np.zeros_like(w) if need_w else None
    for position, window in windows(padded, kernel_size, dz.shape[1:-1], strides, dilation):
        for g in range(groups):
            ins, outs = slice(g * per_group, (g + 1) * per_group), slice(g * filters_each, (g + 1) * filters_each)
            dz_g = dz[..., outs]
            if need_w:                                            # z += window @ w[position], through w
                seen = padded[window][..., ins].reshape(-1, per_group)
                dw[position][:, outs] = seen.T @ dz_g.reshape(-1, filters_each)
            if need_x:                                            # z += window @ w[position], through the window
                dx[window][..., ins] += dz_g @ w[position][:, outs].T
    if need_x:                                                    # the border was zeros: cut it off
        inside = tuple(slice(before, before + size) for (before, _), size in zip(padding, x.shape[1:-1], strict=True))
        dx = np.ascontiguousarray(dx[(slice(None), *inside)])
    db = None
    if need_b and has_bias:                                       # b was broadcast                 (F,)
        db = dz.reshape(-1, filters).sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db
