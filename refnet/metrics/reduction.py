"""Sums and means over batches.

State is two Python floats (float64): an update costs a fraction of a microsecond and no float32 rounding adds up over
an epoch.
"""

import numpy as np

from refnet import autodiff, backend
from refnet.losses.loss import squeeze_or_expand_to_same_rank
from refnet.metrics.metric import Metric
from refnet.ops._op import ready
from refnet.utils import serialization

__all__ = ["Mean", "MeanMetricWrapper", "Sum"]


def samplewise(values, sample_weight, reduce):
    """One weighted value per sample, and the weights (None without), as Keras does it.

    Axes that the weights do not have are reduced by `reduce` (np.mean or np.sum) first.
    """
    values = np.asarray(values, dtype=np.float64)
    if sample_weight is None:
        return (reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values), None
    weights = np.asarray(autodiff.value_of(sample_weight), dtype=np.float64)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0] if values.ndim > 0 else weights
    elif values.ndim == weights.ndim + 1 and values.shape[-1] == 1:
        values = values[..., 0] if weights.ndim != 1 else values
        weights = weights[:, np.newaxis] if weights.ndim == 1 else weights
    if values.ndim > weights.ndim:
        values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
    if values.shape != weights.shape:
        try:
            weights = np.broadcast_to(weights, values.shape)
        except ValueError:
            raise ValueError(
                f"`sample_weight` of shape {np.shape(sample_weight)} does not fit the metric's values of shape "
                f"{values.shape}. Pass one weight per sample, shape {values.shape[:1]}."
            ) from None
    values = values * weights
    if weights.ndim > 1:
        weights = reduce(weights, axis=tuple(range(1, weights.ndim)))
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weights


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
        self.total = 0.0

    @backend.entry_point
    def update_state(self, values, sample_weight=None):
        values, _ = samplewise(autodiff.value_of(values), sample_weight, np.sum)
        self.total += float(np.sum(values))

    def reset_state(self):
        self.total = 0.0

    def result(self):
        return self.total


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
        self.total = 0.0
        self.count = 0.0

    @backend.entry_point
    def update_state(self, values, sample_weight=None):
        """Add values.

        Args:
            values: a number or an array, samples along the first axis.
            sample_weight: None, a number for a number, or weights for the leading axes.
        """
        values = autodiff.value_of(values)
        if values.ndim == 0 and (sample_weight is None or isinstance(sample_weight, (int, float))):
            weight = 1.0 if sample_weight is None else sample_weight
            self.total += float(values) * weight
            self.count += weight
        else:
            self._add(values, sample_weight)

    def _add(self, values, sample_weight):
        if sample_weight is None and values.ndim == 1:
            if is_kernel_array(values, 1):
                self.total += float(backend.active().weighted_sum_forward(values, None, 1.0, False)[0])
            else:
                self.total += float(values.sum(dtype=np.float64))
            self.count += values.shape[0]
            return
        values, weights = samplewise(values, sample_weight, np.mean)
        self.total += float(np.sum(values))
        self.count += float(np.sum(weights)) if weights is not None else (len(values) if values.ndim else 1)

    def reset_state(self):
        self.total = 0.0
        self.count = 0.0

    def result(self):
        return self.total / self.count if self.count else 0.0


_KERNEL_DTYPES = (np.dtype("float32"), np.dtype("float64"))


def is_kernel_array(x, ndim) -> bool:
    """Whether a kernel takes `x` as it is."""
    return type(x) is np.ndarray and x.ndim == ndim and x.dtype in _KERNEL_DTYPES and ready(x)


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
        y_true, y_pred = plain(y_true), plain(y_pred)
        if type(y_true) is np.ndarray and type(y_pred) is np.ndarray and y_true.ndim != y_pred.ndim:
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)  # (N,) and (N, 1) never become (N, N)
        values = autodiff.value_of(self._fn(y_true, y_pred, **self._fn_kwargs))
        if values.ndim == 0 and sample_weight is None:
            self.total += float(values)
            self.count += 1.0
        else:
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
