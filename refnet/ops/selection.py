"""Selection: entries by index, by condition, by order, with keras.ops' names and arguments."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from refnet.autodiff import Tensor, Variable, value_of
from refnet.backend import active
from refnet.graph import KerasTensor, is_keras_tensor
from refnet.ops._op import array_of, as_type, op, plain, promoted, shared
from refnet.ops.dtypes import count_dtype, promote
from refnet.ops.rules import Shape, axes_in, broadcast, like, shape_of, size_of, spec, type_of

__all__ = ["argsort", "get_item", "sort", "take", "take_along_axis", "where"]

_INDEX = np.dtype(np.int64)


def _where_rule(condition, x1=None, x2=None):
    _check_where(x1, x2)
    if x1 is None:
        raise ValueError(
            "where: with one argument it gives positions, as many as there are true entries, which is not known of a "
            "symbolic tensor. Give x1 and x2, or call it inside a layer's `call`, on data."
        )
    return KerasTensor(broadcast("where", *map(shape_of, (condition, x1, x2))), promote(type_of(x1), type_of(x2)))


def _check_where(x1: Any, x2: Any) -> None:
    if (x1 is None) != (x2 is None):
        raise ValueError(
            "where: x1 and x2 must both be given, or neither (then the result is where the condition is true)."
        )


@op(_where_rule)
def where(condition, x1=None, x2=None):
    """x1 where condition, else x2. With one argument: the indices where it is true."""
    _check_where(x1, x2)
    condition = value_of(array_of(condition))
    if x1 is None:
        return plain("nonzero", condition)
    if condition.dtype != np.bool_:
        condition = plain("binary_flat", condition, active().filled((), 0, condition.dtype), "not_equal")
    return shared("where", tuple(promoted(x1, x2)), condition)


# --- by index ----------------------------------------------------------------------------------------------------------------


def _array_index(k: Any) -> Any:
    """An index that is an array (or a list) with its shape and type; None for a number, a slice, an ellipsis, a new axis."""
    if k is None or k is Ellipsis or (isinstance(k, (slice, int, np.integer)) and not isinstance(k, (bool, np.bool_))):
        return None
    return k if is_keras_tensor(k) else np.asarray(value_of(k))


def _index_rule(x, key):
    """The shape of x[key], by NumPy's rules: slices in place; index arrays broadcast together, their axes put where the first of
    them stands, or in front when something stands between them."""
    shape = shape_of(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    arrays = [_array_index(k) for k in keys]
    used = builtins.sum(
        0 if k is None or k is Ellipsis else len(a.shape) if a is not None and np.dtype(a.dtype) == np.bool_ else 1
        for k, a in zip(keys, arrays, strict=True)
    )
    if used > len(shape):
        raise ValueError(f"get_item: {used} indices were given for an array of shape {shape}.")
    if not builtins.any(k is Ellipsis for k in keys):
        keys, arrays = [*keys, Ellipsis], [*arrays, None]
    advanced = builtins.any(a is not None for a in arrays)
    out: list = []
    together: list = []  # the shapes of index arrays
    places: list[int] = []  # where in `out` each of them stands
    axis = 0
    for k, a in zip(keys, arrays, strict=True):
        if k is Ellipsis:
            count = len(shape) - used
            out += shape[axis : axis + count]
            axis += count
        elif k is None:
            out.append(1)
        elif a is not None and np.dtype(a.dtype) == np.bool_:
            n = None if is_keras_tensor(a) else int(np.count_nonzero(a))
            together.append((n,))
            places += [len(out)]
            axis += len(a.shape)
        elif a is not None:
            if np.dtype(a.dtype).kind not in "iu":
                raise ValueError(
                    f"get_item: an index of type {np.dtype(a.dtype)} in {key!r}; indices are integers or booleans."
                )
            together.append(tuple(a.shape))
            places.append(len(out))
            axis += 1
        else:
            size = shape[axis]
            if isinstance(k, slice):
                whole = k.start is None and k.stop is None and k.step in (None, 1, -1)
                out.append(size if whole else None if size is None else len(range(size)[_plain_slice(k)]))
            else:
                if size is not None and not -size <= k < size:
                    raise ValueError(
                        f"get_item: index {k} is out of range for axis {axis} of an array of shape {shape}."
                    )
                if advanced:  # beside index arrays a number is one of them
                    together.append(())
                    places.append(len(out))
            axis += 1
    if together:
        adjacent = _adjacent(keys, arrays)
        place = places[0] if adjacent else 0
        out[place:place] = broadcast("get_item", *together)
    return like(x, out)


def _adjacent(keys: list, arrays: list) -> bool:
    """Whether all index arrays (and numbers beside them) stand side by side."""
    marks = [a is not None or isinstance(k, (int, np.integer)) for k, a in zip(keys, arrays, strict=True)]
    first, last = marks.index(True), len(marks) - 1 - marks[::-1].index(True)
    return builtins.all(marks[first : last + 1])


def _plain_slice(k: slice) -> slice:
    return slice(*(None if n is None else int(n) for n in (k.start, k.stop, k.step)))


def _plain_key(k: Any) -> Any:
    if isinstance(k, (Tensor, Variable)):
        return k.value
    if isinstance(k, slice) and builtins.any(isinstance(n, (Tensor, Variable)) for n in (k.start, k.stop, k.step)):
        return _plain_slice(k)
    return value_of(array_of(k)) if isinstance(k, list) and k else k


@op(_index_rule, lists=("key",))
def get_item(x, key):
    """x[key], any NumPy index; an entry read twice receives both gradients."""
    key = tuple(map(_plain_key, key)) if isinstance(key, tuple) else _plain_key(key)
    return shared("index", (array_of(x),), key)


def _take_rule(x, indices, axis=None):
    shape = shape_of(x)
    if axis is None:
        shape, axis = (size_of(shape),), 0
    (axis,) = axes_in("take", axis, len(shape))
    return like(x, (*shape[:axis], *shape_of(indices), *shape[axis + 1 :]))


def _indices(name: str, indices: Any) -> Any:
    indices = value_of(array_of(indices))
    if indices.size and indices.dtype.kind == "f":
        raise ValueError(
            f"{name}: indices must be integers, but they have the type {indices.dtype}; refnet.ops.cast makes integers."
        )
    return indices if indices.dtype == _INDEX else as_type(indices, _INDEX)


@op(_take_rule)
def take(x, indices, axis=None):
    """Entries of x at `indices` along `axis` (of the flattened x when None)."""
    x = array_of(x)
    indices = _indices("take", indices)
    if axis is None:
        x, axis = shared("reshape", (x,), (-1,)), 0
    (axis,) = axes_in("take", axis, x.ndim)
    return get_item(x, (slice(None),) * axis + (indices,))


def _take_along_rule(x, indices, axis=None):
    shape, index = shape_of(x), shape_of(indices)
    if axis is None:
        return like(x, (size_of(index),))
    if len(shape) != len(index):
        raise ValueError(f"take_along_axis: x of shape {shape} and indices of shape {index} must have as many axes.")
    (axis,) = axes_in("take_along_axis", axis, len(shape))
    return like(
        x,
        (
            *(
                broadcast("take_along_axis", (m,), (n,))[0] if a != axis else n
                for a, (m, n) in enumerate(zip(shape, index, strict=True))
            ),
        ),
    )


@op(_take_along_rule)
def take_along_axis(x, indices, axis=None):
    """Entries of x at `indices` along `axis`, one index per entry (numpy.take_along_axis)."""
    x = array_of(x)
    indices = _indices("take_along_axis", indices)
    if axis is None:
        x, indices, axis = shared("reshape", (x,), (-1,)), plain("reshape_forward", indices, (-1,), save=False)[0], 0
    shape = _take_along_rule(x, indices, axis).shape
    (axis,) = axes_in("take_along_axis", axis, x.ndim)
    wide = tuple(x.shape[a] if a == axis else n for a, n in enumerate(shape))
    if x.shape != wide:
        x = shared("broadcast", (x,), wide)
    if indices.shape != shape:
        indices = plain("broadcast_forward", indices, shape, save=False)[0]
    return shared("take_along_axis", (x,), indices, axis)


# --- by order ----------------------------------------------------------------------------------------------------------------


def _order_rule(name: str, positions: bool) -> Any:
    def rule(x, axis=-1):
        shape: Shape = shape_of(x)
        if axis is None or not shape:
            shape = (size_of(shape),) if axis is None or positions else shape
        else:
            axes_in(name, axis, len(shape))
        return like(x, shape, count_dtype if positions else spec(x).dtype)

    return rule


@op(_order_rule("argsort", True))
def argsort(x, axis=-1):
    """The positions that sort x along `axis`, int32; equal entries keep their order. Not differentiable: a constant to the tape."""
    x = array_of(x)
    return plain("order", x, axis if x.ndim else None)


@op(_order_rule("sort", False))
def sort(x, axis=-1):
    """x in ascending order along `axis`; gradients go back to where the entries came from."""
    x = array_of(x)
    if axis is None:
        x, axis = shared("reshape", (x,), (-1,)), 0
    return take_along_axis(x, plain("order", x, axis), axis) if x.ndim else x
