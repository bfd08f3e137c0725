"""Muon: a momentum whose directions all count alike. For the matrices inside a network.

The gradient of a matrix is mostly made of few directions: what many samples agree on drowns what few have to say. Muon takes the
momentum of a matrix and makes all its directions equally long, so that a step turns the rare ones as far as the common ones.

Update (g = dw = ∂L/∂w, of shape (I, J); η the learning rate)
    m ← μ m + g                                        momentum
    x = g + μ m                                        Nesterov's look ahead; without it x = m
    x ← x / (|x| + 1e-7)                               |x| the root of the sum of squares
    N times:  x ← a x + (b A + c A²) x,  A = x xᵀ      a, b, c = 3.4445, -4.775, 2.0315;  N = ns_steps = 5
    w ← w - η √max(I, J) ρ x                           ρ = rms_rate = 0.2; None: w ← w - η x

Why directions of length one
    1.  Any matrix is a sum of directions: x = Σ_k s_k u_k v_kᵀ with s_k >= 0, the u_k orthogonal to each other and of length one,
        and so the v_k (the singular value decomposition).
    2.  Take the steps o = Σ_k o_k u_k v_kᵀ with all o_k in [0, 1]: they change the output of no input by more than the input is
        long. To first order L falls by Σ_ij o_ij x_ij = Σ_k o_k s_k (if x is the gradient): most where every o_k = 1.
    3.  Gradient descent bounds the sum of all squares instead, Σ_k o_k² <= 1: then the o_k are in proportion to the s_k.

Why the polynomial
    The decomposition is expensive, products of matrices are not.
    1.  A = x xᵀ = Σ_k s_k² u_k u_kᵀ, for v_kᵀ v_l is 1 where k = l and 0 elsewhere. So A x = Σ_k s_k³ u_k v_kᵀ and
        A² x = Σ_k s_k⁵ u_k v_kᵀ.
    2.  a x + b A x + c A² x = Σ_k (a s_k + b s_k³ + c s_k⁵) u_k v_kᵀ: the s_k go through the polynomial, each by itself, the
        directions stay.
    3.  All s_k start in [0, 1], for no s_k is larger than |x| = √(Σ s_k²), by which x was divided.
    4.  a, b, c are chosen for speed: a is the slope at 0, by which small s_k grow in every turn. After five turns all s_k that were
        above 0.005 are between 0.68 and 1.16: near enough to 1. (a, b, c = 1.5, -0.5, 0 would go to 1 exactly, and slower.)
    With I > J, xᵀ x is the smaller product: x ← a x + x (b A + c A²), A = xᵀ x, is the same with u and v exchanged.

Why √max(I, J)
    x has min(I, J) directions of length one, so the mean of its squares is min(I, J)/(I J) = 1/max(I, J). Times √max(I, J) its
    entries have the root mean square 1, times 0.2 about that of Adam's steps: one learning rate and decay will do for both.

By hand
    w = 0, m = 0, g = [[3, 0], [0, 4]], μ = 0.5, no look ahead, η = 0.1, one turn with a, b, c = 1.5, -0.5, 0, without ρ:
        |x| = √(3² + 4²) = 5       s = 3/5 = 0.6 and 4/5 = 0.8
        1.5·0.6 - 0.5·0.6³ = 0.792      1.5·0.8 - 0.5·0.8³ = 0.944
        w = 0 - 0.1·0.792 = -0.0792 and 0 - 0.1·0.944 = -0.0944
    The gradient's directions were as 3 to 4, the step's are as 0.84 to 1. After seven turns they are alike.

    >>> w, m, g = np.zeros((2, 2)), np.zeros((2, 2)), np.diag([3.0, 4.0])
    >>> options = dict(momentum=0.5, nesterov=False, muon_a=1.5, muon_b=-0.5, muon_c=0.0, rms_rate=None)
    >>> muon_update(w, g, m, learning_rate=0.1, ns_steps=1, **options)
    >>> np.round(np.diag(w), 4)
    array([-0.0792, -0.0944])
    >>> w[...] = 0
    >>> muon_update(w, g, m, learning_rate=0.1, ns_steps=7, **options)
    >>> np.round(np.diag(w), 4)
    array([-0.1, -0.1])

References
    Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks (where a, b, c come from).
    Bernstein, Newhouse (2024), Old optimizer, new norm: an anthology, arXiv:2409.20325 (the directions).
    Liu et al. (2025), Muon is scalable for LLM training, arXiv:2502.16982, section 2.2 (the factor ρ √max(I, J)).
"""
import math

import numpy as np

__all__ = ["muon_update"]


def muon_update(w, dw, m, learning_rate, momentum=0.95, nesterov=True, ns_steps=5, muon_a=3.4445, muon_b=-4.775, muon_c=2.0315,
                rms_rate=0.2):
    """Writes w and m in place. All arrays of one shape (I, J); learning_rate a number or 0-d; rms_rate None: without the factor."""
    m *= momentum
    m += dw
    x = dw + momentum * m if nesterov else m
    x = x / (float(np.sqrt(np.sum(np.square(x, dtype=np.float64)))) + 1e-7)
    wide = x.shape[0] <= x.shape[1]
    for _ in range(ns_steps):
        a = x @ x.T if wide else x.T @ x                          # Σ s² u uᵀ, or v vᵀ
        a = muon_b * a + muon_c * (a @ a)
        x = muon_a * x + (a @ x if wide else x @ a)               # s <- a s + b s³ + c s⁵
    factor = 1.0 if rms_rate is None else math.sqrt(max(x.shape)) * rms_rate
    w -= float(learning_rate) * factor * x
