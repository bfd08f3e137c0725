"""Losses, one value per sample, and their weighted sum: with keras.ops' names where Keras has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refnet import backend, config
from refnet.autodiff import apply
from refnet.graph import KerasTensor
from refnet.ops._op import array_of, as_type, constant, float_input, op, pair_of_floats, shared
from refnet.ops.dtypes import kernel_float, promote
from refnet.ops.numpy import moveaxis, reshape
from refnet.ops.rules import Shape, axes_in, like, reduced, same_size, shape_of, spec, type_of

__all__ = [
    "binary_crossentropy",
    "binary_crossentropy_mean",
    "categorical_crossentropy",
    "categorical_hinge",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "weighted_sum",
]


def _rows(x: Any, shape: tuple[int, ...]) -> Any:
    """(..., C) -> (M, C); a Tensor stays on the tape."""
    return x if len(shape) == 2 else reshape(x, (int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]))


def _check_shapes(name: str, target: Shape, output: Shape) -> Shape:
    """The shape that target and output share."""
    if len(target) != len(output) or not all(map(same_size, target, output)):
        raise ValueError(
            f"{name}: target and output must have the same shape, but target has {target} and output has {output}."
        )
    if not output:
        raise ValueError(f"{name}: target and output must have at least one dimension; they are scalars.")
    return tuple(n if m is None else m for m, n in zip(output, target, strict=True))


def _per_sample(l: Any, shape: tuple[int, ...]) -> Any:
    return l if len(shape) == 2 else reshape(l, shape[:-1])


def _error(name: str, forward: Callable, backward: Callable, y_true: Any, y_pred: Any, *args: Any) -> Any:
    y, t = pair_of_floats(y_pred, y_true)
    shape = y.shape
    if t.shape != shape or not shape:
        _check_shapes(name, t.shape, shape)
    return _per_sample(apply(forward, backward, (_rows(y, shape), _rows(t, shape)), *args), shape)


def _error_rule(name: str) -> Callable:
    def rule(y_true, y_pred, *args, **kwargs):
        shape = _check_shapes(name, shape_of(y_true), shape_of(y_pred))
        return KerasTensor(shape[:-1], kernel_float(promote(type_of(y_pred), type_of(y_true))))

    return rule


@op(_error_rule("mean_squared_error"))
def mean_squared_error(y_true, y_pred):
    """The mean of (y_true - y_pred)² over the last axis; (..., C) -> (...)."""
    kernels = backend.active()
    return _error(
        "mean_squared_error", kernels.mean_squared_error_forward, kernels.mean_squared_error_backward, y_true, y_pred
    )


@op(_error_rule("mean_absolute_error"))
def mean_absolute_error(y_true, y_pred):
    """The mean of |y_true - y_pred| over the last axis; (..., C) -> (...)."""
    kernels = backend.active()
    return _error(
        "mean_absolute_error", kernels.mean_absolute_error_forward, kernels.mean_absolute_error_backward, y_true, y_pred
    )


def _crossentropy(name: str, target: Any, output: Any, from_logits: bool) -> Any:
    y = float_input(output)
    t = float_input(constant(target, name, "target"), y.dtype)
    shape = y.shape
    if t.shape != shape or not shape:
        _check_shapes(name, t.shape, shape)
    kernels = backend.active()
    forward, backward = getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward")
    return _per_sample(apply(forward, backward, (_rows(y, shape),), _rows(t, shape), from_logits), shape)


def _distance(name: str, y_true: Any, y_pred: Any, distance: str, parameter: float = 1.0) -> Any:
    kernels = backend.active()
    return _error(name, kernels.distance_forward, kernels.distance_backward, y_true, y_pred, distance, parameter)


@op(_error_rule("huber"))
def huber(y_true, y_pred, delta=1.0):
    """The mean over the last axis of e²/2 where |e| <= delta, delta |e| - delta²/2 elsewhere; (..., C) -> (...)."""
    return _distance("huber", y_true, y_pred, "huber", delta)


@op(_error_rule("log_cosh"))
def log_cosh(y_true, y_pred):
    """The mean of log(cosh(y_pred - y_true)) over the last axis; (..., C) -> (...)."""
    return _distance("log_cosh", y_true, y_pred, "log_cosh")


@op(_error_rule("mean_squared_logarithmic_error"))
def mean_squared_logarithmic_error(y_true, y_pred):
    """The mean of (log(1 + y_true) - log(1 + y_pred))² over the last axis, negative numbers taken for 0; (..., C) -> (...)."""
    return _distance("mean_squared_logarithmic_error", y_true, y_pred, "logarithmic", config.epsilon())


@op(_error_rule("mean_absolute_percentage_error"))
def mean_absolute_percentage_error(y_true, y_pred):
    """The mean of 100 |y_true - y_pred| / |y_true| over the last axis; (..., C) -> (...)."""
    return _distance("mean_absolute_percentage_error", y_true, y_pred, "percentage", config.epsilon())


def _divergence(name: str, y_true: Any, y_pred: Any, divergence: str) -> Any:
    kernels = backend.active()
    return _error(
        name, kernels.divergence_forward, kernels.divergence_backward, y_true, y_pred, divergence, config.epsilon()
    )


@op(_error_rule("kl_divergence"))
def kl_divergence(y_true, y_pred):
    """Σ y_true log(y_true / y_pred) over the last axis, both limited to [epsilon, 1]; (..., C) -> (...)."""
    return _divergence("kl_divergence", y_true, y_pred, "kl")


@op(_error_rule("poisson"))
def poisson(y_true, y_pred):
    """The mean of y_pred - y_true log(y_pred) over the last axis; (..., C) -> (...)."""
    return _divergence("poisson", y_true, y_pred, "poisson")


def _margin(name: str, y_true: Any, y_pred: Any) -> Any:
    kernels = backend.active()
    return _error(name, kernels.margin_forward, kernels.margin_backward, y_true, y_pred, name)


@op(_error_rule("hinge"))
def hinge(y_true, y_pred):
    """The mean of max(1 - y_true y_pred, 0) over the last axis; targets that are all 0 or 1 mean -1 or 1; (..., C) -> (...)."""
    return _margin("hinge", y_true, y_pred)


@op(_error_rule("squared_hinge"))
def squared_hinge(y_true, y_pred):
    """The mean of max(1 - y_true y_pred, 0)² over the last axis; targets that are all 0 or 1 mean -1 or 1; (..., C) -> (...)."""
    return _margin("squared_hinge", y_true, y_pred)


@op(_error_rule("categorical_hinge"))
def categorical_hinge(y_true, y_pred):
    """max(1 + the best score of a wrong class - the true class's, 0), for one-hot targets; (..., C) -> (...)."""
    kernels = backend.active()
    return _error(
        "categorical_hinge", kernels.categorical_hinge_forward, kernels.categorical_hinge_backward, y_true, y_pred
    )


def _crossentropy_rule(name: str, reduces: bool) -> Callable:
    def rule(target, output, from_logits=False, axis=-1):
        shape = _check_shapes(name, shape_of(target), shape_of(output))
        return KerasTensor(reduced(name, shape, axis, False) if reduces else shape, kernel_float(spec(output).dtype))

    return rule


@op(_crossentropy_rule("binary_crossentropy_mean", True))
def binary_crossentropy_mean(target, output, from_logits=False):
    """Binary cross-entropy averaged over the last axis; (..., C) -> (...)."""
    return _crossentropy("binary_crossentropy", target, output, from_logits)


@op(_crossentropy_rule("binary_crossentropy", False))
def binary_crossentropy(target, output, from_logits=False):
    """Binary cross-entropy of every element, as keras.ops has it; the same shape."""
    y = float_input(output)
    target = constant(target, "binary_crossentropy", "target")
    shape = _check_shapes("binary_crossentropy", target.shape, y.shape)
    each = _crossentropy("binary_crossentropy", reshape(target, (-1, 1)), reshape(y, (-1, 1)), from_logits)
    return reshape(each, shape)


@op(_crossentropy_rule("categorical_crossentropy", True))
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-Σ target · log(probability) over `axis`; (..., C) -> (...)."""
    target, output = array_of(target), array_of(output)
    if axis not in (-1, output.ndim - 1):
        target, output = moveaxis(target, axis, -1), moveaxis(output, axis, -1)
    return _crossentropy("categorical_crossentropy", target, output, from_logits)


def _check_labels(labels: Shape, output: Shape) -> None:
    if not output:
        raise ValueError("sparse_categorical_crossentropy: output is a scalar; it must have an axis of classes.")
    if len(labels) == len(output) and labels[-1] in (1, None):
        labels = labels[:-1]
    if len(labels) != len(output) - 1 or not all(map(same_size, labels, output)):
        raise ValueError(
            f"sparse_categorical_crossentropy: target and output must have the same shape up to output's last axis, "
            f"but target has {labels} and output has {output}."
        )


def _sparse_rule(target, output, from_logits=False, axis=-1):
    shape, labels = shape_of(output), shape_of(target)
    if shape:
        (place,) = axes_in("sparse_categorical_crossentropy", axis, len(shape))
        shape = (*shape[:place], *shape[place + 1 :], shape[place])
    _check_labels(labels, shape)
    return KerasTensor(
        [n if m is None else m for m, n in zip(shape[:-1], labels, strict=False)], kernel_float(spec(output).dtype)
    )


@op(_sparse_rule)
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(probability of the target class) over `axis`; integer targets (...) or (..., 1), outputs (..., C) -> (...)."""
    output = array_of(output)
    if axis not in (-1, output.ndim - 1):
        output = moveaxis(output, axis, -1)
    y = float_input(output)
    shape = y.shape
    labels = constant(target, "sparse_categorical_crossentropy", "target")
    _check_labels(labels.shape, shape)
    labels = _flat_constant(labels, np.dtype(np.int64))
    kernels = backend.active()
    l = apply(
        kernels.sparse_categorical_crossentropy_forward,
        kernels.sparse_categorical_crossentropy_backward,
        (_rows(y, shape),),
        labels,
        from_logits,
    )
    return _per_sample(l, shape)


def _flat_constant(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A constant array as one axis of a type, contiguous."""
    if x.ndim != 1:
        x = shared("reshape", (x,), (-1,))
    x = as_type(x, dtype)
    return x if x.flags.num & 0x101 == 0x101 else shared("contiguous", (x,))


@op(lambda values, weights=None, scale=1.0: like(values, (), kernel_float(spec(values).dtype)))
def weighted_sum(values, weights=None, scale=1.0):
    """scale · Σ weights · values: how losses per sample become one number."""
    values = float_input(values)
    flat = values if values.ndim == 1 else reshape(values, (-1,))
    if weights is not None:
        weights = _flat_constant(constant(weights, "weighted_sum", "weights"), values.dtype)
    kernels = backend.active()
    return apply(kernels.weighted_sum_forward, kernels.weighted_sum_backward, (flat,), weights, scale)
