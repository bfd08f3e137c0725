"""Mean squared and mean absolute error: how far predictions are from targets.

To learn, a network must be told how wrong it is, in one number per sample. For quantities (a price, a temperature)
that is a distance to the true value, and the two usual distances differ in how much they mind a target that is far
off.

Forward
    squared      l_n = 1/C Σ_c (y_nc - t_nc)²          y, t (N, C)        l (N,)
    absolute     l_n = 1/C Σ_c |y_nc - t_nc|

    y is the prediction, t the target, C the quantities that each of the N samples has. A loss per sample;
    reduction.py turns them into one number.

Derivation
    l_n depends on row n alone. With e = y - t:
        squared      dy_nc = dl_n · 2/C · e_nc
        absolute     dy_nc = dl_n · 1/C · sign(e_nc)
    t enters only through e, with the opposite sign: dt = -dy.

    What the two gradients are teaches something: the squared error pulls in proportion to the distance (the mean of the
    targets minimises it), the absolute error pulls equally from everywhere (their median does).

By hand
    One sample of two quantities, y = (3, 1), t = (1, 2):    e = (3 - 1, 1 - 2) = (2, -1)
        squared:     l = (2² + (-1)²) / 2 = 2.5      back, dl = 1:    dy = (1·2/2·2, 1·2/2·(-1)) = (2, -1)
        absolute:    l = (2 + 1) / 2 = 1.5           back, dl = 1:    dy = (1·1/2·1, 1·1/2·(-1)) = (0.5, -0.5)

    >>> y, t = np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]])
    >>> l, saved = mean_squared_error_forward(y, t)
    >>> l, *mean_squared_error_backward(np.array([1.0]), saved)
    (array([2.5]), array([[2., -1.]]), array([[-2., 1.]]))
    >>> l, saved = mean_absolute_error_forward(y, t)
    >>> l, *mean_absolute_error_backward(np.array([1.0]), saved)
    (array([1.5]), array([[0.5, -0.5]]), array([[-0.5, 0.5]]))

What is saved
    e = y - t.

Kinks
    |e| at exactly 0 has no derivative; we take 0.

References
    Legendre (1805), Nouvelles méthodes pour la détermination des orbites des comètes (least squares).
"""
import numpy as np

__all__ = [
    "mean_absolute_error_backward", "mean_absolute_error_forward",
    "mean_squared_error_backward", "mean_squared_error_forward",
]


def row_mean(values):
    """(N,): the mean over the last axis, accumulated in float64. An empty row (C = 0) has the mean NaN, as in NumPy."""
    total = values.sum(axis=-1, dtype=np.float64)
    columns = values.shape[-1]
    return (total / columns if columns else np.full_like(total, np.nan)).astype(values.dtype)


def mean_squared_error_forward(y, t, save=True):
    """l_n = mean over c of (y_nc - t_nc)².    y, t (N, C)   ->   l (N,)"""
    e = y - t
    return row_mean(e * e), (e if save else None)


def mean_squared_error_backward(dl, saved, needs=(True, True)):
    e = saved
    dy = dl[:, None] * (e * e.dtype.type(2 / max(e.shape[1], 1)))           # l = mean e²,   e = y - t    (N, C)
    return (dy if needs[0] else None), (-dy if needs[1] else None)


def mean_absolute_error_forward(y, t, save=True):
    """l_n = mean over c of |y_nc - t_nc|.    y, t (N, C)   ->   l (N,)"""
    e = y - t
    return row_mean(np.abs(e)), (e if save else None)


def mean_absolute_error_backward(dl, saved, needs=(True, True)):
    e = saved
    dy = dl[:, None] * (np.sign(e) * e.dtype.type(1 / max(e.shape[1], 1)))  # l = mean |e|,  e = y - t    (N, C)
    return (dy if needs[0] else None), (-dy if needs[1] else None)
