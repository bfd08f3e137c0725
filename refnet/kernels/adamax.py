"""Adamax and Nadam: Adam with another length, and Adam with a look ahead.

Adam divides by the root of a mean of squares. A mean of higher powers would pay more attention to the large gradients; in the limit
only the largest counts, and the formula becomes simpler than Adam's own: Adamax, for gradients that are zero most of the time and
large now and then. Nadam leaves the length as it is and takes the direction where momentum is about to carry it, as Nesterov's
momentum does (sgd.py).

Update (all elementwise; g = dw = ∂L/∂w; t = 1, 2, 3 ... counts the steps)
    both          m ← m + (1 - β₁)(g - m)              moving average of the gradient, as in Adam
    Adamax        u ← max(β₂ u, |g|)                   the largest gradient, which fades
                  w ← w - η m / ((1 - β₁ᵗ)(u + ε))     η the learning rate
    Nadam         v ← v + (1 - β₂)(g² - v)             as in Adam
                  μ_t = β₁ (1 - 0.96ᵗ/2)               a momentum that grows from about β₁/2 to β₁
                  Π ← Π μ_t                            the product of all μ so far; 1 at first
                  m̂ = μ_(t+1) m / (1 - Π μ_(t+1)) + (1 - μ_t) g / (1 - Π)
                  w ← w - η m̂ / (√(v/(1 - β₂ᵗ)) + ε)

Why the maximum
    Adam with powers p in place of 2, and β₂^p in place of β₂:
    1.  v = (1 - β₂^p) Σ_k β₂^(p(t-k)) |g_k|^p,  k = 1 ... t           (v written out, as in adam.py)
    2.  v^(1/p) = (1 - β₂^p)^(1/p) (Σ_k (β₂^(t-k) |g_k|)^p)^(1/p)
    3.  For p to infinity the first factor goes to 1, for β₂^p goes to 0; the second, a sum of a power in which the largest term
        outgrows all others, goes to that largest term: max_k β₂^(t-k) |g_k|.
    4.  Split off k = t, and take β₂ out of the others: u ← max(β₂ u, |g|).
    There is nothing to correct: a maximum does not suffer from the zeros before the first step, a mean does.

Why m̂
    1.  Adam's m̂ = m / (1 - β₁ᵗ) with m = β₁ m' + (1 - β₁) g, m' the m before this step, is
        β₁ m' / (1 - β₁ᵗ) + (1 - β₁) g / (1 - β₁ᵗ): momentum, then gradient.
    2.  Nesterov: this step's momentum was applied at the end of the step before; so apply the next one's now: m for m', t + 1 for t
        in the first term: β₁ m / (1 - β₁^(t+1)) + (1 - β₁) g / (1 - β₁ᵗ).
    3.  With a momentum that changes, the weights of the gradients in m add up to 1 - μ₁ μ₂ ... μ_t instead of 1 - β₁ᵗ (each step
        leaves the fraction μ of what was missing to 1): Π for β₁ᵗ.
    As in Keras m itself is averaged with β₁, not with μ_t, and the momentum grows 250 times as fast as in the paper (0.96ᵗ
    for 0.96^(t/250)).

By hand
    Adamax: w = 1, g = 2, then 1, η = 0.1, β₁ = 0.5, β₂ = 0.75, ε = 0, m = u = 0 at first.
        m = 0 + 0.5·(2 - 0) = 1       u = max(0.75·0, 2) = 2        w = 1 - 0.1·1/((1 - 0.5)·2) = 0.9
        m = 1 + 0.5·(1 - 1) = 1       u = max(0.75·2, 1) = 1.5      w = 0.9 - 0.1·1/((1 - 0.5²)·1.5) = 0.8111
    Nadam, its first step: w = 1, g = 2, η = 0.1, β₁ = 0.5, β₂ = 0.75, ε = 0, m = v = 0, Π = 1 at first.
        μ₁ = 0.5·(1 - 0.96/2) = 0.26      μ₂ = 0.5·(1 - 0.96²/2) = 0.2696      Π = 1·0.26 = 0.26
        m = 0 + 0.5·(2 - 0) = 1           v = 0 + 0.25·(2² - 0) = 1
        m̂ = 0.2696·1/(1 - 0.26·0.2696) + (1 - 0.26)·2/(1 - 0.26) = 2.2899
        w = 1 - 0.1·2.2899/√4 = 0.8855    where 4 = 1/(1 - 0.75)

    >>> w, m, u = np.array([1.0]), np.array([0.0]), np.array([0.0])
    >>> for t, g in ((1, 2.0), (2, 1.0)):
    ...     adamax_update(w, np.array([g]), m, u, t, learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    ...     print(m, u, np.round(w, 4))
    [1.] [2.] [0.9]
    [1.] [1.5] [0.8111]
    >>> w, m, v, product = np.array([1.0]), np.array([0.0]), np.array([0.0]), np.array(1.0)
    >>> momentum_product_update(product, 1, beta_1=0.5)
    >>> nadam_update(w, np.array([2.0]), m, v, product, 1, learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    >>> product, m, v, np.round(w, 4)
    (array(0.26), array([1.]), array([1.]), array([0.8855]))

References
    Kingma, Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, section 7.1 and algorithm 2.
    Dozat (2016), Incorporating Nesterov momentum into Adam, ICLR workshop, algorithm 2.
"""
import numpy as np

__all__ = ["adamax_update", "momentum_product_update", "nadam_update"]


def adamax_update(w, dw, m, u, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Writes w, m and u in place. All arrays of one shape; step counts from 1. step and learning_rate: numbers or 0-d arrays."""
    alpha = float(learning_rate) / (1 - beta_1 ** int(step))
    m += (1 - beta_1) * (dw - m)
    np.maximum(beta_2 * u, np.abs(dw), out=u)                     # u ← max(β₂ u, |g|)
    w -= alpha * m / (u + epsilon)


def momentum_product_update(product, step, beta_1=0.9):
    """Π ← Π μ_t: multiplies the 0-d array `product` in place by the momentum of step t."""
    product *= _momentum(beta_1, int(step))


def _momentum(beta_1, step):
    return beta_1 * (1 - 0.5 * 0.96**step)


def nadam_update(w, dw, m, v, product, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Writes w, m and v in place. All arrays of one shape; step counts from 1; product 0-d: Π, this step's μ included.

    step, product and learning_rate: numbers or 0-d arrays.
    """
    step, product, learning_rate = int(step), float(product), float(learning_rate)
    now, following = _momentum(beta_1, step), _momentum(beta_1, step + 1)
    m += (1 - beta_1) * (dw - m)
    v += (1 - beta_2) * (dw * dw - v)
    of_m, of_g = following / (1 - product * following), (1 - now) / (1 - product)
    w -= learning_rate * (of_m * m + of_g * dw) / (np.sqrt(v / (1 - beta_2**step)) + epsilon)
