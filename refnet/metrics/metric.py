"""The base of all metrics: a number accumulated over batches."""

import functools

import numpy as np

from refnet import absent, autodiff, backend, config, initializers
from refnet.utils import tracking
from refnet.utils.naming import auto_name

__all__ = ["Metric"]


def _unless_tracing(update_state):
    """Metrics stand still while a model is built."""

    @functools.wraps(update_state)
    def updated(self, *args, **kwargs):
        if not autodiff.is_tracing():
            update_state(self, *args, **kwargs)

    return updated


@absent.methods
class Metric(tracking.Settings):
    """Base class of metrics.

    Subclasses define `update_state(...)`, which takes a batch into account, and `result()`; and `reset_state()`,
    unless all state is in variables made by `add_variable`.

    Args:
        dtype: the float type of variables; None: `floatx()`.
        name: for logs.

    Example:
        >>> class LargestError(refnet.metrics.Metric):
        ...     def __init__(self, name="largest_error", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         error = refnet.ops.max(refnet.ops.abs(y_true - y_pred))
        ...         self.largest.assign(refnet.ops.maximum(self.largest, error))
        ...     def result(self):
        ...         return self.largest
    """

    _backend = None
    _direction: str | None = None  # "up" or "down": which way is better

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "update_state" in cls.__dict__:
            cls.update_state = _unless_tracing(cls.__dict__["update_state"])

    def __init__(self, dtype=None, name: str | None = None):
        self.name = name or auto_name(type(self).__name__)
        self._dtype = config.float_dtype(dtype, type(self).__name__)

    @property
    def dtype(self) -> str:
        """The float type of variables."""
        return self._dtype

    @property
    def variables(self) -> list:
        """The variables made by `add_variable`, those of metrics held as attributes included."""
        found = {}
        for value in vars(self).values():
            for item in tracking.walk(value, (autodiff.Variable, Metric)):
                for variable in item.variables if isinstance(item, Metric) else (item,):
                    found[id(variable)] = variable
        return list(found.values())

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="sum", name=None):
        """A variable of the metric's state.

        Args:
            shape: its shape.
            initializer: its first value, and the shape of what `reset_state` sets to zero.
            dtype: its type; None: the metric's.
            aggregation: accepted for Keras' sake.
            name: for people.
        """
        del aggregation
        value = initializers.get(initializer)(tuple(shape), dtype or self._dtype)
        variable = autodiff.Variable(value, trainable=False, name=name or "variable")
        variable.path = f"{self.name}/{variable.name}"
        return variable

    def add_weight(self, shape=(), initializer="zeros", dtype=None, name=None):
        """Another name of `add_variable`."""
        return self.add_variable(shape, "zeros" if initializer is None else initializer, dtype, name=name)

    def update_state(self, *args, **kwargs):
        """Take a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} must define `update_state`.")

    def result(self):
        """The value over all batches since the last reset: a number, or a dict of numbers."""
        raise NotImplementedError(f"{type(self).__name__} must define `result`.")

    def reset_state(self) -> None:
        """Forget all batches: sets the variables to zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    @backend.entry_point
    def __call__(self, *args, **kwargs):
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict:
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
