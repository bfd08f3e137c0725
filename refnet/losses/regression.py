"""Losses of regression: how far numbers are from numbers."""

from typing import Any

from refnet import ops
from refnet.losses.loss import BuiltInLoss, as_predictions, as_targets, squeeze_or_expand_to_same_rank
from refnet.utils.checks import Range

__all__ = [
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
]

_DELTA = Range(low=0, open_low=True)


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


_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge")


def mismatch(y_true, y_pred, name) -> str:
    shape, output = tuple(y_true.shape), tuple(y_pred.shape)
    per_position = shape == output[:-1]
    if not per_position and len(output) > max(len(shape), 2):
        remedy = (
            f"The output has {len(output) - 1} axes beside that of the samples: put a Flatten layer (or a pooling) before the last "
            "Dense, or give targets for every position."
        )
    elif name in _ONE_HOT or (name == "binary_crossentropy" and per_position):
        remedy = (
            "For integer class labels use loss='sparse_categorical_crossentropy', or turn them into one-hot rows with "
            f"refnet.utils.to_categorical(y, num_classes={output[-1]})."
        )
    else:
        units = shape[-1] if len(shape) > 1 and not per_position else 1
        remedy = f"The targets need the output's shape; or give the last layer {units} unit(s)."
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


def mean_absolute_percentage_error(y_true, y_pred):
    """The mean of 100 |y_true - y_pred| / |y_true| over the last axis.

    Args:
        y_true: targets (N, ..., D); those below `refnet.config.epsilon()` in size count as that.
        y_pred: predictions of the same shape.

    Returns:
        (N, ...), in per cent.

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.mean_absolute_percentage_error(*aligned(y_true, y_pred, "mean_absolute_percentage_error"))


def mean_squared_logarithmic_error(y_true, y_pred):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2 over the last axis: for numbers >= 0 of many sizes.

    Args:
        y_true: targets (N, ..., D); what is below `refnet.config.epsilon()` counts as that.
        y_pred: predictions of the same shape; likewise.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.mean_squared_logarithmic_error(*aligned(y_true, y_pred, "mean_squared_logarithmic_error"))


def huber(y_true, y_pred, delta=1.0):
    """The mean over the last axis of e^2 / 2 where |e| <= delta, delta |e| - delta^2 / 2 elsewhere; e = y_true - y_pred.

    Args:
        y_true: targets (N, ..., D).
        y_pred: predictions of the same shape.
        delta: where the parabola becomes a straight line (Huber, 1964, eq. 1.7).

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned; for a `delta` that is not positive.
    """
    delta = _DELTA.check(delta, "delta", "huber")
    return ops.huber(*aligned(y_true, y_pred, "huber"), delta)


def log_cosh(y_true, y_pred):
    """The mean of log(cosh(y_pred - y_true)) over the last axis: e^2 / 2 near 0, |e| - log 2 far away.

    Args:
        y_true: targets (N, ..., D).
        y_pred: predictions of the same shape.

    Returns:
        (N, ...).

    Raises:
        ValueError: when the shapes cannot be aligned.
    """
    return ops.log_cosh(*aligned(y_true, y_pred, "log_cosh"))


class MeanSquaredError(BuiltInLoss):
    """The mean of squared differences.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Example:
        >>> refnet.losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]])
        array(0.5, dtype=float32)
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)

    def call(self, y_true, y_pred):
        return ops.mean_squared_error(*same_shape(y_true, y_pred, "mean_squared_error"))


class MeanAbsoluteError(BuiltInLoss):
    """The mean of absolute differences.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, reduction, name, dtype)

    def call(self, y_true, y_pred):
        return ops.mean_absolute_error(*same_shape(y_true, y_pred, "mean_absolute_error"))


class MeanAbsolutePercentageError(BuiltInLoss):
    """The mean of differences in per cent of the target.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(BuiltInLoss):
    """The mean of squared differences of log(1 + y).

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(BuiltInLoss):
    """Squared differences up to `delta`, straight lines beyond: an outlier pulls with the force `delta`, however far it is.

    Args:
        delta: where one becomes the other; > 0.
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for a `delta` that is not positive.
    """

    _unsaved = {"delta": 1.0}

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(huber, reduction, name, dtype, delta=_DELTA.check(delta, "delta", "Huber"))


class LogCosh(BuiltInLoss):
    """The logarithm of the hyperbolic cosine of differences.

    Args:
        reduction: how values become one number, see `Loss`.
        name: for logs.
        dtype: the float type of the computation; None: the predictions' own.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None):
        super().__init__(log_cosh, reduction, name, dtype)
