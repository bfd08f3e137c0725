"""Distances that are neither the square nor the absolute value of an error.

The squared error lets one wild measurement outweigh a hundred good ones; the absolute error does not, but pulls as hard at the
very end as at the beginning. Both think that 1 too much is the same for a 2 as for a 2000. The four distances of this chapter
are answers: two that are squares near 0 and straight lines far away, two that look at ratios instead of differences.

Forward (a loss per sample; reduction.py turns them into one number)
    l_n = 1/C Σ_c f(y_nc, t_nc)              y the prediction, t the target (N, C)      l (N,)

    huber          f = e²/2 where |e| ≤ δ,  δ |e| - δ²/2 elsewhere         e = y - t, δ > 0
    log_cosh       f = log cosh e = log((exp(e) + exp(-e)) / 2)            near 0: e²/2, far away: |e| - log 2
    logarithmic    f = (log(1 + r(y)) - log(1 + r(t)))²                    r(x) = max(x, ε): numbers that are not negative
    percentage     f = 100 |y - t| / r(|t|)

Derivation
    Each f is of one y and one t, so dy_nc = dl_n/C ∂f/∂y and dt_nc = dl_n/C ∂f/∂t, where
    huber          ∂f/∂y = e where |e| ≤ δ,  δ sign(e) elsewhere           = e limited to [-δ, δ]
    log_cosh       ∂f/∂y = (exp(e) - exp(-e)) / (exp(e) + exp(-e))         = tanh(e)
                   in both t enters only through e, with the opposite sign: ∂f/∂t = -∂f/∂y
    logarithmic    with h = log(1 + r(y)) - log(1 + r(t)), f = h²:
                   ∂f/∂y = 2h r'(y) / (1 + r(y)),   ∂f/∂t = -2h r'(t) / (1 + r(t)),   r'(x) = [x > ε]
    percentage     ∂f/∂y = 100 sign(e) / r(|t|)
                   ∂f/∂t = -100 sign(e) / r(|t|) - 100 |e| / r(|t|)² · r'(|t|) sign(t)
    The slope of huber and of log_cosh never exceeds δ (1): that is what "robust" means. Those of the last two shrink as the
    numbers grow: they ask for the same share everywhere.

By hand
    One sample of two quantities, y = (3, 1), t = (1, 0.5):    e = (3 - 1, 1 - 0.5) = (2, 0.5), C = 2, dl = 1
        huber, δ = 1:   f = (1·2 - 1²/2, 0.5²/2) = (1.5, 0.125)       l = (1.5 + 0.125)/2 = 0.8125
            back:       dy = (1/2·1, 1/2·0.5) = (0.5, 0.25)
        percentage:     f = (100·2/1, 100·0.5/0.5) = (200, 100)       l = (200 + 100)/2 = 150
            back:       dy = (100/2/1, 100/2/0.5) = (50, 100)
                        dt = (-50 - 100/2·2/1², -100 - 100/2·0.5/0.5²) = (-150, -200)
    One number, y = 3, t = 1:
        logarithmic:    l = (log(4) - log(2))² = 0.4805
            back:       dy = 2·(log(4) - log(2))/4 = 0.3466           dt = -2·(log(4) - log(2))/2 = -0.6931
        log_cosh:       l = log((exp(2) + exp(-2))/2) = 1.3250
            back:       dy = (exp(2) - exp(-2))/(exp(2) + exp(-2)) = 0.9640

    >>> y, t, dl = np.array([[3.0, 1.0]]), np.array([[1.0, 0.5]]), np.array([1.0])
    >>> l, saved = distance_forward(y, t, "huber", 1.0)
    >>> l, *distance_backward(dl, saved)
    (array([0.8125]), array([[0.5, 0.25]]), array([[-0.5, -0.25]]))
    >>> l, saved = distance_forward(y, t, "percentage", 1e-7)
    >>> l, *distance_backward(dl, saved)
    (array([150.]), array([[50., 100.]]), array([[-150., -200.]]))
    >>> l, saved = distance_forward(y[:, :1], t[:, :1], "logarithmic", 1e-7)
    >>> l, *distance_backward(dl, saved)
    (array([0.4805]), array([[0.3466]]), array([[-0.6931]]))
    >>> l, saved = distance_forward(y[:, :1], t[:, :1], "log_cosh")
    >>> l, *distance_backward(dl, saved)
    (array([1.3250]), array([[0.9640]]), array([[-0.9640]]))

What is saved
    y and t: everything else is cheaper made again than kept.

Numerics
    huber       c (|e| - c/2) with c = min(|e|, δ) is both of its branches, and squares no large number.
    log_cosh    |e| - log 2 + log(1 + exp(-2|e|)) does not overflow, but near 0 it is a difference of numbers near 0.7 whose
                result is e²/2: in float32 nothing is left of it at e = 0.0001. Below |e| = 1 we take
                -1/2 log(1 - tanh²(e)), the same since 1/cosh² = 1 - tanh².

Ties and kinks
    |e| at 0 has the slope 0. max(x, ε) at x = ε exactly has the slope 1/2, as every maximum here (arithmetic.py).

References
    Huber (1964), Robust estimation of a location parameter, eq. 1.7.
"""
import math

import numpy as np

from refnet.kernels.errors import row_mean

__all__ = ["DISTANCES", "distance_backward", "distance_forward"]

_LOG_2 = math.log(2.0)


def step(x, low):
    """The slope of max(x, low): 1 above, 1/2 at low itself, 0 below."""
    return np.where(x > low, 1.0, np.where(x == low, 0.5, 0.0)).astype(x.dtype)


def _huber(y, t, delta):
    e = np.abs(y - t)
    c = np.minimum(e, delta)
    return c * (e - c / 2)


def _huber_slopes(y, t, delta):
    by_y = np.clip(y - t, -delta, delta)                                    # f = e²/2 or δ|e| - δ²/2
    return by_y, -by_y                                                      # e = y - t


def _log_cosh(y, t, _):
    e = np.abs(y - t)
    near = np.tanh(np.minimum(e, 1))
    return np.where(e < 1, -0.5 * np.log1p(-near * near), (e - e.dtype.type(_LOG_2)) + np.log1p(np.exp(-2 * e)))


def _log_cosh_slopes(y, t, _):
    by_y = np.tanh(y - t)                                                   # f = log cosh e
    return by_y, -by_y                                                      # e = y - t


def _logarithmic(y, t, epsilon):
    h = np.log1p(np.maximum(y, epsilon)) - np.log1p(np.maximum(t, epsilon))
    return h * h


def _logarithmic_slopes(y, t, epsilon):
    ry, rt = np.maximum(y, epsilon), np.maximum(t, epsilon)
    h = np.log1p(ry) - np.log1p(rt)
    return 2 * h * step(y, epsilon) / (1 + ry), -2 * h * step(t, epsilon) / (1 + rt)    # f = h²


def _percentage(y, t, epsilon):
    return 100 * (np.abs(y - t) / np.maximum(np.abs(t), epsilon))


def _percentage_slopes(y, t, epsilon):
    e, size = y - t, np.abs(t)
    r = np.maximum(size, epsilon)
    by_y = 100 * np.sign(e) / r                                             # f = 100 |e| / r,  through e
    through_r = 100 * (np.abs(e) / r) / r * step(size, epsilon) * np.sign(t)
    return by_y, -by_y - through_r                                          # f = 100 |e| / r(|t|), through e and r


# name: (f(y, t, parameter), the slopes with respect to y and to t)
TABLE = {
    "huber": (_huber, _huber_slopes),
    "log_cosh": (_log_cosh, _log_cosh_slopes),
    "logarithmic": (_logarithmic, _logarithmic_slopes),
    "percentage": (_percentage, _percentage_slopes),
}
DISTANCES = tuple(TABLE)


def distance_forward(y, t, distance="huber", parameter=1.0, save=True):
    """l_n = mean over c of f(y_nc, t_nc).    y, t (N, C)   ->   l (N,)

    `distance` is one of DISTANCES; `parameter` is δ (huber) or ε (logarithmic, percentage); log_cosh has none.
    """
    if distance not in TABLE:
        raise ValueError(f"Unknown distance {distance!r}; the kernels know {', '.join(DISTANCES)}.")
    parameter = y.dtype.type(parameter)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):     # what is infinite or no number says so itself
        terms = TABLE[distance][0](y, t, parameter)
        return row_mean(terms), ((distance, parameter, y, t) if save else None)


def distance_backward(dl, saved, needs=(True, True)):
    distance, parameter, y, t = saved
    share = dl[:, None] / dl.dtype.type(max(y.shape[1], 1))                 # l = mean over c           (N, 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_y, by_t = TABLE[distance][1](y, t, parameter)
        return (share * by_y if needs[0] else None), (share * by_t if needs[1] else None)
