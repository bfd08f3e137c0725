"""Projections: the nearest weights that are allowed. What a constraint does after each update.

Some weights have a meaning that gradient descent does not know of: a mixing proportion is not negative, an embedding has
length one, and a bound on the norm of the weights into one unit lets dropout use a large learning rate. A step
may leave the allowed set; the projection puts the weights back.

Forward (r_j the norm of one vector w_j: the entries of w along `axis`)
    non negative      w' = max(w, 0)
    max norm          w'_j = w_j · min(r_j, R) / (ε + r_j)
    unit norm         w'_j = w_j / (ε + r_j)
    min max norm      w'_j = w_j · d_j / (ε + r_j),   d_j = ρ min(max(r_j, r_min), R) + (1 - ρ) r_j

    ε keeps the quotient finite for a vector of zeros. Not differentiated: a projection is no part of the loss.

By hand
    w = [3, 4] may be 2 long, with ε = 0:
        √(3² + 4²) = 5,  min(5, 2)/5 = 0.4
        0.4·3 = 1.2,  0.4·4 = 1.6      of length √(1.2² + 1.6²) = 2

    >>> w = np.array([3.0, 4.0])
    >>> max_norm(w, 2, 0, 0.0)
    array([1.2, 1.6])
    >>> unit_norm(w, 0, 0.0), min_max_norm(w, 0.0, 1.0, 0.5, 0, 0.0), non_negative(np.array([-1.0, 2.0]))
    (array([0.6, 0.8]), array([1.8, 2.4]), array([-0.,  2.]))
"""
import numpy as np

__all__ = ["max_norm", "min_max_norm", "non_negative", "unit_norm"]


def _norms(w, axis):
    squares = np.sum(np.square(w), axis=axis, keepdims=True, dtype=np.float64)
    return np.sqrt(squares).astype(w.dtype)


def non_negative(w):
    """w with its negative entries set to 0."""
    return np.asarray(w * (w >= 0))


def max_norm(w, limit, axis, epsilon):
    """w with vectors along `axis` shortened to `limit`."""
    norms = _norms(w, axis)
    return w * (np.clip(norms, 0, limit) / (epsilon + norms))


def unit_norm(w, axis, epsilon):
    """w with vectors along `axis` of norm 1."""
    return w / (epsilon + _norms(w, axis))


def min_max_norm(w, least, greatest, rate, axis, epsilon):
    """w with the norms of vectors along `axis` moved by the fraction `rate` of the way into [least, greatest]."""
    norms = _norms(w, axis)
    desired = rate * np.clip(norms, least, greatest) + (1 - rate) * norms
    return w * (desired / (epsilon + norms))
