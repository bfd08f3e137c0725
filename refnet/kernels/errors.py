"""Mean squared and mean absolute error: how far predictions are from targets.

Forward
    squared      l_m = 1/C Σ_c (y_mc - t_mc)²          y, t (M, C)        l (M,)
    absolute     l_m = 1/C Σ_c |y_mc - t_mc|

    A loss per sample; reduction.py turns it into one number.

Derivation
    l_m depends on row m alone. With e = y - t:
        squared      dy_mc = dl_m · 2/C · e_mc
        absolute     dy_mc = dl_m · 1/C · sign(e_mc)
    t enters only through e, with the opposite sign: dt = -dy.

    A tie in the signs teaches something: the squared error pulls in proportion to the distance (the mean of the
    targets minimises it), the absolute error pulls equally from everywhere (their median does).

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


def _row_mean(values):
    """Mean over the last axis, accumulated in float64. An empty row (C = 0) has the mean NaN, as in NumPy."""
    total = values.sum(axis=-1, dtype=np.float64)
    columns = values.shape[-1]
    return (total / columns if columns else np.full_like(total, np.nan)).astype(values.dtype)


def mean_squared_error_forward(y, t, save=True):
    """l_m = mean over c of (y_mc - t_mc)².    y, t (M, C)   ->   l (M,)"""
    e = y - t
    return _row_mean(e * e), (e if save else None)


def mean_squared_error_backward(dl, saved, needs=(True, True)):
    e = saved
    dy = dl[:, None] * (e * e.dtype.type(2 / max(e.shape[1], 1)))           # l = mean e²,   e = y - t    (M, C)
    return (dy if needs[0] else None), (-dy if needs[1] else None)


def mean_absolute_error_forward(y, t, save=True):
    """l_m = mean over c of |y_mc - t_mc|.    y, t (M, C)   ->   l (M,)"""
    e = y - t
    return _row_mean(np.abs(e)), (e if save else None)


def mean_absolute_error_backward(dl, saved, needs=(True, True)):
    e = saved
    dy = dl[:, None] * (np.sign(e) * e.dtype.type(1 / max(e.shape[1], 1)))  # l = mean |e|,  e = y - t    (M, C)
    return (dy if needs[0] else None), (-dy if needs[1] else None)
