"""Adam: momentum and RMSprop together, with the start-up bias taken out.

Update (all elementwise; t = 1, 2, 3 ... counts the steps)
    m ← m + (1 - β₁)(g - m)                            running mean of the gradient
    v ← v + (1 - β₂)(g² - v)                           running mean of its square
    α = η √(1 - β₂ᵗ) / (1 - β₁ᵗ)
    w ← w - α m / (√v + ε)                             amsgrad: v̂ ← max(v̂, v) in place of v

Why α
    m starts at 0. After t steps m = (1 - β₁) Σ_s β₁^(t-s) g_s, whose weights add up to 1 - β₁ᵗ, not to 1: m is too small by
    just that factor, and v by 1 - β₂ᵗ. Dividing both by their factor is the bias correction; pulled out of the
    fraction it is α. (ε then is "ε hat" of the paper's section 2, as in Keras.)

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
