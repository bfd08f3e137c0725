"""Divergences: how far a predicted distribution is from the one that is meant.

Cross-entropy asks what a prediction says of the one class that happened. Where the target is a distribution itself (a teacher's
answer, opinions of many), what should be 0 when both agree is the surprise beyond the unavoidable: the Kullback-Leibler
divergence. And where the target is a count (visitors an hour, mutations of a gene), the natural prediction is the mean of a
Poisson distribution.

Forward (a loss per sample; reduction.py turns them into one number)
    kl         l_n = Σ_c t_nc log(t_nc / y_nc)                y, t (N, C) distributions, limited to [ε, 1] first    l (N,)
    poisson    l_n = 1/C Σ_c (y_nc - t_nc log(y_nc + ε))      t (N, C) counts, y (N, C) predicted means             l (N,)

    A Poisson distribution of mean y gives the count t the probability exp(-y) y^t / t!. The loss is the negative logarithm of
    that without log t!, which no prediction changes.

Derivation, of one entry, with q(x) = x limited to [ε, 1] and q' its slope
    kl         f = q(t) log(q(t) / q(y)) = q(t) log q(t) - q(t) log q(y)
               ∂f/∂y = -q(t)/q(y) q'(y)
               ∂f/∂t = (log q(t) + 1 - log q(y)) q'(t)        = (log(q(t)/q(y)) + 1) q'(t)
    poisson    f = y - t log(y + ε)
               ∂f/∂y = 1 - t/(y + ε)                          0 where the prediction is the count (up to ε)
               ∂f/∂t = -log(y + ε)
    dy_nc = dl_n ∂f/∂y, dt_nc = dl_n ∂f/∂t; with poisson, a mean, both divided by C.

By hand
    kl, two classes, t = (0.5, 0.5), y = (0.25, 0.75), dl = 1:
        l = 0.5·log(0.5/0.25) + 0.5·log(0.5/0.75) = 0.1438
        back:    dy = (-0.5/0.25, -0.5/0.75) = (-2, -0.6667)
                 dt = (log(0.5/0.25) + 1, log(0.5/0.75) + 1) = (1.6931, 0.5945)
    poisson, one count, t = 3, y = 2, ε = 0, dl = 1:    l = 2 - 3·log(2) = -0.0794
        back:    dy = 1 - 3/2 = -0.5           dt = -log(2) = -0.6931

    >>> dl = np.array([1.0])
    >>> l, saved = divergence_forward(np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]]), "kl", 1e-7)
    >>> l, *divergence_backward(dl, saved)
    (array([0.1438]), array([[-2., -0.6667]]), array([[1.6931, 0.5945]]))
    >>> l, saved = divergence_forward(np.array([[2.0]]), np.array([[3.0]]), "poisson", 0.0)
    >>> l, *divergence_backward(dl, saved)
    (array([-0.0794]), array([[-0.5]]), array([[-0.6931]]))

What is saved
    y and t.

Ties and kinks
    The slope of q is 1 between ε and 1, 0 outside, and 1/2 at the two ends, where Keras on JAX has it (a minimum of a maximum,
    each of which shares at a tie). So a probability of exactly 1, which a softmax gives in float32 when it is very sure, still
    learns.
    A negative mean has no logarithm: poisson gives NaN, and says so by that.

References
    Kullback, Leibler (1951), On information and sufficiency, eq. 2.4.
    McCullagh, Nelder (1989), Generalized Linear Models, chapter 6 (poisson).
"""
import numpy as np

from refnet.kernels.errors import row_mean

__all__ = ["DIVERGENCES", "divergence_backward", "divergence_forward"]


def _inside(x, epsilon):
    """The slope of x limited to [ε, 1]."""
    return np.where((x > epsilon) & (x < 1), 1.0, np.where((x == epsilon) | (x == 1), 0.5, 0.0)).astype(x.dtype)


def _kl(y, t, epsilon):
    q = np.clip(t, epsilon, 1)
    return q * np.log(q / np.clip(y, epsilon, 1))


def _kl_slopes(y, t, epsilon):
    q = np.clip(t, epsilon, 1)
    ratio = q / np.clip(y, epsilon, 1)
    return -ratio * _inside(y, epsilon), (np.log(ratio) + 1) * _inside(t, epsilon)      # f = q(t) log(q(t)/q(y))


def _poisson(y, t, epsilon):
    return y - t * np.log(y + epsilon)


def _poisson_slopes(y, t, epsilon):
    return 1 - t / (y + epsilon), -np.log(y + epsilon)                      # f = y - t log(y + ε)


# name: (f(y, t, ε), the slopes with respect to y and to t, whether a mean is taken over the row; else the sum)
TABLE = {"kl": (_kl, _kl_slopes, False), "poisson": (_poisson, _poisson_slopes, True)}
DIVERGENCES = tuple(TABLE)


def divergence_forward(y, t, divergence="kl", epsilon=1e-7, save=True):
    """l_n = sum (kl) or mean (poisson) over c of f(y_nc, t_nc).    y, t (N, C)   ->   l (N,)

    `divergence` is one of DIVERGENCES.
    """
    if divergence not in TABLE:
        raise ValueError(f"Unknown divergence {divergence!r}; the kernels know {', '.join(DIVERGENCES)}.")
    epsilon = y.dtype.type(epsilon)
    value, _, by_mean = TABLE[divergence]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):     # what is infinite or no number says so itself
        terms = value(y, t, epsilon)
        l = row_mean(terms) if by_mean else terms.sum(axis=-1, dtype=np.float64).astype(y.dtype)
    return l, ((divergence, epsilon, y, t) if save else None)


def divergence_backward(dl, saved, needs=(True, True)):
    divergence, epsilon, y, t = saved
    _, slopes, by_mean = TABLE[divergence]
    share = dl[:, None] / dl.dtype.type(max(y.shape[1], 1) if by_mean else 1)           # l = mean or Σ over c   (N, 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_y, by_t = slopes(y, t, epsilon)
        return (share * by_y if needs[0] else None), (share * by_t if needs[1] else None)
