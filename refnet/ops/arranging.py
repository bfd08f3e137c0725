"""Arranging: arrays put together, cut apart, turned, their diagonals and triangles; keras.ops' names and arguments."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from refnet import config
from refnet.autodiff import value_of
from refnet.backend import active
from refnet.graph import is_keras_tensor
from refnet.ops._op import array_of, op, snapshot
from refnet.ops.core import cast
from refnet.ops.creation import eye, linspace, zeros, zeros_like
from refnet.ops.dtypes import floating
from refnet.ops.elementwise import multiply, power
from refnet.ops.reductions import sum
from refnet.ops.rules import axes_in, like, shape_of, size_of, spec
from refnet.ops.selection import get_item, where
from refnet.ops.shaping import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    moveaxis,
    pad,
    ravel,
    reshape,
    split,
    squeeze,
    swapaxes,
)

__all__ = [
    "append",
    "array",
    "array_split",
    "bartlett",
    "blackman",
    "copy",
    "diag",
    "diagflat",
    "diagonal",
    "dsplit",
    "dstack",
    "empty",
    "empty_like",
    "fliplr",
    "flipud",
    "geomspace",
    "hamming",
    "hanning",
    "hsplit",
    "hstack",
    "identity",
    "kaiser",
    "logspace",
    "meshgrid",
    "ndim",
    "rot90",
    "size",
    "trace",
    "tri",
    "tril",
    "triu",
    "unstack",
    "vander",
    "vsplit",
    "vstack",
]


def _arrays(xs: Any) -> list:
    return [x if is_keras_tensor(x) else array_of(x) for x in xs]


# --- making --------------------------------------------------------------------------------------------------------------


@op(lambda x, dtype=None: like(x, dtype=dtype))
def array(x, dtype=None):
    """x as an array, of another type where one is given."""
    x = array_of(x)
    return snapshot(x) if dtype is None else cast(x, dtype)


@op(lambda x: like(x))
def copy(x):
    """A copy of x."""
    x = array_of(x)
    return cast(multiply(x, 1), x.dtype) if x.dtype.kind != "b" else get_item(x, ())


def empty(shape, dtype=None):
    """An array of a shape; its entries are 0 (what is not set should at least be the same in every run)."""
    return zeros(shape, dtype=dtype)


@op(lambda x, dtype=None: like(x, dtype=dtype))
def empty_like(x, dtype=None):
    """An array of the shape and type of x; its entries are 0."""
    return zeros_like(x, dtype=dtype)


def identity(n, dtype=None):
    """The identity matrix (n, n)."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    """A matrix (N, M) of ones on and below the k-th diagonal, zeros above."""
    M = N if M is None else M
    return np.tri(N, M, k, dtype=dtype or config.floatx())


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """base^start, ..., base^stop in equal ratios."""
    y = linspace(start, stop, num, endpoint, dtype=dtype, axis=axis)
    return cast(power(cast(base, y.dtype), y), y.dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """start, ..., stop in equal ratios."""
    start, stop = value_of(array_of(start)), value_of(array_of(stop))
    y = np.geomspace(start, stop, num, endpoint, axis=axis)
    return y.astype(dtype or floating(np.result_type(start, stop)))


def _window(make: Any, n: Any, *more: Any) -> np.ndarray:
    return make(int(n), *more).astype(config.floatx())


def bartlett(x):
    """The triangular window of x numbers."""
    return _window(np.bartlett, x)


def blackman(x):
    """Blackman's window of x numbers."""
    return _window(np.blackman, x)


def hamming(x):
    """Hamming's window of x numbers."""
    return _window(np.hamming, x)


def hanning(x):
    """Hann's window of x numbers."""
    return _window(np.hanning, x)


def kaiser(x, beta):
    """Kaiser's window of x numbers."""
    return _window(np.kaiser, x, float(beta))


def ndim(x):
    """How many axes x has."""
    return len(shape_of(x))


def size(x):
    """How many entries x has; None when that is not known."""
    return size_of(shape_of(x))


# --- together and apart --------------------------------------------------------------------------------------------------


@op(None)
def append(x1, x2, axis=None):
    """x2 behind x1 along `axis`; both flattened when None."""
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)], axis=0)
    return concatenate([x1, x2], axis=axis)


def _at_least(x: Any, axes: int) -> Any:
    """x with at least 1, 2 or 3 axes, put where NumPy puts them."""
    n = len(x.shape)
    if axes == 3 and n < 3:
        return reshape(x, (1, 1, 1) if n == 0 else (1, -1, 1)) if n < 2 else expand_dims(x, -1)
    return reshape(x, (1,) * (axes - n) + (-1,) * n) if n < axes and n < 2 else x


@op(None, lists=("xs",))
def hstack(xs):
    """Arrays side by side: along the second axis, or the first if they have only one."""
    xs = [_at_least(x, 1) for x in _arrays(xs)]
    return concatenate(xs, axis=0 if len(xs[0].shape) == 1 else 1)


@op(None, lists=("xs",))
def vstack(xs):
    """Arrays one below the other: along the first axis; rows of one axis count as (1, N)."""
    return concatenate([_at_least(x, 2) for x in _arrays(xs)], axis=0)


@op(None, lists=("xs",))
def dstack(xs):
    """Arrays one behind the other: along the third axis."""
    return concatenate([_at_least(x, 3) for x in _arrays(xs)], axis=2)


def _parts(name: str, shape: tuple, sections: Any, axis: int) -> Any:
    if len(shape) <= axis:
        raise ValueError(f"{name}: x must have at least {axis + 1} axes. Received: shape {shape}")
    return sections


@op(None)
def hsplit(x, indices_or_sections):
    """x cut along the second axis, or the first if it has only one."""
    shape = shape_of(x)
    return split(x, _parts("hsplit", shape, indices_or_sections, 0), axis=1 if len(shape) > 1 else 0)


@op(None)
def vsplit(x, indices_or_sections):
    """x cut along the first axis."""
    return split(x, _parts("vsplit", shape_of(x), indices_or_sections, 1), axis=0)


@op(None)
def dsplit(x, indices_or_sections):
    """x cut along the third axis."""
    return split(x, _parts("dsplit", shape_of(x), indices_or_sections, 2), axis=2)


@op(None)
def array_split(x, indices_or_sections, axis=0):
    """x cut into parts that need not be of one size: the first ones are larger by one."""
    (axis,) = axes_in("array_split", axis, len(shape_of(x)))
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis=axis)
    length, sections = shape_of(x)[axis], int(indices_or_sections)
    if sections < 1:
        raise ValueError(f"array_split: there must be at least one part. Received: {sections}")
    if length is None:
        raise ValueError("array_split: the size of the axis must be known.")
    each, more = divmod(length, sections)
    ends = np.cumsum([each + (part < more) for part in range(sections)])[:-1]
    return split(x, ends.tolist(), axis=axis)


@op(None)
def unstack(x, num=None, axis=0):
    """The entries of x along `axis`, as a list."""
    (axis,) = axes_in("unstack", axis, len(shape_of(x)))
    length = shape_of(x)[axis] if num is None else num
    if length is None:
        raise ValueError(f"unstack: the size of axis {axis} is not known. Pass num.")
    if length == 0:
        return []
    return [squeeze(part, axis) for part in split(x, length, axis=axis)]


@op(None)
def meshgrid(*x, indexing="xy"):
    """The coordinates of a grid: for arrays (N1,), (N2,), ... as many arrays (N2, N1, ...), or (N1, N2, ...) with indexing="ij"."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: `indexing` must be 'xy' or 'ij'. Received: indexing={indexing!r}")
    axes = [ravel(a) for a in x]
    shape = tuple(a.shape[0] for a in axes)
    grids = [
        broadcast_to(reshape(a, tuple(-1 if place == k else 1 for k in range(len(axes)))), shape)
        for place, a in enumerate(axes)
    ]
    return [swapaxes(g, 0, 1) for g in grids] if indexing == "xy" and len(grids) > 1 else grids


# --- turned --------------------------------------------------------------------------------------------------------------


@op(None)
def fliplr(x):
    """x with the order of the second axis turned round."""
    axes_in("fliplr", 1, len(shape_of(x)))
    return flip(x, 1)


@op(None)
def flipud(x):
    """x with the order of the first axis turned round."""
    axes_in("flipud", 0, len(shape_of(x)))
    return flip(x, 0)


@op(None)
def rot90(array, k=1, axes=(0, 1)):
    """A plane turned by k right angles, from the first of the axes towards the second."""
    first, second = axes_in("rot90", tuple(axes), len(shape_of(array)))
    k %= 4
    if k == 0:
        return get_item(array, ())
    if k == 2:
        return flip(array, (first, second))
    return swapaxes(flip(array, second), first, second) if k == 1 else flip(swapaxes(array, first, second), second)


# --- diagonals and triangles ---------------------------------------------------------------------------------------------


def _places(rows: int, columns: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of a diagonal."""
    n = builtins.max(0, builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0)))
    constant = active().constant_array
    return constant(np.arange(n) - builtins.min(offset, 0)), constant(np.arange(n) + builtins.max(offset, 0))


def _known(name: str, *sizes: Any) -> None:
    if None in sizes:
        raise ValueError(f"{name}: the sizes of the two axes must be known; they are {sizes}.")


@op(None)
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The entries on a diagonal of two axes, which become the last one."""
    a, b = axes_in("diagonal", (axis1, axis2), len(shape_of(x)))
    x = moveaxis(x, (a, b), (-2, -1))
    _known("diagonal", *x.shape[-2:])
    return get_item(x, (Ellipsis, *_places(*x.shape[-2:], offset)))


@op(None)
def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of the entries on a diagonal."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


@op(None)
def diag(x, k=0):
    """The k-th diagonal of a matrix; of a vector the matrix that has it there, and zeros elsewhere."""
    shape = shape_of(x)
    if len(shape) == 2:
        return diagonal(x, k)
    if len(shape) != 1:
        raise ValueError(f"diag: x must be a vector or a matrix. Received: shape {shape}")
    _known("diag", *shape)
    n = shape[0] + builtins.abs(k)
    here = active().constant_array(np.eye(n, k=k, dtype=bool))
    row = expand_dims(pad(x, ((builtins.max(k, 0), builtins.max(-k, 0)),)), 0)
    return where(here, broadcast_to(row, (n, n)), cast(0, row.dtype))


@op(None)
def diagflat(x, k=0):
    """The matrix that has the entries of x on its k-th diagonal."""
    return diag(ravel(x), k)


def _triangle(x: Any, k: int, lower: bool) -> Any:
    shape = shape_of(x)
    if len(shape) < 2:
        raise ValueError(f"{'tril' if lower else 'triu'}: x must have at least two axes. Received: shape {shape}")
    _known("tril" if lower else "triu", *shape[-2:])
    rows, columns = (int(n or 0) for n in shape[-2:])
    below = np.tri(rows, columns, k if lower else k - 1, dtype=np.bool_)
    return where(active().constant_array(below if lower else ~below), x, cast(0, spec(x).dtype))


@op(None)
def tril(x, k=0):
    """x with zeros above the k-th diagonal of its last two axes."""
    return _triangle(x, k, True)


@op(None)
def triu(x, k=0):
    """x with zeros below the k-th diagonal of its last two axes."""
    return _triangle(x, k, False)


@op(None)
def vander(x, N=None, increasing=False):
    """The powers of the entries of x (M,), one row each: x^(N-1), ..., x, 1, or the other way round."""
    shape = shape_of(x)
    if len(shape) != 1:
        raise ValueError(f"vander: x must have one axis. Received: shape {shape}")
    N = shape[0] if N is None else N
    _known("vander", N)
    exponents = np.arange(N) if increasing else np.arange(N - 1, -1, -1)
    return power(expand_dims(x, -1), active().constant_array(exponents.astype(spec(x).dtype)))
