"""Convolution: a dense layer that slides.

Forward (two dimensions; one and three are the same with fewer or more indices)
    z[n,i,j,f] = b_f + Σ_{u,v,c} x̂[n, i s + u d, j s + v d, c] W[u,v,c,f]          y = f(z)
        x (N, H, W, C)     W (U, V, C/G, F)     b (F,)     y (N, I, J, F)
        x̂ is x with zeros around it (the padding), s the stride, d the dilation.
        I = ⌊(H + padding - ((U - 1) d + 1)) / s⌋ + 1

    Fix one kernel position (u, v). What it contributes is a dense layer: a window of x̂, shifted by (u d, v d) and read with step s,
    times the matrix W[u,v]. A convolution is the sum of U·V shifted dense layers, and that is how it is written here.

    G groups: the channels are cut into G equal parts, each with its own F/G filters. Group g of y sees only group g of x.
    (As in every neural-network library this is a cross-correlation: the kernel is not flipped.)

Derivation
    Let S_uv x̂ be that shifted window, (N, I, J, C):   z = b + Σ_uv (S_uv x̂) W_uv.
    Each term is a dense layer, so dense.py gives everything:
        dW_uv = (S_uv x̂)ᵀ dz                summed over n, i, j
        db    = dz summed over n, i, j
        d(S_uv x̂) = dz W_uvᵀ                and what was read from x̂ at (i s + u d, j s + v d) is added back at that place:
        dx̂[n, i s + u d, j s + v d, c] += Σ_f dz[n,i,j,f] W[u,v,c,f]
    dx is dx̂ without its border: a zero that was put there learns nothing.

    Why that is a convolution with the flipped kernel. For s = d = 1, collect what arrives at one place p = i + u:
        dx̂[p] = Σ_u dz[p - u] W_uᵀ          u runs up, the index of dz runs down.
    Substitute u' = U - 1 - u:  dx̂[p] = Σ_u' dz[p - (U - 1) + u'] W_(U-1-u')ᵀ: a convolution of dz, padded with U - 1 zeros
    on both sides, with the kernel read backwards and its channels exchanged. A stride s > 1 first puts s - 1 zeros between
    the entries of dz. The code below adds to shifted windows instead: the same sum, nothing flipped.

What is saved
    x, W; for f' what activation.py keeps.

Kinks
    Those of f.

References
    LeCun et al. (1989), Backpropagation applied to handwritten zip code recognition.
    Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, arXiv:1603.07285 (sizes, strides, dilation).
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
    """For every kernel position: (position, the slice of x̂ (N, *S, C) that it reads: (N, *I, C))."""
    for position in product(*(range(k) for k in kernel_size)):
        spatial = tuple(slice(u * d, u * d + s * (o - 1) + 1, s)
                        for u, d, s, o in zip(position, dilation, strides, output_size, strict=True))
        yield position, (slice(None), *spatial)


def output_sizes(sizes, kernel_size, strides, padding, dilation):
    """How many windows fit along each spatial axis."""
    return tuple((n + before + after - ((k - 1) * d + 1)) // s + 1 if n + before + after >= (k - 1) * d + 1 else 0
                 for n, k, s, (before, after), d in zip(sizes, kernel_size, strides, padding, dilation, strict=True))


def conv_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation="linear", save=True):
    """y = f(x * w + b).    x (N, *S, C)   w (*K, C/groups, F)   b (F,) or None   ->   y (N, *I, F)

    The tuples have one entry per spatial axis: 1, 2 or 3 of them.
    """
    kernel_size, (per_group, filters) = w.shape[:-2], w.shape[-2:]
    size = output_sizes(x.shape[1:-1], kernel_size, strides, padding, dilation)
    padded = pad_spatial(x, padding)
    z = np.zeros((x.shape[0], *size, filters), x.dtype)
    f = filters // groups
    for position, window in windows(padded, kernel_size, size, strides, dilation):
        for g in range(groups):
            z[..., g * f:(g + 1) * f] += padded[window][..., g * per_group:(g + 1) * per_group] @ w[position][:, g * f:(g + 1) * f]
    if b is not None:
        z += b                                                    # (F,) broadcast over batch and places
    y, f_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, (strides, padding, dilation, groups), f_saved) if save else None)


def conv_backward(dy, saved, needs=(True, True, True)):
    """dy (N, *I, F)   ->   dx (N, *S, C), dw (*K, C/groups, F), db (F,); None where not needed"""
    x, w, has_bias, (strides, padding, dilation, groups), f_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, f_saved)                         # y = f(z)                        (N, *I, F)
    kernel_size, (per_group, filters) = w.shape[:-2], w.shape[-2:]
    f = filters // groups
    padded = pad_spatial(x, padding)
    dx = np.zeros_like(padded) if need_x else None
    dw = np.zeros_like(w) if need_w else None
    for position, window in windows(padded, kernel_size, dz.shape[1:-1], strides, dilation):
        for g in range(groups):
            ins, outs = slice(g * per_group, (g + 1) * per_group), slice(g * f, (g + 1) * f)
            dz_g = dz[..., outs]
            if need_w:                                            # z += window @ w[position], through w
                seen = padded[window][..., ins].reshape(-1, per_group)
                dw[position][:, outs] = seen.T @ dz_g.reshape(-1, f)
            if need_x:                                            # z += window @ w[position], through the window
                dx[window][..., ins] += dz_g @ w[position][:, outs].T
    if need_x:                                                    # the border was zeros: cut it off
        inside = tuple(slice(before, before + n) for (before, _), n in zip(padding, x.shape[1:-1], strict=True))
        dx = np.ascontiguousarray(dx[(slice(None), *inside)])
    db = None
    if need_b and has_bias:                                       # b was broadcast                 (F,)
        db = dz.reshape(-1, filters).sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db
