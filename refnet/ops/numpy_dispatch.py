"""NumPy's functions on tensors: `np.mean(tensor, axis=0)` is `ops.mean`, with NumPy's own arguments and defaults.

The table goes by the function itself, not by its name: numpy.linalg.norm has a counterpart, another function of that name has not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refnet.autodiff import NUMPY
from refnet.ops import core, nn
from refnet.ops import numpy as ops
from refnet.ops._op import array_of

__all__ = ["register"]

_LOGIC = {
    "bitwise_and": ops.logical_and,
    "bitwise_or": ops.logical_or,
    "bitwise_xor": ops.logical_xor,
    "invert": ops.logical_not,
}


def _refuse(name: str, **arguments: Any) -> None:
    for argument, value in arguments.items():
        if value is not None and value is not False and value is not True and value != 0:
            raise TypeError(
                f"numpy.{name} on a refnet tensor does not take {argument}={value!r}; use a function of refnet.ops."
            )


def _cast(y: Any, dtype: Any) -> Any:
    return y if dtype is None else core.cast(y, dtype)


def _ufunc(name: str, op: Callable) -> Callable:
    def function(*inputs, where=True, dtype=None, casting=None, order=None, subok=True):
        if where is not True:
            raise TypeError(
                f"numpy.{name} on a refnet tensor does not take `where`; use refnet.ops.where on the result."
            )
        return _cast(op(*inputs), dtype)

    return function


def _logic(name: str, op: Callable) -> Callable:
    def function(*inputs):
        if any(array_of(x).dtype != np.bool_ for x in inputs):
            raise TypeError(
                f"NumPy's {name!r} has a counterpart in refnet.ops for booleans only. Leave the tape with "
                f"refnet.stop_gradient(x), which gives a plain ndarray."
            )
        return op(*inputs)

    return function


def _reduction(name: str, op: Callable) -> Callable:
    def function(
        a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, ddof=0, mean=None, correction=0
    ):
        _refuse(name, out=out, ddof=ddof, mean=mean, correction=correction)
        if where is not True:
            raise TypeError(f"numpy.{name} on a refnet tensor does not take `where`; use refnet.ops.where before it.")
        if initial is not None and name not in ("max", "min"):
            raise TypeError(f"numpy.{name} on a refnet tensor does not take `initial`; add it to the result.")
        more = {} if initial is None else {"initial": initial}
        return _cast(op(a, axis=axis, keepdims=keepdims, **more), dtype)

    return function


def _extremum(name: str, op: Callable) -> Callable:
    reduction = _reduction(name, op)

    def function(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        return reduction(a, axis, None, out, keepdims, initial, where)

    return function


def _ufunc_reduce(op: Callable) -> Callable:
    def function(array, axis=0, dtype=None, out=None, keepdims=False):
        return _cast(op(array, axis=axis, keepdims=keepdims), dtype)

    return function


def _position(op: Callable) -> Callable:
    def function(a, axis=None, out=None, keepdims=False):
        _refuse(op.__name__, out=out)
        return op(a, axis=axis, keepdims=keepdims)

    return function


def _pad(array, pad_width, mode="constant", constant_values=None, **more):
    for argument, value in more.items():
        raise TypeError(f"numpy.pad on a refnet tensor does not take {argument}={value!r}; use refnet.ops.pad.")
    return ops.pad(array, pad_width, mode=mode, constant_values=constant_values)


def _reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    if order != "C":
        raise TypeError(f"numpy.reshape on a refnet tensor does not take order={order!r}; transpose it first.")
    return ops.reshape(a, newshape if shape is None else shape)


def _ravel(a, order="C"):
    return _reshape(a, -1, order)


def _order(op: Callable) -> Callable:
    def function(a, axis=-1, kind=None, order=None, stable=None):
        return op(a, axis=axis)

    return function


def _concatenate(arrays, axis=0, out=None, dtype=None, casting=None):
    _refuse("concatenate", out=out)
    if axis is None:
        arrays, axis = [ops.ravel(array) for array in arrays], 0
    return _cast(ops.concatenate(arrays, axis=axis), dtype)


def _stack(arrays, axis=0, out=None, dtype=None, casting=None):
    _refuse("stack", out=out)
    return _cast(ops.stack(arrays, axis=axis), dtype)


def _round(a, decimals=0, out=None):
    _refuse("round", out=out)
    return ops.round(a, decimals)


def register() -> None:
    """Fill autodiff.NUMPY."""
    for name in (
        "abs add arccos arccosh arcsin arcsinh arctan arctan2 arctanh ceil cos cosh divide equal exp expm1 floor floor_divide "
        "greater greater_equal isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and logical_not "
        "logical_or logical_xor matmul maximum minimum mod multiply negative not_equal power reciprocal sign sin sinh sqrt "
        "square subtract tan"
    ).split():
        NUMPY[getattr(np, name)] = _ufunc(name, getattr(ops, name))
    NUMPY[np.tanh] = _ufunc("tanh", nn.tanh)
    NUMPY[np.positive] = _ufunc("positive", nn.linear)
    NUMPY[np.float_power] = _ufunc("float_power", ops.power)
    for name, op in _LOGIC.items():
        NUMPY[getattr(np, name)] = _logic(name, op)
    for name in ("sum", "mean", "prod", "var", "std"):
        NUMPY[getattr(np, name)] = _reduction(name, getattr(ops, name))
    for name in ("max", "min", "any", "all"):
        NUMPY[getattr(np, name)] = _extremum(name, getattr(ops, name))
    NUMPY[np.amax], NUMPY[np.amin] = NUMPY[np.max], NUMPY[np.min]
    for ufunc, op in (
        (np.add, ops.sum),
        (np.multiply, ops.prod),
        (np.maximum, ops.max),
        (np.minimum, ops.min),
        (np.logical_and, ops.all),
        (np.logical_or, ops.any),
    ):
        NUMPY[ufunc, "reduce"] = _ufunc_reduce(op)
    NUMPY[np.add, "accumulate"] = lambda array, axis=0, dtype=None, out=None: _cast(ops.cumsum(array, axis=axis), dtype)
    NUMPY[np.cumsum] = lambda a, axis=None, dtype=None, out=None: _cast(ops.cumsum(a, axis=axis), dtype)
    for name in ("argmax", "argmin"):
        NUMPY[getattr(np, name)] = _position(getattr(ops, name))
    NUMPY[np.sort], NUMPY[np.argsort] = _order(ops.sort), _order(ops.argsort)
    NUMPY[np.concatenate] = _concatenate
    NUMPY[np.stack] = _stack
    NUMPY[np.reshape], NUMPY[np.ravel], NUMPY[np.pad], NUMPY[np.round], NUMPY[np.around] = (
        _reshape,
        _ravel,
        _pad,
        _round,
        _round,
    )
    NUMPY[np.split] = lambda ary, indices_or_sections, axis=0: ops.split(ary, indices_or_sections, axis)
    NUMPY[np.transpose] = lambda a, axes=None: ops.transpose(a, axes)
    NUMPY[np.swapaxes] = lambda a, axis1, axis2: ops.swapaxes(a, axis1, axis2)
    NUMPY[np.moveaxis] = lambda a, source, destination: ops.moveaxis(a, source, destination)
    NUMPY[np.expand_dims] = lambda a, axis: ops.expand_dims(a, axis)
    NUMPY[np.squeeze] = lambda a, axis=None: ops.squeeze(a, axis)
    NUMPY[np.broadcast_to] = lambda array, shape, subok=False: ops.broadcast_to(array, shape)
    NUMPY[np.tile] = lambda A, reps: ops.tile(A, reps)
    NUMPY[np.repeat] = lambda a, repeats, axis=None: ops.repeat(a, repeats, axis)
    NUMPY[np.flip] = lambda m, axis=None: ops.flip(m, axis)
    NUMPY[np.roll] = lambda a, shift, axis=None: ops.roll(a, shift, axis)
    NUMPY[np.take] = lambda a, indices, axis=None: ops.take(a, indices, axis)
    NUMPY[np.take_along_axis] = lambda arr, indices, axis=-1: ops.take_along_axis(arr, indices, axis)
    NUMPY[np.where] = lambda condition, x=None, y=None: ops.where(condition, x, y)
    NUMPY[np.clip] = lambda a, a_min=None, a_max=None, *, min=None, max=None: ops.clip(
        a, min if a_min is None else a_min, max if a_max is None else a_max
    )
    NUMPY[np.linalg.matmul] = ops.matmul
    NUMPY[np.dot] = lambda a, b, out=None: ops.dot(a, b)
    NUMPY[np.tensordot] = lambda a, b, axes=2: ops.tensordot(a, b, axes)
    NUMPY[np.einsum] = lambda subscripts, *operands, optimize=False: ops.einsum(subscripts, *operands)
    NUMPY[np.linalg.norm] = lambda x, ord=None, axis=None, keepdims=False: ops.norm(x, ord, axis, keepdims)
    NUMPY[np.count_nonzero] = lambda a, axis=None: ops.count_nonzero(a, axis)
    NUMPY[np.isclose] = lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ops.isclose(a, b, rtol, atol, equal_nan)
    NUMPY[np.allclose] = lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: bool(
        ops.allclose(a, b, rtol, atol, equal_nan)
    )
    NUMPY[np.zeros_like] = lambda a, dtype=None: ops.zeros_like(a, dtype)
    NUMPY[np.ones_like] = lambda a, dtype=None: ops.ones_like(a, dtype)
    NUMPY[np.full_like] = lambda a, fill_value, dtype=None: ops.full_like(a, fill_value, dtype)
    NUMPY[np.copy] = lambda a: core.snapshot(a)
    NUMPY[np.shape] = core.shape
    NUMPY[np.ndim] = lambda a: len(core.shape(a))
