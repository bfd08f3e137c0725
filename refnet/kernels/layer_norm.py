"""Layer, group and root-mean-square normalization: each sample by itself.

Batch normalization makes a sample's result depend on which others are in its batch, and does poorly when these are
few. If the mean and the scale are taken over a sample's own entries, the batch does not matter, and training and
inference do the same.

Forward, for each row n by itself (C entries that are normalised together; c and k run over them)
    layer     μ = 1/C Σ_c x_c,   v = 1/C Σ_c (x_c - μ)²,   σ = √(v + ε),   x̂_c = (x_c - μ)/σ,   y_c = γ_c x̂_c + β_c
    rms       ρ = √(1/C Σ_c x_c² + ε),   x̂_c = x_c/ρ,   y_c = γ_c x̂_c      no mean is taken out, no β put in
        x (N, C)     γ, β (C,)     y (N, C)

    Group normalization is layer normalization of rows that hold one group of one sample's channels at all places;
    there γ and β vary faster than a row, so the kernel is used without them and the scale applied afterwards.

Derivation
    γ and β were broadcast over the rows:   dγ_c = Σ_n dy_nc x̂_nc,   dβ_c = Σ_n dy_nc,   dx̂_c = dy_c γ_c.

    layer: x_c moves the x̂ of its row in three ways: directly, through μ, and through σ.
        through σ:   ∂x̂_k/∂σ = -(x_k - μ)/σ² = -x̂_k/σ   =>   dσ = -1/σ Σ_k dx̂_k x̂_k
        through μ:   ∂x̂_k/∂μ = -1/σ                      =>   dμ = -1/σ Σ_k dx̂_k        (∂v/∂μ = 0, as in batch_norm.py)
        ∂μ/∂x_c = 1/C,   ∂σ/∂x_c = 1/(2σ) ∂v/∂x_c = 1/(2σ) · 2 (x_c - μ)/C = x̂_c/C
        dx_c = dx̂_c/σ + dμ/C + dσ x̂_c/C
             = 1/σ [ dx̂_c - 1/C Σ_k dx̂_k - x̂_c 1/C Σ_k dx̂_k x̂_k ]
    rms: in two ways, directly and through ρ; there is no μ, and so no term with Σ_k dx̂_k.
        through ρ:   ∂x̂_k/∂ρ = -x_k/ρ² = -x̂_k/ρ         =>   dρ = -1/ρ Σ_k dx̂_k x̂_k
        ∂ρ/∂x_c = 1/(2ρ) · 2 x_c/C = x̂_c/C
        dx_c = dx̂_c/ρ + dρ x̂_c/C
             = 1/ρ [ dx̂_c - x̂_c 1/C Σ_k dx̂_k x̂_k ]

    These are the terms of batch_norm.py with the sums along the row instead of down the column. One thing is
    different: there γ is the same number in all terms of a sum and can be taken out in front. Here every k has a γ_k
    of its own, so it must stay inside: Σ_k dx̂_k = Σ_k dy_k γ_k is not γ_c Σ_k dy_k.

By hand (one row of two entries)
    layer, x = (1, 3), γ = (2, 4), β = (0, 1), ε = 3:
        μ = (1 + 3)/2 = 2      v = ((1 - 2)² + (3 - 2)²)/2 = 1      σ = √(1 + 3) = 2
        x̂ = ((1 - 2)/2, (3 - 2)/2) = (-0.5, 0.5)          y = (2·(-0.5) + 0, 4·0.5 + 1) = (-1, 3)
        back, dy = (1, 1):    dx̂ = (1·2, 1·4) = (2, 4)
            1/C Σ dx̂ = (2 + 4)/2 = 3      1/C Σ dx̂ x̂ = (2·(-0.5) + 4·0.5)/2 = 0.5
            dx = ((2 - 3 + 0.5·0.5)/2, (4 - 3 - 0.5·0.5)/2) = (-0.375, 0.375)
            dγ = (1·(-0.5), 1·0.5) = (-0.5, 0.5)      dβ = (1, 1)
    rms, x = (1, 7), γ = (1, 2), ε = 0:
        ρ = √((1² + 7²)/2) = 5      x̂ = (1/5, 7/5) = (0.2, 1.4)      y = (1·0.2, 2·1.4) = (0.2, 2.8)
        back, dy = (1, 1):    dx̂ = (1·1, 1·2) = (1, 2)      1/C Σ dx̂ x̂ = (1·0.2 + 2·1.4)/2 = 1.5
            dx = ((1 - 0.2·1.5)/5, (2 - 1.4·1.5)/5) = (0.14, -0.02)      dγ = (1·0.2, 1·1.4) = (0.2, 1.4)

    >>> dy = np.array([[1.0, 1.0]])
    >>> y, saved = layer_norm_forward(np.array([[1.0, 3.0]]), np.array([2.0, 4.0]), np.array([0.0, 1.0]), epsilon=3.0)
    >>> y, *layer_norm_backward(dy, saved)
    (array([[-1., 3.]]), array([[-0.375, 0.375]]), array([-0.5, 0.5]), array([1., 1.]))
    >>> y, saved = rms_norm_forward(np.array([[1.0, 7.0]]), np.array([1.0, 2.0]), epsilon=0.0)
    >>> y, *rms_norm_backward(dy, saved)
    (array([[0.2, 2.8]]), array([[0.14, -0.02]]), array([0.2, 1.4]))

What is saved
    x, μ, 1/σ (or 1/ρ), γ.

Numerics
    Two passes for the variance; sums accumulate in float64.

References
    Ba, Kiros, Hinton (2016), Layer normalization, arXiv:1607.06450.
    Wu, He (2018), Group normalization, arXiv:1803.08494.
    Zhang, Sennrich (2019), Root mean square layer normalization, arXiv:1910.07467.
"""
import numpy as np

__all__ = ["layer_norm_backward", "layer_norm_forward", "rms_norm_backward", "rms_norm_forward"]


def layer_norm_forward(x, gamma=None, beta=None, epsilon=1e-3, save=True):
    """x (N, C)   gamma, beta (C,) or None   ->   y (N, C)"""
    columns = max(x.shape[1], 1)
    mean = x.sum(axis=1, keepdims=True, dtype=np.float64) / columns           # (N, 1)
    variance = ((x - mean) ** 2).sum(axis=1, keepdims=True, dtype=np.float64) / columns
    return _finish(x, mean, 1 / np.sqrt(variance + epsilon), gamma, beta, save)


def rms_norm_forward(x, gamma=None, epsilon=1e-6, save=True):
    """x (N, C)   gamma (C,) or None   ->   y (N, C)"""
    square = (x.astype(np.float64) ** 2).sum(axis=1, keepdims=True) / max(x.shape[1], 1)
    return _finish(x, None, 1 / np.sqrt(square + epsilon), gamma, None, save)


def _finish(x, mean, inverse, gamma, beta, save):
    y = (x if mean is None else x - mean) * inverse               # x̂        (N, C)
    if gamma is not None:
        y = y * gamma
    if beta is not None:
        y = y + beta
    return y.astype(x.dtype), ((x, mean, inverse, gamma, beta is not None) if save else None)


def _normalised_gradients(dy, saved, need_x, need_gamma):
    """dx and dγ: what layer and rms have in common."""
    x, mean, inverse, gamma, _ = saved
    normal = (x if mean is None else x - mean) * inverse          # x̂                               (N, C)
    dgamma = (dy * normal).sum(axis=0, dtype=np.float64).astype(dy.dtype) if need_gamma and gamma is not None else None
    dx = None
    if need_x:
        columns = max(x.shape[1], 1)
        d_normal = dy.astype(np.float64) if gamma is None else dy.astype(np.float64) * gamma        # y = γ x̂ (+ β)
        along = (d_normal * normal).sum(axis=1, keepdims=True) / columns                            # through σ (or ρ)
        through_mean = 0.0 if mean is None else d_normal.sum(axis=1, keepdims=True) / columns       # through μ
        dx = (inverse * (d_normal - through_mean - normal * along)).astype(dy.dtype)
    return dx, dgamma


def layer_norm_backward(dy, saved, needs=(True, True, True)):
    """dy (N, C)   ->   dx (N, C), dgamma (C,), dbeta (C,); None where not needed"""
    dx, dgamma = _normalised_gradients(dy, saved, needs[0], needs[1])
    dbeta = dy.sum(axis=0, dtype=np.float64).astype(dy.dtype) if needs[2] and saved[4] else None
    return dx, dgamma, dbeta


def rms_norm_backward(dy, saved, needs=(True, True)):
    """dy (N, C)   ->   dx (N, C), dgamma (C,); None where not needed"""
    return _normalised_gradients(dy, saved, needs[0], needs[1])
