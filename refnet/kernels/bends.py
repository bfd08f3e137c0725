"""Bends: the activations beside the usual ones.

relu has a corner, and a unit whose input is always negative never learns again. Each function of this chapter is somebody's
answer: let a little through (leaky_relu, elu), round the corner off (softplus, squareplus, sparse_plus, mish), stop growing
(relu6, hard_tanh, softsign), be a sigmoid without an exponential (hard_sigmoid, sparse_sigmoid), or leave out what is near 0
(the shrinks).

Forward
    y = f(x)             x any shape        y the same shape        a, b: the parameters of f, if it has some

    leaky_relu        x where x ≥ 0,  a x elsewhere
    relu6             x limited to [0, 6]
    elu               b x where x > 0,  b a (exp(x) - 1) elsewhere              selu is elu with a = 1.6733, b = 1.0507
    celu              x where x > 0,  a (exp(x/a) - 1) elsewhere
    softplus          log(1 + exp(x))
    log_sigmoid       log σ(x) = -log(1 + exp(-x))                              σ is the sigmoid
    softsign          x / (1 + |x|)
    squareplus        (x + √(x² + a)) / 2
    mish              x tanh(log(1 + exp(x)))
    sparse_plus       0 where x ≤ -1,  x where x ≥ 1,  (x + 1)²/4 between
    sparse_sigmoid    (x + 1)/2 limited to [0, 1]
    hard_sigmoid      x/6 + 1/2 limited to [0, 1]
    hard_silu         x (x/6 + 1/2 limited to [0, 1])
    hard_tanh         x limited to [-1, 1]
    tanh_shrink       x - tanh(x)
    hard_shrink       x where |x| > a,  0 elsewhere
    soft_shrink       x - a where x > a,  x + a where x < -a,  0 elsewhere
    threshold         x where x > a,  b elsewhere

Derivation
    f acts on each element by itself, so dx_i = dy_i f'(x_i), and f' is
    leaky_relu        1 where x ≥ 0,  a elsewhere
    relu6, hard_tanh, hard_shrink, soft_shrink, threshold      1 where y moves with x,  0 elsewhere
    elu               b where x > 0,  b a exp(x) elsewhere
    celu              1 where x > 0,  exp(x/a) elsewhere
    softplus          exp(x) / (1 + exp(x))                                     = σ(x)
    log_sigmoid       exp(-x) / (1 + exp(-x))                                   = σ(-x)
    softsign          x > 0: (1·(1 + x) - x·1) / (1 + x)²                       = 1 / (1 + |x|)², x < 0 likewise
    squareplus        1/2 + 1/2 · 2x / (2√(x² + a)) = (√(x² + a) + x) / (2√(x² + a))    = y / √(x² + a)
    mish              with h = tanh(log(1 + exp(x))), tanh' = 1 - tanh²:        h + x (1 - h²) σ(x)
    sparse_plus       0 where x ≤ -1,  1 where x ≥ 1,  (x + 1)/2 between        = sparse_sigmoid(x)
    sparse_sigmoid    1/2 between -1 and 1,  0 beyond
    hard_sigmoid      1/6 between -3 and 3,  0 beyond
    hard_silu         hard_sigmoid(x) + x hard_sigmoid'(x)
    tanh_shrink       1 - (1 - tanh²(x))                                        = tanh²(x)

By hand
    leaky_relu, a = 0.2, at x = (2, -1):    y = (2, 0.2·(-1)) = (2, -0.2)
        back, dy = (5, 5):    dx = (5·1, 5·0.2) = (5, 1)                 the unit that was off still learns
    softplus at x = log 3 (exp(x) is 3):    y = log(1 + 3) = 1.3863
        back, dy = 2:    dx = 2·3/(1 + 3) = 1.5
    soft_shrink, a = 0.5, at x = (2, 0.3):    y = (2 - 0.5, 0) = (1.5, 0)        back, dy = (5, 5):    dx = (5, 0)

    >>> y, saved = bend_forward(np.array([2.0, -1.0]), "leaky_relu", 0.2)
    >>> y, bend_backward(np.array([5.0, 5.0]), saved)
    (array([2., -0.2]), array([5., 1.]))
    >>> y, saved = bend_forward(np.log([3.0]), "softplus")
    >>> y, bend_backward(np.array([2.0]), saved)
    (array([1.3863]), array([1.5]))
    >>> y, saved = bend_forward(np.array([2.0, 0.3]), "soft_shrink", 0.5)
    >>> y, bend_backward(np.array([5.0, 5.0]), saved)
    (array([1.5, 0.]), array([5., 0.]))

What is saved
    x.

Ties and kinks
    At a corner there is no derivative; we take what Keras has on JAX: leaky_relu at 0: 1. relu6 at 0 and 6, hard_sigmoid's at ±3,
    the shrinks' and threshold's: 0. hard_tanh at ±1: 1. sparse_sigmoid at ±1: 1/4.

Numerics
    exp(x) - 1 is computed as one function (expm1): near 0 the difference would have no digits left.
    log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), which does not overflow; log_sigmoid likewise.
    x + √(x² + a) loses its digits where x is very negative; there it is a / (√(x² + a) - x), which is the same:
    (√(x² + a) + x)(√(x² + a) - x) = a.

References
    Maas et al. (2013), Rectifier nonlinearities improve neural network acoustic models (leaky_relu). Clevert et al. (2015),
    arXiv:1511.07289 (elu). Klambauer et al. (2017), arXiv:1706.02515 (selu). Barron (2017), arXiv:1704.07483 (celu).
    Barron (2021), arXiv:2112.11687 (squareplus). Misra (2019), arXiv:1908.08681 (mish).
"""
import numpy as np

from refnet.kernels.activation import sigmoid

__all__ = ["BENDS", "bend_backward", "bend_forward"]


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _squareplus(x, a):
    r = np.sqrt(x * x + a)
    return np.where(x < 0, a / (2 * (r - np.minimum(x, 0))), (x + r) / 2)


def _mish_slope(x):
    h = np.tanh(_softplus(x))
    return h + x * (1 - h * h) * sigmoid(x)


def _hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def _inside(x, limit):
    return (x > -limit) & (x < limit)


# name: (f(x, a, b), f'(x, a, b)); what has one parameter or none does not look at the others
TABLE = {
    "leaky_relu": (lambda x, a, b: np.where(x >= 0, x, a * x), lambda x, a, b: np.where(x >= 0, 1, a)),
    "relu6": (lambda x, a, b: np.clip(x, 0, 6), lambda x, a, b: (x > 0) & (x < 6)),
    "elu": (lambda x, a, b: b * np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
            lambda x, a, b: b * np.where(x > 0, 1, a * np.exp(np.minimum(x, 0)))),
    "celu": (lambda x, a, b: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / a)), lambda x, a, b: np.exp(np.minimum(x, 0) / a)),
    "softplus": (lambda x, a, b: _softplus(x), lambda x, a, b: sigmoid(x)),
    "log_sigmoid": (lambda x, a, b: -_softplus(-x), lambda x, a, b: sigmoid(-x)),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), lambda x, a, b: 1 / (1 + np.abs(x)) ** 2),
    "squareplus": (lambda x, a, b: _squareplus(x, a), lambda x, a, b: _squareplus(x, a) / np.sqrt(x * x + a)),
    "mish": (lambda x, a, b: x * np.tanh(_softplus(x)), lambda x, a, b: _mish_slope(x)),
    "sparse_plus": (lambda x, a, b: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) * (x + 1) / 4)),
                    lambda x, a, b: np.clip((x + 1) / 2, 0, 1)),
    "sparse_sigmoid": (lambda x, a, b: np.clip((x + 1) / 2, 0, 1),
                       lambda x, a, b: np.where(np.abs(x) == 1, 0.25, np.where(np.abs(x) < 1, 0.5, 0))),
    "hard_sigmoid": (lambda x, a, b: _hard_sigmoid(x), lambda x, a, b: _inside(x, 3) / x.dtype.type(6)),
    "hard_silu": (lambda x, a, b: x * _hard_sigmoid(x), lambda x, a, b: _hard_sigmoid(x) + _inside(x, 3) * x / 6),
    "hard_tanh": (lambda x, a, b: np.clip(x, -1, 1), lambda x, a, b: np.abs(x) <= 1),
    "tanh_shrink": (lambda x, a, b: x - np.tanh(x), lambda x, a, b: np.tanh(x) ** 2),
    "hard_shrink": (lambda x, a, b: np.where(np.abs(x) > a, x, 0), lambda x, a, b: np.abs(x) > a),
    "soft_shrink": (lambda x, a, b: np.where(x > a, x - a, np.where(x < -a, x + a, 0)), lambda x, a, b: np.abs(x) > a),
    "threshold": (lambda x, a, b: np.where(x > a, x, b), lambda x, a, b: x > a),
}  # fmt: skip
BENDS = tuple(TABLE)


def bend_forward(x, bend, a=0.0, b=0.0, save=True):
    """y = f(x), elementwise; `bend` is one of BENDS, a and b are its parameters."""
    if bend not in TABLE:
        raise ValueError(f"Unknown bend {bend!r}; the kernels know {', '.join(BENDS)}.")
    a, b = x.dtype.type(a), x.dtype.type(b)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):     # what is infinite or no number says so itself
        y = np.asarray(TABLE[bend][0](x, a, b), dtype=x.dtype)
    return y, ((bend, a, b, x) if save else None)


def bend_backward(dy, saved):
    """dx = dy f'(x)."""
    bend, a, b, x = saved
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(dy * TABLE[bend][1](x, a, b), dtype=dy.dtype)     # y = f(x)
