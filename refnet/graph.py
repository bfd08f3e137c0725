"""Symbolic tensors and the graph that they leave behind.

`Input(...)` makes a `KerasTensor`: a shape and a type without numbers. A layer (or an op) called on one makes a `Node`, which
remembers the operation, its arguments and its symbolic outputs. The nodes between a model's inputs and outputs *are* the model:
Sequential and the functional Model both run them, in an order in which every node comes after those it takes its inputs from
(`models/network.py`).
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from refnet import absent
from refnet.autodiff import Operators

__all__ = ["FunctionOperation", "KerasTensor", "Node", "flatten", "has_symbolic", "is_keras_tensor", "map_structure"]


@absent.methods
class KerasTensor(Operators):
    """A shape and a dtype that stand for a value to come.

    Args:
        shape: sizes; None where it is not known yet (the batch).
        dtype: a type's name, such as "float32".
        sparse, ragged, record_history: accepted for Keras' sake; there are no sparse and no ragged arrays.
        name: for summaries.

    Raises:
        ValueError: for a sparse or ragged tensor.

    Attributes:
        node: the Node that makes it (None: nothing does).
        index: which of the node's outputs it is.
    """

    is_symbolic = True

    def __init__(self, shape: tuple, dtype: Any = "float32", sparse: bool | None = None, ragged: bool | None = None,
                 record_history: bool = True, name: str | None = None):
        if sparse or ragged:
            raise ValueError(f"KerasTensor: sparse={sparse}, ragged={ragged}: refnet's arrays are dense. Leave both out.")
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype).name
        self.name = name or "keras_tensor"
        self.node: Node | None = None
        self.index = 0

    @property
    def ndim(self) -> int: return len(self.shape)

    def __array__(self, *args, **kwargs):
        raise TypeError(f"{self!r} is symbolic: it has a shape but no numbers, so NumPy cannot read it. Use refnet.ops "
                        f"on it, or build a Model from it and call the model on data.")

    def __bool__(self):
        raise TypeError(f"{self!r} is symbolic: it has no truth value. Write a condition on data with refnet.ops.where.")

    def __len__(self):
        raise TypeError(f"{self!r} is symbolic: its length is not known.")

    def __iter__(self):
        raise TypeError(f"{self!r} is symbolic: it cannot be iterated over.")

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Node:
    """One call of an operation on symbolic tensors.

    Args:
        operation: a callable with a `.name`; a Layer, or a FunctionOperation.
        args, kwargs: its arguments, in which KerasTensors stand wherever a value will.
        outputs: the structure of KerasTensors that the call returned.
    """

    def __init__(self, operation: Any, args: tuple, kwargs: dict, outputs: Any):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.inputs = [x for x in flatten((args, kwargs)) if is_keras_tensor(x)]
        for index, output in enumerate(flatten(outputs)):
            output.node = self
            output.index = index


class FunctionOperation:
    """An op of refnet.ops in a graph: `Input(...) * 2` makes one."""

    def __init__(self, function: Callable, name: str):
        self.function = function
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def is_keras_tensor(x: Any) -> bool:
    """Whether x is symbolic."""
    return isinstance(x, KerasTensor)


def flatten(structure: Any) -> Iterator[Any]:
    """The leaves of nested lists, tuples and dicts (in the order of their keys), depth first."""
    if isinstance(structure, dict):
        for key in sorted(structure):
            yield from flatten(structure[key])
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            yield from flatten(item)
    else:
        yield structure


def map_structure(function: Callable, structure: Any) -> Any:
    """The same structure with function applied to every leaf, in the order of `flatten`."""
    if isinstance(structure, dict):
        done = {key: map_structure(function, structure[key]) for key in sorted(structure)}
        return {key: done[key] for key in structure}
    if isinstance(structure, (list, tuple)):
        items = [map_structure(function, item) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)
    return function(structure)


def has_symbolic(*structures: Any) -> bool:
    """Whether a KerasTensor stands anywhere in these nested arguments."""
    return any(is_keras_tensor(x) for structure in structures for x in flatten(structure))
