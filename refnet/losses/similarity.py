"""Losses of embeddings: vectors of which only the direction counts."""

from typing import Any

import numpy as np

from refnet import autodiff, backend, ops
from refnet.losses.loss import BuiltInLoss, as_predictions, class_axis
from refnet.losses.regression import aligned
from refnet.utils.checks import Range

__all__ = ["Circle", "CosineSimilarity", "circle", "cosine_similarity"]

_GAMMA, _MARGIN = Range(low=0, open_low=True), Range(low=0, high=1)
_NOBODY = -1e30  # the score of a pair that does not count: its exponential is 0, and so is its gradient


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between two vectors: -1 for one direction, 1 for opposite ones, 0 for a vector of zeros.

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: the axis of the vectors.

    Returns:
        The shape of `y_pred` without `axis`.

    Raises:
        ValueError: when the shapes cannot be aligned, or the axis is out of range.
    """
    t, y = aligned(y_true, y_pred, "cosine_similarity")
    axis = class_axis(axis, y.shape, "cosine_similarity")
    return ops.negative(ops.sum(ops.multiply(ops.normalize(t, axis=axis), ops.normalize(y, axis=axis)), axis=axis))


def _labels(labels, name):
    """Labels of the samples as (N,) integers.

    Raises:
        ValueError: for another shape.
    """
    if not hasattr(labels, "dtype"):
        labels = ops.convert_to_tensor(labels)
    if len(labels.shape) not in (1, 2) or (len(labels.shape) == 2 and labels.shape[1] != 1):
        raise ValueError(
            f"circle: {name} has shape {tuple(labels.shape)}; it must be one integer label for each sample, (N,) or (N, 1). "
            "Take labels from one-hot rows with np.argmax(y, axis=-1)."
        )
    return ops.cast(ops.reshape(labels, (-1,)), "int32")


def _scaled(gamma, weight, distance):
    """gamma max(weight, 0) distance."""
    return ops.multiply(gamma, ops.multiply(ops.maximum(weight, 0.0), distance))


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """Circle loss: pairs of one label are to be near, others far, and the further a pair is from that the harder it is pulled
    (Sun et al., 2020, arXiv:2002.10857, eqs. 4 to 6).

    Args:
        y_true: integer labels (N,) or (N, 1).
        y_pred: embeddings (N, D) of length 1 (`refnet.ops.normalize`, or a UnitNormalization layer).
        ref_labels, ref_embeddings: what the samples are paired with, (M,) and (M, D); None: with each other.
        remove_diagonal: do not pair a sample with itself (entry i with reference i).
        gamma: a scale; > 0.
        margin: how far from the ideal a pair may stay, in [0, 1].

    Returns:
        (N,), with a mask of those that are not 0, which do not count. A sample without a partner of its own label, or without
        one of another, has the loss 0.

    Raises:
        ValueError: for shapes that do not fit; for an argument out of its range.
    """
    gamma, margin = _GAMMA.check(gamma, "gamma", "circle"), _MARGIN.check(margin, "margin", "circle")
    y = as_predictions(y_pred)
    labels = _labels(y_true, "y_true")
    reference = y if ref_embeddings is None else as_predictions(ref_embeddings)
    others = labels if ref_labels is None else _labels(ref_labels, "ref_labels")
    if (
        len(y.shape) != 2
        or len(reference.shape) != 2
        or y.shape[1] != reference.shape[1]
        or (labels.shape[0], others.shape[0]) != (y.shape[0], reference.shape[0])
    ):
        raise ValueError(
            f"circle: embeddings must be (N, D) with a label each. Received: y_true {tuple(labels.shape)}, y_pred "
            f"{tuple(y.shape)}, references {tuple(reference.shape)} with labels {tuple(others.shape)}."
        )
    same = ops.equal(ops.reshape(labels, (-1, 1)), ops.reshape(others, (1, -1)))  # (N, M)
    different = ops.logical_not(same)
    if remove_diagonal:
        same = ops.logical_and(same, backend.active().constant_array(~np.eye(*same.shape, dtype=bool)))
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(y, ops.transpose(reference))), 0.0)
    pull = _scaled(gamma, ops.add(distance, margin), ops.subtract(distance, margin))
    push = _scaled(gamma, ops.subtract(1.0 + margin, distance), ops.subtract(1.0 - margin, distance))
    near = ops.logsumexp(ops.where(same, pull, _NOBODY), axis=1)
    far = ops.logsumexp(ops.where(different, push, _NOBODY), axis=1)
    values = ops.softplus(ops.add(near, far))
    return autodiff.with_mask(values, ops.greater(values, 0.0))


class CosineSimilarity(BuiltInLoss):
    """Minus the cosine of the angle between target and prediction.

    Args:
        axis: the axis of the vectors.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    _unsaved = {"axis": -1}

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Circle(BuiltInLoss):
    """Pairs of one label are to be near, others far. The mean is over the samples whose loss is not 0.

    Args:
        gamma: a scale; > 0.
        margin: how far from the ideal a pair may stay, in [0, 1].
        remove_diagonal: do not pair a sample with itself.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for an argument out of its range.

    Example:
        >>> model = refnet.Sequential([refnet.layers.Dense(32), refnet.layers.UnitNormalization()])
        >>> model.compile("adam", refnet.losses.Circle())
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ):
        super().__init__(
            circle,
            reduction,
            name,
            dtype,
            gamma=_GAMMA.check(gamma, "gamma", "Circle"),
            margin=_MARGIN.check(margin, "margin", "Circle"),
            remove_diagonal=remove_diagonal,
        )

    def _targets(self, y_true, y_pred):
        return _labels(y_true, "y_true")

    def call(self, y_true, y_pred):
        return circle(y_true, y_pred, **self._fn_kwargs)
