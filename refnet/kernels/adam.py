"""Adam: momentum and RMSprop together, with the start-up bias taken out.

The optimizer to try first. From momentum it has the direction (what recent gradients agree on), from RMSprop the
length (each weight's own), and its first steps are no longer or shorter than the later ones. The learning rate then
means nearly the same in every network: about how far one step may move a weight.

Update (all elementwise; g = dw = ∂L/∂w; t = 1, 2, 3 ... counts the steps)
    m ← m + (1 - β₁)(g - m)                            moving average of the gradient
    v ← v + (1 - β₂)(g² - v)                           moving average of its square
    α = η √(1 - β₂ᵗ) / (1 - β₁ᵗ)                       η the learning rate
    w ← w - α m / (√v + ε)                             amsgrad: v̂ ← max(v̂, v) in place of v

Why α
    m starts at 0. After t steps m = (1 - β₁) Σ_k β₁^(t-k) g_k, k = 1 ... t, whose weights add up to 1 - β₁ᵗ, not to
    1: m is too small by just that factor, and v by 1 - β₂ᵗ. Dividing both by their factor is the bias correction;
    pulled out of the fraction, m/(1 - β₁ᵗ) / √(v/(1 - β₂ᵗ)), they make α. (ε is then added to the uncorrected √v: the
    paper's ε̂, section 2, as in Keras.)

By hand
    w = 1, g = 2 twice, η = 0.1, β₁ = 0.5, β₂ = 0.75, ε = 0.
        t = 1    m = 0 + 0.5·(2 - 0) = 1       v = 0 + 0.25·(2² - 0) = 1       α = 0.1·√(1 - 0.75)/(1 - 0.5) = 0.1
                 w = 1 - 0.1·1/√1 = 0.9
        t = 2    m = 1 + 0.5·(2 - 1) = 1.5     v = 1 + 0.25·(2² - 1) = 1.75    α = 0.1·√(1 - 0.75²)/(1 - 0.5²) = 0.0882
                 w = 0.9 - 0.0882·1.5/√1.75 = 0.8000
    A gradient that stays the same moves w by just η in every step, the first included: without the correction the two
    steps would be 0.1·1/√1 = 0.1 and 0.1·1.5/√1.75 = 0.1134. With the usual β₁ = 0.9, β₂ = 0.999 the first would be
    0.1·(0.1·2)/√(0.001·2²) = 0.3162.

    >>> w, m, v, g = np.array([1.0]), np.array([0.0]), np.array([0.0]), np.array([2.0])
    >>> for t in (1, 2):
    ...     adam_update(w, g, m, v, t, learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    ...     print(m, v, np.round(w, 12))
    [1.] [1.] [0.9]
    [1.5] [1.75] [0.8]

References
    Kingma, Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, algorithm 1 and section 2.
    Reddi, Kale, Kumar (2018), On the convergence of Adam and beyond (amsgrad).
"""
import math

import numpy as np

__all__ = ["adam_update"]


def adam_update(w, dw, m, v, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, v_max=None):
    """Writes w, m, v and v_max in place. All arrays of one shape; step counts from 1; v_max None: no amsgrad.

    step and learning_rate: numbers or 0-d arrays.
    """
    step, learning_rate = int(step), float(learning_rate)
    alpha = learning_rate * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    m += (1 - beta_1) * (dw - m)
    v += (1 - beta_2) * (dw * dw - v)
    if v_max is None:
        second = v
    else:
        np.maximum(v_max, v, out=v_max)                           # v̂ ← max(v̂, v)
        second = v_max
    w -= alpha * m / (np.sqrt(second) + epsilon)
