"""RMSprop: every weight its own step size.

Update (all elementwise)
    v ← ρ v + (1 - ρ) g²                               a running mean of the squared gradient
    centered:   ḡ ← ρ ḡ + (1 - ρ) g,   d = v - ḡ²      the variance instead of the second moment
    otherwise:  d = v
    step = η g / √(d + ε)
    w ← w - step                                       or, with momentum:  u ← μ u + step,  w ← w - u

Why
    Divided by its own root mean square, a gradient is about ±1 whatever its scale: layers whose gradients differ by orders of
    magnitude learn at the same pace. ε bounds the step where v is nearly zero. As in Keras 3, ε stands inside the root.

References
    Tieleman, Hinton (2012), Lecture 6.5: RMSProp, COURSERA: Neural Networks for Machine Learning.
    Graves (2013), Generating sequences with recurrent neural networks, arXiv:1308.0850, eqs. 38-41 (centered).
"""
import numpy as np

__all__ = ["rmsprop_update"]


def rmsprop_update(w, dw, v, learning_rate, rho=0.9, epsilon=1e-7, momentum=0.0, velocity=None, mean_gradient=None):
    """Writes w, v, velocity and mean_gradient in place. All arrays of one shape.

    velocity None: no momentum. mean_gradient None: not centered. learning_rate: a number or 0-d.
    """
    learning_rate = float(learning_rate)
    v *= rho
    v += (1 - rho) * (dw * dw)                                    # v ← ρ v + (1 - ρ) g²
    if mean_gradient is None:
        d = v + epsilon
    else:
        mean_gradient *= rho
        mean_gradient += (1 - rho) * dw                           # ḡ ← ρ ḡ + (1 - ρ) g
        d = v - mean_gradient * mean_gradient + epsilon
    step = learning_rate * dw / np.sqrt(d)
    if velocity is None:
        w -= step
    else:
        velocity *= momentum
        velocity += step                                          # u ← μ u + step
        w -= velocity
