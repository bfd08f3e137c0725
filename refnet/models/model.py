"""Model: layers that train together.

Made from symbolic inputs and outputs (the functional way), it holds a `Network`; subclassed with a `call` of its own,
it runs that.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from refnet import absent, backend, graph
from refnet.layers.layer import Layer
from refnet.layers.support import defined_by, map_shapes
from refnet.models.network import Network
from refnet.models.trainer import Trainer
from refnet.utils import naming, serialization, tracking, tree

__all__ = ["Model"]


@absent.methods
class Model(Trainer, Layer):
    """A model: a layer that can be trained.

    The functional way, from symbolic tensors:

        >>> x = refnet.Input(shape=(784,))
        >>> y = refnet.layers.Dense(10, activation="softmax")(x)
        >>> model = refnet.Model(inputs=x, outputs=y)

    or by subclassing:

        >>> class TwoLayers(refnet.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = refnet.layers.Dense(64, activation="relu")
        ...         self.out = refnet.layers.Dense(10)
        ...     def call(self, x, training=None):
        ...         return self.out(self.hidden(x))

    Args:
        inputs: symbolic tensors, in any structure of lists and dicts.
        outputs: symbolic tensors that depend on them, in any structure.
        name: a name; made from the class name by default.
        trainable: whether training changes the weights.
        **kwargs: see `Layer`.

    Raises:
        ValueError: when the outputs cannot be computed from the inputs.
    """

    _is_base = True
    _handles_masks_inside = True

    def __init__(self, *args, **kwargs):
        inputs, outputs, kwargs = _functional_arguments(args, kwargs)
        functional = outputs is not None
        if functional and "name" not in kwargs and type(self).__name__ == "Model":
            kwargs["name"] = naming.auto_name("Functional")  # as Keras names it
        Layer.__init__(self, **kwargs)
        self._network = None
        self._init_trainer()
        if functional:
            self._set_network(Network(inputs, outputs, self.name, self._backend))
            if not self.trainable:
                self.trainable = False  # the layers came after the flag

    def _set_network(self, network):
        self._network = network
        self.autocast = False  # inputs are cast to their own types
        self.built = True
        tracking.structure_changed()

    @property
    def _config_class_name(self):
        """The class name in configurations: Keras calls a model made from symbolic tensors a Functional."""
        return "Functional" if self._network is not None and type(self).__name__ == "Model" else None

    # --- parts ------------------------------------------------------------------------------------

    @property
    def _layers(self):
        def collect():
            found = {id(layer): layer for layer in (self._network.layers if self._network is not None else ())}
            found.update((id(part), part) for part in self._parts(Layer) if part is not self)
            return list(found.values())

        return self._cached("layers", collect)

    @property
    def layers(self) -> list:
        """The layers: of the graph (a Sequential's without its input), or those held as attributes."""
        return self._listed_layers()

    @layers.setter
    def layers(self, _):
        raise AttributeError("`layers` of a model is read-only; use another name for your attribute.")

    def _listed_layers(self):
        return list(self._network.layers) if self._network is not None else list(self._layers)

    def _graph_or_error(self, what):
        if self._network is None:
            raise AttributeError(
                f"Model '{self.name}' ({type(self).__name__}) has no `{what}`: it is not made from symbolic tensors"
                + (" and not built yet." if not self.built else ".")
            )
        return self._network

    @property
    def inputs(self) -> list:
        """The symbolic inputs, as a flat list."""
        return self._graph_or_error("inputs").inputs

    @property
    def outputs(self) -> list:
        """The symbolic outputs, as a flat list."""
        return self._graph_or_error("outputs").outputs

    @property
    def input(self):
        """The symbolic inputs in their structure."""
        return self._graph_or_error("input").inputs_struct

    @property
    def output(self):
        """The symbolic outputs in their structure."""
        return self._graph_or_error("output").outputs_struct

    @property
    def input_names(self) -> list:
        """The names of the inputs."""
        return self._graph_or_error("input_names").input_names

    @property
    def output_names(self):
        """The names of the outputs; None while they are not known."""
        return None if self._network is None else self._network.output_names

    @property
    def input_shape(self):
        """The shape of the input, or a list of shapes, in the order of `inputs`."""
        shapes = [t.shape for t in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self):
        """The shape of the output, or a list of shapes, in the order of `outputs`."""
        shapes = [t.shape for t in self.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its position.

        Raises:
            ValueError: when there is none, with the nearest name.
        """
        if (name is None) == (index is None):
            raise ValueError(f"get_layer: pass either a name or an index. Received: name={name!r}, index={index!r}")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"Model '{self.name}' has {len(layers)} layers; there is none at index {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(
            f"Model '{self.name}' has no layer '{name}'.{naming.did_you_mean(name, names)} Its layers: {names}."
        )

    @property
    def _may_output_masks(self):
        return self._network is None or any(getattr(t, "masked", False) for t in self._network.outputs)

    # --- the call ---------------------------------------------------------------------------------

    def call(self, inputs, training=None, mask=None):
        """Run the graph. Subclasses without symbolic tensors define it."""
        if self._network is None:
            raise NotImplementedError(
                f"Model '{self.name}' ({type(self).__name__}) has no `call`. Define `call(self, inputs, "
                "training=None)`, or make the model from symbolic tensors: Model(inputs, outputs)."
            )
        return self._network(inputs, training, mask)

    @backend.entry_point
    def build(self, input_shape: Any):
        """Make all weights, by running `call` on an example.

        Args:
            input_shape: the shape of the input, None for the batch; or a structure of shapes.
        """
        if self._network is None:
            self._trace((map_shapes(lambda shape: graph.KerasTensor(shape, self.compute_dtype), input_shape),), {})

    def _build_for(self, args, kwargs):
        if defined_by(type(self), "build") is Model and not any(map(graph.is_keras_tensor, tree.flatten(args))):
            object.__setattr__(self, "built", True)  # the first call builds the layers
            return
        super()._build_for(args, kwargs)

    def compute_output_spec(self, *args, **kwargs):
        if self._network is None:
            return super().compute_output_spec(*args, **kwargs)
        inputs = args[0] if args else kwargs["inputs"]
        dtypes = iter([t.dtype for t in self._network.outputs])
        return map_shapes(lambda shape: graph.KerasTensor(shape, next(dtypes)), self._output_shapes(inputs))

    def compute_output_shape(self, input_shape: Any):
        """The shape of the output for a shape (or structure of shapes) of the input."""
        if self._network is None:
            return super().compute_output_shape(input_shape)
        return self._output_shapes(map_shapes(lambda shape: graph.KerasTensor(shape, self.compute_dtype), input_shape))

    def _output_shapes(self, inputs):
        """The shapes of the outputs in their structure, for symbolic inputs in any structure that fits."""
        network = self._network
        tensors = network.match(inputs)
        if all(t is not None and tuple(t.shape) == known.shape for t, known in zip(tensors, network.inputs, strict=True)):
            return tree_shapes(self.output)
        probes = [None if t is None else graph.KerasTensor(t.shape, known.dtype)
                  for t, known in zip(tensors, network.inputs, strict=True)]  # fmt: skip
        found = self._trace((tree.pack_sequence_as(network.inputs_struct, probes),), {})
        return tree_shapes(tree.pack_sequence_as(network.outputs_struct, tree.flatten(found)))

    def _data_types(self, x):
        del x
        if self._network is None:
            return None, self.compute_dtype
        dtypes = [np.dtype(t.dtype) for t in self._network.inputs]
        floats = [t.dtype for t in self._network.outputs if np.dtype(t.dtype).kind == "f"]
        return dtypes, floats[0] if floats else self.compute_dtype

    # --- looking at it ----------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: list | None = None,
        print_fn: Callable | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: list | None = None,
    ):
        """Print a table of the layers, their output shapes and their parameters.

        Args:
            line_length: the width of the table.
            positions: where columns end, as fractions of the width.
            print_fn: called with the text instead of printing it.
            expand_nested: also list the layers of models inside.
            show_trainable: add a column that says which layers train.
            layer_range: names (or patterns) of the first and last layer to list.
        """
        from refnet.utils.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    # --- configuration ----------------------------------------------------------------------------

    def get_config(self) -> dict:
        """The graph as plain values; for a subclassed model the constructor's arguments, see `Layer.get_config`."""
        if self._network is None:
            return super().get_config()
        from refnet.models.graph_config import network_config

        return {"name": self.name, "trainable": self.trainable, **network_config(self._network)}

    @classmethod
    @backend.entry_point
    def from_config(cls, config: dict, custom_objects: dict | None = None):
        """A model like the one that gave the configuration, with fresh weights."""
        if "input_layers" not in config or "layers" not in config:
            with serialization.CustomObjectScope(custom_objects):
                return super().from_config(config)
        from refnet.models.graph_config import network_from_config

        inputs, outputs, rest = network_from_config(config, custom_objects)
        return cls(inputs=inputs, outputs=outputs, **rest)

    def get_build_config(self):
        return None if self._network is not None else super().get_build_config()

    def to_json(self, **kwargs) -> str:
        """The model's architecture as JSON: see `refnet.models.model_from_json`.

        Args:
            **kwargs: for `json.dumps`.
        """
        return serialization.to_json(serialization.serialize_keras_object(self), **kwargs)


def _functional_arguments(args, kwargs):
    """inputs and outputs out of a constructor's arguments, if they are symbolic; and the rest."""
    kwargs = dict(kwargs)
    if len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs):
        positional = dict(zip(("inputs", "outputs", "name"), args, strict=False))
        if len(args) > 3 or any(key in kwargs for key in positional):
            raise ValueError("Model(inputs, outputs, name=None): too many arguments.")
        kwargs.update(positional)
        if kwargs.get("name", "") is None:
            del kwargs["name"]
        return kwargs.pop("inputs"), kwargs.pop("outputs"), kwargs
    if args or "inputs" in kwargs or "outputs" in kwargs:
        raise ValueError(
            "Model needs both `inputs` and `outputs`, symbolic tensors: Model(inputs, outputs). A subclass without "
            "them calls super().__init__() and defines `call`."
        )
    return None, None, kwargs


def tree_shapes(tensors):
    """The shapes of symbolic tensors in their structure."""
    return tree.map_structure(lambda t: t.shape, tensors)
