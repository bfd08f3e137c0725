"""Reduction: many losses become one number.

Every sample wants the weights turned its own way. A gradient exists of one number only, so their losses are added up:
what the samples agree on survives, what is one sample's accident averages out.

Forward
    L = scale · Σ_n ω_n l_n             l (N,)   ω (N,) or None (all ones)        L one number

    The mean over a batch of N samples is scale = 1/N. Sample weights ω multiply each sample's loss; as in Keras they do
    not change the divisor ("sum_over_batch_size").

Derivation
    L is linear in each l_n:  dl_n = dL · scale · ω_n,  and dL = 1 when L is what is differentiated (chain_rule.py).
    Forgetting the 1/N is the classic slip. Every gradient of the network is then N times too large, and with it every
    step of sgd.py: a learning rate that was right for the mean can make the loss grow instead of fall. (adam.py divides
    by the size that gradients have had and hardly notices.)

By hand
    Three losses l = (1, 2, 6), weights ω = (1, 0, 2), the mean of three: scale = 1/3.
        L = 1/3 · (1·1 + 0·2 + 2·6) = 13/3 = 4.3333
        back, dL = 1:    dl = (1/3·1, 1/3·0, 1/3·2) = (0.3333, 0, 0.6667)      the masked sample teaches nothing
    The slip: fit w in y = w x to one line, all N = 32 samples being x = 1, t = 0, from w = 1, with squared error and
    learning rate 0.1. The gradient of the mean is 2w, and a step makes w into 1 - 0.1·2 = 0.8. That of the sum is
    32·2w, and a step makes w into 1 - 0.1·32·2 = -5.4: farther off than before, and with every step 5.4 times as far
    again.

    >>> l, weights = np.array([1.0, 2.0, 6.0]), np.array([1.0, 0.0, 2.0])
    >>> L, saved = weighted_sum_forward(l, weights, scale=1 / 3)
    >>> L
    array(4.3333)
    >>> weighted_sum_backward(np.array(1.0), saved)
    array([0.3333, 0., 0.6667])
    >>> x, t, w = np.ones((32, 1)), np.zeros((32, 1)), np.ones((1, 1))
    >>> for scale in (1 / 32, 1):
    ...     y, saved = dense_forward(x, w)
    ...     l, saved_l = mean_squared_error_forward(y, t)
    ...     L, saved_L = weighted_sum_forward(l, scale=scale)
    ...     dl = weighted_sum_backward(np.array(1.0), saved_L)
    ...     dy, _ = mean_squared_error_backward(dl, saved_l)
    ...     _, dw, _ = dense_backward(dy, saved)
    ...     print(round(float(w[0, 0] - 0.1 * dw[0, 0]), 12))
    0.8
    -5.4

What is saved
    ω, scale and N.
"""
import numpy as np

__all__ = ["weighted_sum_backward", "weighted_sum_forward"]


def weighted_sum_forward(l, weights=None, scale=1.0, save=True):
    """L = scale · Σ ω l, accumulated in float64.    l, weights (N,)   ->   a 0-d array"""
    total = l.sum(dtype=np.float64) if weights is None else (l.astype(np.float64) * weights).sum()
    return np.asarray(scale * total, dtype=l.dtype), ((weights, scale, len(l)) if save else None)


def weighted_sum_backward(dy, saved):
    """dy = dL, one number (1 at the end of the chain)   ->   dl (N,)"""
    weights, scale, count = saved
    each = dy * dy.dtype.type(scale)                              # L = scale Σ ω l          one number
    return np.full(count, each) if weights is None else each * weights          # (N,)
