"""Batch normalization: every feature with mean 0 and variance 1, over the batch.

Forward, for each feature c by itself (M rows: the batch, and all places of an image)
    training     μ = Σ_m w_m x_m / W          W = Σ_m w_m, w_m = 1 without a mask
                 v = Σ_m w_m (x_m - μ)² / W
    inference    μ, v are given: the moving statistics
                 x̂_m = (x_m - μ) / σ          σ = √(v + ε)
                 z_m = γ x̂_m + β              y = f(z), f linear or relu (activation.py)
        x (M, C)     γ, β, μ, v (C,)     y (M, C)

Derivation
    y = f(z) elementwise:  dz = dy f'(z).  β and γ are a broadcast bias and a broadcast factor:
        dβ = Σ_m dz_m          dγ = Σ_m dz_m x̂_m          dx̂_m = dz_m γ

    Inference: x̂ = (x - μ)/σ with constants:  dx_m = dx̂_m / σ.

    Training: x_m moves x̂ in three ways, which is why the gradient has three terms: directly, through μ, and through v.
        through σ:   ∂x̂_k/∂v = -½ (x_k - μ) σ⁻³   =>   dv = -½ σ⁻² Σ_k dx̂_k x̂_k
        through μ:   ∂x̂_k/∂μ = -1/σ               =>   dμ = -1/σ Σ_k dx̂_k
                     (∂v/∂μ = -2/W Σ w (x - μ) = 0: the mean is where the variance is smallest)
        ∂μ/∂x_m = w_m/W,   ∂v/∂x_m = 2 w_m (x_m - μ)/W = 2 w_m σ x̂_m / W
        dx_m = dx̂_m/σ + dμ w_m/W + dv 2 w_m σ x̂_m / W
             = 1/σ [ dx̂_m - w_m/W Σ_k dx̂_k - w_m x̂_m/W Σ_k dx̂_k x̂_k ]
    Without a mask w_m/W = 1/M. The two sums take out of dx̂ its mean and its component along x̂: shifting or stretching a whole
    feature changes nothing, so no gradient may ask for it.

What is saved
    x̂ is cheap to make again: x, μ, 1/σ, γ and the weights are kept; for f' what activation.py keeps.

Kinks
    relu at 0 has gradient 0.

Numerics
    Two passes: the mean first, then the squares of the differences (E[x²] - E[x]² cancels). Sums accumulate in float64.

References
    Ioffe, Szegedy (2015), Batch normalization, arXiv:1502.03167, algorithm 1 and section 3.
"""
import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward

__all__ = ["batch_norm_backward", "batch_norm_forward"]


def batch_norm_forward(x, gamma=None, beta=None, epsilon=1e-3, statistics=None, training=True, weights=None, activation="linear",
                       save=True):
    """x (M, C)   gamma, beta (C,) or None   ->   y (M, C)

    Args:
        statistics: (2, C), mean and variance: written in training (None: not wanted), read at inference.
        weights: (M,), how much each row counts in the statistics (a mask); None: all alike.
        activation: linear or relu.
    """
    if activation not in ("linear", "relu"):
        raise ValueError(f"batch_norm_forward: activation must be linear or relu; got {activation!r}. Use activation_forward.")
    if training:
        total = float(weights.sum(dtype=np.float64)) if weights is not None else float(len(x))
        total = max(total, 1e-12)
        share = 1.0 if weights is None else weights[:, None].astype(np.float64)
        mean = (x * share).sum(axis=0, dtype=np.float64) / total              # (C,)
        variance = (share * (x - mean) ** 2).sum(axis=0, dtype=np.float64) / total
        if statistics is not None:
            statistics[0], statistics[1] = mean, variance
    else:
        total, (mean, variance) = 0.0, statistics.astype(np.float64)
    inverse = 1 / np.sqrt(variance + epsilon)                     # 1/σ      (C,)
    z = (x - mean) * inverse                                      # x̂        (M, C)
    if gamma is not None:
        z = z * gamma
    if beta is not None:
        z = z + beta
    y, f_saved = activation_forward(z.astype(x.dtype), activation, save)
    return y, ((x, mean, inverse, gamma, beta is not None, weights, total, training, f_saved) if save else None)


def batch_norm_backward(dy, saved, needs=(True, True, True)):
    """dy (M, C)   ->   dx (M, C), dgamma (C,), dbeta (C,); None where not needed"""
    x, mean, inverse, gamma, has_beta, weights, total, training, f_saved = saved
    need_x, need_gamma, need_beta = needs
    dz = activation_backward(dy, f_saved)                         # y = f(z)                        (M, C)
    normal = (x - mean) * inverse                                 # x̂ = (x - μ)/σ                    (M, C)
    sum_dz = dz.sum(axis=0, dtype=np.float64)                     # (C,)
    sum_dz_normal = (dz * normal).sum(axis=0, dtype=np.float64)
    dbeta = sum_dz.astype(dz.dtype) if need_beta and has_beta else None             # z = γ x̂ + β, through β
    dgamma = sum_dz_normal.astype(dz.dtype) if need_gamma and gamma is not None else None     # ... through γ
    dx = None
    if need_x:
        scale = inverse if gamma is None else gamma * inverse     # dx̂/σ = dz γ/σ
        if training:                                              # μ and v depend on x: two more terms
            share = 1 / total if weights is None else weights[:, None] / total
            dx = (scale * (dz - share * (sum_dz + normal * sum_dz_normal))).astype(dz.dtype)
        else:
            dx = (scale * dz).astype(dz.dtype)
    return dx, dgamma, dbeta
