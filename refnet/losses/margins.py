"""Losses with a margin: an answer is to be right by 1, and is left alone once it is."""

from typing import Any

from refnet import ops
from refnet.losses.loss import BuiltInLoss
from refnet.losses.regression import aligned

__all__ = ["CategoricalHinge", "Hinge", "SquaredHinge", "categorical_hinge", "hinge", "squared_hinge"]


def hinge(y_true, y_pred):
    """The mean of max(1 - y_true y_pred, 0) over the last axis.

    Args:
        y_true: targets -1 and 1 (N, ..., D). If all of them are 0 or 1 they are read as -1 and 1.
        y_pred: scores of any size, of the same shape.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.hinge(*aligned(y_true, y_pred, "hinge"))


def squared_hinge(y_true, y_pred):
    """The mean of max(1 - y_true y_pred, 0)^2 over the last axis.

    Args:
        y_true: targets -1 and 1 (N, ..., D). If all of them are 0 or 1 they are read as -1 and 1.
        y_pred: scores of any size, of the same shape.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.squared_hinge(*aligned(y_true, y_pred, "squared_hinge"))


def categorical_hinge(y_true, y_pred):
    """max(1 + the best score of a wrong class - the true class's, 0), over the last axis (Crammer and Singer, 2001).

    Args:
        y_true: one-hot targets (N, ..., C).
        y_pred: scores of any size, of the same shape.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.categorical_hinge(*aligned(y_true, y_pred, "categorical_hinge"))


class Hinge(BuiltInLoss):
    """What is missing to a score of the right sign and of size 1.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: Any = None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(BuiltInLoss):
    """The square of what is missing to a score of the right sign and of size 1.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(BuiltInLoss):
    """What is missing to the true class's score being the best by 1.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, reduction, name, dtype)
