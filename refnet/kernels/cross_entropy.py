"""Cross-entropy: the surprise of a prediction at what really happened.

A classifier answers with probabilities. Who called the truth 90 % likely should be charged little, who called it 1 %
likely a lot, and nobody should gain by saying anything but what they believe: -log of the probability of what
happened does that.

Forward (a loss per sample; reduction.py turns it into one number)
    categorical   l_n = -Σ_c t_nc log p_nc                             t (N, C) a distribution over classes
    sparse        l_n = -log p_{n, label_n}                            label (N,) in 0..C-1: t is 1 at the label, 0 elsewhere
    binary        l_n = -1/C Σ_c [t_nc log p_nc + (1 - t_nc) log(1 - p_nc)]      C independent yes/no questions

    The argument y is either the probabilities p themselves or (from_logits) the logits z that a softmax (sigmoid) would
    turn into them.

Derivation, from logits z (one row; c and k run over its C entries)
    categorical   log p_c = z_c - log Σ_k exp(z_k), hence ∂log p_c/∂z_k = [c = k] - p_k (softmax.py), and
                  dz_k = -dl Σ_c t_c ([c = k] - p_k)
                       = dl (p_k Σ_c t_c - t_k)                        = dl (p_k - t_k) where t sums to 1
    binary        log σ(z) = -log(1 + e^-z),  log(1 - σ(z)) = log σ(-z)
                  ∂/∂z [-t log σ(z) - (1 - t) log σ(-z)] = -t (1 - σ) + (1 - t) σ = σ(z) - t
                  dz_c = dl/C (σ(z_c) - t_c)
    The logarithm of the loss undoes the exponential of the softmax: what remains is prediction minus truth. That is why
    both are one kernel: it is cheaper, and it never takes the logarithm of a probability that was rounded to 0.

Derivation, from probabilities (as Keras computes it)
    binary        q = clip(p, ε, 1 - ε)                                ε = 1e-7
                  dp_c = dl/C (q_c - t_c) / (q_c (1 - q_c))            where ε ≤ p_c ≤ 1 - ε, else 0
    categorical   s = Σ_k p_k,   r = p / s,   q = clip(r, ε, 1 - ε),   l = -Σ_c t_c log q_c
                  dr_c = -dl t_c / q_c                                 where ε ≤ r_c ≤ 1 - ε, else 0
                  r_c = p_c / s  =>  dp_k = (dr_k - Σ_c dr_c r_c) / s  (quotient rule: s depends on every p_k)

By hand
    Three classes, the truth is the last: label 2, t = (0, 0, 1).
    From logits z = (0, 0, log 2), whose softmax is p = (1/4, 1/4, 2/4) = (0.25, 0.25, 0.5):
        l = -log(0.5) = 0.6931
        back, dl = 1:    dz = (0.25 - 0, 0.25 - 0, 0.5 - 1) = (0.25, 0.25, -0.5)
    From these probabilities, s = 0.25 + 0.25 + 0.5 = 1 and r = q = p, the same l:
        back, dl = 1:    dr = (0, 0, -1/0.5) = (0, 0, -2)      Σ_c dr_c r_c = -2·0.5 = -1
        dp = (0 + 1, 0 + 1, -2 + 1) = (1, 1, -1)
    Binary, one question, t = 1, z = log 3, whose sigmoid is p = 3/4 = 0.75:
        l = -log(0.75) = 0.2877
        back, dl = 1:    dz = 0.75 - 1 = -0.25         from p:    dp = (0.75 - 1) / (0.75·(1 - 0.75)) = -1.3333

    >>> z, label, t, dl = np.log([[1.0, 1.0, 2.0]]), np.array([2]), np.array([[0.0, 0.0, 1.0]]), np.array([1.0])
    >>> l, saved = sparse_categorical_crossentropy_forward(z, label, from_logits=True)
    >>> l, sparse_categorical_crossentropy_backward(dl, saved)
    (array([0.6931]), array([[0.25, 0.25, -0.5]]))
    >>> l, saved = categorical_crossentropy_forward(np.array([[0.25, 0.25, 0.5]]), t)
    >>> l, categorical_crossentropy_backward(dl, saved)
    (array([0.6931]), array([[1., 1., -1.]]))
    >>> l, saved = binary_crossentropy_forward(np.log([[3.0]]), np.array([[1.0]]), from_logits=True)
    >>> l, binary_crossentropy_backward(dl, saved)
    (array([0.2877]), array([[-0.25]]))
    >>> l, saved = binary_crossentropy_forward(np.array([[0.75]]), np.array([[1.0]]))
    >>> l, binary_crossentropy_backward(dl, saved)
    (array([0.2877]), array([[-1.3333]]))

What is saved
    Categorical and sparse: p and the targets from logits (the gradient is their difference); r, s and the targets
    from probabilities.
    Binary: y itself, logits or probabilities, and t; the sigmoid is made again on the way back.

Numerics
    Logits: the row maximum is subtracted first; log(1 + e^-|z|) is computed by log1p. Sums accumulate in float64.

Ties and kinks
    clip has slope 1 on the closed interval [ε, 1 - ε] and 0 outside: a probability nearer than ε to 0 or 1 gets the
    gradient 0, even if it is wrong; its logit would get the full one.

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


def _row_sum(z):
    """Σ_c z_nc, (N, 1), accumulated in float64."""
    return z.sum(axis=-1, keepdims=True, dtype=np.float64).astype(z.dtype)


def _log_normaliser(z):
    """log Σ_k exp(z_k) per row, (N, 1): the maximum taken out first, the sum in float64."""
    top = z.max(axis=-1, keepdims=True)
    return top + np.log(np.exp(z - top).sum(axis=-1, keepdims=True, dtype=np.float64))


def binary_crossentropy_forward(y, t, from_logits=False, save=True):
    """l_n = mean over c of the surprise at t_nc.    y, t (N, C)   ->   l (N,)"""
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
    share = dl[:, None] / dl.dtype.type(max(y.shape[-1], 1))                # l = mean over c           (N, 1)
    if from_logits:
        return share * (sigmoid(y) - t)                                     # -t log σ - (1-t) log(1-σ) (N, C)
    q, inside = _clip(y)
    return np.where(inside, share * ((q - t) / (q * (1 - q))), y.dtype.type(0))


def categorical_crossentropy_forward(y, t, from_logits=False, save=True):
    """l_n = -sum over c of t_nc log p_nc.    y, t (N, C)   ->   l (N,)"""
    if from_logits:
        log_p = y - _log_normaliser(y)                                      # (N, C), float64
        p, s = (softmax_forward(y, save=False)[0] if save else None), None
    else:
        s = _row_sum(y)                                                     # (N, 1)
        p = y / s
        log_p = np.log(_clip(p)[0])
    l = -(t * log_p).sum(axis=-1, dtype=np.float64)
    return l.astype(y.dtype), ((p, s, t) if save else None)


def categorical_crossentropy_backward(dl, saved):
    p, s, t = saved
    dl = dl[:, None]                                                        # (N, 1)
    if s is None:                                                           # from logits: prediction minus truth
        return dl * (p * _row_sum(t) - t)
    q, inside = _clip(p)
    dr = np.where(inside, -dl * t / q, p.dtype.type(0))                     # l = -Σ t log q,  q = clip(r)
    return (dr - _row_sum(dr * p)) / s                                      # r = p / s


def sparse_categorical_crossentropy_forward(y, labels, from_logits=False, save=True):
    """l_n = -log p_{n, label_n}.    y (N, C)   labels (N,) int64 in 0..C-1   ->   l (N,)

    Raises:
        ValueError: a label lies outside 0..C-1 (it is named, with its position).
    """
    classes = y.shape[-1]
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        n = int(np.flatnonzero(outside)[0])
        raise ValueError(f"label {int(labels[n])} at position {n} is out of range for {classes} classes: "
                         f"labels must be integers from 0 to {classes - 1}.")
    rows = np.arange(len(labels))
    if from_logits:
        l = (_log_normaliser(y)[:, 0] - y[rows, labels])
        p, s = (softmax_forward(y, save=False)[0] if save else None), None
    else:
        s = _row_sum(y)
        p = y / s
        l = -np.log(_clip(p[rows, labels])[0])
    return l.astype(y.dtype), ((p, s, labels) if save else None)


def sparse_categorical_crossentropy_backward(dl, saved):
    p, s, labels = saved
    rows = np.arange(len(labels))
    if s is None:                                                           # from logits: p - onehot(label)
        dz = dl[:, None] * p
        dz[rows, labels] -= dl
        return dz
    r = p[rows, labels]                                                     # only r_label enters l     (N,)
    q, inside = _clip(r)
    dr = np.where(inside, -dl / q, p.dtype.type(0))                         # l = -log q,  q = clip(r_label)
    dp = np.broadcast_to(-(dr * r / s[:, 0])[:, None], p.shape).copy()      # r = p / s, through s      (N, C)
    dp[rows, labels] += dr / s[:, 0]                                        # r = p / s, through p_label
    return dp
