"""Activations beside the usual ones, with keras.ops' names: one kernel (refnet/kernels/bends.py) for nearly all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refnet import backend
from refnet.autodiff import Tensor, Variable, apply, value_of
from refnet.ops._op import array_of, as_type, constant, float_input, op
from refnet.ops.core import cast, stop_gradient
from refnet.ops.dtypes import HALF, floating
from refnet.ops.numpy import (
    add,
    cumsum,
    divide,
    expm1,
    flip,
    greater,
    greater_equal,
    max,
    maximum,
    min,
    multiply,
    sort,
    subtract,
    sum,
    where,
)
from refnet.ops.rules import axes_in, elementwise, like, shape_of, spec

__all__ = [
    "celu",
    "elu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu6",
    "selu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "tanh_shrink",
    "threshold",
]

def _plain(value: Any) -> bool:
    """Whether a parameter is a number, as Keras has it, and not an array (or a Tensor, which gets a gradient)."""
    return isinstance(value, (int, float, np.generic)) and not isinstance(value, bool)


def _parameter(value: Any, name: str, argument: str, least: float = -math.inf, *, more: bool = False) -> float:
    """A parameter as a Python number.

    Raises:
        ValueError: for what is no finite number, or less than `least` (`more`: or equal to it).
    """
    if isinstance(value, (Tensor, Variable, np.ndarray)) and value_of(value).ndim == 0:
        value = constant(value, name, argument).item()
    if not _plain(value) or not math.isfinite(value) or value < least or (more and value == least):
        bound = "" if math.isinf(least) else f" {'>' if more else '>='} {least:g}"
        raise ValueError(f"{name}: `{argument}` must be a finite number{bound}. Received: {argument}={value!r}")
    return float(value)


def _bend(x: Any, bend: str, a: float = 0.0, b: float = 0.0) -> Any:
    x = array_of(x)
    kernels = backend.active()
    y = apply(kernels.bend_forward, kernels.bend_backward, (float_input(x),), bend, a, b)
    return as_type(y, x.dtype) if x.dtype == HALF else y


def _real(x: Any) -> Any:
    """x as floats."""
    x = array_of(x)
    return as_type(x, floating(x.dtype))


def _define(name: str, doc: str) -> Any:
    """An activation without parameters."""

    def function(x):
        return _bend(x, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return op(elementwise(floating))(function)


relu6 = _define("relu6", "x limited to [0, 6].")
softplus = _define("softplus", "log(1 + exp(x)), without overflow.")
softsign = _define("softsign", "x / (1 + |x|).")
log_sigmoid = _define("log_sigmoid", "log(sigmoid(x)), without underflow.")
mish = _define("mish", "x tanh(softplus(x)) (Misra, 2019). (Beyond keras.ops.)")
hard_sigmoid = _define("hard_sigmoid", "x / 6 + 1/2, limited to [0, 1].")
hard_silu = _define("hard_silu", "x hard_sigmoid(x).")
hard_tanh = _define("hard_tanh", "x limited to [-1, 1].")
tanh_shrink = _define("tanh_shrink", "x - tanh(x).")
sparse_plus = _define("sparse_plus", "0 where x <= -1, x where x >= 1, (x + 1)² / 4 between.")
sparse_sigmoid = _define("sparse_sigmoid", "(x + 1) / 2, limited to [0, 1]: the slope of sparse_plus.")
hard_swish = hard_silu


@op(elementwise(floating))
def leaky_relu(x, negative_slope=0.2):
    """x where not negative, negative_slope x elsewhere. (Beyond Keras: a slope that is an array, and is learned.)"""
    if _plain(negative_slope):
        return _bend(x, "leaky_relu", _parameter(negative_slope, "leaky_relu", "negative_slope"))
    x = _real(x)
    return where(greater_equal(x, 0), x, multiply(x, negative_slope))


@op(elementwise(floating))
def elu(x, alpha=1.0):
    """x where positive, alpha (exp(x) - 1) elsewhere. (Beyond Keras: alpha may be an array.)"""
    if _plain(alpha):
        return _bend(x, "elu", _parameter(alpha, "elu", "alpha"), 1.0)
    x = _real(x)
    positive = greater(x, 0)
    return where(positive, x, multiply(alpha, expm1(where(positive, 0.0, x))))


@op(elementwise(floating))
def selu(x):
    """Scaled elu (Klambauer et al., 2017): keeps activations near mean 0 and variance 1."""
    return _bend(x, "elu", 1.6732632423543772, 1.0507009873554805)


@op(elementwise(floating))
def celu(x, alpha=1.0):
    """x where positive, alpha (exp(x / alpha) - 1) elsewhere; alpha > 0. (Beyond Keras: alpha may be an array.)"""
    if _plain(alpha):
        return _bend(x, "celu", _parameter(alpha, "celu", "alpha", 0, more=True))
    x = _real(x)
    positive = greater(x, 0)
    return where(positive, x, multiply(alpha, expm1(divide(where(positive, 0.0, x), alpha))))


@op(elementwise(floating))
def squareplus(x, b=4):
    """(x + √(x² + b)) / 2, b >= 0."""
    return _bend(x, "squareplus", _parameter(b, "squareplus", "b", 0))


@op(elementwise(floating))
def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, 0 elsewhere; threshold >= 0."""
    return _bend(x, "hard_shrink", _parameter(threshold, "hard_shrink", "threshold", 0))


@op(elementwise(floating))
def soft_shrink(x, threshold=0.5):
    """x drawn towards 0 by threshold, and 0 where |x| <= threshold; threshold >= 0."""
    return _bend(x, "soft_shrink", _parameter(threshold, "soft_shrink", "threshold", 0))


@op(elementwise(floating))
def threshold(x, threshold, default_value):
    """x where x > threshold, default_value elsewhere."""
    limit = _parameter(threshold, "threshold", "threshold")
    return _bend(x, "threshold", limit, _parameter(default_value, "threshold", "default_value"))


def _sparsemax_rule(x, axis=-1):
    axes_in("sparsemax", axis, len(shape_of(x)))
    return like(x, dtype=floating(spec(x).dtype))


@op(_sparsemax_rule)
def sparsemax(x, axis=-1):
    """The point of the probability simplex that is nearest to x, along an axis: like softmax, but with zeros
    (Martins and Astudillo, 2016, arXiv:1602.02068, algorithm 1).

    y_i = max(x_i - τ, 0) with the τ for which they sum to 1: of the k entries that stay positive τ = (their sum - 1) / k, and k is
    the largest number for which 1 + k s_k > s_1 + ... + s_k, s being x in descending order.
    """
    x = _real(x)
    (place,) = axes_in("sparsemax", axis, len(x.shape))
    x = subtract(x, stop_gradient(max(x, axis=place, keepdims=True)))  # a constant that is taken off all changes nothing
    fixed = stop_gradient(x)
    falling = flip(sort(fixed, axis=place), axis=place)
    count = np.arange(1, x.shape[place] + 1, dtype=x.dtype).reshape((-1,) + (1,) * (len(x.shape) - place - 1))
    count = backend.active().constant_array(count)
    stays = greater(add(1.0, multiply(count, falling)), cumsum(falling, axis=place))
    k = sum(cast(stays, x.dtype), axis=place, keepdims=True)
    least = min(where(stays, falling, np.inf), axis=place, keepdims=True)
    total = sum(where(greater_equal(fixed, least), x, 0.0), axis=place, keepdims=True)
    return maximum(subtract(x, divide(subtract(total, 1.0), k)), 0.0)
