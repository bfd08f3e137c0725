"""Dropout: train a crowd of thinned networks at once.

Forward
    y_i = k_i x_i / (1 - r)             x any shape, r the rate, k_i = 1 with probability 1 - r, else 0

    Dividing by 1 - r keeps the expectation: E[y_i] = x_i. At inference the layer is the identity.

Derivation
    y_i = (k_i / (1 - r)) x_i is linear in x_i with a constant factor:  dx_i = dy_i k_i / (1 - r).
    The same elements are dropped on the way back.

What is saved
    The mask k, one byte an element.

Randomness
    k_i comes from Philox (philox.py): word i mod 4 of block i div 4, kept where word < floor((1 - r) · 2³²). The
    mask is a function of (seed, count, i) alone: the same bit for bit in both twins, both float types, any number of threads.

References
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout: a simple way to prevent overfitting.
"""
import math

import numpy as np

from refnet.kernels.philox import philox_words

__all__ = ["dropout_backward", "dropout_forward", "dropout_mask"]


def dropout_mask(size, rate, seed, count):
    """k_0 ... k_(size-1).    ->   (size,) uint8 of zeros and ones"""
    words = philox_words(0, -(-size // 4), seed, count).reshape(-1)[:size]
    return (words < math.floor((1 - rate) * 2**32)).astype(np.uint8)        # rate 0: every word is below 2³²


def dropout_forward(x, rate, key, save=True):
    """y = k x / (1 - rate).    x any shape, 0 <= rate <= 1; rate 0 returns x itself; key (2,) uint32: seed and count"""
    if rate == 0:
        return x, ((None, 1.0) if save else None)
    mask = dropout_mask(x.size, rate, int(key[0]), int(key[1])).reshape(x.shape)
    scale = 1 / (1 - rate) if rate < 1 else 0.0
    y = np.where(mask, x * x.dtype.type(scale), x.dtype.type(0))            # a selection: a dropped NaN is gone
    return y, ((mask, scale) if save else None)


def dropout_backward(dy, saved):
    mask, scale = saved
    if mask is None:                                              # y = x
        return dy
    return np.where(mask, dy * dy.dtype.type(scale), dy.dtype.type(0))      # y = k x / (1 - r)
