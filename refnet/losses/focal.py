"""Cross-entropies that weigh samples by how well they are known: focal ones look away from what is easy, the generalised one from
what cannot be learned (a wrong label).
"""

from typing import Any

import numpy as np

from refnet import backend, config, ops
from refnet.losses.loss import BuiltInLoss, as_predictions, axis_last, class_axis
from refnet.losses.probabilistic import as_labels, check_smoothing, more_than_one_class, smoothed
from refnet.losses.regression import aligned
from refnet.utils.checks import Range

__all__ = [
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
]

_FRACTION = Range(low=0, high=1)
_NOT_NEGATIVE = Range(low=0)
_INNER = Range(low=0, high=1, open_low=True, open_high=True)


def _check_alpha(alpha, name):
    """The weight of every class, or of each: numbers >= 0.

    Raises:
        ValueError: for others.
    """
    if np.ndim(alpha) == 0:
        return _NOT_NEGATIVE.check(alpha, "alpha", name)
    if np.ndim(alpha) > 1:
        raise ValueError(f"{name}: `alpha` must be a number, or a list of one for each class. Received: alpha={alpha!r}")
    return [_NOT_NEGATIVE.check(a, "alpha", name) for a in alpha]


def _power(x, exponent):
    """x to a constant power; with the slope 0 at 0 where that of a root is infinite."""
    if 0 < exponent < 1:
        tiny = float(np.finfo(x.dtype).tiny)
        x = ops.where(ops.equal(x, 0.0), tiny, x)
    return ops.power(x, exponent)


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
):
    """The mean over `axis` of (1 - p_t)^gamma times the binary cross-entropy, p_t being the probability of what is true
    (Lin et al., 2017, arXiv:1708.02002, eqs. 4 and 5).

    Args:
        y_true: targets in [0, 1].
        y_pred: probabilities, or logits, of the same shape.
        apply_class_balancing: weigh the ones with `alpha` and the zeros with 1 - `alpha`.
        alpha: in [0, 1].
        gamma: how much what is well known counts less; 0: not at all.
        from_logits: whether `y_pred` are logits; they are turned into probabilities first, as in Keras.
        label_smoothing: s squeezes targets towards 1/2: t (1 - s) + s / 2.
        axis: the axis averaged over.

    Returns:
        The shape of `y_pred` without `axis`.

    Raises:
        ValueError: when the shapes cannot be aligned; for an argument out of its range.
    """
    name = "binary_focal_crossentropy"
    alpha, gamma = _FRACTION.check(alpha, "alpha", name), _NOT_NEGATIVE.check(gamma, "gamma", name)
    t, y = aligned(y_true, y_pred, name)
    axis = class_axis(axis, y.shape, name)
    t = smoothed(t, label_smoothing, 0.5)
    p = ops.sigmoid(y) if from_logits else y
    values = ops.binary_crossentropy(t, p)
    if gamma:
        right = ops.add(ops.multiply(t, p), ops.multiply(ops.subtract(1.0, t), ops.subtract(1.0, p)))  # p_t
        values = ops.multiply(_power(ops.subtract(1.0, right), gamma), values)
    if apply_class_balancing:
        weight = ops.add(ops.multiply(t, alpha), ops.multiply(ops.subtract(1.0, t), 1.0 - alpha))
        values = ops.multiply(weight, values)
    return ops.mean(values, axis=axis)


def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """-sum_c alpha t_c (1 - p_c)^gamma log p_c (Lin et al., 2017, arXiv:1708.02002, eq. 5).

    Args:
        y_true: one-hot (or soft) targets, one row per sample.
        y_pred: probabilities, or logits, of the same shape.
        alpha: the weight of every class, or a list with one for each.
        gamma: how much what is well known counts less; 0: not at all.
        from_logits: whether `y_pred` are logits; they are turned into probabilities first, as in Keras.
        label_smoothing: s mixes targets with the uniform distribution: t (1 - s) + s / C.
        axis: the axis of the classes.

    Returns:
        The shape of `y_pred` without `axis`.

    Raises:
        ValueError: when the shapes cannot be aligned; for a single class; for an argument out of its range.
    """
    name = "categorical_focal_crossentropy"
    alpha, gamma = _check_alpha(alpha, name), _NOT_NEGATIVE.check(gamma, "gamma", name)
    t, y = aligned(y_true, y_pred, name)
    axis = class_axis(axis, y.shape, name)
    more_than_one_class(y.shape, axis, name)
    t = smoothed(t, label_smoothing, 1.0 / t.shape[-1])
    t, y = axis_last(t, axis), axis_last(y, axis)
    if isinstance(alpha, list) and len(alpha) != y.shape[-1]:
        raise ValueError(f"{name}: `alpha` has {len(alpha)} weights, but there are {y.shape[-1]} classes. Pass one for each class.")
    p = ops.softmax(y) if from_logits else y
    epsilon = config.epsilon()
    p = ops.clip(ops.divide(p, ops.sum(p, axis=-1, keepdims=True)), epsilon, 1.0 - epsilon)
    values = ops.multiply(ops.multiply(t, ops.negative(ops.log(p))), alpha)
    if gamma:
        values = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), values)
    return ops.sum(values, axis=-1)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p_t^q) / q, between the cross-entropy (q near 0) and the absolute error (q near 1), which wrong labels mislead less
    (Zhang and Sabuncu, 2018, arXiv:1805.07836, eq. 6).

    Args:
        y_true: integer labels 0 .. C-1.
        y_pred: probabilities (..., C).
        q: in (0, 1).

    Returns:
        The shape of `y_pred` without its last axis. A probability of exactly 0 has the gradient 0, not minus infinity.

    Raises:
        ValueError: when shapes do not fit, a label is out of range, or `q` is not between 0 and 1.
    """
    name = "categorical_generalized_cross_entropy"
    q = _INNER.check(q, "q", name)
    y = as_predictions(y_pred)
    classes = y.shape[-1]
    labels = as_labels(y_true, y)
    labels = backend.active().whole_labels(labels, (*labels.shape, 1), classes)
    p = ops.reshape(ops.take_along_axis(y, labels, axis=-1), tuple(y.shape[:-1]))
    return ops.divide(ops.subtract(1.0, _power(p, q)), q)


class BinaryFocalCrossentropy(BuiltInLoss):
    """Binary cross-entropy that looks away from what is easy, for data with few ones among many zeros.

    Args:
        apply_class_balancing: weigh the ones with `alpha` and the zeros with 1 - `alpha`.
        alpha: in [0, 1].
        gamma: how much what is well known counts less; 0: not at all.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1], see `binary_focal_crossentropy`.
        axis: the axis averaged over.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for an argument out of its range.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        check_smoothing(label_smoothing)
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=_FRACTION.check(alpha, "alpha", "BinaryFocalCrossentropy"),
            gamma=_NOT_NEGATIVE.check(gamma, "gamma", "BinaryFocalCrossentropy"),
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(BuiltInLoss):
    """Cross-entropy of one-hot targets that looks away from what is easy, for classes of very different sizes.

    Args:
        alpha: the weight of every class, or a list with one for each.
        gamma: how much what is well known counts less; 0: not at all.
        from_logits: whether predictions are logits.
        label_smoothing: in [0, 1], see `categorical_focal_crossentropy`.
        axis: the axis of the classes.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for an argument out of its range.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        check_smoothing(label_smoothing)
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=_check_alpha(alpha, "CategoricalFocalCrossentropy"),
            gamma=_NOT_NEGATIVE.check(gamma, "gamma", "CategoricalFocalCrossentropy"),
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(BuiltInLoss):
    """A cross-entropy of integer labels of which some are wrong: samples far from their label count less.

    Args:
        q: in (0, 1): near 0 the cross-entropy, near 1 the absolute error.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for a `q` that is not between 0 and 1.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        q = _INNER.check(q, "q", "CategoricalGeneralizedCrossEntropy")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)

    def _targets(self, y_true, y_pred):
        return as_labels(y_true, y_pred)

    def call(self, y_true, y_pred):
        return categorical_generalized_cross_entropy(y_true, y_pred, **self._fn_kwargs)
