"""Layer, group and root-mean-square normalization: each sample by itself.

Forward, for each row m by itself (C entries that are normalised together)
    layer     μ = 1/C Σ_c x_c,   v = 1/C Σ_c (x_c - μ)²,   x̂_c = (x_c - μ)/σ,   σ = √(v + ε)
    rms       x̂_c = x_c/ρ,   ρ = √(1/C Σ_c x_c² + ε)                     no mean is taken out
              y_c = γ_c x̂_c + β_c
        x (M, C)     γ, β (C,)     y (M, C)

    Group normalization is layer normalization of rows that hold one group of one sample's channels at all places; there γ and β
    vary faster than a row, so the kernel is used without them and the scale applied afterwards.

Derivation
    With dx̂_c = dy_c γ_c. Layer: the three terms of batch_norm.py, with the sums along the row instead of down the column:
        dx_c = 1/σ [ dx̂_c - 1/C Σ_k dx̂_k - x̂_c 1/C Σ_k dx̂_k x̂_k ]
    rms: no μ, so its term is missing. ∂ρ/∂x_c = x_c/(C ρ) = x̂_c/C, hence
        dx_c = dx̂_c/ρ - Σ_k dx̂_k x_k/ρ² · x̂_c/C  = 1/ρ [ dx̂_c - x̂_c 1/C Σ_k dx̂_k x̂_k ]
    γ and β were broadcast over the rows:   dγ_c = Σ_m dy_mc x̂_mc,   dβ_c = Σ_m dy_mc.

What is saved
    x, μ, 1/σ (or 1/ρ), γ.

Numerics
    Two passes for the variance; sums accumulate in float64.

References
    Ba, Kiros, Hinton (2016), Layer normalization, arXiv:1607.06450. Wu, He (2018), Group normalization, arXiv:1803.08494.
    Zhang, Sennrich (2019), Root mean square layer normalization, arXiv:1910.07467.
"""
import numpy as np

__all__ = ["layer_norm_backward", "layer_norm_forward", "rms_norm_backward", "rms_norm_forward"]


def layer_norm_forward(x, gamma=None, beta=None, epsilon=1e-3, save=True):
    """x (M, C)   gamma, beta (C,) or None   ->   y (M, C)"""
    columns = max(x.shape[1], 1)
    mean = x.sum(axis=1, keepdims=True, dtype=np.float64) / columns           # (M, 1)
    variance = ((x - mean) ** 2).sum(axis=1, keepdims=True, dtype=np.float64) / columns
    return _finish(x, mean, 1 / np.sqrt(variance + epsilon), gamma, beta, save)


def rms_norm_forward(x, gamma=None, epsilon=1e-6, save=True):
    """x (M, C)   gamma (C,) or None   ->   y (M, C)"""
    square = (x.astype(np.float64) ** 2).sum(axis=1, keepdims=True) / max(x.shape[1], 1)
    return _finish(x, None, 1 / np.sqrt(square + epsilon), gamma, None, save)


def _finish(x, mean, inverse, gamma, beta, save):
    y = (x if mean is None else x - mean) * inverse               # x̂        (M, C)
    if gamma is not None:
        y = y * gamma
    if beta is not None:
        y = y + beta
    return y.astype(x.dtype), ((x, mean, inverse, gamma, beta is not None) if save else None)


def _normalised_gradients(dy, saved, need_x, need_gamma):
    """dx and dγ, and Σ_m dy for β: what layer and rms have in common."""
    x, mean, inverse, gamma, _ = saved
    normal = (x if mean is None else x - mean) * inverse          # x̂                               (M, C)
    dgamma = (dy * normal).sum(axis=0, dtype=np.float64).astype(dy.dtype) if need_gamma and gamma is not None else None
    dx = None
    if need_x:
        columns = max(x.shape[1], 1)
        d_normal = dy.astype(np.float64) if gamma is None else dy.astype(np.float64) * gamma        # y = γ x̂ + β
        along = (d_normal * normal).sum(axis=1, keepdims=True) / columns                            # through σ (or ρ)
        through_mean = 0.0 if mean is None else d_normal.sum(axis=1, keepdims=True) / columns       # through μ
        dx = (inverse * (d_normal - through_mean - normal * along)).astype(dy.dtype)
    return dx, dgamma


def layer_norm_backward(dy, saved, needs=(True, True, True)):
    """dy (M, C)   ->   dx (M, C), dgamma (C,), dbeta (C,); None where not needed"""
    dx, dgamma = _normalised_gradients(dy, saved, needs[0], needs[1])
    dbeta = dy.sum(axis=0, dtype=np.float64).astype(dy.dtype) if needs[2] and saved[4] else None
    return dx, dgamma, dbeta


def rms_norm_backward(dy, saved, needs=(True, True)):
    """dy (M, C)   ->   dx (M, C), dgamma (C,); None where not needed"""
    return _normalised_gradients(dy, saved, needs[0], needs[1])
