"""Adagrad: a step that shrinks as gradients add up. Adadelta: the same without a learning rate to choose.

A word that occurs in one sample of a thousand has a weight that is moved a thousand times less often than others: when it is, it
should move far. Adagrad gives every weight a learning rate of its own that falls with the squares of the gradients it has
had. Adadelta forgets old squares, so that the learning rate does not die, and takes its scale from the steps made before.

Update (all elementwise; g = dw = ∂L/∂w)
    Adagrad       q ← q + g²                           the sum of all squared gradients so far
                  w ← w - η g / √(q + ε)               η the learning rate
    Adadelta      v ← ρ v + (1 - ρ) g²                 a moving average of the squared gradient, as in RMSprop
                  δ = -g √(u + ε) / √(v + ε)           u the moving average of squared steps up to now
                  u ← ρ u + (1 - ρ) δ²
                  w ← w + η δ

Why 1/√q
    One weight w, at w* the loss is least, and L is convex. After a step w' = w - η g
    1.  (w' - w*)² = (w - w*)² - 2 η g (w - w*) + η² g²                    (expand the square)
    2.  L(w) - L(w*) <= g (w - w*)                                         (a convex function lies above its tangents)
    3.  so L(w) - L(w*) <= ((w - w*)² - (w' - w*)²) / 2η + η g²/2          (1 solved for g (w - w*), put into 2)
    4.  Summed over all steps the first terms cancel in pairs; with D the greatest distance to w* what is lost altogether is
        at most D²/2η + η (Σ g²)/2.
    5.  The best η is where the derivative -D²/2η² + (Σ g²)/2 is 0: η = D / √(Σ g²).
    The sum over steps to come is not known: Adagrad takes the sum so far. Each weight has its own; D goes into η.

Why √(u + ε)
    If w is measured in metres, g is in units of L per metre, and g / √v has no unit at all: it cannot be the right length
    of a step for every weight. √u is in metres. Newton's method says the same: the step is g over the curvature, curvature
    is change of g over change of w, so its inverse is about as large as √u / √v.

In this form, as in Keras, q starts at 0.1 and ε stands inside the root; u starts at 0, so that ε sets the length of
Adadelta's first steps.

By hand
    Adagrad: w = 1, g = 2 twice, η = 0.1, ε = 0, q = 0 at first.
        q = 0 + 2² = 4      w = 1 - 0.1·2/√4 = 0.9
        q = 4 + 2² = 8      w = 0.9 - 0.1·2/√8 = 0.8293
    Adadelta: w = 1, g = 2 twice, η = 1, ρ = 0.75, ε = 0.5625, v = u = 0 at first.
        v = 0.75·0 + 0.25·2² = 1       δ = -2·√0.5625/√1.5625 = -1.2         u = 0.75·0 + 0.25·1.2² = 0.36
                                       w = 1 - 1.2 = -0.2
        v = 0.75·1 + 0.25·2² = 1.75    δ = -2·√0.9225/√2.3125 = -1.2632      w = -0.2 - 1.2632 = -1.4632

    >>> w, q, g = np.array([1.0]), np.array([0.0]), np.array([2.0])
    >>> for _ in range(2):
    ...     adagrad_update(w, g, q, learning_rate=0.1, epsilon=0.0)
    ...     print(q, np.round(w, 4))
    [4.] [0.9]
    [8.] [0.8293]
    >>> w, v, u = np.array([1.0]), np.array([0.0]), np.array([0.0])
    >>> for _ in range(2):
    ...     adadelta_update(w, g, v, u, learning_rate=1.0, rho=0.75, epsilon=0.5625)
    ...     print(v, np.round(u, 4), np.round(w, 4))
    [1.] [0.36] [-0.2]
    [1.75] [0.6689] [-1.4632]

References
    Duchi, Hazan, Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization, JMLR 12, section
    1.1 (diagonal matrices). McMahan, Streeter (2010), Adaptive bound optimization for online convex optimization.
    Zeiler (2012), ADADELTA: an adaptive learning rate method, arXiv:1212.5701, algorithm 1 and section 3.2.
"""
import numpy as np

__all__ = ["adadelta_update", "adagrad_update"]


def adagrad_update(w, dw, accumulator, learning_rate, epsilon=1e-7):
    """Writes w and accumulator in place. All arrays of one shape; learning_rate a number or 0-d."""
    accumulator += dw * dw                                        # q ← q + g²
    w -= float(learning_rate) * dw / np.sqrt(accumulator + epsilon)


def adadelta_update(w, dw, v, u, learning_rate, rho=0.95, epsilon=1e-7):
    """Writes w, v and u in place. All arrays of one shape; learning_rate a number or 0-d."""
    v *= rho
    v += (1 - rho) * (dw * dw)                                    # v ← ρ v + (1 - ρ) g²
    step = dw * np.sqrt(u + epsilon) / np.sqrt(v + epsilon)       # -δ
    u *= rho
    u += (1 - rho) * (step * step)                                # u ← ρ u + (1 - ρ) δ²
    w -= float(learning_rate) * step
