"""Stochastic gradient descent: a step downhill, with or without memory.

Update
    plain         w ← w - η g                                          g = dL/dw, η the learning rate
    momentum      u ← μ u - η g            w ← w + u                   u the velocity, μ the momentum
    Nesterov      u ← μ u - η g            w ← w + μ u - η g

Why
    The gradient points uphill, so -g is the direction in which L falls fastest. Momentum is a ball with mass: components of
    g that agree from step to step add up (to η g / (1 - μ)), those that alternate cancel. Nesterov's form evaluates the
    gradient, in effect, where the ball is about to be: written in the shifted variable w + μ u it becomes the line above.

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
