"""Reduction: many losses become one number.

Forward
    L = scale · Σ_m w_m l_m             l (M,)   w (M,) or None (all ones)        L a scalar

    The mean over a batch of M samples is scale = 1/M. Sample weights multiply each sample's loss; as in Keras they do
    not change the divisor ("sum_over_batch_size").

Derivation
    L is linear in each l_m:  dl_m = dL · scale · w_m.
    Forgetting the 1/M here is the classic slip: the loss still falls, with a learning rate M times too large.

What is saved
    w, scale and M.
"""
import numpy as np

__all__ = ["weighted_sum_backward", "weighted_sum_forward"]


def weighted_sum_forward(l, weights=None, scale=1.0, save=True):
    """L = scale · Σ w l, accumulated in float64.    l, weights (M,)   ->   a 0-d array"""
    total = l.sum(dtype=np.float64) if weights is None else (l.astype(np.float64) * weights).sum()
    return np.asarray(scale * total, dtype=l.dtype), ((weights, scale, len(l)) if save else None)


def weighted_sum_backward(dy, saved):
    weights, scale, m = saved
    each = dy * dy.dtype.type(scale)                              # L = scale Σ w l          a scalar
    return np.full(m, each) if weights is None else each * weights          # (M,)
