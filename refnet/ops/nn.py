"""Neural-network ops: activations, dense, dropout, one-hot, with keras.ops' names where Keras has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refnet import backend, config
from refnet.autodiff import SymbolicInput, Tensor, Variable, apply, value_of
from refnet.graph import KerasTensor
from refnet.kernels.activation import ACTIVATIONS
from refnet.ops import bends
from refnet.ops._op import (
    array_of,
    as_type,
    constant,
    float_input,
    op,
    parameter,
    plain,
    snapshot,
    symbolic,
)
from refnet.ops.bends import *
from refnet.ops.dtypes import HALF, floating, kernel_float
from refnet.ops.numpy import (
    maximum,
    moveaxis,
    multiply,
    reshape,
    split,
    transpose,
)
from refnet.ops.rules import axes_in, elementwise, like, same_size, shape_of, spec

__all__ = [
    "FUSED_ACTIVATIONS",
    "activation",
    "dense",
    "dropout",
    "gelu",
    "glu",
    "linear",
    "log_softmax",
    "one_hot",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "swish",
    "tanh",
]

__all__ += bends.__all__

FUSED_ACTIVATIONS = frozenset(ACTIVATIONS)


# --- activations -------------------------------------------------------------------------------------------------------


@op(elementwise(floating))
def activation(x: Any, name: str) -> Any:
    """An elementwise activation by the name that kernels know (FUSED_ACTIVATIONS)."""
    kernels = backend.active()
    x = snapshot(array_of(x)) if name == "linear" else array_of(x)  # a linear kernel returns its input
    y = apply(kernels.activation_forward, kernels.activation_backward, (float_input(x),), name)
    return as_type(y, x.dtype) if x.dtype == HALF else y


@op(elementwise())
def linear(x):
    """x itself."""
    return snapshot(array_of(x))


def _relu_type(dtype: Any) -> np.dtype:
    dtype = np.dtype(dtype)
    return np.dtype(np.int32) if dtype.kind == "b" else dtype


@op(elementwise(_relu_type))
def relu(x):
    """max(x, 0). Integers stay integers."""
    x = array_of(x)
    return activation(x, "relu") if x.dtype.kind == "f" else maximum(as_type(x, _relu_type(x.dtype)), 0)


@op(elementwise(floating))
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return activation(x, "sigmoid")


@op(elementwise(floating))
def tanh(x):
    """The hyperbolic tangent."""
    return activation(x, "tanh")


@op(elementwise(floating))
def silu(x):
    """x · sigmoid(x)."""
    return activation(x, "silu")


@op(elementwise(floating))
def gelu(x, approximate=True):
    """x Φ(x), with Φ the normal distribution function; approximate: by tanh (keras.ops' default)."""
    return activation(x, "gelu_tanh" if approximate else "gelu")


def _halves(shape: tuple, axis: Any) -> int:
    """The axis that glu splits.

    Raises:
        ValueError: it has an odd length.
    """
    (place,) = axes_in("glu", axis, len(shape))
    if shape[place] is not None and shape[place] % 2:
        raise ValueError(f"glu: axis {axis} of x, shape {shape}, must have an even length, since it is split into two halves.")
    return place


def _glu_rule(x, axis=-1):
    shape = shape_of(x)
    place = _halves(shape, axis)
    half = None if shape[place] is None else shape[place] // 2
    return like(x, (*shape[:place], half, *shape[place + 1 :]), floating(spec(x).dtype))


@op(_glu_rule)
def glu(x, axis=-1):
    """a sigmoid(b), where a and b are the two halves of x along an axis (Dauphin et al., 2016, arXiv:1612.08083)."""
    x = array_of(x)
    a, b = split(as_type(x, floating(x.dtype)), 2, axis=_halves(x.shape, axis))
    return multiply(a, sigmoid(b))


swish = silu


def _over_last_axis(name: str, x: Any, axis: int) -> Any:
    """Run a kernel that works on rows (M, C), over any one axis of any shape."""
    kernels = backend.active()
    x = float_input(x)
    shape = x.shape
    if axis not in (-1, len(shape) - 1):
        return moveaxis(_over_last_axis(name, moveaxis(x, axis, -1), -1), -1, axis)
    rows = x if len(shape) == 2 else reshape(x, (-1, shape[-1]) if shape[-1] else (int(np.prod(shape[:-1])), 0))
    y = apply(getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward"), (rows,))
    return y if len(shape) == 2 else reshape(y, shape)


def _over_axes(name: str, x: Any, axis: Any) -> Any:
    """The same over one axis, over several at once (those are moved to the end and merged), or over all (None)."""
    x = array_of(x)
    n, dtype = x.ndim, floating(x.dtype)
    if n == 0 and axis in (-1, 0, None):
        return reshape(_over_axes(name, reshape(x, (1,)), -1), ())
    axes = axes_in(name, axis, n)
    if len(axes) == 1:
        y = _over_last_axis(name, x, axes[0])
    else:
        order = [a for a in range(n) if a not in axes] + list(axes)
        moved = transpose(x, order)
        lead = moved.shape[: n - len(axes)]
        merged = reshape(moved, (*lead, int(np.prod(moved.shape[n - len(axes) :]))))
        y = transpose(reshape(_over_last_axis(name, merged, -1), moved.shape), np.argsort(order).tolist())
    return as_type(y, dtype) if y.dtype != dtype else y


def _over_axes_rule(name: str) -> Callable:
    def rule(x, axis=-1):
        shape = shape_of(x)
        if shape or axis not in (-1, 0, None):
            axes_in(name, axis, len(shape))
        return like(x, dtype=floating(spec(x).dtype))

    return rule


@op(_over_axes_rule("softmax"))
def softmax(x, axis=-1):
    """exp(x) / Σ exp(x) over an axis, over several (a tuple), or over all (None)."""
    return _over_axes("softmax", x, axis)


@op(_over_axes_rule("log_softmax"))
def log_softmax(x, axis=-1):
    """log(softmax(x)), computed without the detour through softmax."""
    return _over_axes("log_softmax", x, axis)


# --- layers' kernels -----------------------------------------------------------------------------------------------------


def _dense_rule(x, kernel, bias=None, activation="linear"):
    shape, weights = shape_of(x), shape_of(kernel)
    if len(weights) != 2 or not shape or not same_size(shape[-1], weights[0]):
        raise ValueError(
            f"dense: x of shape {shape} does not fit a kernel of shape {weights}: the last axis of x must be as long as "
            f"the first of the kernel."
        )
    return KerasTensor((*shape[:-1], weights[1]), kernel_float(spec(kernel).dtype))


@op(_dense_rule, direct=True)
def dense(x: Any, kernel: Any, bias: Any = None, activation: str = "linear") -> Any:
    """f(x · kernel + bias) over the last axis of x, in one kernel.

    Args:
        x: (..., D).
        kernel: (D, F).
        bias: (F,) or None.
        activation: a name in FUSED_ACTIVATIONS.

    Returns:
        (..., F).
    """
    if type(x) is np.ndarray or type(x) is Tensor:
        value: Any = x if type(x) is np.ndarray else x.value  # type: ignore[union-attr]
    else:
        try:
            x = array_of(x)
            value = value_of(x)
        except SymbolicInput:
            return symbolic(dense, (x, kernel, bias, activation), {})
    if type(kernel) is not Variable:
        try:
            kernel = float_input(kernel)
        except SymbolicInput:
            return symbolic(dense, (x, kernel, bias, activation), {})
    dtype = kernel.dtype
    if bias is not None and type(bias) is not Variable:
        bias = parameter(bias, dtype)
    if value.dtype != dtype or value.flags.num & 0x101 != 0x101:  # not C-contiguous and aligned
        x = float_input(x, dtype)
    kernels = backend.active()
    shape = value.shape
    if len(shape) == 2:
        return apply(kernels.dense_forward, kernels.dense_backward, (x, kernel, bias), activation)
    flat = reshape(x, (int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]))
    y = apply(kernels.dense_forward, kernels.dense_backward, (flat, kernel, bias), activation)
    return reshape(y, shape[:-1] + (y.shape[-1],))


@op(elementwise(kernel_float))
def dropout(x: Any, rate: float, key: Any, noise_shape: tuple | None = None) -> Any:
    """Zero a fraction `rate` of x at random and divide the rest by 1 - rate.

    Args:
        x: any shape.
        rate: the fraction to drop, 0 <= rate <= 1.
        key: two uint32, a random stream's seed and call count (`SeedGenerator.next`); the mask is a function of them alone.
        noise_shape: shape of the mask, which is broadcast to x; None or -1 entries take x's size. None: x's shape.
    """
    x = snapshot(float_input(x))  # with rate 0 the kernel returns its input
    if isinstance(rate, (Tensor, Variable)):
        rate = constant(rate, "dropout", "rate").item()
    kernels = backend.active()
    if type(key) is not np.ndarray:
        key = kernels.constant_array(np.asarray(key, np.uint32))
    if noise_shape is None:
        return apply(kernels.dropout_forward, kernels.dropout_backward, (x,), rate, key)
    shape = tuple(n if m in (None, -1) else m for n, m in zip(x.shape, noise_shape, strict=True))
    mask, _ = kernels.dropout_forward(kernels.filled(shape, 1, x.dtype), rate, key, save=False)
    return multiply(x, mask)


def _one_hot_rule(x, num_classes, axis=-1, dtype=None, sparse=False):
    if sparse:
        raise ValueError("one_hot: sparse=True asks for a sparse tensor, and refnet's arrays are dense. Leave it out.")
    shape = shape_of(x)
    (place,) = axes_in("one_hot", axis, len(shape) + 1)
    return KerasTensor((*shape[:place], int(num_classes), *shape[place:]), np.dtype(dtype or config.floatx()))


@op(_one_hot_rule)
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """Integers as rows of zeros with a single one. What is out of range gives a row of zeros, as in Keras. No sparse tensors."""
    if sparse:
        _one_hot_rule(x, num_classes, axis, dtype, sparse)
    labels = array_of(x)
    (place,) = axes_in("one_hot", axis, labels.ndim + 1)
    hot = plain("one_hot", as_type(labels, np.dtype(np.int64)), int(num_classes), np.dtype(dtype or config.floatx()))
    return hot if place == labels.ndim else moveaxis(hot, -1, place)
