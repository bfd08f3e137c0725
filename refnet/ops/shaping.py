"""Shaping: the same numbers in another order, joined, cut, repeated, padded, with keras.ops' names and arguments."""

from __future__ import annotations

import builtins
import itertools
from typing import Any

import numpy as np

from refnet.autodiff import value_of
from refnet.backend import active
from refnet.graph import KerasTensor
from refnet.ops._op import array_of, constant, op, promoted, shared, snapshot
from refnet.ops.dtypes import promote
from refnet.ops.rules import Shape, axes_in, broadcast, elementwise, like, same_size, shape_of, size_of, type_of
from refnet.ops.selection import get_item, take

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "flip",
    "moveaxis",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
]


def _sizes(shape: Any) -> tuple:
    """A shape given as a number, an array or a sequence, as a tuple; what is not known is -1."""
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    return tuple(-1 if n is None else n if type(n) is int else int(n) for n in shape)


def _reshape_rule(x, newshape):
    shape = shape_of(x)
    wanted = list(newshape) if isinstance(newshape, (list, tuple)) else list(_sizes(newshape))
    total, places = size_of(shape), [a for a, n in enumerate(wanted) if n == -1]
    if len(places) > 1:
        raise ValueError(f"reshape: newshape={tuple(wanted)} leaves more than one size (-1) to be found.")
    given = size_of([n for n in wanted if n != -1])
    known = size_of([n for n in shape if n is not None]) or 1
    if total is not None and given is not None:
        fits = (given != 0 and total % given == 0) if places else total == given
        fits = fits or (places and given == 0 and total == 0)
    else:
        fits = places or given is None or given % known == 0
    if not fits:
        raise ValueError(f"reshape: an array of shape {shape} does not fit into the shape {tuple(wanted)}.")
    for place in places:
        wanted[place] = None if total is None or given is None else total // given if given else 0
    return like(x, [None if n is None else int(n) for n in wanted])


@op(_reshape_rule)
def reshape(x, newshape):
    """x under another shape; one size may be -1."""
    x = array_of(x)
    wanted = _sizes(newshape)
    if wanted.count(-1) > 1 and None in newshape:  # of a symbolic shape: what is not known stays as it is
        wanted = tuple(x.shape[a] if n is None and a < x.ndim else m for a, (n, m) in enumerate(zip(newshape, wanted)))
    try:
        return shared("reshape", (x,), wanted)
    except ValueError:
        raise ValueError(f"reshape: an array of shape {x.shape} does not fit into the shape {wanted}.") from None


def _permutation(name: str, axes: Any, ndim: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(ndim))[::-1]
    found = axes_in(name, axes, ndim)
    if len(found) != ndim:
        raise ValueError(f"{name}: axes={axes} must name each of the {ndim} axes once.")
    return found


def _transpose_rule(x, axes=None):
    shape = shape_of(x)
    return like(x, [shape[a] for a in _permutation("transpose", axes, len(shape))])


@op(_transpose_rule)
def transpose(x, axes=None):
    """x with its axes permuted (reversed when None)."""
    x = array_of(x)
    return shared("transpose", (x,), None if axes is None else _permutation("transpose", axes, x.ndim))


def _swapped(ndim: int, axis1: int, axis2: int) -> list[int]:
    (a,), (b,) = axes_in("swapaxes", axis1, ndim), axes_in("swapaxes", axis2, ndim)
    axes = list(range(ndim))
    axes[a], axes[b] = b, a
    return axes


@op(lambda x, axis1, axis2: _transpose_rule(x, _swapped(len(shape_of(x)), axis1, axis2)))
def swapaxes(x, axis1, axis2):
    """x with two axes exchanged."""
    x = array_of(x)
    return transpose(x, _swapped(x.ndim, axis1, axis2))


def _moved(ndim: int, source: Any, destination: Any) -> list[int]:
    source, destination = axes_in("moveaxis", source, ndim), axes_in("moveaxis", destination, ndim)
    if len(source) != len(destination):
        raise ValueError(f"moveaxis: source={source} and destination={destination} must name as many axes.")
    order = [axis for axis in range(ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return order


@op(lambda x, source, destination: _transpose_rule(x, _moved(len(shape_of(x)), source, destination)))
def moveaxis(x, source, destination):
    """x with axes moved to other places, the rest in their order."""
    x = array_of(x)
    return transpose(x, _moved(x.ndim, source, destination))


def _expanded(shape: Shape, axis: Any) -> Shape:
    axes = axes_in("expand_dims", axis, len(shape) + np.size(axis))
    rest = iter(shape)
    return tuple(1 if a in axes else next(rest) for a in range(len(shape) + len(axes)))


@op(lambda x, axis: like(x, _expanded(shape_of(x), axis)))
def expand_dims(x, axis):
    """x with an axis of length 1 put in at `axis`."""
    x = array_of(x)
    return shared("reshape", (x,), _expanded(x.shape, axis))


def _squeezed(shape: Shape, axis: Any) -> Shape:
    if axis is None:
        return tuple(n for n in shape if n != 1)
    axes = axes_in("squeeze", axis, len(shape))
    for a in axes:
        if shape[a] not in (1, None):
            raise ValueError(
                f"squeeze: axis {a} of an array of shape {shape} has size {shape[a]}; only an axis of size 1 can go."
            )
    return tuple(n for a, n in enumerate(shape) if a not in axes)


@op(lambda x, axis=None: like(x, _squeezed(shape_of(x), axis)))
def squeeze(x, axis=None):
    """x without axes of length 1 (all, or those named)."""
    x = array_of(x)
    return shared("reshape", (x,), _squeezed(x.shape, axis))


@op(lambda x: like(x, (size_of(shape_of(x)),)))
def ravel(x):
    """x as one axis."""
    return shared("reshape", (array_of(x),), (-1,))


def _broadcast_rule(x, shape):
    wanted = tuple(shape) if isinstance(shape, (list, tuple)) else _sizes(shape)
    found = broadcast("broadcast_to", shape_of(x), wanted)
    if len(found) != len(wanted) or not builtins.all(map(same_size, found, wanted)):
        raise ValueError(f"broadcast_to: an array of shape {shape_of(x)} does not broadcast to the shape {wanted}.")
    return like(x, wanted)


@op(_broadcast_rule)
def broadcast_to(x, shape):
    """x repeated to `shape` by NumPy's rules."""
    x, wanted = array_of(x), _sizes(shape)
    if -1 in wanted:  # a size that was not known keeps x's
        own = (1,) * (len(wanted) - x.ndim) + x.shape
        wanted = tuple(n if m == -1 else m for m, n in zip(wanted, own, strict=True))
    _broadcast_rule(x, wanted)
    return shared("broadcast", (x,), wanted)


# --- joined and cut --------------------------------------------------------------------------------------------------------


def _joined(name: str, shapes: list, axis: int) -> Shape:
    _not_empty(name, shapes)
    (axis,) = axes_in(name, axis, len(shapes[0]))
    out = list(shapes[0])
    for shape in shapes[1:]:
        if len(shape) != len(out) or not builtins.all(
            a == axis or same_size(m, n) for a, (m, n) in enumerate(zip(out, shape, strict=True))
        ):
            raise ValueError(
                f"{name}: arrays of shapes {', '.join(map(str, shapes))} do not fit together along axis {axis}: all other "
                f"axes must be equal."
            )
        out = [m if n is None else n for m, n in zip(out, shape, strict=True)]
    sizes = [shape[axis] for shape in shapes]
    out[axis] = None if None in sizes else builtins.sum(sizes)
    return tuple(out)


def _concatenate_rule(xs, axis=0):
    return KerasTensor(_joined("concatenate", [shape_of(x) for x in xs], axis), promote(*map(type_of, xs)))


@op(_concatenate_rule, lists=("xs",))
def concatenate(xs, axis=0):
    """The arrays one after the other along `axis`."""
    xs = promoted(*map(array_of, xs)) if len(xs) else []
    if len(xs) == 1:
        return snapshot(xs[0])
    _joined("concatenate", [x.shape for x in xs], axis)
    return shared("concatenate", tuple(xs), axis=axis)


def _not_empty(name: str, items: Any) -> None:
    if not len(items):
        raise ValueError(f"{name}: an empty list; there must be at least one array.")


def _stack_rule(x, axis=0):
    _not_empty("stack", x)
    shapes = [shape_of(item) for item in x]
    first = shapes[0]
    for shape in shapes:
        if len(shape) != len(first) or not builtins.all(map(same_size, first, shape)):
            raise ValueError(f"stack: arrays of shapes {', '.join(map(str, shapes))} must all have the same shape.")
    expanded = [_expanded(shape, axis) for shape in shapes]
    return KerasTensor(_joined("stack", expanded, axis), promote(*map(type_of, x)))


@op(_stack_rule, lists=("x",))
def stack(x, axis=0):
    """The arrays side by side along a new axis."""
    _not_empty("stack", x)
    items = promoted(*x)
    if len({item.shape for item in items}) > 1:
        raise ValueError(
            f"stack: arrays of shapes {', '.join(str(item.shape) for item in items)} must all have the same shape."
        )
    return concatenate([expand_dims(item, axis) for item in items], axis=axis)


def _bounds(size: int, indices_or_sections: Any) -> list[int]:
    """Where the pieces of an axis begin and end."""
    if np.ndim(indices_or_sections) == 0:
        sections = int(indices_or_sections)
        if sections < 1 or size % sections:
            raise ValueError(f"split: an axis of length {size} cannot be cut into {sections} equal parts.")
        return [i * (size // sections) for i in range(sections + 1)]
    return [0, *(int(i) for i in indices_or_sections), size]


def _split_rule(x, indices_or_sections, axis=0):
    shape = shape_of(x)
    (axis,) = axes_in("split", axis, len(shape))
    size = shape[axis]
    if size is None:
        count = int(indices_or_sections) if np.ndim(indices_or_sections) == 0 else len(indices_or_sections) + 1
        sizes: list = [None] * count
        if np.ndim(indices_or_sections):  # between two indices the size is known, if the axis is long enough
            bounds = [0, *map(int, indices_or_sections)]
            sizes[:-1] = [b - a if 0 <= a <= b else None for a, b in itertools.pairwise(bounds)]
    else:
        bounds = _bounds(size, indices_or_sections)
        sizes = [len(range(size)[a:b]) for a, b in itertools.pairwise(bounds)]
    return [like(x, (*shape[:axis], n, *shape[axis + 1 :])) for n in sizes]


@op(_split_rule)
def split(x, indices_or_sections, axis=0):
    """x cut along `axis`: into equal sections (a number), or before the given indices."""
    x = array_of(x)
    (axis,) = axes_in("split", axis, x.ndim)
    lead = (slice(None),) * axis
    return [
        get_item(x, (*lead, slice(a, b))) for a, b in itertools.pairwise(_bounds(x.shape[axis], indices_or_sections))
    ]


# --- repeated, padded, turned ------------------------------------------------------------------------------------------------


def _tiled(shape: Shape, repeats: Any) -> tuple[Shape, tuple[int, ...]]:
    """Shape and repeats with as many axes each."""
    counts = _sizes(repeats)
    counts = (1,) * (len(shape) - len(counts)) + counts
    return (1,) * (len(counts) - len(shape)) + tuple(shape), counts


def _tile_rule(x, repeats):
    shape, counts = _tiled(shape_of(x), repeats)
    return like(x, [0 if r == 0 else None if n is None else n * r for n, r in zip(shape, counts, strict=True)])


@op(_tile_rule)
def tile(x, repeats):
    """x repeated as a whole along each axis."""
    x = array_of(x)
    shape, counts = _tiled(x.shape, repeats)
    spread = reshape(x, [size for n in shape for size in (1, n)])  # (1, n) -> (r, n) -> r n
    repeated = broadcast_to(spread, [size for n, r in zip(shape, counts, strict=True) for size in (r, n)])
    return reshape(repeated, [n * r for n, r in zip(shape, counts, strict=True)])


def _repeat_rule(x, repeats, axis=None):
    shape = shape_of(x)
    if axis is None:
        shape, axis = (size_of(shape),), 0
    (axis,) = axes_in("repeat", axis, len(shape))
    counts = np.asarray(repeats)
    size = shape[axis]
    if counts.size > 1:
        if size is not None and counts.size != size:
            raise ValueError(f"repeat: {counts.size} repeats were given for an axis of length {size}.")
        size = int(counts.sum())
    elif size is not None:
        size *= int(counts.reshape(()))
    return like(x, (*shape[:axis], size, *shape[axis + 1 :]))


@op(_repeat_rule)
def repeat(x, repeats, axis=None):
    """Each entry repeated along `axis` (of the flattened x when None)."""
    x = array_of(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    repeats = value_of(repeats)
    (axis,) = axes_in("repeat", axis, x.ndim)
    if repeats.size > 1 and repeats.size != x.shape[axis]:
        raise ValueError(f"repeat: {repeats.size} repeats were given for an axis of length {x.shape[axis]}.")
    places = active().constant_array(np.repeat(np.arange(x.shape[axis]), repeats.reshape(-1)))
    return take(x, places, axis=axis)


def _pad_widths(ndim: int, pad_width: Any) -> tuple[tuple[int, int], ...]:
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2))
    except ValueError:
        raise ValueError(
            f"pad: pad_width={pad_width} does not fit an array with {ndim} axes; it must be a number, a pair (before, "
            f"after), or one pair for each axis."
        ) from None
    return tuple((int(before), int(after)) for before, after in widths)


def _pad_rule(x, pad_width, mode="constant", constant_values=None):
    shape = shape_of(x)
    _check_pad(mode, constant_values)
    return like(
        x,
        [
            None if n is None else n + before + after
            for n, (before, after) in zip(shape, _pad_widths(len(shape), pad_width), strict=True)
        ],
    )


def _check_pad(mode: str, constant_values: Any) -> None:
    if constant_values is not None and mode != "constant":
        raise ValueError(f"pad: constant_values belongs to mode='constant', but mode is {mode!r}.")


@op(_pad_rule)
def pad(x, pad_width, mode="constant", constant_values=None):
    """x with a border. pad_width as in NumPy; modes other than "constant" repeat or mirror entries."""
    x = array_of(x)
    widths = _pad_widths(x.ndim, pad_width)
    _check_pad(mode, constant_values)
    if mode == "constant":
        value = 0 if constant_values is None else constant(constant_values, "pad", "constant_values")
        return shared("pad", (x,), widths, value)
    index = np.ix_(*(np.pad(np.arange(n), width, mode=mode) for n, width in zip(x.shape, widths, strict=True)))
    return get_item(x, tuple(map(active().constant_array, index)))


def _flip_rule(x, axis=None):
    axes_in("flip", axis, len(shape_of(x)))
    return like(x)


@op(_flip_rule)
def flip(x, axis=None):
    """x read backwards along `axis` (all axes when None)."""
    x = array_of(x)
    return shared("flip", (x,), axes_in("flip", axis, x.ndim))


@op(elementwise())
def roll(x, shift, axis=None):
    """Entries moved along `axis`, those pushed off the end put in at the start.

    Args:
        x: any shape.
        shift: by how much; a tuple for several axes.
        axis: an axis or as many as shifts; None: the flattened x is moved.
    """
    x = array_of(x)
    shift, axis = ([int(n) for n in value] if np.ndim(value) else value for value in (shift, axis))
    if axis is None and isinstance(shift, list):
        shift = builtins.sum(shift)
    shift, axis = (tuple(value) if isinstance(value, list) else value for value in (shift, axis))
    return shared("roll", (x,), shift, axis)
