"""Creation: new arrays, with keras.ops' names and arguments."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from refnet import config
from refnet.autodiff import Tensor, Variable, is_live, value_of
from refnet.graph import is_keras_tensor
from refnet.ops._op import array_of, as_type, constant, op, plain, shared
from refnet.ops.dtypes import kind_of, promote
from refnet.ops.rules import broadcast, like, shape_of

__all__ = ["arange", "eye", "full", "full_like", "linspace", "ones", "ones_like", "zeros", "zeros_like"]


def _dtype(dtype: Any) -> np.dtype:
    return np.dtype(dtype or config.floatx())


def _shape(shape: Any) -> tuple:
    return tuple(map(operator.index, shape)) if np.ndim(shape) else (operator.index(shape),)


def zeros(shape, dtype=None):
    """An array of zeros; dtype defaults to `refnet.config.floatx()`."""
    return np.zeros(_shape(shape), _dtype(dtype))


def ones(shape, dtype=None):
    """An array of ones; dtype defaults to `refnet.config.floatx()`."""
    return np.ones(_shape(shape), _dtype(dtype))


def full(shape, fill_value, dtype=None):
    """An array of one value (or of what broadcasts to `shape`); dtype defaults to `refnet.config.floatx()`."""
    if is_keras_tensor(fill_value):
        raise ValueError("full: `fill_value` is symbolic. Use refnet.ops.broadcast_to(fill_value, shape).")
    return shared("broadcast", (as_type(array_of(fill_value), _dtype(dtype)),), _shape(shape))


def eye(N, M=None, k=0, dtype=None):
    """Ones on the k-th diagonal; dtype defaults to `refnet.config.floatx()`."""
    return np.eye(operator.index(N), None if M is None else operator.index(M), operator.index(k), dtype=_dtype(dtype))


def _number(x: Any, name: str, argument: str) -> Any:
    """A bound as a plain number."""
    return constant(x, name, argument).item() if isinstance(x, (Tensor, Variable)) else x


def arange(start, stop=None, step=None, dtype=None):
    """Evenly spaced values, as numpy.arange; the type is that of the arguments: Python integers give int32, floats
    `refnet.config.floatx()`."""
    given = [(name, x) for name, x in (("start", start), ("stop", stop), ("step", step)) if x is not None]
    dtype = (
        promote(*(kind_of(x) if not isinstance(x, np.ndarray) else x.dtype for _, x in given))
        if dtype is None
        else np.dtype(dtype)
    )
    start, stop, step = (
        None if x is None else _number(x, "arange", name)
        for name, x in (("start", start), ("stop", stop), ("step", step))
    )
    return np.arange(*((0, start) if stop is None else (start, stop)), 1 if step is None else step).astype(dtype)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` evenly spaced values from start to stop, which may be arrays.

    Args:
        start, stop: numbers or arrays.
        num: how many.
        endpoint: whether `stop` is one of them.
        retstep: return (values, step).
        dtype: the default is `refnet.config.floatx()`, or the float type of start and stop.
        axis: where in the result the values run.
    """
    kinds = [kind_of(x) if isinstance(x, (int, float, np.generic)) else array_of(x).dtype for x in (start, stop)]
    kind = promote(*kinds, float)
    start, stop = (constant(x, "linspace", name) for name, x in (("start", start), ("stop", stop)))
    values, step = np.linspace(start, stop, operator.index(num), endpoint, retstep=True, axis=axis)
    values = values.astype(kind if dtype is None else dtype)
    return (values, np.asarray(step, kind)) if retstep else values


def _like_rule(x, dtype=None):
    return like(x, dtype=dtype)


@op(_like_rule)
def zeros_like(x, dtype=None):
    """Zeros in the shape and type of x."""
    return _filled(x, 0, dtype)


@op(_like_rule)
def ones_like(x, dtype=None):
    """Ones in the shape and type of x."""
    return _filled(x, 1, dtype)


def _filled(x: Any, value: int, dtype: Any) -> np.ndarray:
    x = array_of(x)
    return plain("fill_like", x, value, np.dtype(x.dtype if dtype is None else dtype))


def _full_like_rule(x, fill_value, dtype=None):
    broadcast("full_like", shape_of(x), shape_of(fill_value))
    return like(x, dtype=dtype)


@op(_full_like_rule)
def full_like(x, fill_value, dtype=None):
    """One value (or what broadcasts to x's shape) in the shape and type of x."""
    x, fill_value = array_of(x), array_of(fill_value)
    dtype = np.dtype(x.dtype if dtype is None else dtype)
    if is_live(fill_value):
        return shared("broadcast", (as_type(fill_value, dtype),), x.shape)
    return plain("fill_like", x, value_of(fill_value), dtype)
