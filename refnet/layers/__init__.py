"""Layers, named as in `keras.layers`."""

from refnet.layers.core import Activation, Dense, Flatten
from refnet.layers.input_layer import Input, InputLayer
from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.layers.regularization import Dropout
from refnet.utils import serialization

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "deserialize",
    "serialize",
]


def serialize(layer):
    """The configuration of a layer."""
    return serialization.serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer that `serialize` described, with fresh weights."""
    return serialization.deserialize_keras_object({"module": "keras.layers", **config}, custom_objects)
