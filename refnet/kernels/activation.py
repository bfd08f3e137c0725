"""Activation: the elementwise bend between two linear maps.

Two linear maps behind one another are one linear map, however many weights they have: without something bent in
between, a deep network could draw nothing but a straight line (a plane) through its data. Any bend helps; these are
the usual ones.

Forward
    y = f(z)             z any shape        y the same shape

    linear       f(z) = z
    relu         f(z) = max(z, 0)
    sigmoid      f(z) = 1 / (1 + exp(-z))
    tanh         f(z) = (exp(z) - exp(-z)) / (exp(z) + exp(-z))
    silu         f(z) = z σ(z)                                        σ is the sigmoid
    gelu         f(z) = z Φ(z),   Φ(z) = (1 + erf(z / √2)) / 2        Φ is the normal distribution function
    gelu_tanh    f(z) = z/2 (1 + tanh(h)),   h = √(2/π) (z + 0.044715 z³)

Derivation
    dA stands for ∂L/∂A, L the one number that everything leads to, in the shape of A (chain_rule.py).
    f acts on each element by itself, so z_i reaches L only through y_i, on one path:
        dz_i = dy_i ∂y_i/∂z_i = dy_i f'(z_i)

    linear       f' = 1
    relu         f' = [z > 0]                                         = [y > 0]
    sigmoid      f' = exp(-z) / (1 + exp(-z))²                        = y (1 - y)
    tanh         f' = 1 - tanh(z)²                                    = 1 - y²
    silu         f' = σ(z) + z σ'(z)                                  = σ(z) (1 + z (1 - σ(z)))
    gelu         f' = Φ(z) + z Φ'(z),   Φ'(z) = exp(-z²/2) / √(2π)    Φ' is the normal density, the bell
    gelu_tanh    f' = (1 + tanh h)/2 + z/2 (1 - tanh² h) h',   h' = √(2/π) (1 + 3 · 0.044715 z²)

By hand
    relu at z = (2, -1):    y = (max(2, 0), max(-1, 0)) = (2, 0)
        back, dy = (5, 5):    dz = (5·1, 5·0) = (5, 0)                   a unit that is off passes nothing down
    sigmoid at z = log 3 (exp(-z) is 1/3):    y = 1 / (1 + 1/3) = 0.75
        back, dy = 2:    dz = 2 · 0.75·(1 - 0.75) = 0.375

    >>> y, saved = activation_forward(np.array([2.0, -1.0]), "relu")
    >>> y, activation_backward(np.array([5.0, 5.0]), saved)
    (array([2., 0.]), array([5., 0.]))
    >>> y, saved = activation_forward(np.log([3.0]), "sigmoid")
    >>> y, activation_backward(np.array([2.0]), saved)
    (array([0.75]), array([0.375]))

What is saved
    y where it determines f'(z) (relu, sigmoid, tanh): the next layer usually keeps y anyway, as its input, so it
    costs nothing.
    (It need not determine z: all z < 0 give relu's 0, but the slope there is 0 for all of them.)
    z where it does not: silu and gelu fall to a minimum and rise again, so that two z, with slopes of opposite sign,
    have the same y.

Ties and kinks
    relu at exactly 0 has no derivative; we take 0, as Keras does. A NaN passes through relu: max(NaN, 0) = NaN.

Numerics
    exp(-z) overflows for very negative z. σ is therefore computed from exp(-|z|), which never does:
        z ≥ 0:  σ = 1 / (1 + e),      z < 0:  σ = e / (1 + e),      e = exp(-|z|)

References
    Hendrycks, Gimpel (2016), Gaussian Error Linear Units, arXiv:1606.08415 (gelu, gelu_tanh, silu).
    Nair, Hinton (2010), Rectified linear units improve restricted Boltzmann machines (relu).
"""
import math

import numpy as np

from refnet.kernels.elementary import erf_forward

__all__ = ["ACTIVATIONS", "activation_backward", "activation_forward"]

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu")

_SQRT_HALF = math.sqrt(0.5)
_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_INV_SQRT_2_PI = 1.0 / math.sqrt(2.0 * math.pi)
_CUBIC = 0.044715


def sigmoid(z):
    """σ(z), for every z without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def normal_cdf(z):
    """Φ(z) = (1 + erf(z/√2)) / 2."""
    return 0.5 * (1 + erf_forward(z * z.dtype.type(_SQRT_HALF), save=False)[0])


def _gelu_tanh_inner(z):
    return _SQRT_2_OVER_PI * (z + _CUBIC * z * z * z)


def activation_forward(z, activation="relu", save=True):
    """y = f(z), elementwise; `activation` is one of ACTIVATIONS."""
    if activation == "linear":
        return z, (("linear", None) if save else None)           # y is z: nothing to compute, nothing to keep
    if activation == "relu":
        y = np.maximum(z, 0)
    elif activation == "sigmoid":
        y = sigmoid(z)
    elif activation == "tanh":
        y = np.tanh(z)
    elif activation == "silu":
        y = z * sigmoid(z)
    elif activation == "gelu":
        y = z * normal_cdf(z)
    elif activation == "gelu_tanh":
        y = 0.5 * z * (1 + np.tanh(_gelu_tanh_inner(z)))
    else:
        raise ValueError(f"Unknown activation {activation!r}; the kernels know {', '.join(ACTIVATIONS)}.")
    y = np.asarray(y)                                            # of a 0-d array NumPy makes a scalar
    keep = y if activation in ("relu", "sigmoid", "tanh") else z
    return y, ((activation, keep) if save else None)


def activation_backward(dy, saved):
    """dz = dy f'(z)."""
    activation, kept = saved
    if activation == "linear":
        return dy
    if activation == "relu":                                      # y = max(z, 0); a selection, so that 0 · inf cannot arise
        return np.where(kept > 0, dy, dy.dtype.type(0))
    if activation == "sigmoid":                                   # y = σ(z)
        return np.asarray(dy * (kept * (1 - kept)))
    if activation == "tanh":                                      # y = tanh(z)
        return np.asarray(dy * (1 - kept * kept))
    z = kept
    if activation == "silu":                                      # y = z σ(z)
        s = sigmoid(z)
        return np.asarray(dy * (s * (1 + z * (1 - s))))
    if activation == "gelu":                                      # y = z Φ(z)
        return np.asarray(dy * (normal_cdf(z) + z * (_INV_SQRT_2_PI * np.exp(-0.5 * z * z))))
    tanh_h = np.tanh(_gelu_tanh_inner(z))                         # y = z/2 (1 + tanh h)
    slope = _SQRT_2_OVER_PI * (1 + 3 * _CUBIC * z * z)            # h'
    return np.asarray(dy * (0.5 * (1 + tanh_h) + 0.5 * z * (1 - tanh_h * tanh_h) * slope))
