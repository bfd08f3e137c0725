"""Optimizers by their names and configurations."""

from refnet import public
from refnet.optimizers.optimizer import Optimizer
from refnet.utils import serialization

__all__ = ["deserialize", "get", "serialize"]

_NAMES = public.Names("refnet.optimizers", spelling=str.lower, without=["Optimizer", "OptimizerMap", "schedules"])


def serialize(optimizer):
    """The configuration of an optimizer."""
    return serialization.serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer that `serialize` described, without its state."""
    known = _NAMES.get(config["class_name"].lower())  # Keras accepts "adam" for the class as well
    if known is not None:
        config = {**config, "class_name": known.__name__}
    return serialization.deserialize_keras_object({"module": "keras.optimizers", **config}, custom_objects)


def get(identifier):
    """An optimizer from None, a name (`"adam"`, `"RMSprop"`, ...), a configuration, a class or an optimizer.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    found = serialization.get_by_identifier(identifier, "optimizer", "keras.optimizers", _NAMES, Optimizer)
    if found is not None and not isinstance(found, Optimizer):
        raise ValueError(
            f"Could not interpret optimizer {identifier!r}: expected a name, a configuration or an Optimizer."
        )
    return found
