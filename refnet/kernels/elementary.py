"""Elementary functions: exp, log and the error function.

Most formulas in this package are made of sums, products and these three: exp turns sums into products (softmax.py),
log turns them back (cross_entropy.py), and erf is the smooth step inside gelu (activation.py).

Forward
    exp    y = e^x
    log    y = ln x                                  x > 0; log(0) = -inf, log(x < 0) = NaN
    erf    y = 2/√π ∫₀ˣ exp(-h²) dh                  the area under a bell from 0 to x, scaled to lie in -1..1

Derivation
    Each acts on one element at a time, so dx = dy f'(x).
        exp    f' = e^x = y
        log    f' = 1/x
        erf    f' = 2/√π exp(-x²)                    the fundamental theorem of calculus: the integrand at x

By hand
    exp at x = log 2:    y = 2             back, dy = 3:    dx = 3·2 = 6
    log at x = 4:        y = log(4) = 1.3863             back, dy = 3:    dx = 3/4 = 0.75
    erf at x = 0:        y = 0             back, dy = 3:    dx = 3·2/√3.14159265 = 3.3851

    >>> dy = np.array([3.0])
    >>> y, saved = exp_forward(np.log([2.0]))
    >>> y, exp_backward(dy, saved)
    (array([2.]), array([6.]))
    >>> y, saved = log_forward(np.array([4.0]))
    >>> y, log_backward(dy, saved)
    (array([1.3863]), array([0.75]))
    >>> y, saved = erf_forward(np.array([0.0]))
    >>> y, erf_backward(dy, saved)
    (array([0.]), array([3.3851]))

What is saved
    y for exp (its derivative is itself), x for log and erf.

References
    Abramowitz, Stegun (1964), Handbook of Mathematical Functions, 7.1.1 (erf), 4.1, 4.2.
    NumPy has no erf; Python's math.erf computes it one number at a time.
"""
import math

import numpy as np

__all__ = ["erf_backward", "erf_forward", "exp_backward", "exp_forward", "log_backward", "log_forward"]

_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)
_erf_objects = np.frompyfunc(math.erf, 1, 1)


def exp_forward(x, save=True):
    """y = e^x, elementwise; any shape."""
    with np.errstate(over="ignore"):                             # too large is inf, and says so
        y = np.asarray(np.exp(x))                                # of a 0-d array NumPy makes a scalar
    return y, (y if save else None)


def exp_backward(dy, saved):
    y = saved
    return np.asarray(dy * y)                                    # y = e^x, its own derivative


def log_forward(x, save=True):
    """y = ln x, elementwise; any shape. No warning is raised for x <= 0: the value (-inf or NaN) says it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.asarray(np.log(x))
    return y, (x if save else None)


def log_backward(dy, saved):
    x = saved
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(dy / x)                                # y = ln x


def erf_forward(x, save=True):
    """y = erf(x), elementwise; any shape."""
    y = np.asarray(_erf_objects(x)).astype(x.dtype).reshape(x.shape)
    return y, (x if save else None)


def erf_backward(dy, saved):
    x = saved
    return np.asarray(dy * (_TWO_OVER_SQRT_PI * np.exp(-x * x)))  # y = erf(x)
