"""Sequential: layers one after the other. Once its input is known it is a functional model with one path."""

import contextlib
from typing import Any

from refnet import backend, graph
from refnet.layers.input_layer import InputLayer
from refnet.layers.layer import Layer
from refnet.layers.support import map_shapes
from refnet.models.model import Model
from refnet.models.network import Network
from refnet.utils import naming, serialization, tree

__all__ = ["Sequential"]


class Sequential(Model):
    """Layers one after the other.

    Its input is known from an `Input`, from the first layer's `input_shape`, or from the first data.

    Args:
        layers: a list of layers.
        trainable: whether training changes the weights.
        name: a name; made from the class name by default.

    Raises:
        ValueError: for what is not a layer, and for two different layers of one name. The same layer several times
            shares its weights.

    Example:
        >>> model = refnet.Sequential([
        ...     refnet.Input(shape=(784,)),
        ...     refnet.layers.Dense(512, activation="relu"),
        ...     refnet.layers.Dense(10, activation="softmax"),
        ... ])
    """

    def __init__(self, layers: list | None = None, trainable: bool = True, name: str | None = None):
        super().__init__(**({"name": name} if name is not None else {}))
        self._stack: list[Layer] = []
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()
        if not trainable:
            self.trainable = False

    @backend.entry_point
    def add(self, layer, rebuild: bool = True) -> None:
        """Add a layer at the end.

        Args:
            layer: a layer, or a symbolic `Input` as the first.
            rebuild: connect the layers now, if the input is known.
        """
        if graph.is_keras_tensor(layer) and layer.node is not None and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Sequential '{self.name}': only layers can be added. Received: {layer!r} of type "
                f"{type(layer).__name__}"
                + (". Pass an object, not the class: write ()." if isinstance(layer, type) else "")
            )
        layer._check_super_called()
        if not self._stack and layer._input_shape_arg is not None:
            self._stack.append(backend.localise(InputLayer)(shape=layer._input_shape_arg))
        if any(other.name == layer.name and other is not layer for other in self._stack):
            raise ValueError(
                f"Sequential '{self.name}': there is another layer named '{layer.name}' already. Names within a model "
                "must be unique: pass `name=` to one of them. (The same layer twice shares its weights, and is fine.)"
            )
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(f"Sequential '{self.name}': an Input must be the first layer.")
        self._stack.append(layer)
        self._forget_network()
        if rebuild:
            self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it."""
        if not self._stack:
            raise ValueError(f"Sequential '{self.name}' has no layers to remove.")
        layer = self._stack.pop()
        self._forget_network()
        if rebuild:
            self._rebuild()
        return layer

    def _forget_network(self):
        network, self._network = self._network, None
        self.built = False
        if network is not None:
            old = {id(node) for node in network.nodes}
            for layer in self._stack:
                if not isinstance(layer, InputLayer):
                    layer._inbound_nodes[:] = [node for node in layer._inbound_nodes if id(node) not in old]

    def _rebuild(self):
        """Connect the layers if the input is known."""
        if not self._stack:
            return
        first = self._stack[0]
        if isinstance(first, InputLayer):
            if len(self._stack) > 1:
                self._connect(first.output)
        elif isinstance(first, Model) and first._network is not None and graph.is_keras_tensor(first.input):
            self._connect(_input_like(first.input))

    @backend.entry_point
    def build(self, input_shape: Any = None):
        """Connect the layers for an input shape.

        Args:
            input_shape: with the batch, None for any.
        """
        if self._network is not None:
            self._check_same_input(input_shape)
            return
        if not self._stack:
            raise ValueError(f"Sequential '{self.name}' has no layers: add some before building or calling it.")
        first = self._stack[0]
        if isinstance(first, InputLayer):
            self._connect(first.output)
            return
        if input_shape is None:
            raise ValueError(
                f"Sequential '{self.name}': pass `input_shape` to build it, e.g. model.build((None, 784))."
            )
        new_input = backend.localise(InputLayer)
        self._connect(
            map_shapes(lambda shape: new_input(batch_shape=tuple(shape), dtype=first.compute_dtype).output, input_shape)
        )

    def _check_same_input(self, input_shape):
        """A model that is connected already is not connected to another input."""
        if input_shape is None or not isinstance(self._stack[0], InputLayer):
            return
        known, given = self._stack[0].batch_shape, tuple(input_shape)
        if len(known) != len(given) or any(
            a is not None and b is not None and a != b for a, b in zip(known, given, strict=False)
        ):
            raise ValueError(
                f"Sequential '{self.name}' already has the input shape {known}, from its Input. Received: "
                f"input_shape={given}"
            )

    def _connect(self, x):
        inputs = x
        # `build` has opened the scope of this model's name already; `add` has not
        with contextlib.nullcontext() if self._building else naming.name_scope(self.name):
            for layer in self._stack:
                if not isinstance(layer, InputLayer):
                    x = layer(x)
        self._set_network(Network(inputs, x, self.name, self._backend))
        if not self.trainable:
            self.trainable = False

    def _listed_layers(self):
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @property
    def _layers(self):
        return self._cached(
            "layers", lambda: [*self._stack, *(p for p in self._parts(Layer) if all(p is not s for s in self._stack))]
        )

    def _build_for(self, args, kwargs):
        x = args[0]
        if tree.is_nested(x) and self._stack and isinstance(self._stack[0], InputLayer):
            raise ValueError(f"Sequential '{self.name}' has a single input, received a {type(x).__name__} of {len(x)}.")
        self.build(
            tree.map_structure(lambda a: tuple(a.shape) if graph.is_keras_tensor(a) else (None, *a.shape[1:]), x)
        )

    def call(self, inputs, training=None, mask=None):
        return self._network(inputs, training, mask)

    def compute_output_shape(self, input_shape: Any):
        if self._network is not None:
            return super().compute_output_shape(input_shape)
        for layer in self._stack:
            if not isinstance(layer, InputLayer):
                input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def _data_types(self, x):
        if self._network is None and hasattr(x, "shape") and len(x.shape):
            self.build((None, *x.shape[1:]))
        return super()._data_types(x)

    @property
    def _config_class_name(self):
        return None

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype,
            "layers": [serialization.serialize_keras_object(layer) for layer in self._stack],
            **({"build_input_shape": self.input_shape} if self._network is not None else {}),
        }

    @classmethod
    @backend.entry_point
    def from_config(cls, config, custom_objects=None):
        model = cls(name=config.get("name"), trainable=config.get("trainable", True))
        made: list = []  # equal configurations, their names included, are one layer that stands in several places
        for layer_config in config["layers"]:
            layer = next((known for seen, known in made if seen == layer_config), None)
            if layer is None:
                layer = serialization.deserialize_keras_object(layer_config, custom_objects)
                made.append((layer_config, layer))
            model.add(layer, rebuild=False)
        model._rebuild()
        shape = serialization.deserialize_keras_object(config.get("build_input_shape"))
        if model._network is None and shape:
            model.build(tuple(shape))
        if not config.get("trainable", True):
            model.trainable = False
        return model

    def __repr__(self):
        note = "" if self.built else ", not built"
        return f"<{type(self).__name__} name={self.name}, {len(self.layers)} layers{note}>"


def _input_like(tensor):
    return backend.localise(InputLayer)(batch_shape=tensor.shape, dtype=tensor.dtype).output
