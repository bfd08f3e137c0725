"""Cross-entropies: how surprised a prediction is by what happened.

From logits, softmax (or sigmoid) and logarithm are one kernel, which neither overflows nor loses digits; from
probabilities, they are clipped to [1e-7, 1 - 1e-7] first, as Keras does.
"""

from typing import Any

import numpy as np

from refnet import autodiff, backend, ops
from refnet.losses.loss import BuiltInLoss, as_predictions, axis_last, class_axis
from refnet.losses.regression import aligned
from refnet.ops._op import ready

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "kl_divergence",
    "poisson",
    "sparse_categorical_crossentropy",
]


def check_smoothing(label_smoothing):
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"`label_smoothing` must be in [0, 1]. Received: label_smoothing={label_smoothing}")


def smoothed(y_true, label_smoothing, center):
    """Targets that are drawn towards `center` by a part of the way."""
    if not label_smoothing:
        return y_true
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing * center)


def more_than_one_class(shape, axis, name):
    """
    Raises:
        ValueError: where there is one class, which is always right.
    """
    if shape[axis] == 1:
        raise ValueError(
            f"{name}: the output has shape {tuple(shape)}, a single class, whose loss is 0 "
            f"whatever the weights. For two classes use loss='{name.replace('categorical', 'binary')}'; for more give the last "
            "layer one unit per class."
        )


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """The mean over `axis` of -(t log p + (1 - t) log(1 - p)).

    Args:
        y_true: targets in [0, 1].
        y_pred: probabilities, or logits, of the same shape.
        from_logits: whether `y_pred` are logits.
        label_smoothing: s squeezes targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis averaged over.

    Returns:
        The shape of `y_pred` without `axis`.

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    y_true, y_pred = aligned(y_true, y_pred, "binary_crossentropy")
    axis = class_axis(axis, y_pred.shape, "binary_crossentropy")
    y_true = smoothed(y_true, label_smoothing, 0.5)
    return ops.binary_crossentropy_mean(axis_last(y_true, axis), axis_last(y_pred, axis), from_logits)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum_c t_c log p_c for one-hot (or soft) targets.

    Args:
        y_true: targets, one row per sample.
        y_pred: probabilities, or logits, of the same shape.
        from_logits: whether `y_pred` are logits.
        label_smoothing: s mixes targets with the uniform distribution: t (1 - s) + s / C.
        axis: the axis of the classes.

    Returns:
        The shape of `y_pred` without `axis`.

    Raises:
        ValueError: when the shapes cannot be aligned; for a single class.
    """
    y_true, y_pred = aligned(y_true, y_pred, "categorical_crossentropy")
    axis = class_axis(axis, y_pred.shape, "categorical_crossentropy")
    more_than_one_class(y_pred.shape, axis, "categorical_crossentropy")
    y_true = smoothed(y_true, label_smoothing, 1.0 / y_true.shape[-1])
    return ops.categorical_crossentropy(axis_last(y_true, axis), axis_last(y_pred, axis), from_logits=from_logits)


def as_labels(y_true, y_pred, axis=-1):
    """Integer labels (int64) of the predictions' shape without the class axis.

    Raises:
        ValueError: when shapes do not fit, or labels are not whole numbers.
    """
    labels = np.asarray(autodiff.value_of(y_true))
    shape = tuple(y_pred.shape)
    axis = class_axis(axis, shape, "sparse_categorical_crossentropy")
    expected = shape[:axis] + shape[axis + 1 :]
    found = labels.shape
    if found != expected:
        if labels.ndim == len(shape) and found[axis] == 1:
            found = found[:axis] + found[axis + 1 :]
        elif (*found, 1) == expected:
            found = expected
        if found != expected:
            remedy = (
                "For one-hot targets use loss='categorical_crossentropy', or take labels with np.argmax(y, axis=-1)."
                if found == shape
                else f"It wants one integer label per sample: shape {expected}."
            )
            raise ValueError(
                f"sparse_categorical_crossentropy: the targets have shape {labels.shape}, but the output has shape "
                f"{shape}. {remedy}"
            )
    if labels.dtype == np.int64 and labels.shape == expected and ready(labels):
        return labels
    try:
        return backend.active().whole_labels(labels, expected)
    except ValueError:
        raise ValueError(
            "sparse_categorical_crossentropy: the targets are not whole numbers. It wants integer labels; for "
            "regression use loss='mean_squared_error'."
        ) from None


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log p_t for integer labels t.

    Args:
        y_true: integer labels 0 .. C-1 of the shape of `y_pred` without `axis` (a last axis of size 1 is dropped).
        y_pred: probabilities, or logits.
        from_logits: whether `y_pred` are logits.
        ignore_class: a label whose samples have the loss 0 and, in `SparseCategoricalCrossentropy`, do not count; or
            None.
        axis: the axis of the classes.

    Returns:
        The shape of `y_pred` without `axis`.

    Raises:
        ValueError: when shapes do not fit, or a label is out of range.
    """
    y_pred = as_predictions(y_pred)
    axis = class_axis(axis, y_pred.shape, "sparse_categorical_crossentropy")
    labels = as_labels(y_true, y_pred, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(labels, axis_last(y_pred, axis), from_logits=from_logits)
    valid = ops.not_equal(labels, ignore_class)
    labels = ops.where(valid, labels, 0)
    values = ops.sparse_categorical_crossentropy(labels, axis_last(y_pred, axis), from_logits=from_logits)
    return ops.where(valid, values, ops.zeros_like(values))


def kl_divergence(y_true, y_pred):
    """The Kullback-Leibler divergence, sum over the last axis of y_true log(y_true / y_pred).

    Args:
        y_true: target distributions (N, ..., C).
        y_pred: predicted ones, of the same shape. Both are limited to [`refnet.config.epsilon()`, 1] first.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.kl_divergence(*aligned(y_true, y_pred, "kl_divergence"))


def poisson(y_true, y_pred):
    """The mean over the last axis of y_pred - y_true log(y_pred): -log(the Poisson probability of a count), but for log(y_true!).

    Args:
        y_true: counts (N, ..., D).
        y_pred: predicted means, not negative, of the same shape; e.g. by `activation="softplus"`.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.poisson(*aligned(y_true, y_pred, "poisson"))


class BinaryCrossentropy(BuiltInLoss):
    """Cross-entropy of yes-or-no targets.

    Args:
        from_logits: whether predictions are logits (better conditioned) rather than probabilities.
        label_smoothing: in [0, 1], see `binary_crossentropy`.
        axis: the axis averaged over.
        reduction: see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        check_smoothing(label_smoothing)
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(BuiltInLoss):
    """Cross-entropy of one-hot targets.

    Args:
        from_logits: whether predictions are logits (better conditioned) rather than probabilities.
        label_smoothing: in [0, 1], see `categorical_crossentropy`.
        axis: the axis of the classes.
        reduction: see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        check_smoothing(label_smoothing)
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(BuiltInLoss):
    """Cross-entropy of integer labels.

    Args:
        from_logits: whether predictions are logits (better conditioned) rather than probabilities.
        ignore_class: a label that does not count, neither in the sum nor in the divisor; or None.
        reduction: see `Loss`.
        axis: the axis of the classes.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    _unsaved = {"axis": -1}

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def _targets(self, y_true, y_pred):
        return as_labels(y_true, y_pred, self.axis)

    def call(self, y_true, y_pred):
        return sparse_categorical_crossentropy(y_true, y_pred, **self._fn_kwargs)

    def _mask(self, y_true, y_pred):
        return None if self.ignore_class is None else ops.not_equal(y_true, self.ignore_class)


class KLDivergence(BuiltInLoss):
    """How far predicted distributions are from the targets, in nats.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None):
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(BuiltInLoss):
    """The loss of predicted means of counts.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: Any = None):
        super().__init__(poisson, reduction, name, dtype)
