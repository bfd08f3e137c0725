"""Margins: right is not enough, it must be right by 1.

A support vector machine does not ask for probabilities. It asks that every answer has the right sign, with a margin, and stops
caring once that is so: samples that are well on their side of the border have no influence on it any more, and the network's
power goes to those that are not.

Forward (a loss per sample; reduction.py turns them into one number)
    hinge            l_n = 1/C Σ_c max(1 - t_nc y_nc, 0)       y (N, C) scores of any size, t (N, C) of -1 and 1        l (N,)
    squared_hinge    l_n = 1/C Σ_c max(1 - t_nc y_nc, 0)²
        If all targets of a batch are 0 or 1 they are taken for a no and a yes: 2t - 1 stands in the place of t, as in Keras.
    categorical_hinge    l_n = max(1 + q_n - p_n, 0)           t (N, C) with a 1 at the true class and 0 elsewhere
        p_n = Σ_c t_nc y_nc, the true class's score,  q_n = max_c (1 - t_nc) y_nc, the best of the others (and 0, the true one's)

Derivation
    hinge            m = 1 - t y:  ∂f/∂y = -t [m > 0],   ∂f/∂t = -y [m > 0];  where 2t - 1 was put for t, twice that
    squared_hinge    f = max(m, 0)²:  ∂f/∂y = -2t max(m, 0),   ∂f/∂t = -2y max(m, 0)
        dy_nc = dl_n/C ∂f/∂y, dt_nc = dl_n/C ∂f/∂t
    categorical_hinge    where l_n > 0, and w_nc = 1 for the class that won q_n, else 0:
        p: ∂l/∂y_c = -t_c,            ∂l/∂t_c = -y_c
        q: ∂l/∂y_c = (1 - t_c) w_c,   ∂l/∂t_c = -y_c w_c       only the winner moves a maximum
        dy_nc = dl_n ((1 - t_nc) w_nc - t_nc),   dt_nc = -dl_n y_nc (1 + w_nc)

By hand
    Two scores, y = (0.5, -2), t = (1, -1), dl = 1:    m = (1 - 0.5, 1 - 2) = (0.5, -1)
        hinge:            l = (0.5 + 0)/2 = 0.25               dy = (-1/2·1, 0) = (-0.5, 0)
        squared_hinge:    l = (0.5² + 0)/2 = 0.125             dy = (-2/2·1·0.5, 0) = (-0.5, 0)
    Three classes, y = (2, 1.5, -1), the truth is the first, dl = 1:
        p = 2,  q = max(0·2, 1·1.5, 1·(-1)) = 1.5,  l = max(1 + 1.5 - 2, 0) = 0.5
        back:    dy = (-1, 1, 0)                               dt = (-2, -1.5·2, 1) = (-2, -3, 1)

    >>> y, t, dl = np.array([[0.5, -2.0]]), np.array([[1.0, -1.0]]), np.array([1.0])
    >>> l, saved = margin_forward(y, t, "hinge")
    >>> l, *margin_backward(dl, saved)
    (array([0.25]), array([[-0.5, 0.]]), array([[-0.25, 0.]]))
    >>> l, saved = margin_forward(y, (t + 1) / 2, "squared_hinge")           # the same targets, written 1 and 0
    >>> l, margin_backward(dl, saved, (True, False))[0]
    (array([0.125]), array([[-0.5, 0.]]))
    >>> l, saved = categorical_hinge_forward(np.array([[2.0, 1.5, -1.0]]), np.array([[1.0, 0.0, 0.0]]))
    >>> l, *categorical_hinge_backward(dl, saved)
    (array([0.5]), array([[-1., 1., 0.]]), array([[-2., -3., 1.]]))

What is saved
    y and t, and for the hinges whether 2t - 1 was put for t.

Ties and kinks
    A sample exactly on its margin (m = 0, or 1 + q = p) gets half the slope; classes that share the maximum share its gradient.

References
    Cortes, Vapnik (1995), Support-vector networks (hinge). Crammer, Singer (2001), On the algorithmic implementation of
    multiclass kernel-based vector machines, eq. 4 (categorical).
"""
import numpy as np

from refnet.kernels.distances import step
from refnet.kernels.errors import row_mean

__all__ = ["MARGINS", "categorical_hinge_backward", "categorical_hinge_forward", "margin_backward", "margin_forward"]

# name: (f(m), f'(m)) of what is missing, m = 1 - t y
TABLE = {
    "hinge": (lambda m: np.maximum(m, 0), lambda m: step(m, 0)),
    "squared_hinge": (lambda m: np.maximum(m, 0) ** 2, lambda m: 2 * np.maximum(m, 0)),
}
MARGINS = tuple(TABLE)


def _signed(t):
    """-1 and 1 for targets that are all 0 or 1; others as they are."""
    return t + t - 1


def margin_forward(y, t, margin="hinge", save=True):
    """l_n = mean over c of f(1 - t_nc y_nc).    y, t (N, C)   ->   l (N,)

    `margin` is one of MARGINS; targets that are all 0 or 1 are read as -1 and 1.
    """
    if margin not in TABLE:
        raise ValueError(f"Unknown margin {margin!r}; the kernels know {', '.join(MARGINS)}.")
    binary = bool(((t == 0) | (t == 1)).all())
    with np.errstate(invalid="ignore", over="ignore"):
        m = 1 - (_signed(t) if binary else t) * y
        return row_mean(TABLE[margin][0](m)), ((margin, binary, y, t) if save else None)


def margin_backward(dl, saved, needs=(True, True)):
    margin, binary, y, t = saved
    share = dl[:, None] / dl.dtype.type(max(y.shape[1], 1))                 # l = mean over c           (N, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        signed = _signed(t) if binary else t
        dm = share * TABLE[margin][1](1 - signed * y)                       # f(m)                      (N, C)
        dy = -dm * signed if needs[0] else None                             # m = 1 - t y
        dt = -dm * y * (2 if binary else 1) if needs[1] else None           # m = 1 - t y, or 1 - (2t - 1) y
    return dy, dt


def _scores(y, t):
    """p and q, (N,): the true class's score, and the best of the others."""
    p = (t * y).sum(axis=-1, dtype=np.float64).astype(y.dtype)
    return p, ((1 - t) * y).max(axis=-1, initial=-np.inf)


def categorical_hinge_forward(y, t, save=True):
    """l_n = max(1 + q_n - p_n, 0).    y, t (N, C)   ->   l (N,)"""
    with np.errstate(invalid="ignore", over="ignore"):
        p, q = _scores(y, t)
        return np.maximum((q - p) + 1, 0), ((y, t) if save else None)


def categorical_hinge_backward(dl, saved, needs=(True, True)):
    y, t = saved
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        p, q = _scores(y, t)
        dm = (dl * step((q - p) + 1, 0))[:, None]                           # l = max(1 + q - p, 0)     (N, 1)
        won = (1 - t) * y == q[:, None]
        w = (won / won.sum(axis=-1, keepdims=True)).astype(y.dtype)         # q = max; winners share    (N, C)
        dy = dm * ((1 - t) * w - t) if needs[0] else None
        dt = -dm * y * (1 + w) if needs[1] else None
    return dy, dt
