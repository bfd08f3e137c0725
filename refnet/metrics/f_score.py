"""F-scores: precision and recall in one number."""

import numpy as np

from refnet import backend, config, ops
from refnet.metrics.metric import Metric
from refnet.metrics.reduction import plain
from refnet.ops._op import float_input
from refnet.utils.checks import Range

__all__ = ["F1Score", "FBetaScore"]

_COUNTS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """The harmonic mean of precision and recall, in which recall weighs `beta` times as much.

        F = (1 + β²) precision · recall / (β² precision + recall)

    Args:
        average: None: one score for each class. `"micro"`: of the counts of all classes together. `"macro"`: the mean of the
            scores. `"weighted"`: their mean, weighted by how often each class occurs.
        beta: a float > 0.
        threshold: a float in (0, 1], above which a prediction counts as yes; None: the largest of each row does.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.FBetaScore(beta=2.0, threshold=0.5)
        >>> metric.update_state(np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]]),
        ...                     np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]))
        >>> metric.result().round(4)
        array([0.3846, 0.9091, 0.8333])

    References:
        van Rijsbergen (1979), Information retrieval, chapter 7.
    """

    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        owner = type(self).__name__
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"{owner}: `average` must be None, 'micro', 'macro' or 'weighted'. Received: average={average!r}")
        for value, what in ((beta, "beta"), (threshold, "threshold")):
            if isinstance(value, int):
                raise ValueError(f"{owner}: `{what}` must be a float. Received: {what}={value!r}. Write {float(value)}.")
        self.average = average
        self.beta = Range(0, open_low=True).check(beta, "beta", owner)
        self.threshold = Range(0, 1, open_low=True, optional=True).check(threshold, "threshold", owner)
        self._has_counts = False

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets (N, C), 0 or 1.
            y_pred: predictions (N, C).
            sample_weight: None, or (N,).

        Raises:
            ValueError: when the shapes do not fit.
        """
        p = float_input(plain(y_pred))
        t = ops.cast(plain(y_true), p.dtype)
        if p.ndim != 2 or t.shape != p.shape:
            raise ValueError(
                f"{self.name}: targets and predictions must have one shape (batch, classes). Received: y_true of shape {t.shape}, "
                f"y_pred of shape {p.shape}. Integer labels become rows by refnet.utils.to_categorical."
            )
        if not self._has_counts:
            for name in _COUNTS:
                setattr(self, name, self.add_variable(() if self.average == "micro" else (p.shape[1],), dtype="float64", name=name))
            self._has_counts = True
        if self.threshold is None:
            yes = ops.logical_and(ops.equal(p, ops.max(p, axis=-1, keepdims=True)), ops.greater(ops.abs(p), 1e-9))
        else:
            yes = ops.greater(p, self.threshold)
        yes, t = ops.cast(yes, "float64"), ops.cast(t, "float64")
        no, false = ops.subtract(1.0, yes), ops.subtract(1.0, t)
        parts = [ops.multiply(yes, t), ops.multiply(yes, false), ops.multiply(no, t), t]
        if sample_weight is not None:
            weights = backend.active().aligned_weights(plain(sample_weight), p.shape, np.dtype(np.float64))
            parts = [ops.multiply(part, weights) for part in parts]
        for name, part in zip(_COUNTS, parts, strict=True):
            total = ops.sum(part, axis=None if self.average == "micro" else 0)
            backend.active().accumulate_update(getattr(self, name).value, total)

    def result(self):
        """The scores (C,) with `average=None`, else a number."""
        if not self._has_counts:
            return 0.0
        tp, fp, fn, weights = (getattr(self, name).value for name in _COUNTS)
        tiny = config.epsilon()
        precision, recall = tp / (tp + fp + tiny), tp / (tp + fn + tiny)
        scores = precision * recall / (self.beta**2 * precision + recall + tiny) * (1 + self.beta**2)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float((scores * weights).sum() / (weights.sum() + tiny))
        return float(np.mean(scores))

    def get_config(self):
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: `FBetaScore` with beta 1.

    Args:
        average: None: one score for each class. `"micro"`: of the counts of all classes together. `"macro"`: the mean of the
            scores. `"weighted"`: their mean, weighted by how often each class occurs.
        threshold: a float in (0, 1], above which a prediction counts as yes; None: the largest of each row does.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.F1Score(threshold=0.5)
        >>> metric.update_state(np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]]),
        ...                     np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]))
        >>> metric.result().round(4)
        array([0.5   , 0.8   , 0.6667])
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self):
        config = super().get_config()
        del config["beta"]
        return config
