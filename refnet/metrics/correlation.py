"""How well numbers go together: correlations, and the part of the variance that a model explains."""

import warnings

import numpy as np

from refnet import backend, config, ops
from refnet.losses.loss import squeeze_or_expand_to_same_rank
from refnet.metrics.metric import Metric
from refnet.metrics.reduction import MeanMetricWrapper, plain
from refnet.ops._op import float_input
from refnet.utils.checks import Range

__all__ = ["ConcordanceCorrelation", "PearsonCorrelation", "R2Score", "concordance_correlation", "pearson_correlation"]


def _pair(y_true, y_pred, name):
    """Targets and predictions as arrays of one shape and float type."""
    p = float_input(plain(y_pred))
    t = ops.cast(plain(y_true), p.dtype)
    if t.shape != p.shape:
        t, p = squeeze_or_expand_to_same_rank(t, p)
    if t.shape != p.shape:
        raise ValueError(f"{name}: targets of shape {t.shape} cannot be compared with predictions of shape {p.shape}.")
    return t, p


def pearson_correlation(y_true, y_pred, axis=-1):
    """The covariance over the product of both standard deviations, along an axis: in [-1, 1].

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: along which the numbers go together.
    """
    t, p = _pair(y_true, y_pred, "pearson_correlation")
    t, p = (ops.subtract(x, ops.mean(x, axis=axis, keepdims=True)) for x in (t, p))
    t, p = (ops.divide(x, ops.std(x, axis=axis, keepdims=True)) for x in (t, p))
    return ops.mean(ops.multiply(t, p), axis=axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """Twice the covariance over the sum of both variances and the squared distance of the means (Lin, 1989): the correlation with
    the line y_true = y_pred, in [-1, 1].

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: along which the numbers go together.
    """
    t, p = _pair(y_true, y_pred, "concordance_correlation")
    mean_t, mean_p = (ops.mean(x, axis=axis, keepdims=True) for x in (t, p))
    spread = ops.add(ops.var(t, axis=axis, keepdims=True), ops.var(p, axis=axis, keepdims=True))
    spread = ops.add(spread, ops.add(ops.square(ops.subtract(mean_t, mean_p)), config.epsilon()))
    together = ops.multiply(ops.subtract(t, mean_t), ops.subtract(p, mean_p))
    return ops.mean(ops.divide(ops.multiply(2.0, together), spread), axis=axis)


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of `pearson_correlation` over the samples.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        axis: along which the numbers go together. With -1 each sample needs several; 0 takes a batch together.

    Example:
        >>> metric = refnet.metrics.PearsonCorrelation(axis=0)
        >>> metric.update_state([0.0, 1.0, 0.5], [0.1, 0.9, 0.5])
        >>> round(metric.result(), 4)
        1.0
    """

    _direction = "up"

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "axis": self.axis}


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of `concordance_correlation` over the samples.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        axis: along which the numbers go together. With -1 each sample needs several; 0 takes a batch together.

    Example:
        >>> metric = refnet.metrics.ConcordanceCorrelation(axis=0)
        >>> metric.update_state([0.0, 1.0, 0.5], [0.1, 0.9, 0.5])
        >>> round(metric.result(), 4)
        0.9756
    """

    _direction = "up"

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "axis": self.axis}


class R2Score(Metric):
    """The coefficient of determination, 1 - Σ (t - y)² / Σ (t - mean of t)²: 1 is perfect, 0 is as good as the mean.

    Args:
        class_aggregation: of several outputs: None: one score for each, `"uniform_average"`, or `"variance_weighted_average"`.
        num_regressors: how many inputs the model has; above 0 the score is adjusted for them.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.R2Score()
        >>> metric.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(metric.result(), 4)
        0.5714
    """

    _direction = "up"
    _sums = ("squared_sum", "sum", "total_mse", "count")

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        choices = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in choices:
            raise ValueError(f"R2Score: `class_aggregation` must be one of {choices}. Received: {class_aggregation!r}")
        self.class_aggregation = class_aggregation
        self.num_regressors = Range(0, integer=True).check(num_regressors, "num_regressors", "R2Score")
        self.num_samples = self.add_variable((), dtype="float64", name="num_samples")
        self._has_sums = False

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets (N, C), or (N,) for predictions (N, 1).
            y_pred: predictions (N, C).
            sample_weight: None, or (N,).
        """
        t, p = _pair(y_true, y_pred, self.name)
        if p.ndim != 2:
            raise ValueError(f"{self.name}: predictions must have the shape (batch, outputs). Received: {p.shape}")
        if not self._has_sums:
            for attribute in self._sums:
                name = "residual" if attribute == "total_mse" else attribute
                setattr(self, attribute, self.add_variable((p.shape[1],), dtype="float64", name=name))
            self._has_sums = True
        kernels = backend.active()
        t, p = ops.cast(t, "float64"), ops.cast(p, "float64")
        if sample_weight is None:
            weights = ops.ones_like(t)
        else:
            weights = kernels.aligned_weights(plain(sample_weight), t.shape, np.dtype(np.float64))
        of_targets = ops.multiply(t, weights)
        residual = ops.multiply(ops.square(ops.subtract(t, p)), weights)
        for attribute, part in zip(self._sums, (ops.multiply(t, of_targets), of_targets, residual, weights), strict=True):
            kernels.accumulate_update(getattr(self, attribute).value, ops.sum(part, axis=0))
        kernels.accumulate_update(self.num_samples.value, ops.sum(ops.ones_like(t)))

    def result(self):
        """A number; (C,) with `class_aggregation=None`."""
        if not self._has_sums:
            return 0.0
        squares, total, residual, count = (getattr(self, name).value for name in self._sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = squares - total * (total / count)
            scores = 1 - residual / spread
            scores = np.where(np.isinf(scores), 0.0, scores)
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = (spread * scores).sum() / spread.sum()
        if self.num_regressors and self.num_samples.value:
            scores = self._adjusted(scores)
        return scores if np.ndim(scores) else float(scores)

    def _adjusted(self, scores):
        free = float(self.num_samples.value) - 1
        if self.num_regressors >= free:
            warnings.warn(
                f"R2Score: with num_regressors={self.num_regressors} and {int(free) + 1} values there is nothing left to adjust "
                "by; this is the plain score.",
                stacklevel=3,
            )
            return scores
        return 1 - (1 - scores) * free / (free - self.num_regressors)

    def get_config(self):
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
