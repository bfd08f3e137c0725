"""Constraints: what weights are projected onto after each update."""

from refnet import autodiff, backend, public
from refnet.config import epsilon
from refnet.utils import serialization, tracking
from refnet.utils.checks import Range
from refnet.utils.naming import to_snake_case

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint(tracking.Settings):
    """Base class. Subclasses define `__call__(w)`: the array that takes the place of `w`, which stays as it is here."""

    _backend = None

    def __call__(self, w):
        return w

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def _axes(axis):
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis


class NonNeg(Constraint):
    """Negative weights become zero."""

    def __call__(self, w):
        return backend.active().non_negative(autodiff.value_of(w))


class MaxNorm(Constraint):
    """Vectors longer than `max_value` are shortened to it.

    Args:
        max_value: the greatest norm.
        axis: the axes along which a vector's entries lie; 0 for a dense kernel: the weights into one unit.
    """

    def __init__(self, max_value: float = 2, axis: int = 0):
        self.max_value = Range(0).check(max_value, "max_value", "MaxNorm")
        self.axis = axis

    def __call__(self, w):
        return backend.active().max_norm(autodiff.value_of(w), self.max_value, _axes(self.axis), epsilon())

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Vectors get the norm 1.

    Args:
        axis: the axes along which a vector's entries lie.
    """

    def __init__(self, axis: int = 0):
        self.axis = axis

    def __call__(self, w):
        return backend.active().unit_norm(autodiff.value_of(w), _axes(self.axis), epsilon())

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms are moved towards [min_value, max_value].

    Args:
        min_value: the least norm.
        max_value: the greatest norm.
        rate: 1 enforces the bounds at once, less moves a part of the way.
        axis: the axes along which a vector's entries lie.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int = 0):
        self.min_value = Range(0).check(min_value, "min_value", "MinMaxNorm")
        self.max_value = Range(self.min_value, hint="It is at least `min_value`.").check(
            max_value, "max_value", "MinMaxNorm"
        )
        self.rate = Range(0, 1).check(rate, "rate", "MinMaxNorm")
        self.axis = axis

    def __call__(self, w):
        return backend.active().min_max_norm(
            autodiff.value_of(w), self.min_value, self.max_value, self.rate, _axes(self.axis), epsilon()
        )

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


# Keras' other names for the same classes
max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_NAMES = public.Names(__name__, spelling=to_snake_case, more={"nonneg": "NonNeg"}, without=["Constraint"])


def serialize(constraint):
    """The configuration of a constraint."""
    return serialization.serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint that `serialize` described."""
    return serialization.deserialize_keras_object({"module": "keras.constraints", **config}, custom_objects)


def get(identifier):
    """A constraint from None, a name, a configuration or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    return serialization.get_by_identifier(identifier, "constraint", "keras.constraints", _NAMES, Constraint)


public.finish(__name__)
