"""Losses of segmentation: how much of two areas is not shared. Where nearly every pixel is background, a mean over pixels
is content with no object at all; these look at the objects."""

from typing import Any

from refnet import config, ops
from refnet.losses.loss import BuiltInLoss
from refnet.losses.regression import aligned
from refnet.ops.rules import axes_in
from refnet.utils.checks import Range

__all__ = ["Dice", "Tversky", "dice", "tversky"]

_NOT_NEGATIVE = Range(low=0)


def _over(axis, shape, name):
    """The axes summed over: all for None."""
    return axes_in(name, axis, len(shape))


def dice(y_true, y_pred, axis=None):
    """1 - 2 sum(t y) / (sum(t) + sum(y) + epsilon): 0 where both areas are the same, 1 where they share nothing (Dice, 1945;
    as a loss: Milletari et al., 2016, arXiv:1606.04797).

    Args:
        y_true: targets in [0, 1].
        y_pred: probabilities of the same shape.
        axis: the axis, or axes, of the areas; None: all, the samples' included.

    Returns:
        The shape of `y_pred` without `axis`: a scalar for None.

    Raises:
        ValueError: when the shapes cannot be aligned, or an axis is out of range.
    """
    t, y = aligned(y_true, y_pred, "dice")
    axis = _over(axis, y.shape, "dice")
    shared = ops.sum(ops.multiply(t, y), axis=axis)
    both = ops.add(ops.sum(t, axis=axis), ops.sum(y, axis=axis))
    return ops.subtract(1.0, ops.divide(ops.multiply(2.0, shared), ops.add(both, config.epsilon())))


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - s / (s + alpha m + beta f + epsilon): s = sum(t y) is shared, m = sum(t (1 - y)) missed, f = sum((1 - t) y) too much
    (Salehi et al., 2017, arXiv:1706.05721). With alpha = beta = 1/2 it is the Dice loss.

    Args:
        y_true: targets in [0, 1].
        y_pred: probabilities of the same shape.
        alpha: the weight of what is missed (as Keras computes it).
        beta: the weight of what is too much.
        axis: the axis, or axes, of the areas; None: all, the samples' included.

    Returns:
        The shape of `y_pred` without `axis`: a scalar for None.

    Raises:
        ValueError: when the shapes cannot be aligned, an axis is out of range, or a weight is negative.
    """
    alpha, beta = _NOT_NEGATIVE.check(alpha, "alpha", "tversky"), _NOT_NEGATIVE.check(beta, "beta", "tversky")
    t, y = aligned(y_true, y_pred, "tversky")
    axis = _over(axis, y.shape, "tversky")
    shared = ops.sum(ops.multiply(t, y), axis=axis)
    missed = ops.sum(ops.multiply(ops.subtract(1.0, y), t), axis=axis)
    too_much = ops.sum(ops.multiply(y, ops.subtract(1.0, t)), axis=axis)
    wrong = ops.add(ops.multiply(missed, alpha), ops.multiply(too_much, beta))
    return ops.subtract(1.0, ops.divide(shared, ops.add(ops.add(shared, wrong), config.epsilon())))


class Dice(BuiltInLoss):
    """How much of the target area and the predicted one is not shared.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        axis: the axis, or axes, of the areas; None: all, the samples' included.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "dice", axis: Any = None, dtype: Any = None
    ):
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(BuiltInLoss):
    """How much of two areas is not shared, what is missed and what is too much weighed apart.

    Args:
        alpha: the weight of what is missed; >= 0.
        beta: the weight of what is too much; >= 0.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        axis: the axis, or axes, of the areas; None: all, the samples' included.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for a negative weight.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            tversky,
            reduction,
            name,
            dtype,
            alpha=_NOT_NEGATIVE.check(alpha, "alpha", "Tversky"),
            beta=_NOT_NEGATIVE.check(beta, "beta", "Tversky"),
            axis=axis,
        )
