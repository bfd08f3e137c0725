"""A network as plain values and back, in Keras' format.

Each layer's configuration lists its calls (`inbound_nodes`); in their arguments a symbolic tensor stands as the layer
that makes it, which of that layer's calls, and which of the call's outputs.
"""

import importlib

from refnet import graph
from refnet.layers.input_layer import InputLayer
from refnet.layers.layer import Layer
from refnet.utils import serialization, tree

__all__ = ["network_config", "network_from_config"]


def network_config(network) -> dict:
    """The layers, inputs and outputs of a network as plain values."""
    names = _operation_names(network)
    calls = {}  # id of node -> its number among the operation's nodes in this network
    by_operation: dict = {}
    for node in network.nodes:
        siblings = by_operation.setdefault(id(node.operation), [])
        calls[id(node)] = len(siblings)
        siblings.append(node)
    stand_ins = {id(t): f"{t.name}_input" for t in network.inputs if t.node is None or id(t.node) not in calls}

    def reference(tensor):
        if id(tensor) in stand_ins:
            return [stand_ins[id(tensor)], 0, 0]
        return [names[id(tensor.node.operation)], calls[id(tensor.node)], tensor.index]

    def encode(x):
        if not graph.is_keras_tensor(x):
            return serialization.serialize_keras_object(x)
        config = {"shape": list(x.shape), "dtype": x.dtype, "keras_history": reference(x)}
        return {"class_name": "__keras_tensor__", "config": config}

    layers = []
    for tensor in network.inputs:
        if id(tensor) in stand_ins:
            config = {"batch_shape": list(tensor.shape), "dtype": tensor.dtype, "name": stand_ins[id(tensor)]}
            layers.append(
                {
                    "module": "keras.layers",
                    "class_name": "InputLayer",
                    "config": config,
                    "registered_name": None,
                    "name": config["name"],
                    "inbound_nodes": [],
                }
            )
    for operation in network.operations:
        entry = _operation_config(operation, names[id(operation)])
        entry["inbound_nodes"] = [
            {
                "args": [tree.map_structure(encode, a) for a in node.args],
                "kwargs": {k: tree.map_structure(encode, v) for k, v in node.kwargs.items()},
            }
            for node in by_operation[id(operation)]
            if node.inputs
        ]
        layers.append(entry)
    return {
        "layers": layers,
        "input_layers": tree.map_structure(reference, network.inputs_struct),
        "output_layers": tree.map_structure(reference, network.outputs_struct),
    }


def _operation_names(network):
    """A unique name for each operation: that of a layer, or of an op with a number."""
    names, uses = {}, {}
    for operation in network.operations:
        name = operation.name
        if isinstance(operation, graph.FunctionOperation):
            uses[name] = uses.get(name, 0) + 1
            name = f"op_{name}_{uses[name]}"
        names[id(operation)] = name
    return names


def _operation_config(operation, name):
    if isinstance(operation, graph.FunctionOperation):
        return {
            "module": "refnet.ops",
            "class_name": "FunctionOperation",
            "config": {"function": operation.name},
            "registered_name": None,
            "name": name,
        }
    return {**serialization.serialize_keras_object(operation), "name": name}


def network_from_config(config, custom_objects=None, replacements=None, input_tensors=None, call_function=None):
    """Symbolic inputs and outputs, their layers made anew, and the rest of the configuration.

    Args:
        config: what `network_config` gave.
        custom_objects: names and classes of the user's own.
        replacements: `{name: layer}` to use instead of making a layer.
        input_tensors: symbolic tensors to use instead of making inputs.
        call_function: `call_function(layer, *args, **kwargs)` instead of calling a layer.
    """
    config = dict(config)
    layer_configs, inputs, outputs = (config.pop(key) for key in ("layers", "input_layers", "output_layers"))
    operations, made, waiting = {}, {}, []
    for layer_config in layer_configs:
        layer_config = dict(layer_config)
        name, nodes = layer_config.pop("name"), layer_config.pop("inbound_nodes", [])
        operation = (replacements or {}).get(name) or _operation_from_config(layer_config, custom_objects)
        operations[name] = operation
        if isinstance(operation, InputLayer):
            made[name] = [operation._inbound_nodes[0].outputs]
        else:
            made[name] = []
            waiting.append((name, list(nodes)))

    given = {}
    if input_tensors is not None:
        names = [reference[0] for reference in _references(inputs)]
        given = dict(zip(names, tree.flatten(input_tensors), strict=True))

    def tensor_at(reference):
        name, call, index = reference
        if name in given:
            return given[name]
        results = made[name]
        return tree.flatten(results[call])[index] if call < len(results) else None

    while waiting:
        progress, left = False, []
        for name, nodes in waiting:
            while nodes:
                arguments = _decoded(nodes[0], tensor_at, custom_objects)
                if arguments is None:  # an input is not made yet
                    break
                args, kwargs = arguments
                operation = operations[name]
                if call_function is None or not isinstance(operation, Layer):
                    result = operation(*args, **kwargs)
                else:
                    result = call_function(operation, *args, **kwargs)
                made[name].append(result)
                nodes.pop(0)
                progress = True
            if nodes:
                left.append((name, nodes))
        if left and not progress:
            raise ValueError(
                f"The model's configuration has calls whose inputs nothing makes: {[name for name, _ in left]}."
            )
        waiting = left

    def tensors(structure):
        if _is_reference(structure):
            return tensor_at(structure)
        if isinstance(structure, dict):
            return {key: tensors(value) for key, value in structure.items()}
        return [tensors(value) for value in structure]

    rest = {key: value for key, value in config.items() if value is not None}
    return _unwrap(tensors(inputs)), _unwrap(tensors(outputs)), rest


def _is_reference(x):
    return isinstance(x, (list, tuple)) and len(x) == 3 and isinstance(x[0], str) and isinstance(x[1], int)


def _references(structure):
    """The references of a structure in the order of its leaves."""
    if _is_reference(structure):
        return [structure]
    items = [structure[k] for k in tree.sorted_keys(structure)] if isinstance(structure, dict) else structure
    return [reference for item in items for reference in _references(item)]


def _unwrap(tensors):
    """Keras writes a single tensor as a list of one as well; both mean the tensor."""
    return tensors[0] if isinstance(tensors, list) and len(tensors) == 1 else tensors


def _operation_from_config(config, custom_objects):
    if config["class_name"] == "FunctionOperation":
        ops = importlib.import_module("refnet.ops")
        from refnet.ops._op import OPS

        name = config["config"]["function"]
        function = OPS.get(name) or (getattr(ops, name, None) if name in ops.__all__ else None)
        if function is None:
            raise ValueError(f"The model's configuration uses the op {name!r}, which refnet does not have.")
        return function
    return serialization.deserialize_keras_object(config, custom_objects)


def _decoded(node, tensor_at, custom_objects):
    """The arguments of a call with symbolic tensors in place; None if one is not made yet."""
    missing = False

    def decode(x):
        nonlocal missing
        if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
            tensor = tensor_at(x["config"]["keras_history"])
            missing = missing or tensor is None
            return tensor
        if isinstance(x, dict) and "class_name" in x:
            return serialization.deserialize_keras_object(x, custom_objects)
        if isinstance(x, dict):
            return {key: decode(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)):
            return tree.rebuild(x, [decode(item) for item in x])
        return x

    args, kwargs = decode(list(node["args"])), decode(dict(node["kwargs"]))
    return None if missing else (args, kwargs)
