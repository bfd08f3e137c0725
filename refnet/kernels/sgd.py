"""Stochastic gradient descent: a step downhill, with or without memory.

The gradient says for each weight which way L grows. To learn is to go the other way, a little at a time: far enough
to get on, not so far that the slope is no longer the one that was measured. "Stochastic": each step looks at one
batch only, drawn at random.

Update
    plain         w ← w - η g                                          g = dw = ∂L/∂w, η the learning rate
    momentum      u ← μ u - η g            w ← w + u                   u the velocity, μ the momentum
    Nesterov      u ← μ u - η g            w ← w + μ u - η g

Why
    The gradient points uphill, so -g is the direction in which L falls fastest. Momentum is a ball with mass:
    components of g that agree from step to step add up (the velocity grows to η g / (1 - μ)), those that alternate in
    sign partly cancel (it shrinks to η g / (1 + μ)). Nesterov takes the gradient where the ball is about to be, at
    w̃ = w + μ u:  u' = μ u - η g(w̃),  w' = w + u'. In terms of w̃ alone:
    w̃' = w' + μ u' = (w̃ - μ u) + u' + μ u' = w̃ + μ u' - η g,  for u' - μ u = -η g.
    That is the line above, with w̃ called w.

By hand
    w = 1, g = 2 twice, η = 0.1, μ = 0.5, u = 0 at first.
        plain       w = 1 - 0.1·2 = 0.8              then w = 0.8 - 0.1·2 = 0.6
        momentum    u = 0.5·0 - 0.1·2 = -0.2         w = 1 - 0.2 = 0.8
                    u = 0.5·(-0.2) - 0.1·2 = -0.3    w = 0.8 - 0.3 = 0.5
        Nesterov    u = 0.5·0 - 0.1·2 = -0.2         w = 1 + 0.5·(-0.2) - 0.1·2 = 0.7
    For ever the same g, |u| goes to 0.1·2 / (1 - 0.5) = 0.4; for ever alternating, to 0.1·2 / (1 + 0.5) = 0.1333.

    >>> w, u, g = np.array([1.0]), np.array([0.0]), np.array([2.0])
    >>> for _ in range(2):
    ...     sgd_update(w, g, u, learning_rate=0.1, momentum=0.5)
    ...     print(u, w)
    [-0.2] [0.8]
    [-0.3] [0.5]
    >>> w, u = np.array([1.0]), np.array([0.0])
    >>> sgd_update(w, g, u, learning_rate=0.1, momentum=0.5, nesterov=True)
    >>> w
    array([0.7])
    >>> for sign in (1, -1):
    ...     u = np.array([0.0])
    ...     for step in range(100):
    ...         sgd_update(w, g * sign**step, u, learning_rate=0.1, momentum=0.5)
    ...     print(np.round(abs(u), 4))
    [0.4]
    [0.1333]

References
    Robbins, Monro (1951), A stochastic approximation method. Polyak (1964), Some methods of speeding up convergence.
    Sutskever, Martens, Dahl, Hinton (2013), On the importance of initialization and momentum, eqs. 1-4.
"""

__all__ = ["sgd_update"]


def sgd_update(w, dw, velocity, learning_rate, momentum=0.0, nesterov=False):
    """Writes w and velocity in place. All arrays of one shape; velocity None without momentum; learning_rate a number or 0-d."""
    learning_rate = float(learning_rate)
    if velocity is None:
        w -= learning_rate * dw
        return
    velocity *= momentum
    velocity -= learning_rate * dw                                # u ← μ u - η g
    if nesterov:
        w += momentum * velocity - learning_rate * dw
    else:
        w += velocity
