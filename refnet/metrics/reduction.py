"""Sums and means over batches.

State is two variables of one float64 each, whatever the metric's type: no float32 rounding adds up over an epoch.
"""

import numpy as np

from refnet import autodiff, backend
from refnet.losses.loss import squeeze_or_expand_to_same_rank
from refnet.metrics.metric import Metric
from refnet.ops._op import ready
from refnet.utils import serialization

__all__ = ["Mean", "MeanMetricWrapper", "Sum"]


class Sum(Metric):
    """The (weighted) sum of all values.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.Sum()
        >>> metric.update_state([1, 3, 5, 7])
        >>> metric.result()
        16.0
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), dtype="float64", name="total")

    @backend.entry_point
    def update_state(self, values, sample_weight=None):
        """Add values; see `Mean.update_state`."""
        values, _ = weighted(values, sample_weight, by_mean=False)
        kernels = backend.active()
        kernels.accumulate_update(self.total.value, kernels.sum_forward(values, save=False)[0])

    def result(self):
        return float(self.total.value)


class Mean(Metric):
    """The (weighted) mean of all values.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.Mean()
        >>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        >>> metric.result()
        2.0
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), dtype="float64", name="total")
        self.count = self.add_variable((), dtype="float64", name="count")

    @backend.entry_point
    def update_state(self, values, sample_weight=None):
        """Add values.

        Args:
            values: a number or an array, samples along the first axis.
            sample_weight: None, a number for a number, or weights for the leading axes.
        """
        self._add(autodiff.value_of(values), sample_weight)

    def _add(self, values, sample_weight):
        if values.dtype not in KERNEL_DTYPES:
            values = backend.active().cast_forward(values, np.dtype(np.float64), save=False)[0]
        kernels, total, count = backend.active(), self.total.value, self.count.value
        if (values.ndim == 0 and (sample_weight is None or isinstance(sample_weight, (int, float)))) or (
            values.ndim == 1 and sample_weight is None and values.flags.c_contiguous
        ):
            kernels.mean_update(total, count, values, sample_weight)
            return
        if (is_kernel_array(sample_weight, 1) and is_kernel_array(values, 1)
                and sample_weight.shape == values.shape and sample_weight.dtype == values.dtype):  # fmt: skip
            kernels.mean_update(total, count, values, sample_weight)
            return
        values, weights = weighted(values, sample_weight, by_mean=True)
        if weights is None:
            kernels.mean_update(total, count, values)
        else:
            kernels.accumulate_update(total, kernels.sum_forward(values, save=False)[0])
            kernels.accumulate_update(count, kernels.sum_forward(weights, save=False)[0])

    def reset_state(self):
        self.total.value[()] = 0.0
        self.count.value[()] = 0.0

    def result(self):
        count = float(self.count.value)
        return float(self.total.value) / count if count else 0.0


KERNEL_DTYPES = (np.dtype("float32"), np.dtype("float64"))


def weighted(values, sample_weight, by_mean):
    """One weighted value per sample, and the weights (None without), float64."""
    weights = None if sample_weight is None else autodiff.value_of(sample_weight)
    return backend.active().samplewise(autodiff.value_of(values), weights, by_mean)


def masked(sample_weight, mask, values):
    """Sample weights with 0 for what the mask leaves out."""
    kernels, dtype = backend.active(), np.dtype(np.float64)
    if sample_weight is None:
        return kernels.cast_forward(autodiff.value_of(mask), dtype, save=False)[0]
    shape = values.shape[: max(np.ndim(mask), np.ndim(sample_weight))]
    mask, weights = (kernels.aligned_weights(autodiff.value_of(x), shape, dtype) for x in (mask, sample_weight))
    return kernels.masked_weights(mask, weights, False)


def is_kernel_array(x, ndim) -> bool:
    """Whether a kernel takes `x` as it is."""
    return type(x) is np.ndarray and x.ndim == ndim and x.dtype in KERNEL_DTYPES and ready(x)


class MeanMetricWrapper(Mean):
    """The mean of a function `fn(y_true, y_pred, **kwargs)` that gives one value per sample.

    Args:
        fn: the function.
        name: for logs; the function's own name by default.
        dtype: accepted for Keras' sake: state is float64.
        **kwargs: further arguments of `fn`.
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name or getattr(fn, "__name__", None), dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: None, or weights for the leading axes.
        """
        mask = autodiff.mask_of(y_pred)
        y_true, y_pred = plain(y_true), plain(y_pred)
        if type(y_true) is np.ndarray and type(y_pred) is np.ndarray and y_true.ndim != y_pred.ndim:
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)  # (N,) and (N, 1) never become (N, N)
        values = autodiff.value_of(self._fn(y_true, y_pred, **self._fn_kwargs))
        if mask is not None:
            sample_weight = masked(sample_weight, mask, values)
        self._add(values, sample_weight)

    def get_config(self):
        config = {"name": self.name, "dtype": self.dtype, "fn": serialization.serialize_keras_object(self._fn)}
        config.update(serialization.serialize_keras_object(self._fn_kwargs))
        return config

    @classmethod
    def from_config(cls, config):
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)


def plain(x):
    """Tensors as ndarrays, structures of them alike."""
    if type(x) is np.ndarray:
        return x
    if isinstance(x, (list, tuple)) and any(hasattr(item, "shape") for item in x):
        return [plain(item) for item in x]
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    return autodiff.value_of(x)
