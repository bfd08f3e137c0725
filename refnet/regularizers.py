"""Regularizers: a penalty on weights (or on a layer's output) that is added to the loss."""

from refnet import ops, public
from refnet.utils import serialization, tracking
from refnet.utils.checks import Range
from refnet.utils.naming import to_snake_case

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "serialize",
]


class Regularizer(tracking.Settings):
    """Base class. Subclasses define `__call__(x)`, a scalar composed of ops, and `get_config()`."""

    _backend = None

    def __call__(self, x):
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, x)`.")

    def get_config(self) -> dict:
        raise NotImplementedError(f"{type(self).__name__} must define `get_config()` to be serialised.")

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def _factor(value, name):
    return float(Range(0).check(value, name, "Regularizer"))


class L1L2(Regularizer):
    """l1 sum |x| + l2 sum x^2.

    Args:
        l1: the factor of the absolute values.
        l2: the factor of the squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x):
        penalty = None
        if self.l1:
            penalty = ops.multiply(self.l1, ops.sum(ops.abs(x)))
        if self.l2:
            squares = ops.multiply(self.l2, ops.sum(ops.square(x)))
            penalty = squares if penalty is None else ops.add(penalty, squares)
        return ops.multiply(0.0, ops.sum(x)) if penalty is None else penalty

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 sum |x|: drives weights to exactly zero.

    Args:
        l1: the factor.
    """

    def __init__(self, l1: float = 0.01):
        super().__init__(l1=0.01 if l1 is None else l1)

    def get_config(self):
        return {"l1": self.l1}


class L2(L1L2):
    """l2 sum x^2: keeps weights small.

    Args:
        l2: the factor.
    """

    def __init__(self, l2: float = 0.01):
        super().__init__(l2=0.01 if l2 is None else l2)

    def get_config(self):
        return {"l2": self.l2}


# Keras' other names for the same classes
l1 = L1
l1_l2 = L1L2
l2 = L2

_NAMES = public.Names(__name__, spelling=to_snake_case, without=["Regularizer"])


def serialize(regularizer):
    """The configuration of a regularizer."""
    return serialization.serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer that `serialize` described."""
    return serialization.deserialize_keras_object({"module": "keras.regularizers", **config}, custom_objects)


def get(identifier):
    """A regularizer from None, a name, a configuration or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    return serialization.get_by_identifier(identifier, "regularizer", "keras.regularizers", _NAMES, Regularizer)


public.finish(__name__)
