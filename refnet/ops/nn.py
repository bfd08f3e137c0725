"""Neural-network ops: activations, dense, dropout, losses, with keras.ops' names where Keras has them."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refnet import backend
from refnet.autodiff import SymbolicInput, Tensor, Variable, apply, value_of
from refnet.kernels.activation import ACTIVATIONS
from refnet.ops._op import float_input, kernel_array, op, pair_of_floats, ready, symbolic
from refnet.ops.numpy import (
    abs,
    add,
    clip,
    divide,
    exp,
    log1p,
    maximum,
    minimum,
    moveaxis,
    multiply,
    negative,
    reshape,
    subtract,
    transpose,
    where,
)

__all__ = [
    "FUSED_ACTIVATIONS", "activation", "binary_crossentropy", "binary_crossentropy_mean", "categorical_crossentropy", "celu",
    "dense", "dropout", "elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "linear", "log_sigmoid", "log_softmax",
    "mean_absolute_error", "mean_squared_error", "one_hot", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus",
    "softsign", "sparse_categorical_crossentropy", "swish", "tanh", "weighted_sum",
]

FUSED_ACTIVATIONS = frozenset(ACTIVATIONS)


# --- activations -------------------------------------------------------------------------------------------------------

@op
def activation(x: Any, name: str) -> Any:
    """An elementwise activation by the name that kernels know (FUSED_ACTIVATIONS)."""
    kernels = backend.active()
    return apply(kernels.activation_forward, kernels.activation_backward, (float_input(x),), name)


@op
def linear(x):
    """x itself."""
    return x if isinstance(x, (Tensor, Variable)) else value_of(x)


@op
def relu(x):
    """max(x, 0)."""
    return activation(x, "relu")


@op
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return activation(x, "sigmoid")


@op
def tanh(x):
    """The hyperbolic tangent."""
    return activation(x, "tanh")


@op
def silu(x):
    """x · sigmoid(x)."""
    return activation(x, "silu")


@op
def gelu(x, approximate=True):
    """x Φ(x), with Φ the normal distribution function; approximate: by tanh (keras.ops' default)."""
    return activation(x, "gelu_tanh" if approximate else "gelu")


@op
def relu6(x):
    """min(max(x, 0), 6)."""
    return clip(float_input(x), 0, 6)


@op
def leaky_relu(x, negative_slope=0.2):
    """x where positive, negative_slope · x elsewhere."""
    x = float_input(x)
    return where(value_of(x) > 0, x, multiply(x, negative_slope))


@op
def elu(x, alpha=1.0):
    """x where positive, alpha (exp(x) - 1) elsewhere."""
    x = float_input(x)
    return where(value_of(x) > 0, x, multiply(alpha, subtract(exp(minimum(x, 0.0)), 1.0)))


@op
def celu(x, alpha=1.0):
    """x where positive, alpha (exp(x / alpha) - 1) elsewhere."""
    x = float_input(x)
    return where(value_of(x) > 0, x, multiply(alpha, subtract(exp(divide(minimum(x, 0.0), alpha)), 1.0)))


@op
def selu(x):
    """Scaled elu (Klambauer et al., 2017): keeps activations near mean 0 and variance 1."""
    return multiply(1.0507009873554805, elu(x, 1.6732632423543772))


@op
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    x = float_input(x)
    return add(maximum(x, 0.0), log1p(exp(negative(abs(x)))))


@op
def softsign(x):
    """x / (1 + |x|)."""
    x = float_input(x)
    return divide(x, add(abs(x), 1.0))


@op
def log_sigmoid(x):
    """log(sigmoid(x)), without underflow."""
    return negative(softplus(negative(x)))


@op
def hard_sigmoid(x):
    """x / 6 + 1/2, limited to [0, 1]."""
    return clip(add(divide(float_input(x), 6.0), 0.5), 0, 1)


@op
def hard_silu(x):
    """x · hard_sigmoid(x)."""
    x = float_input(x)
    return multiply(x, hard_sigmoid(x))


swish = silu


def _over_last_axis(name: str, x: Any, axis: int) -> Any:
    """Run a kernel that works on rows (M, C), over any one axis of any shape."""
    kernels = backend.active()
    x = float_input(x)
    shape = x.shape
    if not shape:
        raise ValueError(f"{name}: a scalar has no axis to work over; x must have at least one dimension.")
    if axis not in (-1, len(shape) - 1):
        return moveaxis(_over_last_axis(name, moveaxis(x, axis, -1), -1), -1, axis)
    rows = x if len(shape) == 2 else reshape(x, (-1, shape[-1]) if shape[-1] else (int(np.prod(shape[:-1])), 0))
    y = apply(getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward"), (rows,))
    return y if len(shape) == 2 else reshape(y, shape)


def _over_axes(name: str, x: Any, axes: int | tuple[int, ...]) -> Any:
    """The same over one axis, or over several at once: those are moved to the end and merged."""
    if not isinstance(axes, (tuple, list)):
        return _over_last_axis(name, x, axes)
    n = value_of(x).ndim
    axes = tuple(a % n for a in axes)
    order = [a for a in range(n) if a not in axes] + list(axes)
    moved = transpose(x, order)
    merged = reshape(moved, (*(moved.shape[:n - len(axes)]), -1))
    return transpose(reshape(_over_last_axis(name, merged, -1), moved.shape), np.argsort(order))


@op
def softmax(x, axis=-1):
    """exp(x) / Σ exp(x) over an axis, or over several (a tuple)."""
    return _over_axes("softmax", x, axis)


@op
def log_softmax(x, axis=-1):
    """log(softmax(x)), computed without the detour through softmax."""
    return _over_axes("log_softmax", x, axis)


# --- layers' kernels -----------------------------------------------------------------------------------------------------

@op(direct=True)
def dense(x: Any, kernel: Any, bias: Any = None, activation: str = "linear") -> Any:
    """f(x · kernel + bias) over the last axis of x, in one kernel.

    Args:
        x: (..., D).
        kernel: (D, F).
        bias: (F,) or None.
        activation: a name in FUSED_ACTIVATIONS.

    Returns:
        (..., F).
    """
    try:
        value, dtype = value_of(x), value_of(kernel).dtype
    except SymbolicInput:
        return symbolic(dense, (x, kernel, bias, activation), {})
    if value.dtype != dtype or not ready(value):
        x = float_input(x, dtype)
    kernels = backend.active()
    shape = value.shape
    if len(shape) == 2:
        return apply(kernels.dense_forward, kernels.dense_backward, (x, kernel, bias), activation)
    flat = reshape(x, (int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]))
    y = apply(kernels.dense_forward, kernels.dense_backward, (flat, kernel, bias), activation)
    return reshape(y, shape[:-1] + (y.shape[-1],))


@op
def dropout(x: Any, rate: float, seed: int, count: int, noise_shape: tuple | None = None) -> Any:
    """Zero a fraction `rate` of x at random and divide the rest by 1 - rate.

    Args:
        x: any shape.
        rate: the fraction to drop, 0 <= rate <= 1.
        seed: 64-bit key of the random stream (a generator's).
        count: that generator's call count; the mask is a function of (seed, count) alone.
        noise_shape: shape of the mask, which is broadcast to x; None or -1 entries take x's size. None: x's shape.
    """
    x = float_input(x)
    kernels = backend.active()
    if noise_shape is None:
        return apply(kernels.dropout_forward, kernels.dropout_backward, (x,), rate, seed, count)
    shape = tuple(n if m in (None, -1) else m for n, m in zip(x.shape, noise_shape, strict=True))
    ones = np.ones(shape, x.dtype)
    mask, _ = kernels.dropout_forward(ones, rate, seed, count, save=False)
    return multiply(x, mask)


@op
def one_hot(x, num_classes, axis=-1, dtype=None):
    """Integers as rows of zeros with a single one. What is out of range gives a row of zeros, as in Keras."""
    from refnet import config
    labels = value_of(x).astype(np.int64)
    hot = (labels[..., None] == np.arange(num_classes)).astype(dtype or config.floatx())
    return hot if axis in (-1, labels.ndim) else np.moveaxis(hot, -1, axis)


# --- losses: one value per sample ----------------------------------------------------------------------------------------

def _rows(x: Any, shape: tuple[int, ...]) -> Any:
    """(..., C) -> (M, C); a Tensor stays on the tape."""
    return x if len(shape) == 2 else reshape(x, (int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]))


def _same_shape(name: str, target: Any, output: Any) -> tuple[int, ...]:
    """The shape that target and output share."""
    shape = value_of(output).shape
    if value_of(target).shape != shape:
        raise ValueError(f"{name}: target and output must have the same shape, but target has {value_of(target).shape} and output "
                         f"has {shape}.")
    if not shape:
        raise ValueError(f"{name}: target and output must have at least one dimension; they are scalars.")
    return shape


def _per_sample(l: Any, shape: tuple[int, ...]) -> Any:
    return l if len(shape) == 2 else reshape(l, shape[:-1])


def _error(name: str, forward: Callable, backward: Callable, y_true: Any, y_pred: Any) -> Any:
    y, t = pair_of_floats(y_pred, y_true)
    shape = _same_shape(name, t, y)
    return _per_sample(apply(forward, backward, (_rows(y, shape), _rows(t, shape))), shape)


@op
def mean_squared_error(y_true, y_pred):
    """The mean of (y_true - y_pred)² over the last axis; (..., C) -> (...)."""
    kernels = backend.active()
    return _error("mean_squared_error", kernels.mean_squared_error_forward, kernels.mean_squared_error_backward, y_true, y_pred)


@op
def mean_absolute_error(y_true, y_pred):
    """The mean of |y_true - y_pred| over the last axis; (..., C) -> (...)."""
    kernels = backend.active()
    return _error("mean_absolute_error", kernels.mean_absolute_error_forward, kernels.mean_absolute_error_backward, y_true, y_pred)


def _constant_target(name: str, target: Any) -> np.ndarray:
    if isinstance(target, Tensor) and target.watched:
        raise ValueError(f"{name}: the target is on the tape, but this loss is differentiated with respect to the output only. "
                         f"Pass refnet.stop_gradient(target).")
    return value_of(target)


def _crossentropy(name: str, target: Any, output: Any, from_logits: bool) -> Any:
    y = float_input(output)
    t = float_input(_constant_target(name, target), value_of(y).dtype)
    shape = _same_shape(name, t, y)
    kernels = backend.active()
    forward, backward = getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward")
    return _per_sample(apply(forward, backward, (_rows(y, shape),), _rows(t, shape), from_logits), shape)


@op
def binary_crossentropy_mean(target, output, from_logits=False):
    """Binary cross-entropy averaged over the last axis; (..., C) -> (...)."""
    return _crossentropy("binary_crossentropy", target, output, from_logits)


@op
def binary_crossentropy(target, output, from_logits=False):
    """Binary cross-entropy of every element, as keras.ops has it; the same shape."""
    y = float_input(output)
    shape = _same_shape("binary_crossentropy", target, y)
    each = _crossentropy("binary_crossentropy", value_of(target).reshape(-1, 1), reshape(y, (-1, 1)), from_logits)
    return reshape(each, shape)


@op
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-Σ target · log(probability) over `axis`; (..., C) -> (...)."""
    if axis not in (-1, value_of(output).ndim - 1):
        target, output = moveaxis(target, axis, -1), moveaxis(output, axis, -1)
    return _crossentropy("categorical_crossentropy", target, output, from_logits)


@op
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(probability of the target class) over `axis`; integer targets (...) or (..., 1), outputs (..., C) -> (...)."""
    if axis not in (-1, value_of(output).ndim - 1):
        output = moveaxis(output, axis, -1)
    y = float_input(output)
    shape = y.shape
    labels = _constant_target("sparse_categorical_crossentropy", target)
    if labels.ndim == len(shape) and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape != shape[:-1]:
        raise ValueError(f"sparse_categorical_crossentropy: target and output must have the same shape up to output's last axis, "
                         f"but target has {labels.shape} and output has {shape}.")
    labels = kernel_array(labels.reshape(-1), np.int64)
    kernels = backend.active()
    l = apply(kernels.sparse_categorical_crossentropy_forward, kernels.sparse_categorical_crossentropy_backward, (_rows(y, shape),),
              labels, from_logits)
    return _per_sample(l, shape)


@op
def weighted_sum(values, weights=None, scale=1.0):
    """scale · Σ weights · values: how losses per sample become one number."""
    values = float_input(values)
    flat = values if value_of(values).ndim == 1 else reshape(values, (-1,))
    if weights is not None:
        weights = kernel_array(value_of(weights).reshape(-1), value_of(values).dtype)
    kernels = backend.active()
    return apply(kernels.weighted_sum_forward, kernels.weighted_sum_backward, (flat,), weights, scale)
