"""Intersection over union: how well regions of an image are found.

Of each class, the places that label and prediction share, over those that either has: M_cc / (Σ_k M_ck + Σ_k M_kc - M_cc), with the
matrix M of labels (rows) and predictions (columns). A class that nobody has does not count.
"""

import numpy as np

from refnet import backend, config, ops
from refnet.metrics.metric import Metric
from refnet.metrics.reduction import plain
from refnet.utils.checks import Range

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]

_KEYS = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class IoU(Metric):
    """The mean intersection over union of some classes.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to average over.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64, so that weights may be fractions.
        ignore_class: a label that does not count, such as 255 for "void"; None: all do. (A label or prediction that is no class
            does not count either.)
        sparse_y_true: whether targets are labels; False: one-hot.
        sparse_y_pred: whether predictions are labels; False: a score for each class.
        axis: the axis of the classes, where they are not sparse.

    Example:
        >>> metric = refnet.metrics.IoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(metric.result(), 4)
        0.3333
    """

    _direction = "up"
    _config_keys: tuple[str, ...] = _KEYS

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(name=name)
        self._given_dtype = {None: "int32", "int": "int32"}.get(dtype, dtype)
        owner = type(self).__name__
        self.num_classes = Range(1, integer=True).check(num_classes, "num_classes", owner)
        below = Range(0, num_classes - 1, integer=True, hint="Classes are counted from 0.")
        self.target_class_ids = [below.check(label, "target_class_ids", owner) for label in target_class_ids]
        self.ignore_class = Range(integer=True, optional=True).check(ignore_class, "ignore_class", owner)
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_variable((num_classes, num_classes), dtype="float64", name="total_confusion_matrix")

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: labels of any shape, or one-hot.
            y_pred: labels of the same shape, or scores.
            sample_weight: None, or weights for the leading axes.
        """
        labels = plain(y_true) if self.sparse_y_true else ops.argmax(plain(y_true), axis=self.axis)
        found = plain(y_pred) if self.sparse_y_pred else ops.argmax(plain(y_pred), axis=self.axis)
        self._add(ops.cast(labels, "int64"), ops.cast(found, "int64"), sample_weight)

    def _add(self, labels, found, sample_weight):
        if labels.size != found.size:
            raise ValueError(
                f"{self.name}: labels of shape {labels.shape} and predictions of shape {found.shape} do not fit. If one of them "
                "has an axis of classes, use OneHotIoU, or set sparse_y_true or sparse_y_pred to False."
            )
        kernels = backend.active()
        weights = None
        if sample_weight is not None:
            weights = ops.ravel(kernels.aligned_weights(plain(sample_weight), labels.shape, np.dtype(np.float64)))
        labels, found = ops.ravel(labels), ops.ravel(found)
        if self.ignore_class is not None:
            labels = ops.where(ops.equal(labels, self.ignore_class), ops.full_like(labels, -1), labels)
        kernels.confusion_matrix_update(self.total_cm.value, labels, found, weights)

    def result(self):
        """The mean over `target_class_ids`: a number."""
        matrix = self.total_cm.value
        both = np.diag(matrix)
        either = matrix.sum(axis=0) + matrix.sum(axis=1) - both
        both, either = both[self.target_class_ids], either[self.target_class_ids]
        counts = either > 1e-9
        tiny = config.epsilon()
        return float((both[counts] / (either[counts] + tiny)).sum() / (counts.sum() + tiny))

    def get_config(self):
        own = {key: getattr(self, key) for key in self._config_keys}
        return {"name": self.name, "dtype": self._given_dtype, **own}


class BinaryIoU(IoU):
    """The intersection over union of yes and no.

    Args:
        target_class_ids: 0 for no, 1 for yes; both: their mean.
        threshold: from it on a prediction counts as yes.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> metric = refnet.metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
        >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
        >>> round(metric.result(), 4)
        0.3333
    """

    _config_keys = ("target_class_ids", "threshold")

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = Range().check(threshold, "threshold", type(self).__name__)

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account.

        Args:
            y_true: 0 or 1, of any shape.
            y_pred: scores of the same shape.
            sample_weight: None, or weights for the leading axes.
        """
        yes = ops.cast(ops.greater_equal(plain(y_pred), self.threshold), "int64")
        self._add(ops.cast(plain(y_true), "int64"), yes, sample_weight)


class MeanIoU(IoU):
    """The mean intersection over union of all classes.

    Args:
        num_classes: how many classes there are.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        ignore_class: a label that does not count; None: all do.
        sparse_y_true: whether targets are labels; False: one-hot.
        sparse_y_pred: whether predictions are labels; False: a score for each class.
        axis: the axis of the classes, where they are not sparse.

    Example:
        >>> metric = refnet.metrics.MeanIoU(num_classes=2)
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(metric.result(), 4)
        0.3333
    """

    _config_keys = tuple(key for key in _KEYS if key != "target_class_ids")

    def __init__(
        self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, axis=-1
    ):
        every = range(Range(1, integer=True).check(num_classes, "num_classes", type(self).__name__))
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """The mean intersection over union of some classes, targets one-hot.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to average over.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        ignore_class: a label that does not count; None: all do.
        sparse_y_pred: whether predictions are labels; False: a score for each class.
        axis: the axis of the classes.

    Example:
        >>> metric = refnet.metrics.OneHotIoU(num_classes=3, target_class_ids=[0, 2])
        >>> metric.update_state([[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]],
        ...                     [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]])
        >>> round(metric.result(), 4)
        0.1667
    """

    _config_keys = tuple(key for key in _KEYS if key != "sparse_y_true")

    def __init__(
        self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """The mean intersection over union of all classes, targets one-hot.

    Args:
        num_classes: how many classes there are.
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        ignore_class: a label that does not count; None: all do.
        sparse_y_pred: whether predictions are labels; False: a score for each class.
        axis: the axis of the classes.

    Example:
        >>> metric = refnet.metrics.OneHotMeanIoU(num_classes=3)
        >>> metric.update_state([[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]],
        ...                     [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]])
        >>> round(metric.result(), 4)
        0.1111
    """

    _config_keys = tuple(key for key in _KEYS if key not in ("target_class_ids", "sparse_y_true"))

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
