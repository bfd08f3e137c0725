"""Accuracies: the fraction of predictions that are right."""

import math
from typing import Any

import numpy as np

from refnet import backend, config, ops
from refnet.losses.loss import squeeze_or_expand_to_same_rank
from refnet.metrics.reduction import KERNEL_DTYPES, MeanMetricWrapper, plain
from refnet.ops._op import float_input

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "as_floatx",
    "binary_accuracy",
    "categorical_accuracy",
    "rows_of",
    "sparse_categorical_accuracy",
]


def _same_shape(y_true, y_pred, name):
    y_true, y_pred = np.asarray(plain(y_true)), np.asarray(plain(y_pred))
    if y_true.shape != y_pred.shape:
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"{name}: targets of shape {y_true.shape} cannot be compared with predictions of shape {y_pred.shape}. "
                "For integer labels against one output per class use the metric 'sparse_categorical_accuracy'."
            )
    return y_true, y_pred


def rows_of(x):
    """(..., C) as contiguous (M, C) of a float type."""
    kernels = backend.active()
    if x.dtype not in KERNEL_DTYPES:
        x = kernels.cast_forward(x, np.dtype(config.floatx()), save=False)[0]
    if x.ndim != 2:
        x = kernels.reshape_forward(x, (math.prod(x.shape[:-1]), x.shape[-1]), save=False)[0]
    return x if x.flags.c_contiguous else kernels.contiguous_forward(x, save=False)[0]


def as_floatx(matches, shape):
    kernels = backend.active()
    if matches.dtype != config.floatx():
        matches = kernels.cast_forward(matches, np.dtype(config.floatx()), save=False)[0]
    return matches if matches.shape == shape else kernels.reshape_forward(matches, shape, save=False)[0]


def accuracy(y_true, y_pred):
    """1 where the two are equal."""
    y_true, y_pred = _same_shape(y_true, y_pred, "accuracy")
    return np.asarray(ops.cast(ops.equal(y_true, y_pred), config.floatx()))


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where `y_pred > threshold` agrees with `y_true`.

    Args:
        y_true: targets 0 or 1.
        y_pred: predictions of the same shape.
        threshold: above it a prediction counts as 1.
    """
    y_true, y_pred = _same_shape(y_true, y_pred, "binary_accuracy")
    shape = y_pred.shape
    kernels = backend.active()
    p = float_input(y_pred)
    t = y_true if y_true.dtype == p.dtype else kernels.cast_forward(y_true, p.dtype, save=False)[0]
    return as_floatx(kernels.binary_matches(p, float_input(t), threshold), shape)


def categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction is where the largest target is (last axis).

    Args:
        y_true: one-hot targets (..., C).
        y_pred: predictions of the same shape.
    """
    y_true, y_pred = np.asarray(plain(y_true)), np.asarray(plain(y_pred))
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"categorical_accuracy: targets of shape {y_true.shape} cannot be compared with predictions of shape "
            f"{y_pred.shape}. For integer labels use the metric 'sparse_categorical_accuracy'."
        )
    kernels = backend.active()
    p, t = rows_of(y_pred), rows_of(y_true)
    if t.dtype != p.dtype:
        t = kernels.cast_forward(t, p.dtype, save=False)[0]
    return as_floatx(kernels.categorical_matches(p, t), y_pred.shape[:-1])


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction (last axis) is that of the label.

    Args:
        y_true: integer labels (...) or (..., 1).
        y_pred: predictions (..., C).
    """
    y_true, y_pred = np.asarray(plain(y_true)), np.asarray(plain(y_pred))
    shape = y_pred.shape[:-1]
    labels = y_true.shape[:-1] if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true.shape
    if labels != shape:
        raise ValueError(
            f"sparse_categorical_accuracy: labels of shape {labels} do not fit predictions of shape {y_pred.shape}; "
            f"expected {shape}. For one-hot targets use the metric 'categorical_accuracy'."
        )
    kernels = backend.active()
    p = rows_of(y_pred)
    matches = kernels.sparse_categorical_matches(p, kernels.label_indices(y_true, (len(p),)))
    return as_floatx(matches, shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape)


class Accuracy(MeanMetricWrapper):
    """How often predictions equal targets.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.Accuracy()
        >>> metric.update_state([1, 2, 3, 4], [0, 2, 3, 4])
        >>> metric.result()
        0.75
    """

    _direction = "up"

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions, cut at a threshold, equal targets 0 or 1.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        threshold: above it a prediction counts as 1.
    """

    _direction = "up"

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"BinaryAccuracy: `threshold` must be in [0, 1]. Received: threshold={threshold}")
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "threshold": self.threshold}


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is at the one-hot target.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "up"

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is at the integer label.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "up"

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
