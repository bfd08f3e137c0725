"""Scattering and choosing: entries written to places, sums by segment, the largest few; keras.ops' names and arguments."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from refnet.autodiff import value_of
from refnet.ops._op import array_of, as_type, op, plain, promoted, shared
from refnet.ops.core import cast
from refnet.ops.elementwise import equal, greater, less, logical_and, logical_not
from refnet.ops.reductions import any as any_true
from refnet.ops.reductions import max, sum
from refnet.ops.rules import like, shape_of, size_of
from refnet.ops.selection import argsort, get_item, take_along_axis, where
from refnet.ops.shaping import expand_dims, ravel, reshape

__all__ = [
    "argpartition",
    "in_top_k",
    "isin",
    "multi_hot",
    "nonzero",
    "scatter",
    "scatter_update",
    "segment_sum",
    "select",
    "slice",
    "slice_update",
    "top_k",
    "unique",
    "unravel_index",
]


# --- writing to places ---------------------------------------------------------------------------------------------------


def _key(name: str, indices: Any, axes: int) -> tuple:
    """Indices (..., K) as K index arrays."""
    places = value_of(array_of(indices))
    if places.ndim < 1 or places.shape[-1] > axes or places.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: indices must be integers of shape (..., K), K at most {axes} axes. Received: type {places.dtype}, shape "
            f"{places.shape}"
        )
    places = as_type(places, np.dtype(np.int64))
    return tuple(get_item(places, (Ellipsis, k)) for k in range(places.shape[-1]))


@op(lambda indices, values, shape: like(values, tuple(shape)))
def scatter(indices, values, shape):
    """Zeros of a shape, to which the values are added at their places.

    Args:
        indices: integers (..., K): the first K indices of each place.
        values: (..., *shape[K:]).
        shape: of the result.
    """
    values, shape = array_of(values), tuple(int(n) for n in shape)
    key = _key("scatter", indices, len(shape))
    return shared("scatter", (values,), key, shape)


@op(lambda inputs, indices, updates: like(inputs))
def scatter_update(inputs, indices, updates):
    """inputs with other entries at some places.

    Args:
        inputs: any shape.
        indices: integers (..., K): the first K indices of each place.
        updates: (..., *inputs.shape[K:]), what is put there.
    """
    inputs, updates = array_of(inputs), array_of(updates)
    key = _key("scatter_update", indices, inputs.ndim)
    return shared("put", (inputs, as_type(updates, inputs.dtype)), key)


def _slices(start: Any, lengths: Any) -> tuple:
    begin = [int(n) for n in np.ravel(value_of(array_of(start)))]
    return tuple(builtins.slice(b, b + int(n)) for b, n in zip(begin, lengths, strict=True))


def _slice_rule(inputs, start_indices, shape):
    sizes = shape_of(inputs)
    if len(shape) != len(sizes):
        raise ValueError(f"slice: {len(shape)} sizes were given for an array of shape {sizes}.")
    return like(inputs, tuple(shape))


@op(_slice_rule, lists=("shape",))
def slice(inputs, start_indices, shape):
    """The block of a shape that begins at start_indices; a start that leaves too little room is moved back, as Keras does."""
    _slice_rule(inputs, start_indices, shape)
    x = array_of(inputs)
    begin = [int(n) for n in np.ravel(value_of(array_of(start_indices)))]
    begin = [builtins.max(0, builtins.min(b, n - int(m))) for b, n, m in zip(begin, x.shape, shape, strict=True)]
    return get_item(x, tuple(builtins.slice(b, b + int(m)) for b, m in zip(begin, shape, strict=True)))


@op(lambda inputs, start_indices, updates: like(inputs))
def slice_update(inputs, start_indices, updates):
    """inputs with a block of other entries, which begins at start_indices."""
    x, updates = array_of(inputs), array_of(updates)
    if updates.ndim != x.ndim or builtins.any(m > n for m, n in zip(updates.shape, x.shape, strict=True)):
        raise ValueError(f"slice_update: updates of shape {updates.shape} do not fit into an array of shape {x.shape}.")
    begin = [int(n) for n in np.ravel(value_of(array_of(start_indices)))]
    begin = [builtins.max(0, builtins.min(b, n - m)) for b, n, m in zip(begin, x.shape, updates.shape, strict=True)]
    return shared("put", (x, as_type(updates, x.dtype)), _slices(begin, updates.shape))


def _segment_rule(data, segment_ids, num_segments=None, sorted=False):
    if num_segments is None:
        raise ValueError("segment_sum: how many segments there are must be told of a symbolic tensor: pass num_segments.")
    return like(data, (int(num_segments), *shape_of(data)[1:]))


@op(_segment_rule)
def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """The sums of the rows of data (N, ...) that have one id: (num_segments, ...).

    Args:
        data: (N, ...).
        segment_ids: integers (N,).
        num_segments: None: the largest id and one.
        sorted: accepted for Keras' sake: the ids may come in any order.
    """
    data, ids = array_of(data), value_of(array_of(segment_ids))
    if ids.ndim != 1 or ids.shape != data.shape[:1] or ids.dtype.kind not in "iu":
        raise ValueError(
            f"segment_sum: ids must be integers of shape {data.shape[:1]}. Received: type {ids.dtype}, shape {ids.shape}"
        )
    count = int(num_segments) if num_segments is not None else int(ids.max()) + 1 if ids.size else 0
    inside = logical_and(less(ids, count), logical_not(less(ids, 0)))
    data = where(reshape(inside, (-1,) + (1,) * (data.ndim - 1)), data, cast(0, data.dtype))
    ids = where(inside, as_type(ids, np.dtype(np.int64)), cast(0, "int64"))
    if count == 0:
        return get_item(data, builtins.slice(0))
    return shared("scatter", (data,), (value_of(ids),), (count, *data.shape[1:]))


# --- choosing ------------------------------------------------------------------------------------------------------------


@op(None, lists=("condlist", "choicelist"))
def select(condlist, choicelist, default=0):
    """For each entry the choice of the first condition that holds; the default where none does."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select: {len(condlist)} conditions and {len(choicelist)} choices; there must be one choice for each.")
    y = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        y = where(condition, choice, y)
    return y


def _top_rule(x, k, sorted=True):
    shape = shape_of(x)
    if not shape or (shape[-1] is not None and not 0 <= k <= shape[-1]):
        entries = shape[-1] if shape else "no"
        raise ValueError(f"top_k: k={k}, but the last axis of an array of shape {shape} has {entries} entries.")
    return like(x, (*shape[:-1], int(k))), like(x, (*shape[:-1], int(k)), np.int32)


@op(_top_rule)
def top_k(x, k, sorted=True):
    """(values, indices) of the k largest entries along the last axis, the largest first; of equal ones the first comes first.

    Args:
        x: any shape.
        k: how many.
        sorted: accepted for Keras' sake: they are always sorted.
    """
    x = array_of(x)
    _top_rule(x, k)
    places = get_item(_descending(x), (Ellipsis, builtins.slice(int(k))))
    return take_along_axis(x, places, axis=-1), places


def _descending(x: Any) -> Any:
    """The positions of the entries along the last axis, the largest first; NaN first of all."""
    return plain("order", x, -1, True)


def _in_top_rule(targets, predictions, k):
    if shape_of(predictions)[:-1] != shape_of(targets) and None not in (*shape_of(targets), *shape_of(predictions)):
        raise ValueError(f"in_top_k: targets of shape {shape_of(targets)} for predictions of shape {shape_of(predictions)}.")
    return like(targets, dtype=bool)


@op(_in_top_rule)
def in_top_k(targets, predictions, k):
    """Whether the target's prediction (last axis) is among the k largest. Not differentiable."""
    _in_top_rule(targets, predictions, k)
    predictions, targets = array_of(predictions), as_type(array_of(targets), np.dtype(np.int64))
    chosen = take_along_axis(predictions, expand_dims(value_of(targets), -1), axis=-1)
    chosen = where(equal(chosen, chosen), chosen, float("-inf"))
    return less(sum(cast(greater(predictions, chosen), "int32"), axis=-1), int(k))


@op(lambda x, kth, axis=-1: like(x, (size_of(shape_of(x)),) if axis is None else None, np.int32))
def argpartition(x, kth, axis=-1):
    """Positions along `axis` such that the kth is where it is in sorted order, smaller ones before it; all are sorted here."""
    return argsort(x, axis=axis)


def _isin_rule(x1, x2, assume_unique=False, invert=False):
    return like(x1, dtype=bool)


@op(_isin_rule)
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each entry of x1 is one of x2 (`invert`: is none). Not differentiable."""
    a, b = promoted(x1, x2)
    found = any_true(equal(expand_dims(a, -1), ravel(b)), axis=-1)
    return logical_not(found) if invert else found


@op(None)
def multi_hot(inputs, num_classes, axis=-1, dtype=None, sparse=False):
    """Integers (B, N) as rows (B, num_classes), or (N,) as one, with a one for each class that occurs among the N.

    With another `axis` than the last, what Keras gives: the largest over axis 1 of `one_hot(inputs, num_classes, axis)`.
    """
    from refnet.ops.nn import one_hot

    hot = one_hot(inputs, num_classes, axis=axis, dtype=dtype, sparse=sparse)
    return max(hot, axis=1 if len(shape_of(inputs)) > 1 else 0)


def _needs_numbers(name: str) -> Any:
    def rule(*args, **kwargs):
        raise ValueError(
            f"{name}: how many entries there are depends on the numbers, which a symbolic tensor does not have. "
            f"Call it on data, or inside a layer's `call`."
        )

    return rule


@op(_needs_numbers("nonzero"))
def nonzero(x):
    """The positions of what is not 0: an array for each axis, int32. Not differentiable."""
    return plain("nonzero", array_of(x))


@op(_needs_numbers("unique"))
def unique(x, sorted=True, return_inverse=False, return_counts=False, axis=None, size=None, fill_value=None):
    """The different entries of x (or slices along `axis`), in ascending order. Not differentiable.

    Args:
        x: any shape; flattened when `axis` is None.
        sorted: accepted for Keras' sake: they are always sorted.
        return_inverse: also where each entry of x stands among them.
        return_counts: also how often each occurs.
        axis: an axis, or None.
        size: so many of them: cut, or filled up.
        fill_value: with what; None: the first.
    """
    return plain("unique", array_of(x), return_inverse, return_counts, axis, size, fill_value)


@op(lambda indices, shape: tuple(like(indices) for _ in shape), lists=("shape",))
def unravel_index(indices, shape):
    """Positions in the flattened array as one index for each axis."""
    indices = array_of(indices)
    total = int(np.prod(shape))
    flat = value_of(indices)
    if flat.size and (flat.min() < -total or flat.max() >= total):
        raise ValueError(f"unravel_index: an index is out of range for the shape {tuple(shape)}, which has {total} entries.")
    return plain("unravelled", indices, tuple(int(n) for n in shape))
