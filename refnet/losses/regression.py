"""Losses of regression: how far numbers are from numbers."""

from typing import Any

from refnet import ops
from refnet.losses.loss import LossFunctionWrapper, as_predictions, as_targets, squeeze_or_expand_to_same_rank

__all__ = ["MeanAbsoluteError", "MeanSquaredError", "mean_absolute_error", "mean_squared_error"]


def aligned(y_true, y_pred, name):
    """Targets and predictions as arrays of one shape and float type; see `same_shape`."""
    y_pred = as_predictions(y_pred)
    return same_shape(as_targets(y_true, y_pred), y_pred, name)


def same_shape(y_true, y_pred, name):
    """Targets and predictions of one shape.

    (N,) against (N, 1) are aligned; anything else that differs is an error: broadcasting would compare numbers that do
    not belong together.

    Raises:
        ValueError: naming the loss, both shapes and a remedy.
    """
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(mismatch(y_true, y_pred, name))
    return y_true, y_pred


def mismatch(y_true, y_pred, name) -> str:
    shape, output = tuple(y_true.shape), tuple(y_pred.shape)
    if name == "categorical_crossentropy" or (
        name == "binary_crossentropy" and len(output) == len(shape) + 1 and shape == output[:-1]
    ):
        remedy = (
            "For integer class labels use loss='sparse_categorical_crossentropy', or turn them into one-hot rows with "
            f"refnet.utils.to_categorical(y, num_classes={output[-1]})."
        )
    else:
        remedy = (
            f"The targets need the output's shape; or give the last layer {shape[-1] if len(shape) > 1 else 1} unit(s)."
        )
    return f"{name}: the targets have shape {shape}, but the output has shape {output}. {remedy}"


def mean_squared_error(y_true, y_pred):
    """The mean of (y_true - y_pred)^2 over the last axis.

    Args:
        y_true: targets (N, ..., D).
        y_pred: predictions of the same shape.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.mean_squared_error(*aligned(y_true, y_pred, "mean_squared_error"))


def mean_absolute_error(y_true, y_pred):
    """The mean of |y_true - y_pred| over the last axis.

    Args:
        y_true: targets (N, ..., D).
        y_pred: predictions of the same shape.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.mean_absolute_error(*aligned(y_true, y_pred, "mean_absolute_error"))


class MeanSquaredError(LossFunctionWrapper):
    """The mean of squared differences.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Example:
        >>> refnet.losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]])
        array(0.5, dtype=float32)
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)

    def call(self, y_true, y_pred):
        return ops.mean_squared_error(*same_shape(y_true, y_pred, "mean_squared_error"))

    def get_config(self):
        return {"name": self.name, "reduction": self.reduction}


class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of absolute differences.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, reduction, name, dtype)

    def call(self, y_true, y_pred):
        return ops.mean_absolute_error(*same_shape(y_true, y_pred, "mean_absolute_error"))

    def get_config(self):
        return {"name": self.name, "reduction": self.reduction}
