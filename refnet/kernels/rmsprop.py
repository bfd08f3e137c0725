"""RMSprop: every weight its own step size.

One learning rate for all weights is a compromise: where gradients are large it is too large, where they are small it
is too small. RMSprop remembers how large each weight's gradient has been lately and divides by it.

Update (all elementwise; g = dw = ∂L/∂w)
    v ← ρ v + (1 - ρ) g²                               a moving average of the squared gradient
    centered:   ḡ ← ρ ḡ + (1 - ρ) g,   q = v - ḡ²      the variance instead of the mean square
    otherwise:  q = v
    step = η g / √(q + ε)                              η the learning rate
    w ← w - step                                       or, with momentum:  u ← μ u + step,  w ← w - u

Why
    Once the moving average has settled, a gradient divided by its own root mean square is about ±1 whatever its scale
    (as long as its square is well above ε): layers whose gradients differ by orders of magnitude learn at the same
    pace. v starts at 0, so the first step is larger, η / √(1 - ρ); adam.py takes that out. ε bounds the step where v
    is nearly zero. As in Keras 3, ε stands inside the root.

By hand
    w = 1, g = 2 twice, η = 0.1, ρ = 0.75, ε = 0.
        v = 0.75·0 + 0.25·2² = 1           step = 0.1·2/√1 = 0.2            w = 1 - 0.2 = 0.8
        v = 0.75·1 + 0.25·2² = 1.75        step = 0.1·2/√1.75 = 0.1512      w = 0.8 - 0.1512 = 0.6488
    g = 200 gives the same steps: v is 10000 times, its root 100 times as large. The first, 0.2, is η / √(1 - ρ), here
    0.1/√0.25 = 0.2.
    Centered, the first step: ḡ = 0.75·0 + 0.25·2 = 0.5; q = 1 - 0.5² = 0.75; step = 0.1·2/√0.75 = 0.2309;
    w = 1 - 0.2309 = 0.7691.

    >>> for g in (np.array([2.0]), np.array([200.0])):
    ...     w, v = np.array([1.0]), np.array([0.0])
    ...     for _ in range(2):
    ...         rmsprop_update(w, g, v, learning_rate=0.1, rho=0.75, epsilon=0.0)
    ...         print(v, np.round(w, 4))
    [1.] [0.8]
    [1.75] [0.6488]
    [10000.] [0.8]
    [17500.] [0.6488]
    >>> w, v, mean = np.array([1.0]), np.array([0.0]), np.array([0.0])
    >>> rmsprop_update(w, np.array([2.0]), v, learning_rate=0.1, rho=0.75, epsilon=0.0, mean_gradient=mean)
    >>> w, v, mean
    (array([0.7691]), array([1.]), array([0.5]))

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
        q = v
    else:
        mean_gradient *= rho
        mean_gradient += (1 - rho) * dw                           # ḡ ← ρ ḡ + (1 - ρ) g
        q = v - mean_gradient * mean_gradient
    step = learning_rate * dw / np.sqrt(q + epsilon)              # step = η g / √(q + ε)
    if velocity is None:
        w -= step
    else:
        velocity *= momentum
        velocity += step                                          # u ← μ u + step
        w -= velocity
