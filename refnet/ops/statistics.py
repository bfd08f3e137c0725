"""Statistics: averages, quantiles, counts, and reductions that leave NaN out; keras.ops' names and arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet.autodiff import value_of
from refnet.backend import active
from refnet.graph import KerasTensor, is_keras_tensor
from refnet.ops._op import array_of, as_type, op, plain, promoted, shared
from refnet.ops.core import cast
from refnet.ops.creation import ones_like
from refnet.ops.dtypes import floating, promote
from refnet.ops.elementwise import (
    add,
    divide,
    equal,
    floor,
    isnan,
    logical_not,
    maximum,
    multiply,
    sqrt,
    square,
    subtract,
)
from refnet.ops.products import matmul
from refnet.ops.reductions import all as all_true
from refnet.ops.reductions import any as any_true
from refnet.ops.reductions import argmax, argmin, cumsum, max, mean, min, prod, sum
from refnet.ops.rules import axes_in, like, reduced, shape_of, size_of, spec, type_of
from refnet.ops.selection import get_item, sort, take, where
from refnet.ops.shaping import expand_dims, moveaxis, reshape, transpose

__all__ = [
    "average",
    "bincount",
    "corrcoef",
    "cumprod",
    "diff",
    "digitize",
    "histogram",
    "median",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "ptp",
    "quantile",
    "searchsorted",
    "trapezoid",
]


def _real(x: Any) -> Any:
    x = x if is_keras_tensor(x) else array_of(x)
    return cast(x, floating(x.dtype))


# --- means and ranges ----------------------------------------------------------------------------------------------------


@op(None)
def average(x, axis=None, weights=None):
    """The mean over `axis`, weighted: Σ w x / Σ w. Weights have x's shape, or that of the axis."""
    if weights is None:
        return mean(_real(x), axis=axis)
    dtype = promote(type_of(x), type_of(weights), float)
    x, weights = cast(x, dtype), cast(weights, dtype)
    if len(weights.shape) == 1 and len(x.shape) > 1:
        if axis is None or isinstance(axis, (tuple, list)):
            raise ValueError(f"average: weights of shape {tuple(weights.shape)} for x of shape {tuple(x.shape)} need one axis.")
        weights = reshape(weights, tuple(-1 if a == axis % len(x.shape) else 1 for a in range(len(x.shape))))
    return divide(sum(multiply(x, weights), axis=axis), sum(multiply(ones_like(x), weights), axis=axis))


@op(None)
def ptp(x, axis=None, keepdims=False):
    """The largest less the smallest entry over `axis`."""
    return subtract(max(x, axis=axis, keepdims=keepdims), min(x, axis=axis, keepdims=keepdims))


_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile_rule(x, q, axis=None, method="linear", keepdims=False):
    if method not in _METHODS:
        raise ValueError(f"quantile: `method` must be one of {_METHODS}. Received: method={method!r}")
    return like(x, (*shape_of(q), *reduced("quantile", shape_of(x), axis, keepdims)), floating(spec(x).dtype))


@op(_quantile_rule)
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The value below which a fraction q of the entries lies, between two of them by `method`.

    Args:
        x: any shape.
        q: a number in [0, 1], or an array of them, whose axes come first in the result.
        axis: an axis, several, or None: all.
        method: between two entries: "linear", "lower", "higher", "midpoint", "nearest".
        keepdims: keep the reduced axes, with size 1.
    """
    _quantile_rule(x, q, axis, method, keepdims)
    x = _real(x)
    q = np.asarray(value_of(q), np.float64)
    if np.any((q < 0) | (q > 1)):
        raise ValueError(f"quantile: q must be in [0, 1]. Received: {q.tolist()}. percentile takes 0 to 100.")
    axes = axes_in("quantile", axis, x.ndim)
    rows = reshape(moveaxis(x, axes, tuple(range(-len(axes), 0))), (*(n for a, n in enumerate(x.shape) if a not in axes), -1))
    ordered = sort(rows, axis=-1)
    n = ordered.shape[-1]
    if n == 0:
        raise ValueError(f"quantile: an array of shape {x.shape} has no entries over axis={axis}.")
    place = (q.reshape(-1) * (n - 1)).round(9)
    low, high = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    if method == "nearest":
        low = high = np.ceil(place - 0.5).astype(np.int64)  # a half goes down
    low, high = (high, high) if method == "higher" else (low, low) if method == "lower" else (low, high)
    share = np.where(high > low, 0.5, 0) if method == "midpoint" else np.clip(place - low, 0, 1)
    constant = active().constant_array
    below, above = (take(ordered, constant(at), axis=-1) for at in (low, high))
    share = constant(share.astype(x.dtype))
    y = add(below, multiply(subtract(above, below), share))
    invalid = any_true(isnan(rows), axis=-1, keepdims=True)
    y = where(invalid, float("nan"), y)
    kept = reduced("quantile", x.shape, axis, keepdims)
    return reshape(moveaxis(y, -1, 0), (*q.shape, *kept))


@op(lambda x, q, axis=None, method="linear", keepdims=False: _quantile_rule(x, q, axis, method, keepdims))
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` with q from 0 to 100."""
    q = np.asarray(value_of(q), np.float64)
    if np.any((q < 0) | (q > 100)):
        raise ValueError(f"percentile: q must be in [0, 100]. Received: {q.tolist()}")
    return quantile(x, q / 100, axis, method, keepdims)


@op(lambda x, axis=None, keepdims=False: _quantile_rule(x, 0.5, axis, "linear", keepdims))
def median(x, axis=None, keepdims=False):
    """The middle of the entries over `axis`; of an even number the mean of the two in the middle."""
    return quantile(x, 0.5, axis, "linear", keepdims)


# --- along an axis -------------------------------------------------------------------------------------------------------


@op(None)
def diff(a, n=1, axis=-1):
    """Each entry less the one before it, n times."""
    if n < 0:
        raise ValueError(f"diff: n must be >= 0. Received: n={n}")
    (axis,) = axes_in("diff", axis, len(shape_of(a)))
    lead = (slice(None),) * axis
    a = get_item(a, ()) if n == 0 else a
    for _ in range(n):
        later, earlier = get_item(a, (*lead, slice(1, None))), get_item(a, (*lead, slice(None, -1)))
        a = logical_not(equal(later, earlier)) if np.dtype(later.dtype).kind == "b" else subtract(later, earlier)
    return a


@op(None)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """∫ y by trapezia: Σ (y_i + y_{i+1}) / 2 · (x_{i+1} - x_i); without x the distance is dx."""
    y = _real(y)
    (axis,) = axes_in("trapezoid", axis, len(y.shape))
    lead = (slice(None),) * axis
    heights = multiply(add(get_item(y, (*lead, slice(1, None))), get_item(y, (*lead, slice(None, -1)))), 0.5)
    if x is None:
        return sum(multiply(heights, dx), axis=axis)
    x = _real(x)
    if len(x.shape) == 1:
        x = reshape(x, tuple(-1 if a == axis else 1 for a in range(len(y.shape))))
    return sum(multiply(heights, diff(x, axis=axis)), axis=axis)


def _cumprod_rule(x, axis=None, dtype=None):
    shape = shape_of(x)
    if axis is not None:
        axes_in("cumprod", axis, len(shape))
    kind = np.dtype(spec(x).dtype if dtype is None else dtype)
    return like(x, (size_of(shape),) if axis is None else shape, np.dtype(np.int32) if kind.kind == "b" else kind)


@op(_cumprod_rule)
def cumprod(x, axis=None, dtype=None):
    """Running products along `axis` (of the flattened x when None), in the type `dtype`, or x's (booleans as int32)."""
    x = array_of(x)
    x = as_type(x, np.dtype(_cumprod_rule(x, axis, dtype).dtype))
    x, axis = (reshape(x, -1), 0) if axis is None else (x, axis)
    return shared("cumprod", (x,), axis)


# --- without NaN ---------------------------------------------------------------------------------------------------------


def _filled(x: Any, value: Any) -> Any:
    """x with a number in the place of NaN."""
    return where(isnan(x), value, x) if np.dtype(spec(x).dtype).kind == "f" else multiply(x, 1)


def _there(x: Any) -> Any:
    return logical_not(isnan(x))


@op(None)
def nansum(x, axis=None, keepdims=False):
    """The sum of what is not NaN."""
    return sum(_filled(x, 0), axis=axis, keepdims=keepdims)


@op(None)
def nanprod(x, axis=None, keepdims=False):
    """The product of what is not NaN."""
    return prod(_filled(x, 1), axis=axis, keepdims=keepdims)


@op(None)
def nancumsum(x, axis=None, dtype=None):
    """Running sums in which NaN counts as 0."""
    return cumsum(_filled(x, 0), axis=axis, dtype=dtype)


@op(None)
def nancumprod(x, axis=None, dtype=None):
    """Running products in which NaN counts as 1."""
    return cumprod(_filled(x, 1), axis=axis, dtype=dtype)


def _nan_extremum(x: Any, extremum: Any, nothing: float, axis: Any, keepdims: bool) -> Any:
    if np.dtype(spec(x).dtype).kind != "f":
        return extremum(x, axis=axis, keepdims=keepdims)
    y = extremum(_filled(x, nothing), axis=axis, keepdims=keepdims)
    return where(all_true(isnan(x), axis=axis, keepdims=keepdims), float("nan"), y)


@op(None)
def nanmax(x, axis=None, keepdims=False):
    """The largest of what is not NaN; NaN where there is nothing else."""
    return _nan_extremum(x, max, -np.inf, axis, keepdims)


@op(None)
def nanmin(x, axis=None, keepdims=False):
    """The smallest of what is not NaN; NaN where there is nothing else."""
    return _nan_extremum(x, min, np.inf, axis, keepdims)


def _nan_position(x: Any, position: Any, nothing: float, axis: Any, keepdims: bool) -> Any:
    if np.dtype(spec(x).dtype).kind != "f":
        return position(x, axis=axis, keepdims=keepdims)
    y = position(_filled(x, nothing), axis=axis, keepdims=keepdims)
    return where(all_true(isnan(x), axis=axis, keepdims=keepdims), -1, y)


@op(None)
def nanargmax(x, axis=None, keepdims=False):
    """Where the largest of what is not NaN stands; -1 where there is nothing else."""
    return _nan_position(x, argmax, -np.inf, axis, keepdims)


@op(None)
def nanargmin(x, axis=None, keepdims=False):
    """Where the smallest of what is not NaN stands; -1 where there is nothing else."""
    return _nan_position(x, argmin, np.inf, axis, keepdims)


def _count(x: Any, axis: Any) -> Any:
    return sum(cast(_there(x), x.dtype), axis=axis, keepdims=True)


def _keep(y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A result with size 1 on the reduced axes, or without them."""
    if keepdims:
        return y
    return sum(y, axis=axis)  # each has one entry: this is the same without the axes


@op(None)
def nanmean(x, axis=None, keepdims=False):
    """The mean of what is not NaN; NaN where there is nothing else."""
    x = _real(x)
    return _keep(divide(sum(_filled(x, 0), axis=axis, keepdims=True), _count(x, axis)), x, axis, keepdims)


@op(None)
def nanvar(x, axis=None, keepdims=False):
    """The variance (divided by n) of what is not NaN."""
    x = _real(x)
    away = where(_there(x), square(subtract(_filled(x, 0), nanmean(x, axis=axis, keepdims=True))), 0)
    return _keep(divide(sum(away, axis=axis, keepdims=True), _count(x, axis)), x, axis, keepdims)


@op(None)
def nanstd(x, axis=None, keepdims=False):
    """The standard deviation (divided by n) of what is not NaN."""
    return sqrt(nanvar(x, axis=axis, keepdims=keepdims))


@op(_quantile_rule)
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of what is not NaN; NaN where there is nothing else."""
    _quantile_rule(x, q, axis, method, keepdims)
    x = _real(x)
    axes = axes_in("nanquantile", axis, x.ndim)
    rows = reshape(moveaxis(x, axes, tuple(range(-len(axes), 0))), (*(n for a, n in enumerate(x.shape) if a not in axes), -1))
    ordered = sort(rows, axis=-1)  # NaN comes last
    count = sum(cast(_there(rows), "int32"), axis=-1, keepdims=True)
    fractions = active().constant_array(np.asarray(value_of(q), np.float64).reshape(-1))
    place = multiply(cast(maximum(subtract(count, 1), 0), "float64"), fractions)
    low = floor(place)
    share = subtract(place, low)
    if method == "nearest":
        low, share = plain("unary_flat", subtract(place, 0.5), "ceil"), multiply(share, 0.0)
    elif method in ("lower", "higher"):
        share = cast(cast(share, "bool") if method == "higher" else multiply(share, 0.0), "float64")
    elif method == "midpoint":
        share = multiply(cast(cast(share, "bool"), "float64"), 0.5)
    last = active().constant_array(np.array(ordered.shape[-1] - 1))
    below = _along(ordered, cast(low, "int64"))
    above = _along(ordered, plain("binary_forward", cast(add(low, 1.0), "int64"), last, "minimum", save=False)[0])
    share = cast(share, x.dtype)
    y = where(equal(share, 0), below, add(below, multiply(subtract(above, below), share)))
    y = where(equal(count, 0), float("nan"), y)
    kept = reduced("nanquantile", x.shape, axis, keepdims)
    return reshape(moveaxis(y, -1, 0), (*np.shape(value_of(q)), *kept))


def _along(rows: Any, places: Any) -> Any:
    from refnet.ops.selection import take_along_axis

    return take_along_axis(rows, places, axis=-1)


@op(lambda x, q, axis=None, method="linear", keepdims=False: _quantile_rule(x, q, axis, method, keepdims))
def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """`nanquantile` with q from 0 to 100."""
    return nanquantile(x, np.asarray(value_of(q), np.float64) / 100, axis, method, keepdims)


@op(lambda x, axis=None, keepdims=False: _quantile_rule(x, 0.5, axis, "linear", keepdims))
def nanmedian(x, axis=None, keepdims=False):
    """The middle of what is not NaN."""
    return nanquantile(x, 0.5, axis, "linear", keepdims)


# --- counts --------------------------------------------------------------------------------------------------------------


@op(None)
def corrcoef(x):
    """The correlations of the rows of x (variables, samples): a symmetric matrix with 1 on the diagonal."""
    x = _real(x)
    if len(x.shape) == 1:
        x = expand_dims(x, 0)
    away = subtract(x, mean(x, axis=-1, keepdims=True))
    together = matmul(away, transpose(away))
    spread = sqrt(sum(square(away), axis=-1, keepdims=True))
    return divide(together, matmul(spread, transpose(spread)))


def _histogram_rule(x, bins=10, range=None):
    edges = int(bins)
    if edges < 1:
        raise ValueError(f"histogram: bins must be >= 1. Received: bins={bins}")
    return KerasTensor((edges,), floating(spec(x).dtype)), KerasTensor((edges + 1,), floating(spec(x).dtype))


@op(_histogram_rule)
def histogram(x, bins=10, range=None):
    """How many entries lie in each of `bins` intervals of equal length, and their ends. Not differentiable.

    Args:
        x: any shape.
        bins: how many intervals.
        range: (lowest, highest); None: those of x.
    """
    _histogram_rule(x, bins, range)
    x = array_of(x)
    dtype = floating(x.dtype)
    counts, edges = plain("histogram", x, int(bins), None if range is None else tuple(map(float, range)))
    return as_type(counts, dtype), as_type(edges, dtype)


def _bincount_rule(x, weights=None, minlength=0, sparse=False):
    raise ValueError(
        "bincount: how many bins there are depends on the numbers, which a symbolic tensor does not have. "
        "Count one_hot rows instead: ops.sum(ops.one_hot(x, n), axis=...)."
    )


@op(_bincount_rule)
def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each of 0, 1, 2, ... occurs in x (N,), or in each row of x (B, N); weighted. Not differentiable.

    Args:
        x: integers >= 0.
        weights: of x's shape, or None: 1 each.
        minlength: at least so many bins.
        sparse: must be False.
    """
    if sparse:
        raise ValueError("bincount: sparse=True asks for a sparse tensor, and refnet's arrays are dense. Leave it out.")
    x = array_of(x)
    if x.dtype.kind not in "iu" or x.ndim not in (1, 2):
        raise ValueError(f"bincount: x must be integers of one or two axes. Received: type {x.dtype}, shape {x.shape}")
    if x.size and value_of(x).min() < 0:
        raise ValueError(f"bincount: x must not be negative. Received: {value_of(x).min()}")
    weights = None if weights is None else array_of(weights)
    counts = plain("bincount", x, weights, int(minlength))
    return as_type(counts, np.dtype(np.int32) if weights is None else weights.dtype)


def _sorted_rule(sorted_sequence, values, side="left"):
    if len(shape_of(sorted_sequence)) != 1:
        raise ValueError(f"searchsorted: the sequence must have one axis, not the shape {shape_of(sorted_sequence)}.")
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: `side` must be 'left' or 'right'. Received: side={side!r}")
    return like(values, dtype=np.int32)


@op(_sorted_rule)
def searchsorted(sorted_sequence, values, side="left"):
    """Where values would have to stand in a sorted sequence (N,): before equal ones, or behind ("right"). Not differentiable."""
    _sorted_rule(sorted_sequence, values, side)
    return plain("sorted_places", *promoted(sorted_sequence, values), side)


def _digitize_rule(x, bins):
    if len(shape_of(bins)) != 1:
        raise ValueError(f"digitize: bins must have one axis, not the shape {shape_of(bins)}.")
    return like(x, dtype=np.int32)


@op(_digitize_rule)
def digitize(x, bins):
    """The number of the interval that each entry lies in: i where bins[i-1] <= x < bins[i]. Not differentiable."""
    _digitize_rule(x, bins)
    bins, x = promoted(bins, x)
    return plain("sorted_places", bins, x, "right")
