"""Small things behind Layer: structures of shapes, and what a class defines itself."""

import functools
import inspect
import os
import threading

import numpy as np

from refnet import graph
from refnet.utils import naming, tracking, tree

__all__ = [
    "BUILDING",
    "as_shape",
    "building",
    "defined_by",
    "first_layer_shape",
    "inherits_from_base",
    "is_shape",
    "map_shapes",
    "parameter_names",
    "shapes_of",
]


# Held while a layer is built, so that threads that share a model build it once. Held across a fork too: a child then never
# finds a layer half built, nor a lock whose owner it does not have.
BUILDING = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=BUILDING.acquire, after_in_parent=BUILDING.release, after_in_child=BUILDING.release
    )


def building(build):
    """Wrap a subclass's `build`: weights get their paths, `built` becomes True, the shapes are remembered."""

    @functools.wraps(build)
    def wrapped(self, *args, **kwargs):
        with BUILDING:
            if self._building:  # super().build(...) from within
                return build(self, *args, **kwargs)
            object.__setattr__(self, "_building", True)
            try:
                with naming.name_scope(self.name):
                    build(self, *args, **kwargs)
            finally:
                object.__setattr__(self, "_building", False)
            object.__setattr__(self, "built", True)
            try:
                shapes = dict(inspect.signature(build).bind(self, *args, **kwargs).arguments)
                shapes.pop(next(iter(shapes)))
                object.__setattr__(self, "_build_shapes", {key: as_shape(value) for key, value in shapes.items()})
            except TypeError:
                pass
            tracking.structure_changed()
            return None

    return wrapped


def defined_by(cls, name):
    """The class in the inheritance of `cls` that defines an attribute; a twin that merely mirrors it does not."""
    for base in cls.__mro__:
        if name in vars(base):
            return base
    return None


def inherits_from_base(cls, name):
    """Whether a class has a method from Layer or Model, not from a class that knows its own arguments."""
    return "_is_base" in vars(defined_by(cls, name))


def parameter_names(cls):
    """The names of all arguments that the constructors of a class and its bases take."""
    names = set()
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            names |= set(inspect.signature(base.__init__).parameters)
    return names - {"self", "args", "kwargs"}


def first_layer_shape(kwargs):
    """The input shape (without the batch) from the arguments that the first layer of a Sequential may have."""
    shape = kwargs.pop("input_shape", None)
    size = kwargs.pop("input_dim", None)
    batch_shape = kwargs.pop("batch_input_shape", None)
    kwargs.pop("batch_size", None)
    if shape is None and size is not None:
        shape = (size,)
    if shape is None and batch_shape is not None:
        shape = tuple(batch_shape)[1:]
    return None if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)


def shapes_of(value):
    """The shapes in a structure of arrays, the batch unknown; None for what has no shape."""

    def shape(x):
        if not hasattr(x, "shape"):
            return None
        return tuple(x.shape) if graph.is_keras_tensor(x) else (None, *x.shape[1:]) if len(x.shape) else ()

    return tree.map_structure(shape, value)


def is_shape(value):
    """Whether a list or tuple is one shape (sizes and None), not a structure of shapes."""
    return isinstance(value, (list, tuple)) and all(
        size is None or isinstance(size, (int, np.integer)) for size in value
    )


def as_shape(value):
    """Lists of sizes as tuples, structures of shapes alike."""
    return map_shapes(tuple, value) if value is not None else None


def map_shapes(function, shapes):
    """Apply `function` to each shape in a structure of shapes."""
    if is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: map_shapes(function, value) for key, value in shapes.items()}
    if isinstance(shapes, (list, tuple)):
        return tree.rebuild(shapes, [map_shapes(function, value) for value in shapes])
    return None if shapes is None else function(shapes)
