"""Losses as metrics: their mean over all samples."""

import math
from typing import Any

import numpy as np

from refnet import backend, losses
from refnet.metrics.reduction import MeanMetricWrapper, is_kernel_array
from refnet.ops._op import ready

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
]


class _ErrorMetric(MeanMetricWrapper):
    """A mean error. For plain arrays of one shape the kernel is called without detour: metrics are never on the
    tape."""

    _kernel: str = ""

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account; arguments as `MeanMetricWrapper.update_state`."""
        if sample_weight is None and type(y_true) is np.ndarray and is_kernel_array(y_pred, 2):
            if y_true.ndim == 1 and y_pred.shape[1] == 1:
                y_true = y_true[:, np.newaxis]
            if y_true.shape == y_pred.shape and y_true.dtype == y_pred.dtype and ready(y_true):
                kernels = backend.active()
                values = getattr(kernels, self._kernel)(y_pred, y_true, False)[0]
                self.total += float(kernels.weighted_sum_forward(values, None, 1.0, False)[0])
                self.count += values.shape[0]
                return
        super().update_state(y_true, y_pred, sample_weight)


class MeanSquaredError(_ErrorMetric):
    """The mean of squared differences.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"
    _kernel = "mean_squared_error_forward"

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(losses.mean_squared_error, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class MeanAbsoluteError(_ErrorMetric):
    """The mean of absolute differences.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"
    _kernel = "mean_absolute_error_forward"

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_error, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class RootMeanSquaredError(MeanSquaredError):
    """The square root of the mean of squared differences.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def result(self):
        return math.sqrt(super().result())


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of yes-or-no targets.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1].
    """

    _direction = "down"

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            losses.binary_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of one-hot targets.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1].
        axis: the axis of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(losses.categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)  # fmt: skip

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of integer labels.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        from_logits: whether predictions are logits.
        ignore_class: a label that does not count, or None.
        axis: the axis of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(losses.sparse_categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits,
                         ignore_class=ignore_class, axis=axis)  # fmt: skip

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}
