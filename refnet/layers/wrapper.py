"""Wrapper: a layer around another layer."""

from __future__ import annotations

from typing import Any

from refnet.layers.layer import Layer
from refnet.utils import serialization

__all__ = ["Wrapper"]


class Wrapper(Layer):
    """Base class of layers that wrap a layer. Not to be used by itself.

    Args:
        layer: the layer.
        **kwargs: see `Layer`.

    Raises:
        ValueError: for what is not a layer.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `layer` must be a layer. Received: {layer!r} of type "
                f"{type(layer).__name__}"
                + (". Pass an object, not the class: write ()." if isinstance(layer, type) else "")
            )
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self):
        return {**super().get_config(), "layer": serialization.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        layer = config.pop("layer")
        return cls(serialization.deserialize_keras_object(layer) if isinstance(layer, dict) else layer, **config)
