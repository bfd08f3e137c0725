"""Losses as metrics: their mean over all samples."""

import math
from typing import Any

import numpy as np

from refnet import backend, losses
from refnet.losses.loss import squeeze_or_expand_to_same_rank
from refnet.metrics.reduction import MeanMetricWrapper, is_kernel_array, masked, plain
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
                y_true = backend.active().reshape_forward(y_true, (len(y_true), 1), save=False)[0]
            if y_true.shape == y_pred.shape and y_true.dtype == y_pred.dtype and ready(y_true):
                kernels = backend.active()
                values = getattr(kernels, self._kernel)(y_pred, y_true, False)[0]
                kernels.mean_update(self.total.value, self.count.value, values)
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

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account; arguments as `MeanMetricWrapper.update_state`. Weights may be one per number."""
        if sample_weight is not None:  # an axis more, and the mean over the last one leaves each number by itself
            y_true, y_pred = squeeze_or_expand_to_same_rank(plain(y_true), plain(y_pred))
            y_true, y_pred = (plain(y)[..., np.newaxis] for y in (y_true, y_pred))
        super().update_state(y_true, y_pred, sample_weight)

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

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account; arguments as `MeanMetricWrapper.update_state`. Weights of ignored labels are 0."""
        ignored = self._fn_kwargs["ignore_class"]
        if sample_weight is not None and ignored is not None:
            labels = plain(y_true)
            if np.ndim(labels) == np.ndim(plain(y_pred)):
                labels = labels[..., 0]
            sample_weight = masked(sample_weight, labels != ignored, labels)
        super().update_state(y_true, y_pred, sample_weight)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}
