"""Cross-entropy: the surprise of a prediction at what really happened.

Forward (a loss per sample; reduction.py turns it into one number)
    categorical   l_m = -Σ_c t_mc log p_mc                             t (M, C) a distribution over classes
    sparse        l_m = -log p_{m, label_m}                            label (M,) in 0..C-1: t is one-hot
    binary        l_m = -1/C Σ_c [t_mc log p_mc + (1 - t_mc) log(1 - p_mc)]      C independent yes/no questions

    y is either the probabilities p themselves or the logits that a softmax (sigmoid) would turn into them.

Derivation, from logits x
    categorical   log p_c = x_c - log Σ_k exp(x_k), hence ∂log p_c/∂x_k = [c = k] - p_k (softmax.py), and
                  dx_k = -dl Σ_c t_c ([c = k] - p_k)
                       = dl (p_k Σ_c t_c - t_k)                        = dl (p_k - t_k) where t sums to 1
    binary        log σ(x) = -log(1 + e^-x),  log(1 - σ(x)) = log σ(-x)
                  ∂/∂x [-t log σ(x) - (1 - t) log σ(-x)] = -t (1 - σ) + (1 - t) σ = σ(x) - t
                  dx_c = dl/C (σ(x_c) - t_c)
    The logarithm of the loss undoes the exponential of the softmax: what remains is prediction minus truth. That is why
    both are one kernel: it is cheaper, and it never takes the logarithm of a probability that was rounded to 0.

Derivation, from probabilities (as Keras computes it)
    binary        q = clip(p, ε, 1 - ε)                                ε = 1e-7
                  dp_c = dl/C (q_c - t_c) / (q_c (1 - q_c))            where ε ≤ p_c ≤ 1 - ε, else 0
    categorical   s = Σ_k p_k,   r = p / s,   q = clip(r, ε, 1 - ε),   l = -Σ_c t_c log q_c
                  dr_c = -dl t_c / q_c                                 where ε ≤ r_c ≤ 1 - ε, else 0
                  r_c = p_c / s  =>  dp_k = (dr_k - Σ_c dr_c r_c) / s  (quotient rule: s depends on every p_k)

What is saved
    From logits: p (or σ) and t: the gradient is their difference. From probabilities: r or p, s and t.

Numerics
    Logits: the row maximum is subtracted first; log(1 + e^-|x|) is computed by log1p. Sums accumulate in float64.

Ties and kinks
    clip has slope 1 on the closed interval [ε, 1 - ε] and 0 outside: a saturated probability learns nothing. (Logits do.)

References
    Good (1952), Rational decisions (the logarithmic score). Bridle (1990), as in softmax.py.
    Bishop (2006), Pattern Recognition and Machine Learning, eqs. 4.90-4.91, 4.108-4.109.
"""
import numpy as np

from refnet.kernels.activation import sigmoid
from refnet.kernels.softmax import softmax_forward

__all__ = [
    "binary_crossentropy_backward", "binary_crossentropy_forward",
    "categorical_crossentropy_backward", "categorical_crossentropy_forward",
    "sparse_categorical_crossentropy_backward", "sparse_categorical_crossentropy_forward",
]

EPSILON = 1e-7


def _clip(p):
    """p limited to [ε, 1 - ε] in its own float type, and where it was inside already."""
    low, high = p.dtype.type(EPSILON), p.dtype.type(1 - EPSILON)
    return np.clip(p, low, high), (p >= low) & (p <= high)


def _log_normaliser(x):
    """log Σ_k exp(x_k) per row, (M, 1): the maximum taken out first, the sum in float64."""
    top = x.max(axis=-1, keepdims=True)
    return top + np.log(np.exp(x - top).sum(axis=-1, keepdims=True, dtype=np.float64))


def binary_crossentropy_forward(y, t, from_logits=False, save=True):
    """l_m = mean over c of the surprise at t_mc.    y, t (M, C)   ->   l (M,)"""
    if from_logits:
        # -t log σ(y) - (1-t) log σ(-y) = max(y, 0) - y t + log(1 + e^-|y|)
        terms = np.maximum(y, 0) - y * t + np.log1p(np.exp(-np.abs(y)))
    else:
        q, _ = _clip(y)
        terms = -(t * np.log(q) + (1 - t) * np.log(1 - q))
    l = terms.sum(axis=-1, dtype=np.float64) / max(y.shape[-1], 1)
    return l.astype(y.dtype), ((y, t, from_logits) if save else None)


def binary_crossentropy_backward(dl, saved):
    y, t, from_logits = saved
    share = dl[:, None] / dl.dtype.type(max(y.shape[-1], 1))                # l = mean over c           (M, 1)
    if from_logits:
        return share * (sigmoid(y) - t)                                     # -t log σ - (1-t) log(1-σ) (M, C)
    q, inside = _clip(y)
    return np.where(inside, share * ((q - t) / (q * (1 - q))), y.dtype.type(0))


def categorical_crossentropy_forward(y, t, from_logits=False, save=True):
    """l_m = -sum over c of t_mc log p_mc.    y, t (M, C)   ->   l (M,)"""
    if from_logits:
        log_p = y - _log_normaliser(y)                                      # (M, C), float64
        p, s = (softmax_forward(y, save=False)[0] if save else None), None
    else:
        s = y.sum(axis=-1, keepdims=True)                                   # (M, 1)
        p = y / s
        log_p = np.log(_clip(p)[0])
    l = -(t * log_p).sum(axis=-1, dtype=np.float64)
    return l.astype(y.dtype), ((p, s, t) if save else None)


def categorical_crossentropy_backward(dl, saved):
    p, s, t = saved
    dl = dl[:, None]                                                        # (M, 1)
    if s is None:                                                           # from logits: prediction minus truth
        return dl * (p * t.sum(axis=-1, keepdims=True) - t)
    q, inside = _clip(p)
    dr = np.where(inside, -dl * t / q, p.dtype.type(0))                     # l = -Σ t log q,  q = clip(r)
    return (dr - (dr * p).sum(axis=-1, keepdims=True)) / s                  # r = p / s


def sparse_categorical_crossentropy_forward(y, labels, from_logits=False, save=True):
    """l_m = -log p_{m, label_m}.    y (M, C)   labels (M,) int64 in 0..C-1   ->   l (M,)

    Raises:
        ValueError: a label lies outside 0..C-1 (it is named, with its position).
    """
    classes = y.shape[-1]
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        m = int(np.flatnonzero(outside)[0])
        raise ValueError(f"label {int(labels[m])} at position {m} is out of range for {classes} classes: "
                         f"labels must be integers from 0 to {classes - 1}.")
    rows = np.arange(len(labels))
    if from_logits:
        l = (_log_normaliser(y)[:, 0] - y[rows, labels])
        p, s = (softmax_forward(y, save=False)[0] if save else None), None
    else:
        s = y.sum(axis=-1, keepdims=True)
        p = y / s
        l = -np.log(_clip(p[rows, labels])[0])
    return l.astype(y.dtype), ((p, s, labels) if save else None)


def sparse_categorical_crossentropy_backward(dl, saved):
    p, s, labels = saved
    rows = np.arange(len(labels))
    if s is None:                                                           # from logits: p - onehot(label)
        dx = dl[:, None] * p
        dx[rows, labels] -= dl
        return dx
    r = p[rows, labels]                                                     # only r_label enters l     (M,)
    q, inside = _clip(r)
    dr = np.where(inside, -dl / q, p.dtype.type(0))                         # l = -log q,  q = clip(r_label)
    dp = np.broadcast_to(-(dr * r / s[:, 0])[:, None], p.shape).copy()      # r = p / s, through s      (M, C)
    dp[rows, labels] += dr / s[:, 0]                                        # r = p / s, through p_label
    return dp
