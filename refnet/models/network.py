"""Network: the graph between symbolic inputs and outputs, made ready to run.

Sequential and the functional Model both hold one. The nodes between inputs and outputs are sorted once; each becomes a
step (function, where its input stands, where its output goes), so that running the model is a loop over a list: no
graph is walked and no structure is flattened while training.
"""

import numpy as np

from refnet import autodiff, graph, ops
from refnet.layers.layer import Layer
from refnet.layers.support import defined_by
from refnet.utils import tree

__all__ = ["Network"]

_ARRAYS = (np.ndarray, autodiff.Tensor)


class Network:
    """The nodes between inputs and outputs, in the order in which they run.

    Args:
        inputs: symbolic tensors, in any structure.
        outputs: symbolic tensors that depend on them, in any structure.
        name: of the model, for error messages.
        own_backend: the `_backend` of the model.

    Raises:
        ValueError: when inputs or outputs are not symbolic, or the outputs depend on other inputs as well.
    """

    def __init__(self, inputs, outputs, name, own_backend=None):
        self.name = name
        self.inputs_struct, self.outputs_struct = inputs, outputs
        self.inputs, self.outputs = tree.flatten(inputs), tree.flatten(outputs)
        for what, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            for tensor in tensors:
                if not graph.is_keras_tensor(tensor):
                    raise ValueError(
                        f"Model '{name}': `{what}` must be symbolic tensors, made by `Input` and layers. Received: "
                        f"{tensor!r} of "
                        f"type {type(tensor).__name__}"
                    )
        if len({id(t) for t in self.inputs}) != len(self.inputs):
            raise ValueError(f"Model '{name}': an input is listed twice.")
        self._own_backend = own_backend
        self.nodes, self.operations = _sorted_nodes(self.inputs, self.outputs, name)
        self.layers = [operation for operation in self.operations if isinstance(operation, Layer)]
        names = [operation.name for operation in self.layers]
        for layer_name in names:
            if names.count(layer_name) > 1:
                raise ValueError(
                    f"Model '{name}': two different layers are named '{layer_name}'. Names within a model must be "
                    "unique: pass "
                    "`name=` to one of them."
                )
        self.input_names = [tensor.name for tensor in self.inputs]
        self.output_names = [tensor.node.operation.name if tensor.node else tensor.name for tensor in self.outputs]
        self._compile()

    def __getstate__(self):
        return {key: value for key, value in vars(self).items() if key not in ("_steps", "_steps_with_masks")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._compile()

    # --- making it ready --------------------------------------------------------------------------

    def _compile(self):
        slots = {id(tensor): index for index, tensor in enumerate(self.inputs)}
        steps, with_masks = [], []
        for node in self.nodes:
            outputs = tree.flatten(node.outputs)
            if all(id(t) in slots for t in outputs):  # an input
                continue
            for tensor in outputs:
                slots.setdefault(id(tensor), len(slots))
            steps.append(self._step(node, slots, outputs, direct=True))
            with_masks.append(self._step(node, slots, outputs, direct=False))
        self._slot_count = len(slots)
        self._output_slots = [slots[id(tensor)] for tensor in self.outputs]
        self._single_output = self._output_slots[0] if graph.is_keras_tensor(_only(self.outputs_struct)) else None
        kept = set(self._output_slots)
        self._steps = _with_releases(steps, kept)
        self._steps_with_masks = _with_releases(with_masks, kept)  # for inputs that come with a mask
        only = self.inputs[0] if graph.is_keras_tensor(self.inputs_struct) else None
        known = only is not None and None not in only.shape[1:] and len(only.shape) > 0
        self._only_dtype = np.dtype(only.dtype) if known else None
        self._only_shape = only.shape[1:] if known else None

    def _step(self, node, slots, outputs, direct):
        operation = node.operation
        is_layer = isinstance(operation, Layer)
        call = self._callable(operation, node) if is_layer and direct else operation
        takes_training = is_layer and operation._call_takes_training and "training" not in node.kwargs
        targets = [slots[id(t)] for t in outputs]
        if (
            len(node.args) == 1
            and not node.kwargs
            and graph.is_keras_tensor(node.args[0])
            and len(targets) == 1
            and (graph.is_keras_tensor(node.outputs))
        ):
            return [call, slots[id(node.args[0])], targets[0], takes_training, (slots[id(node.args[0])],), node]
        return [
            _General(call, node, slots),
            None,
            targets[0] if graph.is_keras_tensor(node.outputs) else targets,
            takes_training,
            tuple({slots[id(t)] for t in node.inputs}),
            node,
        ]

    def _callable(self, layer, node):
        """`layer.call` itself where nothing in `Layer.__call__` remains to be done at run time, else the layer."""
        same_type = all(np.dtype(t.dtype).kind != "f" or t.dtype == layer.compute_dtype for t in node.inputs)
        direct = (
            same_type
            and layer.activity_regularizer is None
            and layer._backend in (None, self._own_backend)
            and defined_by(type(layer), "__call__") is Layer
            and (layer._called or not layer._layers)
            and not layer._makes_masks
            and node.kwargs.get("mask") is None
            and not any(getattr(t, "masked", False) for t in node.inputs)
        )
        return layer.call if direct else layer

    # --- running ----------------------------------------------------------------------------------

    def __call__(self, inputs, training=None, mask=None):
        """Run the model on arrays or tensors in the structure of its inputs."""
        steps, masks = self._steps, None
        if type(inputs) is not np.ndarray or mask is not None:
            masks = tree.flatten(mask) if mask is not None else tree.flatten(tree.map_structure(autodiff.mask_of, inputs))
            if any(m is not None for m in masks):
                steps = self._steps_with_masks
            else:
                masks = None
        if type(inputs) in _ARRAYS and inputs.dtype == self._only_dtype and inputs.shape[1:] == self._only_shape:
            values = [inputs]
        else:
            values = self.standardize(inputs)
        if masks is not None:
            values = [v if m is None else autodiff.with_mask(v, m) for v, m in zip(values, masks, strict=True)]
        slots = values + [None] * (self._slot_count - len(values))
        for call, source, target, takes_training, releases in steps:
            if source is None:
                y = call(slots, training if takes_training else None)
            elif takes_training and training is not None:
                y = call(slots[source], training=training)
            else:
                y = call(slots[source])
            if type(target) is int:
                slots[target] = y
            else:
                for slot, value in zip(target, tree.flatten(y), strict=True):
                    slots[slot] = value
            for slot in releases:
                slots[slot] = None
        if self._single_output is not None:
            return slots[self._single_output]
        return tree.pack_sequence_as(self.outputs_struct, [slots[slot] for slot in self._output_slots])

    def standardize(self, inputs):
        """The inputs as a flat list that fits: matched by name, cast, with a last axis of size 1 added or dropped.

        Raises:
            ValueError: naming the model, the input, and both shapes.
        """
        values = self.match(inputs)
        return [self._fit(value, tensor) for value, tensor in zip(values, self.inputs, strict=True)]

    def match(self, inputs):
        """Inputs in the model's structure, or a dict by the names of inputs, as a flat list."""
        if isinstance(inputs, dict) and not isinstance(self.inputs_struct, dict):
            missing = [name for name in self.input_names if name not in inputs]
            if missing:
                raise ValueError(f"Model '{self.name}': missing input {missing[0]!r}. Received keys: {sorted(inputs)}.")
            return [inputs[name] for name in self.input_names]
        if isinstance(self.inputs_struct, dict) and isinstance(inputs, dict):
            missing = [key for key in self.inputs_struct if key not in inputs]
            if missing:
                raise ValueError(f"Model '{self.name}': missing input {missing[0]!r}. Received keys: {sorted(inputs)}.")
            inputs = {key: inputs[key] for key in self.inputs_struct}
        elif isinstance(self.inputs_struct, dict) and list(self.inputs_struct) != tree.sorted_keys(self.inputs_struct):
            # The order in which a dict is written is not the order in which it is walked: which of the two is meant?
            raise ValueError(
                f"Model '{self.name}' was made with its inputs in a dict, {list(self.inputs_struct)}, but received a "
                f"{type(inputs).__name__}, which does not say which is which. Pass a dict with these keys."
            )
        values = tree.flatten(inputs)
        if len(values) != len(self.inputs):
            raise ValueError(
                f"Model '{self.name}' has {len(self.inputs)} input(s) {self.input_names}, received {len(values)}."
            )
        return values

    def _fit(self, value, tensor):
        if value is None:
            layer = tensor.node.operation if tensor.node else None
            if not getattr(layer, "optional", False):
                raise ValueError(f"Model '{self.name}': the input '{tensor.name}' is None. Pass an array.")
            return None
        if type(value) not in _ARRAYS and not graph.is_keras_tensor(value):
            value = value.value if isinstance(value, autodiff.Variable) else np.asarray(value)
        if value.dtype != tensor.dtype:
            value = ops.cast(value, tensor.dtype)
        expected, rank = tensor.shape, len(tensor.shape)
        if len(value.shape) == rank + 1 and value.shape[-1] == 1:
            value = ops.squeeze(value, axis=-1)
        elif len(value.shape) == rank - 1 and expected[-1] == 1:
            value = ops.expand_dims(value, axis=-1)
        shape = value.shape
        if len(shape) != rank or any(None not in (e, s) and e != s for e, s in zip(expected, shape, strict=True)):
            if len(shape) != rank:
                problem = f"it has {len(shape)} axes instead of {rank}"
            else:
                axis = next(i for i, (e, s) in enumerate(zip(expected, shape, strict=True)) if None not in (e, s) and e != s)
                problem = f"axis {axis} has another size"
            raise ValueError(
                f"Model '{self.name}': the input '{tensor.name}' expects shape {expected}, but received shape "
                f"{tuple(shape)}: "
                f"{problem}. Reshape the data, or make the model with Input(shape={tuple(shape[1:])})."
            )
        return value


class _General:
    """A step with several inputs or other arguments: gathers them from the slots."""

    def __init__(self, function, node, slots):
        self.function = function
        self._args, self._kwargs = node.args, node.kwargs
        self._slots = {id(t): slots[id(t)] for t in node.inputs}

    def __call__(self, slots, training=None):
        def fill(x):
            return slots[self._slots[id(x)]] if graph.is_keras_tensor(x) else x

        args = tree.map_structure(fill, self._args)
        kwargs = {key: tree.map_structure(fill, value) for key, value in self._kwargs.items()}
        if training is not None:
            kwargs["training"] = training
        return self.function(*args, **kwargs)


def _only(structure):
    """What a list or tuple of one thing holds: a model with `outputs=[y]` gives an array, as in Keras."""
    return structure[0] if isinstance(structure, (list, tuple)) and len(structure) == 1 else structure


def _with_releases(steps, keep):
    """Add to each step the slots that nobody reads after it, so that arrays die as early as they can."""
    last = {}
    for index, step in enumerate(steps):
        for slot in step[4]:
            last[slot] = index
    return [
        (call, source, target, training, tuple(s for s in reads if last[s] == index and s not in keep))
        for index, (call, source, target, training, reads, _) in enumerate(steps)
    ]


def _sorted_nodes(inputs, outputs, name):
    """Nodes and operations between inputs and outputs, in Keras' order: by decreasing distance from the outputs."""
    stop = {id(tensor) for tensor in inputs}
    order, first_seen, done = [], {}, set()
    for output in outputs:
        stack = [(output, False)]
        while stack:
            tensor, ready = stack.pop()
            node = tensor.node
            if node is None:
                if id(tensor) not in stop:
                    raise ValueError(f"Model '{name}': {tensor!r} is not among the inputs, and nothing makes it.")
                continue
            if ready:
                if id(node) not in done:
                    done.add(id(node))
                    order.append(node)
                continue
            if id(node) in done:
                continue
            first_seen.setdefault(id(node.operation), len(first_seen))
            stack.append((tensor, True))
            if id(tensor) in stop:
                continue
            if not node.inputs:
                raise ValueError(
                    f"Model '{name}': the outputs depend on the input '{tensor.name}' of shape {tensor.shape}, which "
                    "is not among "
                    f"the model's inputs {[t.name for t in inputs]}. Add it to `inputs`."
                )
            stack.extend((t, False) for t in reversed(node.inputs))
    node_depth, depth = {}, {}
    for node in reversed(order):
        d = max(node_depth.get(id(node), 0), depth.get(id(node.operation), 0))
        node_depth[id(node)] = depth[id(node.operation)] = d
        if not any(id(t) in stop for t in tree.flatten(node.outputs)):
            for tensor in node.inputs:
                if tensor.node is not None:
                    node_depth[id(tensor.node)] = max(node_depth.get(id(tensor.node), 0), d + 1)
    for tensor in inputs:  # inputs that no output depends on
        if tensor.node is not None and id(tensor.node) not in done:
            done.add(id(tensor.node))
            order.append(tensor.node)
            node_depth[id(tensor.node)] = depth.setdefault(id(tensor.node.operation), 0)
            first_seen.setdefault(id(tensor.node.operation), len(first_seen))
    # An intermediate tensor may be an input: what makes it is not part of this model.
    inside = [n for n in order if n.inputs == [] or not any(id(t) in stop for t in tree.flatten(n.outputs))]
    nodes = sorted(inside, key=lambda node: -node_depth[id(node)])
    operations = {id(node.operation): node.operation for node in nodes}
    ordered = sorted(operations.values(), key=lambda op: (-depth[id(op)], first_seen[id(op)]))
    return nodes, ordered
