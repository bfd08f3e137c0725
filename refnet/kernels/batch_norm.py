"""Batch normalization: every feature with mean 0 and variance 1, over the batch.

A layer learns from what the layers below hand it, while these change in every step. In a deep network features drift
off to scales where activations are flat and hardly a gradient comes back. Taking out mean and scale after each layer
keeps them where learning works: ten layers of sigmoids on refnet's handwritten digits only guess without it, and get
nine of ten right with it.

Forward, for each feature c by itself (N rows: the samples, and all places of an image)
    training     μ = 1/Ω Σ_n ω_n x_n          Ω = Σ_n ω_n, ω_n = 1 without a mask
                 v = 1/Ω Σ_n ω_n (x_n - μ)²
    inference    μ, v are given: the moving statistics, means over the batches of training that the layer keeps
    both         x̂_n = (x_n - μ) / σ          σ = √(v + ε)
                 z_n = γ x̂_n + β              y = f(z), f linear or relu (activation.py)
        x (N, C)     γ, β, μ, v (C,)     ω (N,)     y (N, C)

Derivation
    y = f(z) elementwise:  dz = dy f'(z).  β and γ are a broadcast bias and a broadcast factor:
        dβ = Σ_n dz_n          dγ = Σ_n dz_n x̂_n          dx̂_n = dz_n γ

    Inference: x̂ = (x - μ)/σ with constants:  dx_n = dx̂_n / σ.

    Training: x_n moves x̂ in three ways, which is why the gradient has three terms: directly, through μ, and through v.
        through v:   ∂x̂_k/∂v = -½ (x_k - μ) σ⁻³   =>   dv = -½ σ⁻² Σ_k dx̂_k x̂_k          (k runs over the N rows)
        through μ:   ∂x̂_k/∂μ = -1/σ               =>   dμ = -1/σ Σ_k dx̂_k
                     (∂v/∂μ = -2/Ω Σ_k ω_k (x_k - μ) = 0: the mean is where the variance is smallest)
        ∂μ/∂x_n = ω_n/Ω,   ∂v/∂x_n = 2 ω_n (x_n - μ)/Ω = 2 ω_n σ x̂_n / Ω
        dx_n = dx̂_n/σ + dμ ω_n/Ω + dv 2 ω_n σ x̂_n / Ω
             = 1/σ [ dx̂_n - ω_n/Ω Σ_k dx̂_k - ω_n x̂_n/Ω Σ_k dx̂_k x̂_k ]
    Without a mask ω_n/Ω = 1/N. γ is the same in all rows, so γ/σ can be taken out in front: that is how the code does
    it.

    What the two sums do. Shifting a whole feature changes nothing, so no gradient may ask for it: the first sum takes
    out dx̂'s mean, and Σ_n dx_n = 0. Stretching it changes x̂ only by way of ε: the second sum takes out dx̂'s component
    along x̂, but for the fraction ε/(v + ε) of it. (With ε = 0 stretching changes nothing, and nothing is left.)

By hand
    One feature, two rows, x = (1, 3), γ = 4, β = 1, ε = 3, linear:
        μ = (1 + 3)/2 = 2      v = ((1 - 2)² + (3 - 2)²)/2 = 1      σ = √(1 + 3) = 2
        x̂ = ((1 - 2)/2, (3 - 2)/2) = (-0.5, 0.5)          y = (4·(-0.5) + 1, 4·0.5 + 1) = (-1, 3)
    Back, dy = (1, 0):
        dβ = 1 + 0 = 1      dγ = 1·(-0.5) + 0·0.5 = -0.5      dx̂ = (1·4, 0·4) = (4, 0)
        Σ dx̂ = 4 + 0 = 4      Σ dx̂ x̂ = 4·(-0.5) + 0·0.5 = -2
        training:     dx = ((4 - 4/2 + 0.5·(-2)/2)/2, (0 - 4/2 - 0.5·(-2)/2)/2) = (0.75, -0.75)
        inference, with the same μ and v given:    dx = (4/2, 0/2) = (2, 0)
    With ε = 0 any two different rows become x̂ = -1 and 1, whatever they were: no gradient is left,
        dx = (4 - 4/2 + 1·(-4)/2, 0 - 4/2 - 1·(-4)/2) = (0, 0)

    >>> x, gamma, beta, dy = np.array([[1.0], [3.0]]), np.array([4.0]), np.array([1.0]), np.array([[1.0], [0.0]])
    >>> statistics = np.zeros((2, 1))
    >>> y, saved = batch_norm_forward(x, gamma, beta, 3.0, statistics)
    >>> dx, dgamma, dbeta = batch_norm_backward(dy, saved)
    >>> statistics.ravel(), y.ravel(), dx.ravel(), dgamma, dbeta
    (array([2., 1.]), array([-1., 3.]), array([0.75, -0.75]), array([-0.5]), array([1.]))
    >>> y, saved = batch_norm_forward(x, gamma, beta, 3.0, statistics, training=False)
    >>> y.ravel(), batch_norm_backward(dy, saved)[0].ravel()
    (array([-1., 3.]), array([2., 0.]))
    >>> y, saved = batch_norm_forward(x, gamma, beta, 0.0)
    >>> y.ravel(), batch_norm_backward(dy, saved)[0].ravel()
    (array([-3., 5.]), array([0., 0.]))

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
    """x (N, C)   gamma, beta (C,) or None   ->   y (N, C)

    Args:
        statistics: (2, C), mean and variance: written in training (None: not wanted), read at inference.
        weights: (N,), how much each row counts in the statistics (a mask); None: all alike.
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
    z = (x - mean) * inverse                                      # x̂        (N, C)
    if gamma is not None:
        z = z * gamma
    if beta is not None:
        z = z + beta
    y, activation_saved = activation_forward(z.astype(x.dtype), activation, save)
    return y, ((x, mean, inverse, gamma, beta is not None, weights, total, training, activation_saved) if save else None)


def batch_norm_backward(dy, saved, needs=(True, True, True)):
    """dy (N, C)   ->   dx (N, C), dgamma (C,), dbeta (C,); None where not needed"""
    x, mean, inverse, gamma, has_beta, weights, total, training, activation_saved = saved
    need_x, need_gamma, need_beta = needs
    dz = activation_backward(dy, activation_saved)                # y = f(z)                        (N, C)
    normal = (x - mean) * inverse                                 # x̂ = (x - μ)/σ                    (N, C)
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
