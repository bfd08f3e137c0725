"""Layers and their configurations."""

from refnet.utils import serialization

__all__ = ["deserialize", "serialize"]


def serialize(layer):
    """The configuration of a layer."""
    return serialization.serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer that `serialize` described, with fresh weights."""
    return serialization.deserialize_keras_object({"module": "keras.layers", **config}, custom_objects)
