"""Counts of right and wrong answers, and the two quotients that are asked for most: precision and recall.

What the counts are is in refnet/kernels/confusion.py. Here y_true and y_pred become the rows that the kernel takes.
"""

import numpy as np

from refnet import backend, ops
from refnet.losses.loss import squeeze_or_expand_to_same_rank
from refnet.metrics.metric import Metric
from refnet.metrics.reduction import plain
from refnet.ops._op import float_input
from refnet.utils.checks import Range

__all__ = ["FalseNegatives", "FalsePositives", "Precision", "Recall", "TrueNegatives", "TruePositives", "count", "quotient"]

_NOT_AMONG_THEM = -1e10  # the score of what is not among the top k: under every threshold but this one


def thresholds_of(thresholds, default, owner):
    """Thresholds as a list of numbers in [0, 1]; the default for None.

    Raises:
        ValueError: for a number outside; with the remedy for logits.
    """
    if thresholds is None:
        return [default]
    listed = list(thresholds) if np.ndim(thresholds) else [thresholds]
    hint = "For predictions that are logits, 0 is where a sigmoid is 0.5: pass thresholds=0."
    return [Range(0, 1, hint=hint).check(value, "thresholds", owner) for value in listed]


def count(counts, y_true, y_pred, thresholds, owner, sample_weight=None, top_k=None, class_id=None, label_weights=None):
    """Add a batch to the counts.

    Args:
        counts: the variables of TP, FP, TN, FN, None for those that nobody asks for: (J,) or, to keep labels apart, (J, C).
        y_true: yes where not 0.
        y_pred: scores of the same shape.
        thresholds: float64 (J,).
        owner: the metric's name, for errors.
        sample_weight: weights for the leading axes, or None.
        top_k: answer yes for the k largest scores of each row only, or None.
        class_id: look at this entry of each row only, or None.
        label_weights: (C,) float64, or None.

    Raises:
        ValueError: when the shapes do not fit, or `class_id` and `top_k` do not fit them.
    """
    kernels = backend.active()
    p = float_input(plain(y_pred))
    t = ops.cast(plain(y_true), p.dtype)
    if t.shape != p.shape:
        t, p = squeeze_or_expand_to_same_rank(t, p)
    if t.shape != p.shape:
        raise ValueError(
            f"{owner}: targets of shape {t.shape} cannot be compared with predictions of shape {p.shape}. There must be one yes "
            f"or no for each prediction; for integer labels pass refnet.utils.to_categorical(labels, num_classes={p.shape[-1]})."
        )
    weights = None
    if sample_weight is not None:
        weights = kernels.aligned_weights(plain(sample_weight), p.shape, p.dtype)
    if label_weights is not None:
        if p.shape[-1:] != label_weights.shape:
            raise ValueError(
                f"{owner}: {label_weights.size} label_weights do not fit predictions of shape {p.shape}. Pass one for each entry "
                "of the last axis."
            )
        by_label = ops.broadcast_to(ops.cast(kernels.constant_array(label_weights), p.dtype), p.shape)
        weights = by_label if weights is None else ops.multiply(weights, by_label)
    if top_k is not None:
        if top_k > p.shape[-1]:
            raise ValueError(f"{owner}: top_k={top_k} of only {p.shape[-1]} scores. Pass a top_k of at most {p.shape[-1]}.")
        place = ops.argsort(ops.argsort(ops.negative(p), axis=-1), axis=-1)
        p = ops.where(ops.less(place, top_k), p, ops.full_like(p, _NOT_AMONG_THEM))
    if class_id is not None:
        if p.ndim < 2 or class_id >= p.shape[-1]:
            raise ValueError(
                f"{owner}: class_id={class_id}, but the predictions have shape {p.shape}. It is a place along the last of at "
                "least two axes, counted from 0."
            )
        only = (..., slice(class_id, class_id + 1))
        p, t = ops.get_item(p, only), ops.get_item(t, only)
        weights = None if weights is None else ops.get_item(weights, only)
    p, t, weights = (None if x is None else float_input(_rows(x)) for x in (p, t, weights))
    values = (None if variable is None else variable.value for variable in counts)
    kernels.confusion_update(*values, p, t, kernels.constant_array(thresholds), weights)


def _rows(x):
    return x if x.ndim == 2 else ops.reshape(x, (-1, x.shape[-1] if x.ndim > 1 else 1))


def quotient(part, *rest):
    """part / (part + rest), 0 where that is 0/0; of the values of variables."""
    whole = part + sum(rest)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def number_or_array(values):
    """A number for one threshold, an array for several."""
    return float(values[0]) if len(values) == 1 else values.copy()


class _Count(Metric):
    """One of the four counts."""

    _place: int

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = thresholds_of(thresholds, 0.5, type(self).__name__)
        self._at = np.array(self.thresholds, np.float64)
        self.accumulator = self.add_variable((len(self.thresholds),), dtype="float64", name="accumulator")

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets, yes where not 0.
            y_pred: scores of the same shape.
            sample_weight: None, or weights for the leading axes.
        """
        counts = [None] * 4
        counts[self._place] = self.accumulator
        count(counts, y_true, y_pred, self._at, self.name, sample_weight)

    def result(self):
        """A number; an array for several thresholds."""
        return number_or_array(self.accumulator.value)

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many are rightly said to be yes.

    Args:
        thresholds: a number or a list of numbers in [0, 1], above which a prediction counts as yes; None: 0.5. Predictions that
            are logits have theirs at 0.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.TruePositives()
        >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> metric.result()
        2.0
    """

    _place = 0


class FalsePositives(_Count):
    """How many are wrongly said to be yes: false alarms.

    Args:
        thresholds: a number or a list of numbers in [0, 1], above which a prediction counts as yes; None: 0.5. Predictions that
            are logits have theirs at 0.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.FalsePositives()
        >>> metric.update_state([0, 1, 0, 0], [0, 0, 1, 1])
        >>> metric.result()
        2.0
    """

    _place = 1


class TrueNegatives(_Count):
    """How many are rightly said to be no.

    Args:
        thresholds: a number or a list of numbers in [0, 1], above which a prediction counts as yes; None: 0.5. Predictions that
            are logits have theirs at 0.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.TrueNegatives()
        >>> metric.update_state([0, 1, 0, 0], [1, 1, 0, 0])
        >>> metric.result()
        2.0
    """

    _place = 2


class FalseNegatives(_Count):
    """How many are wrongly said to be no: missed.

    Args:
        thresholds: a number or a list of numbers in [0, 1], above which a prediction counts as yes; None: 0.5. Predictions that
            are logits have theirs at 0.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.FalseNegatives()
        >>> metric.update_state([0, 1, 1, 1], [0, 1, 0, 0])
        >>> metric.result()
        2.0
    """

    _place = 3


class _Quotient(Metric):
    """TP / (TP + something)."""

    _direction = "up"
    _rest: tuple[str, int]  # the variable of the other count, and its place among the four

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        owner = type(self).__name__
        self.init_thresholds = thresholds
        self.top_k = Range(1, integer=True, optional=True).check(top_k, "top_k", owner)
        self.class_id = Range(0, integer=True, optional=True).check(class_id, "class_id", owner)
        self.thresholds = thresholds_of(thresholds, 0.5 if top_k is None else _NOT_AMONG_THEM, owner)
        self._at = np.array(self.thresholds, np.float64)
        self.true_positives = self.add_variable((len(self.thresholds),), dtype="float64", name="true_positives")
        other, self._other_place = self._rest
        self._other = self.add_variable((len(self.thresholds),), dtype="float64", name=other)
        setattr(self, other, self._other)

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets, yes where not 0.
            y_pred: scores of the same shape.
            sample_weight: None, or weights for the leading axes.
        """
        counts = [self.true_positives, None, None, None]
        counts[self._other_place] = self._other
        count(counts, y_true, y_pred, self._at, self.name, sample_weight, self.top_k, self.class_id)

    def result(self):
        """A number; an array for several thresholds. 0 where nothing was counted."""
        return number_or_array(quotient(self.true_positives.value, self._other.value))

    def get_config(self):
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Quotient):
    """The fraction of those said to be yes that are: TP / (TP + FP).

    Args:
        thresholds: a number or a list of numbers in [0, 1], above which a prediction counts as yes; None: 0.5, or with `top_k`
            none at all. Predictions that are logits have theirs at 0.
        top_k: count the k largest predictions of each row as yes, and no others.
        class_id: look at this entry of each row only.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.Precision()
        >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> metric.result()
        0.6666666666666666
    """

    _rest = ("false_positives", 1)


class Recall(_Quotient):
    """The fraction of the yes that are found: TP / (TP + FN).

    Args:
        thresholds: a number or a list of numbers in [0, 1], above which a prediction counts as yes; None: 0.5, or with `top_k`
            none at all. Predictions that are logits have theirs at 0.
        top_k: count the k largest predictions of each row as yes, and no others.
        class_id: look at this entry of each row only.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.Recall()
        >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> metric.result()
        0.6666666666666666
    """

    _rest = ("false_negatives", 3)
