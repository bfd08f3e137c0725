"""Reductions: sums, means, extrema, norms, positions, over one axis or several, with keras.ops' names and arguments."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from refnet.autodiff import value_of
from refnet.backend import active
from refnet.graph import KerasTensor
from refnet.ops._op import array_of, as_type, float_input, op, plain, promoted, shared
from refnet.ops.dtypes import HALF, count_dtype, floating, promote, summed
from refnet.ops.elementwise import abs, add, exp, log, maximum, minimum, not_equal, power, sqrt, square, subtract
from refnet.ops.rules import axes_in, like, reduced, reduction, shape_of, size_of, spec, type_of
from refnet.ops.shaping import moveaxis, reshape

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumsum",
    "logsumexp",
    "max",
    "mean",
    "min",
    "norm",
    "prod",
    "std",
    "sum",
    "var",
]


def _axis(axis: Any) -> Any:
    return tuple(int(a) for a in axis) if isinstance(axis, (list, tuple, np.ndarray)) and np.ndim(axis) else axis


@op(reduction("sum", summed))
def sum(x, axis=None, keepdims=False):
    """The sum over `axis` (all when None), accumulated in float64. Booleans and small integers are counted in 32 bits."""
    x = array_of(x)
    return shared("sum", (as_type(x, summed(x.dtype)),), _axis(axis), keepdims)


@op(reduction("mean", floating))
def mean(x, axis=None, keepdims=False):
    """The mean over `axis` (all when None), accumulated in float64."""
    x = array_of(x)
    return shared("mean", (as_type(x, floating(x.dtype)),), _axis(axis), keepdims)


def _extremum_rule(name: str) -> Any:
    def rule(x, axis=None, keepdims=False, initial=None):
        dtype = np.dtype(spec(x).dtype)
        return KerasTensor(
            reduced(name, shape_of(x), axis, keepdims), dtype if initial is None else promote(dtype, type_of(initial))
        )

    return rule


@op(_extremum_rule("max"))
def max(x, axis=None, keepdims=False, initial=None):
    """The largest entry over `axis`. Ties share the gradient equally."""
    return _extremum("max", x, axis, keepdims, initial)


@op(_extremum_rule("min"))
def min(x, axis=None, keepdims=False, initial=None):
    """The smallest entry over `axis`. Ties share the gradient equally."""
    return _extremum("min", x, axis, keepdims, initial)


def _extremum(name: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    x = array_of(x)
    if 0 in x.shape:
        axes = axes_in(name, _axis(axis), x.ndim)
        if size_of(tuple(x.shape[a] for a in axes)) == 0:
            if initial is None:
                raise ValueError(
                    f"{name}: an array of shape {x.shape} has no entries over axis={axis}, so there is no {name}imum. "
                    f"Pass `initial`, the value that stands for nothing."
                )
            a, b = promoted(shared("sum", (x,), axes, keepdims), initial)
            return shared("where", (a, b), active().filled((), False, np.dtype(bool)))
    y = shared("extremum", (x,), name, _axis(axis), keepdims)
    return y if initial is None else (maximum if name == "max" else minimum)(y, initial)


def _prod_rule(x, axis=None, keepdims=False, dtype=None):
    return like(x, reduced("prod", shape_of(x), axis, keepdims), summed(spec(x).dtype) if dtype is None else dtype)


@op(_prod_rule)
def prod(x, axis=None, keepdims=False, dtype=None):
    """The product over `axis`, in the type `dtype`, or x's (booleans and small integers in 32 bits)."""
    x = array_of(x)
    x = as_type(x, summed(x.dtype) if dtype is None else np.dtype(dtype))
    return shared("prod", (x,), _axis(axis), keepdims)


def _cumsum_type(kind: Any, dtype: Any) -> np.dtype:
    kind = np.dtype(kind if dtype is None else dtype)
    return np.dtype(np.int32) if kind.kind == "b" else kind


def _cumsum_rule(x, axis=None, dtype=None):
    shape = shape_of(x)
    if axis is not None:
        axes_in("cumsum", axis, len(shape))
    return like(x, (size_of(shape),) if axis is None else shape, _cumsum_type(spec(x).dtype, dtype))


@op(_cumsum_rule)
def cumsum(x, axis=None, dtype=None):
    """Running sums along `axis` (of the flattened x when None), in the type `dtype`, or x's (booleans as int32)."""
    x = array_of(x)
    x = as_type(x, _cumsum_type(x.dtype, dtype))
    return shared("cumsum", (reshape(x, -1) if axis is None else x,), 0 if axis is None else axis)


@op(reduction("var", floating))
def var(x, axis=None, keepdims=False):
    """The variance (divided by n), in two passes."""
    x = array_of(x)
    x = as_type(x, floating(x.dtype))
    return mean(square(subtract(x, mean(x, axis=axis, keepdims=True))), axis=axis, keepdims=keepdims)


@op(reduction("std", floating))
def std(x, axis=None, keepdims=False):
    """The standard deviation (divided by n)."""
    return sqrt(var(x, axis=axis, keepdims=keepdims))


@op(reduction("logsumexp", floating))
def logsumexp(x, axis=None, keepdims=False):
    """log Σ exp(x), the maximum taken out first."""
    x = array_of(x)
    x = as_type(x, floating(x.dtype))
    axis = _axis(axis)
    top = _extremum("max", value_of(x), axis, True, -np.inf)
    top = shared("where", (top, active().filled((), 0, top.dtype)), plain("unary_flat", top, "isfinite"))
    total = log(sum(exp(subtract(x, top)), axis=axis, keepdims=keepdims))
    return add(total, top if keepdims else reshape(top, total.shape))


# --- norms ---------------------------------------------------------------------------------------------------------------


def _norm_axes(shape: tuple, ord: Any, axis: Any) -> tuple[int, ...]:
    """The axes of a norm: one for vectors, two for matrices.

    Raises:
        ValueError: when there are none, or more.
    """
    axes = axes_in("norm", _axis(axis), len(shape))
    if ord is not None and len(axes) not in (1, 2):
        raise ValueError(
            f"norm: ord={ord!r} is of vectors (one axis) or matrices (two axes), but x of shape {shape} with axis={axis} "
            f"has {len(axes)}. Name one or two axes, or leave `ord` None for the root of the sum of all squares."
        )
    if axis is not None and len(axes) > 2:
        raise ValueError(f"norm: axis={axis} names {len(axes)} axes; a norm is of vectors (one) or matrices (two).")
    if len(axes) == 2 and ord not in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        raise ValueError(
            f"norm: ord={ord!r} is no norm of matrices; it must be None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf."
        )
    if len(axes) == 1 and isinstance(ord, str):
        raise ValueError(
            f"norm: ord={ord!r} is a norm of matrices, but x of shape {shape} with axis={axis} is a vector. For vectors "
            f"`ord` is None or a number."
        )
    return axes


def _norm_rule(x, ord=None, axis=None, keepdims=False):
    shape = shape_of(x)
    _norm_axes(shape, ord, axis)
    return like(x, reduced("norm", shape, axis, keepdims), floating(spec(x).dtype))


@op(_norm_rule)
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors (one axis) or matrices (two axes), as numpy.linalg.norm.

    Args:
        x: any shape.
        ord: None: √Σx². Of vectors a number p: (Σ|x|^p)^(1/p); inf and -inf: the largest and smallest |x|; 0: how many are not 0.
            Of matrices: 'fro' as None; 1, -1: the largest and smallest sum of |x| in a column; inf, -inf: in a row; 2, -2: the
            largest and smallest singular value; 'nuc': their sum.
        axis: an axis, two of them, or None: all.
        keepdims: keep the reduced axes, with size 1.
    """
    x = array_of(x)
    x = as_type(x, floating(x.dtype))
    axes = _norm_axes(x.shape, ord, axis)
    if ord in (None, "fro") or (ord == 2 and len(axes) == 1):
        return sqrt(sum(square(x), axis=axes, keepdims=keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    rows, columns = axes
    if ord in (1, -1, np.inf, -np.inf):
        inner, outer = (rows, columns) if builtins.abs(ord) == 1 else (columns, rows)
        sums = sum(abs(x), axis=inner, keepdims=True)
        y = (max if ord > 0 else min)(sums, axis=outer, keepdims=True)
    else:
        half = x.dtype == HALF  # LAPACK has no singular values of those
        matrices = float_input(moveaxis(as_type(x, np.dtype(np.float32)) if half else x, (rows, columns), (-2, -1)))
        s = shared("singular_values", (matrices,))
        y = sum(s, axis=-1) if ord == "nuc" else (max if ord > 0 else min)(s, axis=-1)
        y = as_type(y, x.dtype) if half else y
    return reshape(y, reduced("norm", x.shape, axes, keepdims))


def _vector_norm(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    if ord in (np.inf, -np.inf):
        return (max if ord > 0 else min)(abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return as_type(sum(not_equal(x, 0), axis=axis, keepdims=keepdims), x.dtype)
    if ord == 1:
        return sum(abs(x), axis=axis, keepdims=keepdims)
    return power(sum(power(abs(x), ord), axis=axis, keepdims=keepdims), 1.0 / ord)


# --- not differentiable: truth, counts, positions ----------------------------------------------------------------------------


def _bool(dtype: Any) -> np.dtype:
    return np.dtype(np.bool_)


@op(reduction("any", _bool))
def any(x, axis=None, keepdims=False):
    """Whether any entry over `axis` is true. Not differentiable: a constant to the tape."""
    return plain("truth", array_of(x), "any", _axis(axis), keepdims)


@op(reduction("all", _bool))
def all(x, axis=None, keepdims=False):
    """Whether all entries over `axis` are true. Not differentiable: a constant to the tape."""
    return plain("truth", array_of(x), "all", _axis(axis), keepdims)


def _position_rule(name: str) -> Any:
    def rule(x, axis=None, keepdims=False):
        return like(x, reduced(name, shape_of(x), axis, keepdims), count_dtype)

    return rule


@op(_position_rule("argmax"))
def argmax(x, axis=None, keepdims=False):
    """The position of the largest entry over `axis`, int32. Not differentiable: a constant to the tape."""
    return plain("position", array_of(x), "argmax", axis, keepdims)


@op(_position_rule("argmin"))
def argmin(x, axis=None, keepdims=False):
    """The position of the smallest entry over `axis`, int32. Not differentiable: a constant to the tape."""
    return plain("position", array_of(x), "argmin", axis, keepdims)


def _count_rule(x, axis=None):
    return like(x, reduced("count_nonzero", shape_of(x), axis, False), count_dtype)


@op(_count_rule)
def count_nonzero(x, axis=None):
    """How many entries over `axis` are not 0, int32. Not differentiable: a constant to the tape."""
    return plain("count_nonzero", array_of(x), _axis(axis))


amax, amin = max, min
