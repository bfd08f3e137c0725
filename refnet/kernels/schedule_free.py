"""Schedule-free AdamW: an average of the weights in place of a falling learning rate.

A learning rate that falls to 0 ends in a better place than one that stays; but how fast it should fall depends on when training
ends, which one would rather not say beforehand. The average of all weights that a constant rate has visited does without that
knowledge. Here the network always stands near the average, and the gradient is taken there.

Update (all elementwise; g = dw = ∂L/∂w; t = 1, 2, 3 ... counts the steps)
    v ← v + (1 - β₂)(g² - v)                           moving average of the squared gradient
    z' = z - η g / (√(v/(1 - β₂ᵗ)) + ε)                z: weights that take the steps; at first z = w. η: the learning rate
    x' = (1 - 1/t) x + z'/t                            x: the average of all z so far
    w' = (1 - β₁) z' + β₁ x'                           w: where the gradient is taken, between the two
    In the first `warmup_steps` steps η is multiplied by t/warmup_steps.

Without x
    Only w and z are kept. From w = (1 - β₁) z + β₁ x follows β₁ x = w - (1 - β₁) z, and so
    w' = (1 - β₁) z' + β₁ (1 - 1/t) x + β₁ z'/t
       = (1 - 1/t) (w - (1 - β₁) z) + (1 - β₁ + β₁/t) z'

Why
    x is an average: x' - x = (z' - x)/t says that it moves 1/t of the way to the newest point, and Σ 1/t weights all points alike.
    β₁ = 0 takes the gradient where the steps are (w = z, no averaging at all); β₁ = 1 takes it at the average, which hardly moves
    any more when t is large. In between w follows a new step by 1 - β₁ of it at once, as with momentum, whence the name.

By hand
    w = z = 1, g = 2 twice, η = 0.1, β₁ = 0.5, β₂ = 0.75, ε = 0, v = 0 at first.
        t = 1    v = 0 + 0.25·(2² - 0) = 1       v/(1 - 0.75) = 4       z = 1 - 0.1·2/√4 = 0.9
                 x = 0·1 + 0.9/1 = 0.9           w = 0.5·0.9 + 0.5·0.9 = 0.9
        t = 2    v = 1 + 0.25·(2² - 1) = 1.75    1.75/(1 - 0.75²) = 4       z = 0.9 - 0.1·2/√4 = 0.8
                 x = 0.5·0.9 + 0.8/2 = 0.85      w = 0.5·0.8 + 0.5·0.85 = 0.825
        without x:  (1 - 1/2)·(0.9 - 0.5·0.9) + (0.5 + 0.5/2)·0.8 = 0.825

    >>> w, z, v, g = np.array([1.0]), np.array([1.0]), np.array([0.0]), np.array([2.0])
    >>> for t in (1, 2):
    ...     schedule_free_update(w, g, z, v, t, learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    ...     print(z, v, np.round(w, 12))
    [0.9] [1.] [0.9]
    [0.8] [1.75] [0.825]

References
    Defazio et al. (2024), The road less scheduled, arXiv:2405.15682, algorithm 1 (there the average has weights η²; as in Keras
    all steps count alike).
"""
import numpy as np

__all__ = ["schedule_free_update"]


def schedule_free_update(w, dw, z, v, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup_steps=0):
    """Writes w, z and v in place. All arrays of one shape; step counts from 1. step and learning_rate: numbers or 0-d arrays."""
    step, learning_rate = int(step), float(learning_rate)
    if step < warmup_steps:
        learning_rate *= step / warmup_steps
    v += (1 - beta_2) * (dw * dw - v)
    w -= (1 - beta_1) * z                                         # w = β₁ x
    z -= learning_rate * dw / (np.sqrt(v / (1 - beta_2**step)) + epsilon)
    w *= 1 - 1 / step
    w += (1 - beta_1 + beta_1 / step) * z
