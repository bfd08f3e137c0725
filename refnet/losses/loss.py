"""The base of all losses: per-sample values become one number.

`Loss.call` gives a value for each sample (for each position of a sequence, ...); `Loss.__call__` weights them and
reduces:

    "sum_over_batch_size", "mean"     sum w l / number of values      (Keras' default: weights do not change the divisor)
    "sum"                             sum w l
    "mean_with_sample_weight"         sum w l / sum w
    "none", None                      w l
"""

import numpy as np

from refnet import absent, autodiff, backend, config, ops
from refnet.ops._op import ready
from refnet.utils import serialization, tracking, tree
from refnet.utils.naming import auto_name

__all__ = ["BuiltInLoss", "Loss", "LossFunctionWrapper"]

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
_CONTAINERS = (list, tuple, dict)
_FLOATS = (np.dtype("float32"), np.dtype("float64"))


def _is_array(x) -> bool:
    return isinstance(x, np.ndarray) or autodiff.is_tensor(x)


def as_predictions(y_pred, dtype: str | None = None):
    """An array or tensor of a float type: `dtype`, else its own, else `floatx()`."""
    if not hasattr(y_pred, "dtype"):
        y_pred = ops.convert_to_tensor(y_pred)  # numbers in a list are of `floatx()`
    own = y_pred.dtype
    if own in _FLOATS and (dtype is None or own == dtype):
        return y_pred
    return ops.cast(y_pred, dtype or config.floatx())


def as_targets(y_true, y_pred):
    """Targets as an array of the predictions' type."""
    if not hasattr(y_true, "dtype"):
        y_true = np.asarray(y_true)
    return y_true if y_true.dtype == y_pred.dtype else ops.cast(y_true, y_pred.dtype)


@absent.methods
class Loss(tracking.Settings):
    """Base class of losses. Subclasses define `call(y_true, y_pred)`.

    Args:
        name: for logs and configurations.
        reduction: how values become one number: `"sum_over_batch_size"`, `"mean"` (the same), `"sum"`,
            `"mean_with_sample_weight"`, `"none"` or None.
        dtype: the float type of the computation; None: the predictions' own.

    Raises:
        ValueError: for an unknown reduction or type.

    Example:
        >>> class MeanFourthPower(refnet.losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return refnet.ops.mean((y_true - y_pred) ** 4, axis=-1)
    """

    _backend = None

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype=None):
        if reduction not in _REDUCTIONS:
            raise ValueError(
                f"{type(self).__name__} received reduction={reduction!r}. Expected one of "
                f"{', '.join(repr(r) for r in _REDUCTIONS)}."
            )
        self.name = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self._dtype = None if dtype is None else config.float_dtype(dtype, type(self).__name__)

    @property
    def dtype(self) -> str:
        """The float type of the computation (`floatx()` where it follows the predictions)."""
        return self._dtype or config.floatx()

    @backend.entry_point
    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss.

        Args:
            y_true: targets.
            y_pred: predictions, of the same leading axes.
            sample_weight: None, or weights for the leading axes of the per-sample values.

        Returns:
            A scalar (a Tensor while a tape records), or the weighted values with reduction "none".
        """
        if isinstance(y_pred, _CONTAINERS) and any(map(_is_array, tree.flatten(y_pred))):
            values = self.call(y_true, y_pred)  # one loss over several outputs: the user's own `call` knows how
            return reduce_weighted(values, sample_weight, self.reduction, None, self.name)
        mask = autodiff.mask_of(y_pred)
        y_pred = as_predictions(y_pred, self._dtype)
        y_true = self._targets(y_true, y_pred)
        values = self.call(y_true, y_pred)
        for other in (autodiff.mask_of(values), self._mask(y_true, y_pred)):
            mask = other if mask is None else mask if other is None else np.logical_and(mask, other)
        return reduce_weighted(values, sample_weight, self.reduction, mask, self.name)

    def call(self, y_true, y_pred):
        """The loss of each sample: an array of the predictions' leading axes."""
        raise NotImplementedError(f"{type(self).__name__} must define `call(self, y_true, y_pred)`.")

    def _targets(self, y_true, y_pred):
        """Targets as `call` wants them: of the predictions' type."""
        return as_targets(y_true, y_pred)

    def _mask(self, y_true, y_pred):
        """Which values count (None: all): the others are left out of the sum and of the divisor."""
        return None

    def get_config(self) -> dict:
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name} reduction={self.reduction}>"


def reduce_weighted(values, sample_weight=None, reduction="sum_over_batch_size", mask=None, name="loss"):
    """Weight values and reduce them to a scalar.

    Args:
        values: an array or tensor of values.
        sample_weight: None, or weights for the leading axes of `values`.
        reduction: see `Loss`.
        mask: None, or booleans for the leading axes of `values`: which count.
        name: for error messages.

    Raises:
        ValueError: when the weights do not fit the values.
    """
    shape = values.shape
    if len(shape) == 0 and not (sample_weight is None and mask is None):  # one loss of the whole batch, for every weight
        shape = np.shape(autodiff.value_of(sample_weight if mask is None else mask))
        values = ops.broadcast_to(values, shape)
    if sample_weight is None and mask is None:
        if len(shape) == 1 and (reduction == "sum_over_batch_size" or reduction == "mean"):
            return ops.weighted_sum(values, None, 1.0 / shape[0] if shape[0] else 0.0)
        weights = None
    else:
        weights = align_weights(sample_weight, shape, name, values.dtype)
    count = int(np.prod(shape))
    if mask is not None:  # what does not count is left out of the sum, and of the divisor too
        by_mean = reduction in ("sum_over_batch_size", "mean")
        mask = align_weights(mask, shape, name, values.dtype)
        weights = backend.active().masked_weights(mask, weights, by_mean)
    if reduction in (None, "none") or len(shape) == 0:
        values = values if weights is None else values * weights
        given = np.shape(autodiff.value_of(sample_weight)) if sample_weight is not None else ()
        return ops.reshape(values, given) if len(shape) == 1 and given == (*shape, 1) else values  # as Keras aligns them
    by_weight = reduction == "mean_with_sample_weight" and weights is not None
    if len(shape) != 1:
        values = ops.reshape(values, (-1,))
    flat = weights if weights is None or len(shape) == 1 else ops.reshape(weights, (-1,))
    loss = ops.weighted_sum(values, flat, 1.0 if by_weight or reduction == "sum" else 1.0 / count if count else 0.0)
    if not by_weight:
        return loss
    if mask is None:  # Keras adds up the weights as they were given, (N, 1) for values (N, T) too
        given = autodiff.value_of(sample_weight)
        weights = given if given.ndim == len(shape) else weights
    return ops.multiply(loss, backend.active().reciprocal_sum(weights, values.dtype))


def align_weights(sample_weight, shape, name, dtype):
    """Weights as a contiguous array of `shape`: one weight per leading index, trailing axes repeated.

    Raises:
        ValueError: when they do not fit, naming both shapes.
    """
    if sample_weight is None:
        return None
    weights = autodiff.value_of(sample_weight)
    if weights.shape == shape and weights.dtype == dtype and ready(weights):
        return weights
    try:
        return backend.active().aligned_weights(weights, shape, dtype)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def squeeze_or_expand_to_same_rank(x1, x2, expand_rank_1=True):
    """Drop or add a last axis of size 1 where ranks differ by exactly one, as Keras does: (N,) against (N, 1) meet as
    (N, 1)."""
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1 and expand_rank_1:
            return x1, ops.reshape(x2, (*x2.shape, 1))
        return ops.reshape(x1, tuple(x1.shape[:-1])), x2
    if rank2 == rank1 + 1 and x2.shape[-1] == 1:
        if rank1 == 1 and expand_rank_1:
            return ops.reshape(x1, (*x1.shape, 1)), x2
        return x1, ops.reshape(x2, tuple(x2.shape[:-1]))
    return x1, x2


class LossFunctionWrapper(Loss):
    """A loss from a function `fn(y_true, y_pred, **kwargs)` that gives one value per sample.

    Args:
        fn: the function.
        reduction: see `Loss`.
        name: for logs; the function's own name by default.
        dtype: see `Loss`.
        **kwargs: further arguments of `fn`.
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true, y_pred):
        if not isinstance(y_pred, (list, tuple, dict)) and len(y_true.shape) != len(y_pred.shape):
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        config = super().get_config()
        config["fn"] = serialization.serialize_keras_object(self.fn)
        config.update(serialization.serialize_keras_object(self._fn_kwargs))
        return config

    @classmethod
    def from_config(cls, config):
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)


class BuiltInLoss(LossFunctionWrapper):
    """A loss of this package: its configuration is its name, its reduction and the function's arguments, which are attributes too.

    Keras' configuration leaves some arguments out (`_unsaved`: their defaults), so that what is read from it is another loss. Ours
    names them where they are not the default: Keras reads that as well.
    """

    _unsaved: dict = {}

    def __init__(self, fn, reduction, name, dtype, **kwargs):
        super().__init__(fn, reduction, name, dtype, **kwargs)
        for argument, value in kwargs.items():
            setattr(self, argument, value)

    def get_config(self):
        unsaved = self._unsaved
        given = {k: v for k, v in self._fn_kwargs.items() if k not in unsaved or v != unsaved[k]}
        return {"name": self.name, "reduction": self.reduction, **given}


def class_axis(axis, shape, name):
    """The axis of the classes (of what is averaged or summed) as a non-negative number.

    Raises:
        ValueError: for what is no integer, or out of range.
    """
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise ValueError(f"{name}: `axis` must be an integer. Received: axis={axis!r}")
    rank = len(shape)
    if not -rank <= axis < rank:
        raise ValueError(
            f"{name}: axis={axis} is out of range for an output of shape {tuple(shape)}. Pass an axis from {-rank} to {rank - 1}."
        )
    return int(axis) % rank


def axis_last(x, axis):
    """x with one of its axes (a non-negative number) moved to the end."""
    return x if axis == len(x.shape) - 1 else ops.moveaxis(x, axis, -1)
