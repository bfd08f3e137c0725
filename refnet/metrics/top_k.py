"""Whether the right class is among the k best."""

import numpy as np

from refnet import backend, ops
from refnet.metrics.accuracy import as_floatx, rows_of
from refnet.metrics.reduction import MeanMetricWrapper, plain
from refnet.utils.checks import Range

__all__ = [
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def _matches(labels, y_pred, k, name):
    """labels of the shape of y_pred without its last axis, or with that axis of size 1."""
    shape = y_pred.shape[:-1]
    if labels.shape not in (shape, (*shape, 1)):
        raise ValueError(
            f"{name}: labels of shape {labels.shape} do not fit predictions of shape {y_pred.shape}; expected {shape}."
        )
    kernels = backend.active()
    p = rows_of(y_pred)
    return as_floatx(kernels.sparse_top_k_matches(p, kernels.label_indices(labels, (len(p),)), k), shape)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the class of a one-hot target is among the k largest predictions.

    Args:
        y_true: one-hot targets (..., C).
        y_pred: predictions of the same shape.
        k: how many predictions count.
    """
    y_true, y_pred = np.asarray(plain(y_true)), np.asarray(plain(y_pred))
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"top_k_categorical_accuracy: targets of shape {y_true.shape} cannot be compared with predictions of shape "
            f"{y_pred.shape}. For integer labels use the metric 'sparse_top_k_categorical_accuracy'."
        )
    return _matches(ops.argmax(y_true, axis=-1), y_pred, k, "top_k_categorical_accuracy")


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where an integer label is among the k largest predictions.

    Args:
        y_true: integer labels (...) or (..., 1).
        y_pred: predictions (..., C).
        k: how many predictions count.
        from_sorted_ids: `y_pred` holds the labels of the best classes instead, the best one first.
    """
    y_true, y_pred = np.asarray(plain(y_true)), np.asarray(plain(y_pred))
    if not from_sorted_ids:
        return _matches(y_true, y_pred, k, "sparse_top_k_categorical_accuracy")
    shape = y_pred.shape[:-1]
    if y_true.shape not in (shape, (*shape, 1)):
        raise ValueError(
            f"sparse_top_k_categorical_accuracy: labels of shape {y_true.shape} do not fit ids of shape {y_pred.shape}; expected "
            f"{shape}."
        )
    labels = ops.cast(ops.reshape(y_true, (*shape, 1)), y_pred.dtype)
    return as_floatx(ops.any(ops.equal(labels, ops.get_item(y_pred, (..., slice(k)))), axis=-1), shape)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of a one-hot target is among the k largest predictions.

    Args:
        k: how many predictions count.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.TopKCategoricalAccuracy(k=1)
        >>> metric.update_state([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        >>> metric.result()
        0.5
    """

    _direction = "up"

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        Range(1, integer=True).check(k, "k", type(self).__name__)
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)
        self.k = k

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "k": self.k}


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often an integer label is among the k largest predictions.

    Args:
        k: how many predictions count.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        from_sorted_ids: predictions are the labels of the best classes instead, the best one first.

    Example:
        >>> metric = refnet.metrics.SparseTopKCategoricalAccuracy(k=1)
        >>> metric.update_state([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        >>> metric.result()
        0.5
    """

    _direction = "up"

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        Range(1, integer=True).check(k, "k", type(self).__name__)
        super().__init__(sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        config = {"name": self.name, "dtype": self.dtype, "k": self.k}
        return {**config, "from_sorted_ids": True} if self.from_sorted_ids else config
