"""Dropout: train a crowd of thinned networks at once.

A large network can learn its samples by heart instead of what they have in common. If in every step a random part of
its units is switched off, no unit can rely on any other being there, and what is learned by heart from a few of them
stops working.

Forward
    y_i = k_i x_i / (1 - r)             x any shape, r the rate, k_i = 1 with probability 1 - r, else 0; k is the mask

    Dividing by 1 - r keeps the mean over all masks: E[y_i] = x_i. At inference the layer is the identity.

Derivation
    y_i = (k_i / (1 - r)) x_i is linear in x_i with a constant factor:  dx_i = dy_i k_i / (1 - r).
    The same elements are dropped on the way back.

By hand
    x = (3, 6, 9, 12), r = 1/4, seed 0, count 0. The four words of block 0 (philox.py), divided by 2³², are
    (0.3990, 0.8805, 0.7357, 0.6055); kept is what is below 1 - 1/4 = 0.75, so k = (1, 0, 1, 1).
        y = (3/0.75, 6·0, 9/0.75, 12/0.75) = (4, 0, 12, 16)
        back, dy = (3, 3, 3, 3):    dx = (3/0.75, 3·0, 3/0.75, 3/0.75) = (4, 0, 4, 4)

    >>> philox_words(0, 1, 0, 0) / 2**32
    array([[0.3990, 0.8805, 0.7357, 0.6055]])
    >>> dropout_mask(4, 0.25, 0, 0)
    array([1, 0, 1, 1], dtype=uint8)
    >>> y, saved = dropout_forward(np.array([3.0, 6.0, 9.0, 12.0]), 0.25, np.array([0, 0], "uint32"))
    >>> y, dropout_backward(np.array([3.0, 3.0, 3.0, 3.0]), saved)
    (array([4., 0., 12., 16.]), array([4., 0., 4., 4.]))

What is saved
    The mask k, one byte an element.

Randomness
    k_i comes from Philox (philox.py): word i mod 4 of block i div 4, kept where word < floor((1 - r) · 2³²); i counts
    the entries in C order. The word is a function of (seed, count, i) alone, the mask of the word and r: the same bit
    for bit in both twins, both float types, any number of threads.

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
