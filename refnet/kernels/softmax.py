"""Softmax: scores become a probability distribution.

A classifier computes one score per class, any numbers at all. To compare them with the truth, and to say "90 % a
cat", they must become shares that are positive and add up to 1, keep the order of the scores, and have a gradient
that says something: picking the largest (1 for it, 0 for the rest) has slope 0, or none.

Forward
    y_c = exp(x_c) / Σ_k exp(x_k)                    x (N, C)        y (N, C), rows sum to 1
    log-softmax:  λ_c = log y_c = x_c - log Σ_k exp(x_k)
    Each of the N rows by itself; c and k both run over the C entries of the row.

    Adding a constant a to a row multiplies numerator and denominator by exp(a), which cancels. So the row's maximum is
    subtracted first: the largest exponent is 0, the largest exponential exp(0) = 1, and nothing overflows.

Derivation
    Every y_c depends on every x_k of its row. With s = Σ_k exp(x_k):
        ∂y_c/∂x_k = ([c = k] exp(x_c) s - exp(x_c) exp(x_k)) / s²        quotient rule
                  = y_c ([c = k] - y_k)
        dx_k = Σ_c dy_c y_c ([c = k] - y_k)                              chain rule: sum over everything x_k reaches
             = y_k (dy_k - Σ_c dy_c y_c)
    For the logarithm:
        ∂λ_c/∂x_k = [c = k] - y_k                                        (1/y_c times the line above)
        dx_k = dλ_k - y_k Σ_c dλ_c

    Both gradients sum to zero over a row, as they must: moving all scores together moves no probability.

By hand
    x = (0, 0, log 2), whose exponentials are (1, 1, 2):    y = (1/4, 1/4, 2/4) = (0.25, 0.25, 0.5)
        back, dy = (4, 0, 0):    Σ_c dy_c y_c = 4·0.25 = 1
            dx = (0.25·(4 - 1), 0.25·(0 - 1), 0.5·(0 - 1)) = (0.75, -0.25, -0.5)      together 0.75 - 0.25 - 0.5 = 0
    log-softmax of the same x:    λ = (log(0.25), log(0.25), log(0.5)) = (-1.3863, -1.3863, -0.6931)
        back, dλ = (1, 0, 0):    dx = (1 - 0.25·1, 0 - 0.25·1, 0 - 0.5·1) = (0.75, -0.25, -0.5)

    >>> x = np.log([[1.0, 1.0, 2.0]])
    >>> y, saved = softmax_forward(x)
    >>> y, softmax_backward(np.array([[4.0, 0.0, 0.0]]), saved)
    (array([[0.25, 0.25, 0.5]]), array([[0.75, -0.25, -0.5]]))
    >>> y, saved = log_softmax_forward(x)
    >>> y, log_softmax_backward(np.array([[1.0, 0.0, 0.0]]), saved)
    (array([[-1.3863, -1.3863, -0.6931]]), array([[0.75, -0.25, -0.5]]))

What is saved
    y (softmax), λ (log-softmax; y = exp λ).

Ties and kinks
    None: softmax is smooth. A row that holds NaN or +inf gives NaN.

References
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.
"""
import numpy as np

__all__ = ["log_softmax_backward", "log_softmax_forward", "softmax_backward", "softmax_forward"]


def _shifted(x):
    """x minus its row maximum: every entry is <= 0, and the largest is 0."""
    if x.shape[-1] == 0:
        return x
    with np.errstate(invalid="ignore"):                           # inf - inf = NaN is the answer, not an accident
        return x - x.max(axis=-1, keepdims=True)


def softmax_forward(x, save=True):
    """y = softmax(x) over the last axis; x (N, C)."""
    e = np.exp(_shifted(x))
    y = e / e.sum(axis=-1, keepdims=True, dtype=np.float64).astype(e.dtype)
    return y, (y if save else None)


def softmax_backward(dy, saved):
    y = saved
    inner = (dy * y).sum(axis=-1, keepdims=True, dtype=np.float64)          # Σ_c dy_c y_c       (N, 1)
    return y * (dy - inner.astype(y.dtype))                       # y_c = exp(x_c)/s   (N, C)


def log_softmax_forward(x, save=True):
    """λ = log softmax(x) over the last axis; x (N, C)."""
    shifted = _shifted(x)
    y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float64)).astype(x.dtype)
    return y, (y if save else None)


def log_softmax_backward(dy, saved):
    log_y = saved
    total = dy.sum(axis=-1, keepdims=True, dtype=np.float64).astype(dy.dtype)   # (N, 1)
    return dy - np.exp(log_y) * total                             # λ_c = x_c - log s
