"""clone_model and model_from_json: models from models, models from text."""

import json

from refnet.layers.input_layer import InputLayer
from refnet.models.graph_config import network_config, network_from_config
from refnet.models.model import Model
from refnet.models.sequential import Sequential
from refnet.utils import serialization, tree

__all__ = ["clone_model", "model_from_json"]


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs):
    """A model of the same layers, made anew, with fresh weights.

    Args:
        model: a Sequential, a model made from symbolic tensors, or a serialisable subclassed one.
        input_tensors: symbolic tensors to build the clone on (functional models).
        clone_function: gives the new layer for an old one; by default from its configuration.
        call_function: `call_function(layer, *args, **kwargs)` calls a new layer, instead of `layer(*args, **kwargs)`:
            to put others behind it, for example (functional models).
        recursive: also use both functions for the layers of models inside.

    Raises:
        ValueError: for arguments that the kind of model does not support.
    """
    if kwargs:
        raise ValueError(f"clone_model() received unknown arguments: {', '.join(sorted(kwargs))}.")

    clone = _cloned(model, input_tensors, clone_function, call_function, recursive)
    if model.compiled and not clone.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone


def _cloned(model, input_tensors, clone_function, call_function, recursive):
    """`clone_model` but for `compile`."""

    def clone_layer(layer):
        if recursive and isinstance(layer, Model):
            given = None if isinstance(layer, Sequential) else call_function
            return clone_model(layer, clone_function=clone_function, call_function=given, recursive=True)
        if clone_function is not None and not isinstance(layer, InputLayer):
            return clone_function(layer)
        return layer.__class__.from_config(layer.get_config())

    if call_function is not None and (isinstance(model, Sequential) or model._network is None):
        raise ValueError(
            f"clone_model: `call_function` is for models made from symbolic tensors; '{model.name}' is a "
            f"{type(model).__name__}."
        )
    if isinstance(model, Sequential):
        clone = type(model).from_config({"name": model.name, "trainable": model.trainable, "layers": []})
        if input_tensors is not None:
            flat = tree.flatten(input_tensors)
            if len(flat) != 1:
                raise ValueError("clone_model: a Sequential has a single input.")
            clone.add(flat[0], rebuild=False)
        made: dict = {}  # a layer may stand in several places
        for layer in model._stack:
            if not (input_tensors is not None and isinstance(layer, InputLayer)):
                if id(layer) not in made:
                    made[id(layer)] = clone_layer(layer)
                clone.add(made[id(layer)], rebuild=False)
        clone._rebuild()
        if clone._network is None and model._network is not None:
            clone.build(model.input_shape)
        return clone
    if model._network is None:
        if input_tensors is not None or clone_function is not None:
            raise ValueError(
                f"clone_model: model '{model.name}' is subclassed, so `input_tensors` and `clone_function` do not "
                "apply to it."
            )
        return type(model).from_config(model.get_config())
    if input_tensors is not None and not tree.same_structure(model.input, input_tensors):
        raise ValueError(
            f"clone_model: `input_tensors` must have the structure of the model's inputs, "
            f"{tree.map_structure(lambda x: x.name, model.input)}. Received: {input_tensors!r}"
        )
    clones = {}
    if clone_function is not None or call_function is not None or recursive:
        clones = {layer.name: clone_layer(layer) for layer in model.layers if not isinstance(layer, InputLayer)}
    config = {"name": model.name, "trainable": model.trainable, **network_config(model._network)}
    inputs, outputs, rest = network_from_config(
        config, replacements=clones, input_tensors=input_tensors, call_function=call_function
    )
    return type(model)(inputs=inputs, outputs=outputs, **rest)


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Model:
    """The model that `Model.to_json` described, with fresh weights.

    Args:
        json_string: the text.
        custom_objects: names and classes of your own.
    """
    return serialization.deserialize_keras_object(json.loads(json_string), custom_objects)
