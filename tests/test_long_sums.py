"""The house's rule for sums (docs/architecture.md): losses, means, norms and bias gradients accumulate in float64.

float32 loses a digit with every factor of ten of a long axis: entry after entry, 2**20 numbers around 10,000 add up to a sum whose
third digit is wrong. Here every kernel that sums does so over a long axis, in float32, against the reference in float64.
"""
import numpy as np
import pytest

import refnet.kernels as reference

LONG = 2**20
EPS = float(np.finfo(np.float32).eps)


def around(*shape):
    """Numbers around 10,000, the same for the same shape."""
    return (1e4 + np.random.default_rng(sum(shape)).standard_normal(shape)).astype("f4")


def ones(*shape):
    return np.ones(shape, "f4")


def bias_gradient(k, c, name, rank, shape):
    x, w, b, one, same = c(ones(*shape)), c(ones(*(3,) * rank, 1, 1)), c(ones(1)), (1,) * rank, ((1, 1),) * rank
    geometry = (one, one, shape[1:-1], one) if name == "conv_transpose" else (one, same, one)
    y, saved = getattr(k, f"{name}_forward")(x, w, b, *geometry)
    return getattr(k, f"{name}_backward")(c(around(*y.shape)), saved, (False, False, True))[2]


def pooled_bias_gradient(k, c):
    y, saved = k.conv_max_pool_forward(c(ones(16, 512, 512, 1)), c(ones(3, 3, 1, 1)), c(ones(1)), (1, 1), ((1, 1), (1, 1)), (1, 1))
    return k.conv_max_pool_backward(c(around(*y.shape)), saved, (False, False, True))[2]


def dense_bias_gradient(k, c, activation, units):
    _, saved = k.dense_forward(c(ones(LONG, 2)), c(ones(2, units)), c(ones(units)), activation)
    return k.dense_backward(c(around(LONG, units)), saved, (False, False, True))[2]


def batch_statistics(k, c, weights=False):
    statistics = c(np.empty((2, 2), "f4"))
    k.batch_norm_forward(c(around(LONG, 2)), None, None, 1e-3, statistics, True, c(ones(LONG)) if weights else None)
    return statistics


def norm_gradient(k, c, name, axis_is_long, which):
    rows, columns = (LONG, 2) if axis_is_long == "rows" else (2, LONG)
    parameters = [c(ones(columns)) for _ in range(1 if name == "rms_norm" else 2)]
    _, saved = getattr(k, f"{name}_forward")(c(around(rows, columns)), *parameters)
    dy = np.ascontiguousarray(around(rows, columns)[::-1]) - np.float32(9990)
    return getattr(k, f"{name}_backward")(c(dy), saved)[which]


def probabilities(c):
    p = np.random.default_rng(1).uniform(0.3, 0.6, (2, LONG))
    return c((p / p.sum(axis=1, keepdims=True)).astype("f4"))


def logits(c):
    return c(np.random.default_rng(2).uniform(-3, 3, (2, LONG)).astype("f4"))


# name -> (kernel set, cast) -> the result of the sum
SUMS = {
    "mean_squared_error": lambda k, c: k.mean_squared_error_forward(c(around(2, LONG)), c(0 * around(2, LONG)))[0],
    "mean_absolute_error": lambda k, c: k.mean_absolute_error_forward(c(around(2, LONG)), c(0 * around(2, LONG)))[0],
    **{f"distance-{name}": lambda k, c, n=name: k.distance_forward(c(around(2, LONG)), c(0 * around(2, LONG) + 1), n, 1e5)[0]
       for name in ("huber", "log_cosh", "percentage")},
    "distance-logarithmic": lambda k, c: k.distance_forward(c(around(2, LONG)), c(ones(2, LONG)), "logarithmic", 1e-7)[0],
    "divergence-kl": lambda k, c: k.divergence_forward(c(0.25 + 0 * around(2, LONG)), probabilities(c), "kl")[0],
    "divergence-poisson": lambda k, c: k.divergence_forward(c(around(2, LONG)), c(ones(2, LONG)), "poisson")[0],
    "margin": lambda k, c: k.margin_forward(c(-around(2, LONG)), c(ones(2, LONG)), "hinge")[0],
    "categorical_hinge": lambda k, c: k.categorical_hinge_forward(c(-around(2, LONG)), c(ones(2, LONG)))[0],
    "binary_crossentropy": lambda k, c: k.binary_crossentropy_forward(c(0.5 + 0 * around(2, LONG)), c(ones(2, LONG)))[0],
    "binary_crossentropy-logits": lambda k, c: k.binary_crossentropy_forward(logits(c), c(ones(2, LONG)), True)[0],
    "categorical_crossentropy": lambda k, c: k.categorical_crossentropy_forward(probabilities(c), probabilities(c))[0],
    "categorical_crossentropy-logits": lambda k, c: k.categorical_crossentropy_forward(logits(c), probabilities(c), True)[0],
    "categorical_crossentropy-gradient": lambda k, c: k.categorical_crossentropy_backward(
        c(ones(2)), k.categorical_crossentropy_forward(logits(c), c(ones(2, LONG)), True)[1]),
    "sparse_categorical_crossentropy": lambda k, c: k.sparse_categorical_crossentropy_forward(logits(c), np.array([1, 2]), True)[0],
    "softmax": lambda k, c: k.softmax_forward(logits(c))[0],
    "softmax-gradient": lambda k, c: k.softmax_backward(logits(c), k.softmax_forward(logits(c))[1]),
    "log_softmax": lambda k, c: k.log_softmax_forward(logits(c))[0],
    "log_softmax-gradient": lambda k, c: k.log_softmax_backward(c(ones(2, LONG)), k.log_softmax_forward(logits(c))[1]),
    "weighted_sum": lambda k, c: k.weighted_sum_forward(c(around(LONG)))[0],
    "weighted_sum-weights": lambda k, c: k.weighted_sum_forward(c(around(LONG)), c(around(LONG)))[0],
    **{f"dense-bias-{activation}-{units}": lambda k, c, a=activation, u=units: dense_bias_gradient(k, c, a, u)
       for activation in ("linear", "relu", "gelu") for units in (1, 3)},
    **{f"{name}-bias-{rank}": lambda k, c, n=name, r=rank, s=shape: bias_gradient(k, c, n, r, s)
       for name in ("conv", "conv_transpose", "depthwise_conv")
       for rank, shape in ((1, (2, LONG // 2, 1)), (2, (1, 1024, LONG // 1024, 1)))},
    "conv_max_pool-bias": pooled_bias_gradient,
    "global_average_pool": lambda k, c: k.global_average_pool_forward(c(around(1, LONG, 2)))[0],
    "average_pool": lambda k, c: k.average_pool_forward(c(around(1, 2**15, 3)), (2**14,), (2**14,), ((0, 0),))[0],
    "average_pool-images": lambda k, c: k.average_pool_forward(
        c(around(1, 128, 256, 17)), (128, 128), (64, 64), ((0, 0), (0, 0)))[0],
    "average_pool-padded": lambda k, c: k.average_pool_forward(c(around(2, 4096, 1)), (4096,), (512,), ((2048, 2047),))[0],
    "batch_norm-statistics": batch_statistics,
    "batch_norm-variance": lambda k, c: batch_statistics(k, c)[1],
    "batch_norm-weights": lambda k, c: batch_statistics(k, c, True)[1],
    "batch_norm": lambda k, c: k.batch_norm_forward(c(around(LONG, 2)))[0],
    "layer_norm": lambda k, c: k.layer_norm_forward(c(around(2, LONG)))[0],
    "rms_norm": lambda k, c: k.rms_norm_forward(c(around(2, LONG)))[0],
    "batch_norm-beta": lambda k, c: norm_gradient(k, c, "batch_norm", "rows", 2),
    "layer_norm-beta": lambda k, c: norm_gradient(k, c, "layer_norm", "rows", 2),
    "rms_norm-gamma": lambda k, c: norm_gradient(k, c, "rms_norm", "rows", 1),
    "layer_norm-x": lambda k, c: norm_gradient(k, c, "layer_norm", "columns", 0),
    "rms_norm-x": lambda k, c: norm_gradient(k, c, "rms_norm", "columns", 0),
    **{f"einsum-{equation}": lambda k, c, e=equation, s=shape: k.einsum_forward(e, c(around(*s)))[0]
       for equation, shape in (("i->", (LONG,)), ("ij->j", (LONG, 2)), ("ij->i", (2, LONG)), ("ji->j", (2, LONG)))},
    "einsum-alone": lambda k, c: k.einsum_forward("ij,k->k", c(around(LONG, 2)), c(ones(2)))[0],
    **{f"{name}-{axis}": lambda k, c, n=name, a=axis: getattr(k, f"{n}_forward")(c(around(LONG, 2)), a)[0]
       for name in ("sum", "mean") for axis in (None, 0)},
    "cumsum": lambda k, c: k.cumsum_forward(c(around(LONG)), 0)[0],
    "cumsum-rows": lambda k, c: k.cumsum_forward(c(around(LONG, 2)), 0)[0],
    "cumsum-gradient": lambda k, c: k.cumsum_backward(c(around(LONG)), 0),
    "add-gradient": lambda k, c: k.binary_backward(
        c(around(LONG, 2)), k.binary_forward(c(around(LONG, 2)), c(ones(2)), "add")[1], (False, True))[1],
    "broadcast-gradient": lambda k, c: k.broadcast_backward(c(around(LONG, 2)), c(ones(2))),
}  # fmt: skip

# what cancels: the sum of absolute terms, in units of the largest result, where that is not 1
TERMS = {"layer_norm-x": 100, "rms_norm-x": 100, "softmax-gradient": 10, "log_softmax-gradient": 10}

_wanted: dict = {}


@pytest.mark.parametrize("name", SUMS)
def test_long_sums_keep_their_digits(name, kernels):
    if name not in _wanted:
        _wanted[name] = SUMS[name](reference, lambda a: a.astype("f8"))
    wanted = _wanted[name]
    got = SUMS[name](kernels, lambda a: a)
    assert got.dtype == np.float32 and wanted.dtype == np.float64 and got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 4 * EPS * TERMS.get(name, 1) * np.abs(wanted).max()
