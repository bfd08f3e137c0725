"""Softmax: scores become a probability distribution.

Forward
    y_c = exp(x_c) / Σ_k exp(x_k)                    x (M, C)        y (M, C), rows sum to 1
    log-softmax:  ℓ_c = log y_c = x_c - log Σ_k exp(x_k)

    Adding a constant to a row changes nothing, so the row's maximum is subtracted first: the largest exponent is
    exp(0) = 1 and nothing overflows.

Derivation
    Every y_c depends on every x_k of its row. With s = Σ_k exp(x_k):
        ∂y_c/∂x_k = ([c = k] exp(x_c) s - exp(x_c) exp(x_k)) / s²        quotient rule
                  = y_c ([c = k] - y_k)
        dx_k = Σ_c dy_c y_c ([c = k] - y_k)                              chain rule: sum over everything x_k reaches
             = y_k (dy_k - Σ_c dy_c y_c)
    For the logarithm:
        ∂ℓ_c/∂x_k = [c = k] - y_k                                        (1/y_c times the line above)
        dx_k = dℓ_k - y_k Σ_c dℓ_c

    Both gradients sum to zero over a row, as they must: moving all scores together moves no probability.

What is saved
    y (softmax), ℓ (log-softmax; y = exp ℓ).

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
    """y = softmax(x) over the last axis; x (M, C)."""
    e = np.exp(_shifted(x))
    y = e / e.sum(axis=-1, keepdims=True)
    return y, (y if save else None)


def softmax_backward(dy, saved):
    y = saved
    inner = (dy * y).sum(axis=-1, keepdims=True)                  # Σ_c dy_c y_c       (M, 1)
    return y * (dy - inner)                                       # y_c = exp(x_c)/s   (M, C)


def log_softmax_forward(x, save=True):
    """ℓ = log softmax(x) over the last axis; x (M, C)."""
    shifted = _shifted(x)
    y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return y, (y if save else None)


def log_softmax_backward(dy, saved):
    log_p = saved
    return dy - np.exp(log_p) * dy.sum(axis=-1, keepdims=True)    # ℓ_c = x_c - log s
