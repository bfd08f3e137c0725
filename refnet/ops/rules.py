"""Shape rules: what ops give for symbolic tensors, found without numbers. A size that is not known is None.

Each op names its rule where it is defined; here are those that families share, and the arithmetic of shapes with None under them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refnet.graph import KerasTensor, is_keras_tensor
from refnet.ops._op import array_of
from refnet.ops.dtypes import kernel_float, kind_of, promote

__all__ = [
    "Shape",
    "axes_in",
    "binary",
    "broadcast",
    "elementwise",
    "kernel_like",
    "like",
    "reduced",
    "reduction",
    "same_size",
    "shape_of",
    "size_of",
    "spec",
]

Shape = tuple[int | None, ...]


def spec(x: Any) -> Any:
    """x with a `.shape` and a `.dtype`: a symbolic tensor, Tensor, Variable or array as it is, all else as an array."""
    return x if is_keras_tensor(x) or isinstance(x, np.ndarray) else array_of(x)


def shape_of(x: Any) -> Shape:
    return tuple(spec(x).shape)


def type_of(x: Any) -> Any:
    """What `dtypes.promote` wants to know of x."""
    return kind_of(x) if isinstance(x, (int, float, np.generic)) else np.dtype(spec(x).dtype)


def like(x: Any, shape: Sequence[int | None] | None = None, dtype: Any = None) -> KerasTensor:
    """The symbolic tensor of another shape or type than x."""
    return KerasTensor(
        shape_of(x) if shape is None else tuple(shape), np.dtype(spec(x).dtype if dtype is None else dtype)
    )


def same_size(a: int | None, b: int | None) -> bool:
    """Whether two sizes may be equal."""
    return a is None or b is None or a == b


def size_of(shape: Sequence[int | None]) -> int | None:
    """How many entries; None when a size is not known (and none is 0)."""
    if 0 in shape:
        return 0
    return None if None in shape else math.prod(shape)  # type: ignore[arg-type]


def broadcast(name: str, *shapes: Shape) -> Shape:
    """The shape that these broadcast to.

    Raises:
        ValueError: naming the op and the shapes.
    """
    out: list[int | None] = []
    for axis in range(-max(map(len, shapes), default=0), 0):
        sizes = [shape[axis] for shape in shapes if len(shape) >= -axis]
        known = {n for n in sizes if n is not None and n != 1}
        if len(known) > 1:
            raise ValueError(
                f"{name}: shapes {' and '.join(map(str, shapes))} do not broadcast: axis {axis} has the sizes "
                f"{', '.join(map(str, sizes))}."
            )
        out.append(known.pop() if known else None if None in sizes else 1)
    return tuple(out)


def axes_in(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """An axis, or several, as non-negative numbers; None is all.

    Raises:
        ValueError: out of range, or named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list, np.ndarray)) else (axis,)
    for a in axes:
        if not -ndim <= a < ndim:
            raise ValueError(f"{name}: axis {a} is out of range for an array with {ndim} axes.")
    found = tuple(int(a) % ndim for a in axes)
    if len(set(found)) != len(found):
        raise ValueError(f"{name}: axis={axis} names an axis twice.")
    return found


def reduced(name: str, shape: Shape, axis: Any, keepdims: bool) -> Shape:
    """The shape after a reduction over `axis`."""
    axes = axes_in(name, axis, len(shape))
    if keepdims:
        return tuple(1 if a in axes else n for a, n in enumerate(shape))
    return tuple(n for a, n in enumerate(shape) if a not in axes)


# --- families ----------------------------------------------------------------------------------------------------------------


def elementwise(dtype_rule: Callable | None = None) -> Callable:
    """The rule of a function of every entry; `dtype_rule` gives the result's type from x's."""

    def rule(x, *args, **kwargs):
        return like(x, dtype=None if dtype_rule is None else dtype_rule(np.dtype(spec(x).dtype)))

    return rule


kernel_like = elementwise(kernel_float)


def binary(name: str, dtype_rule: Callable = promote) -> Callable:
    """The rule of a function of two arrays with broadcasting; `dtype_rule` gives the result's type from both kinds."""

    def rule(x1, x2, *args, **kwargs):
        return KerasTensor(broadcast(name, shape_of(x1), shape_of(x2)), dtype_rule(type_of(x1), type_of(x2)))

    return rule


def reduction(name: str, dtype_rule: Callable | None = None) -> Callable:
    """The rule of a function over axes."""

    def rule(x, axis=None, keepdims=False, **kwargs):
        dtype = np.dtype(spec(x).dtype)
        return like(x, reduced(name, shape_of(x), axis, keepdims), dtype_rule(dtype) if dtype_rule else dtype)

    return rule
