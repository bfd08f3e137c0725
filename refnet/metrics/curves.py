"""Curves over all thresholds: the area under them, and the best of one quantity where another is good enough."""

import numpy as np

from refnet import backend, config, ops
from refnet.metrics.confusion import count, quotient
from refnet.metrics.metric import Metric
from refnet.metrics.reduction import plain
from refnet.utils.checks import Range

__all__ = ["AUC", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _Curve(Metric):
    """A metric with all four counts at many thresholds."""

    _direction = "up"

    def _add_counts(self, shape):
        for name in _COUNTS:
            setattr(self, name, self.add_variable(shape, dtype="float64", name=name))

    def _variables(self):
        return [getattr(self, name) for name in _COUNTS]

    def _values(self):
        return [variable.value for variable in self._variables()]


def _between(number):
    """`number` thresholds at equal distances, without the first and the last, which are 0 and 1."""
    return [i / (number - 1) for i in range(1, number - 1)]


def _choice(value, choices, name):
    """A name in Keras' two spellings, "pr" and "PR"; or the enumeration's member of that value."""
    found = {key.lower(): key for key in choices}.get(str(getattr(value, "value", value)).lower())
    if found is None:
        raise ValueError(f"AUC: `{name}` must be one of {choices}. Received: {name}={value!r}")
    return found


class AUC(_Curve):
    """The area under a curve that the thresholds draw, approximated at `num_thresholds` of them.

    The ROC curve has the recall over the fraction of false alarms: its area is the probability that a yes scores higher than a
    no. The PR curve has the precision over the recall: of use where the yes are rare.

    Args:
        num_thresholds: how many thresholds, at least 2.
        curve: `"ROC"`, `"PR"` or `"PRGAIN"` (Flach and Kull, 2015).
        summation_method: how the area between two thresholds is taken: `"interpolation"` (a trapezium; for PR the formula of
            Davis and Goadrich, 2006), `"minoring"` or `"majoring"` (the lower or the higher end).
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        thresholds: a list of numbers in [0, 1] instead of `num_thresholds`; one below 0 and one above 1 are added.
        multi_label: keep the entries of the last axis apart, and average their areas.
        num_labels: how many there are; None: what the first batch has.
        label_weights: a weight for each label.
        from_logits: whether predictions are logits.

    Example:
        >>> metric = refnet.metrics.AUC(num_thresholds=3)
        >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        >>> metric.result()
        0.75
    """

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        dtype=None,
        thresholds=None,
        multi_label=False,
        num_labels=None,
        label_weights=None,
        from_logits=False,
    ):
        super().__init__(name=name, dtype=dtype)
        self._given = None if thresholds is None else sorted(Range(0, 1).check(t, "thresholds", "AUC") for t in thresholds)
        if thresholds is None:
            between = _between(Range(2, integer=True).check(num_thresholds, "num_thresholds", "AUC"))
        else:
            between = self._given
        self._at = np.array([-config.epsilon(), *between, 1 + config.epsilon()])
        self.num_thresholds = len(self._at)
        self.curve = _choice(curve, ("ROC", "PR", "PRGAIN"), "curve")
        self.summation_method = _choice(summation_method, ("interpolation", "minoring", "majoring"), "summation_method")
        self.multi_label = multi_label
        self.num_labels = Range(1, integer=True, optional=True).check(num_labels, "num_labels", "AUC")
        if num_labels is not None and not multi_label:
            raise ValueError("AUC: `num_labels` has a meaning only with multi_label=True. Leave it out, or set multi_label.")
        self.label_weights = None
        if label_weights is not None:
            self.label_weights = np.array([Range(0).check(w, "label_weights", "AUC") for w in label_weights], np.float64)
        self.from_logits = from_logits
        self._has_counts = not multi_label or num_labels is not None
        if self._has_counts:
            self._add_counts((self.num_thresholds, num_labels) if multi_label else (self.num_thresholds,))

    @property
    def thresholds(self) -> list:
        """All thresholds, the two outer ones among them."""
        return self._at.tolist()

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets, yes where not 0.
            y_pred: probabilities (or logits) of the same shape.
            sample_weight: None, or weights for the leading axes.
        """
        y_pred = plain(y_pred)
        if self.multi_label and np.ndim(y_pred) != 2:
            raise ValueError(
                f"{self.name}: multi_label=True needs predictions of shape (batch, labels); they have {np.shape(y_pred)}."
            )
        if not self._has_counts:
            self._add_counts((self.num_thresholds, np.shape(y_pred)[1]))
            self._has_counts = True
        p = ops.sigmoid(y_pred) if self.from_logits else ops.clip(y_pred, 0.0, 1.0)
        weights = None if self.multi_label else self.label_weights
        count(self._variables(), y_true, p, self._at, self.name, sample_weight, label_weights=weights)

    def result(self):
        """The area: a number."""
        if not self._has_counts:
            return 0.0
        tp, fp, tn, fn = self._values()
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = self._precision_over_recall(tp, fp, fn)
        else:
            x, y = self._points(tp, fp, tn, fn)
            ends = y[:-1], y[1:]
            heights = {"interpolation": sum(ends) / 2, "minoring": np.minimum(*ends), "majoring": np.maximum(*ends)}
            areas = (x[:-1] - x[1:]) * heights[self.summation_method]
        by_label = areas.sum(axis=0)
        if not self.multi_label:
            return float(by_label)
        if self.label_weights is None:
            return float(by_label.mean())
        total = self.label_weights.sum()
        return float((by_label * self.label_weights).sum() / total) if total else 0.0

    def _points(self, tp, fp, tn, fn):
        """x and y of the curve at each threshold."""
        recall = quotient(tp, fn)
        if self.curve == "ROC":
            return quotient(fp, tn), recall
        if self.curve == "PR":
            return recall, quotient(tp, fp)
        odds = _ratio(tp + fn, tn + fp)
        found = tp != 0
        recall_gain = np.where(found, 1 - odds * _ratio(fn, tp), 0.0)
        return np.maximum(recall_gain, 0), np.where(found, 1 - odds * _ratio(fp, tp), 1.0)

    @staticmethod
    def _precision_over_recall(tp, fp, fn):
        """The area between two thresholds a and b, where TP and P = TP + FP move along straight lines, TP = c + s P:

            ∫ (TP / P) dTP = ∫ (c + s P) / P · s dP = s (TP_a - TP_b + c log(P_a / P_b)),   over all yes
        """
        p = tp + fp
        step, slope = tp[:-1] - tp[1:], _ratio(tp[:-1] - tp[1:], np.maximum(p[:-1] - p[1:], 0))
        offset = tp[1:] - slope * p[1:]
        ratio = np.where((p[:-1] > 0) & (p[1:] > 0), _ratio(p[:-1], p[1:]), 1.0)
        return _ratio(slope * (step + offset * np.log(ratio)), np.maximum(tp[1:] + fn[1:], 0))

    def get_config(self):
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self.from_logits,
        }
        return {**super().get_config(), **own, **({} if self._given is None else {"thresholds": self._given})}


def _ratio(a, b):
    """a / b, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


class _BestWhere(_Curve):
    """The largest value of one quantity at the thresholds where another one is at least `value`."""

    _given: str  # the name of the argument in place of `value`

    def __init__(self, value, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        owner = type(self).__name__
        self.value = Range(0, 1).check(value, self._given, owner)
        self.num_thresholds = Range(1, integer=True).check(num_thresholds, "num_thresholds", owner)
        self.class_id = Range(0, integer=True, optional=True).check(class_id, "class_id", owner)
        self.thresholds = [0.0, *_between(num_thresholds), 1.0] if num_thresholds > 1 else [0.5]
        self._at = np.array(self.thresholds)
        self._add_counts((len(self.thresholds),))

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: targets, yes where not 0.
            y_pred: probabilities of the same shape.
            sample_weight: None, or weights for the leading axes.
        """
        count(self._variables(), y_true, y_pred, self._at, self.name, sample_weight, class_id=self.class_id)

    def _two(self, tp, fp, tn, fn):
        """The quantity that must be large enough, and the one that is asked for."""
        raise NotImplementedError

    def result(self):
        """A number: 0 where no threshold is good enough."""
        constrained, wanted = self._two(*self._values())
        return float(np.max(wanted, where=constrained >= self.value, initial=0.0))

    def get_config(self):
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self._given: self.value,
        }


class SensitivityAtSpecificity(_BestWhere):
    """The best sensitivity, TP / (TP + FN), where the specificity, TN / (TN + FP), is large enough.

    Args:
        specificity: the least that is asked for, in [0, 1].
        num_thresholds: how many thresholds, at equal distances from 0 to 1.
        class_id: look at this entry of each row only.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.SensitivityAtSpecificity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> metric.result()
        0.5
    """

    _given = "specificity"

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = self.value

    def _two(self, tp, fp, tn, fn):
        return quotient(tn, fp), quotient(tp, fn)


class SpecificityAtSensitivity(_BestWhere):
    """The best specificity, TN / (TN + FP), where the sensitivity, TP / (TP + FN), is large enough.

    Args:
        sensitivity: the least that is asked for, in [0, 1].
        num_thresholds: how many thresholds, at equal distances from 0 to 1.
        class_id: look at this entry of each row only.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.SpecificityAtSensitivity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> metric.result()
        0.6666666666666666
    """

    _given = "sensitivity"

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = self.value

    def _two(self, tp, fp, tn, fn):
        return quotient(tp, fn), quotient(tn, fp)


class PrecisionAtRecall(_BestWhere):
    """The best precision, TP / (TP + FP), where the recall, TP / (TP + FN), is large enough.

    Args:
        recall: the least that is asked for, in [0, 1].
        num_thresholds: how many thresholds, at equal distances from 0 to 1.
        class_id: look at this entry of each row only.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.PrecisionAtRecall(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> metric.result()
        0.5
    """

    _given = "recall"

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = self.value

    def _two(self, tp, fp, tn, fn):
        return quotient(tp, fn), quotient(tp, fp)


class RecallAtPrecision(_BestWhere):
    """The best recall, TP / (TP + FN), where the precision, TP / (TP + FP), is large enough.

    Args:
        precision: the least that is asked for, in [0, 1].
        num_thresholds: how many thresholds, at equal distances from 0 to 1.
        class_id: look at this entry of each row only.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.RecallAtPrecision(0.8)
        >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        >>> metric.result()
        0.5
    """

    _given = "precision"

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = self.value

    def _two(self, tp, fp, tn, fn):
        return quotient(tp, fp), quotient(tp, fn)
