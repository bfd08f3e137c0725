"""Normalization ops, with keras.ops' names where Keras has them: batch, layer, group, root mean square, norm."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from refnet import backend, config
from refnet.autodiff import Tensor, Variable, apply, value_of
from refnet.ops._op import float_input, kernel_array, op
from refnet.ops.nn import relu
from refnet.ops.numpy import (
    abs,
    add,
    divide,
    maximum,
    mean,
    moveaxis,
    multiply,
    power,
    reshape,
    rsqrt,
    square,
    subtract,
    sum,
    transpose,
)

__all__ = ["batch_normalization", "group_normalization", "layer_normalization", "moments", "normalize",
           "normalize_batch", "rms_normalization"]


@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over some axes.

    Args:
        x: an array or tensor.
        axes: an axis or several.
        keepdims: keep the reduced axes, with size 1.
        synchronized: over several devices: not supported.

    Returns:
        (mean, variance), the variance by two passes over x.
    """
    if synchronized:
        raise ValueError("moments: synchronized=True is for training on several devices, which refnet does not "
                         "do. Leave it False.")
    axes = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    x = float_input(x)
    centre = mean(x, axis=axes, keepdims=True)
    variance = mean(square(subtract(x, centre)), axis=axes, keepdims=keepdims)
    return (centre if keepdims else reshape(centre, variance.shape)), variance


def _axes_of(name: str, axis: Any, rank: int) -> tuple[int, ...]:
    """Axes as non-negative numbers, ascending."""
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"{name}: axis {a} is out of range for an input with {rank} axes.")
    return tuple(sorted(a % rank for a in axes))


# --- over the batch: rows (M, C), one feature a column -----------------------------------------------------------

def _columns(x: Any, axis: int) -> tuple[Any, Any]:
    """x as (M, C) with C along `axis`, and the function that puts such an array back into x's shape."""
    rank = len(x.shape)
    (axis,) = _axes_of("batch_normalization", axis, rank)
    moved = float_input(x if axis == rank - 1 else moveaxis(x, axis, -1))
    shape = tuple(moved.shape)
    rows = moved if rank == 2 else reshape(moved, (math.prod(shape[:-1]), shape[-1]))

    def back(y: Any) -> Any:
        y = y if rank == 2 else reshape(y, shape)
        return y if axis == rank - 1 else moveaxis(y, -1, axis)

    return rows, back


@op
def normalize_batch(x: Any, gamma: Any = None, beta: Any = None, axis: int = -1, epsilon: float = 1e-3,
                    weights: Any = None, activation: str = "linear") -> Any:
    """Batch normalization in training: mean 0 and variance 1 for every feature, over all other axes, in one kernel.
    (Beyond Keras.)

    Args:
        x: any shape.
        gamma, beta: (C,) or None.
        axis: the axis of the features, C long.
        epsilon: added to the variance.
        weights: how much each row counts in the statistics (a mask): x's shape without `axis`, or None.
        activation: "linear" or "relu", applied in the same kernel.

    Returns:
        (y, statistics): y as x, and a plain array (2, C) of mean and (biased) variance.
    """
    rows, back = _columns(x, axis)
    dtype = value_of(rows).dtype
    if weights is not None:
        weights = kernel_array(value_of(weights).reshape(-1), dtype)
    statistics = np.empty((2, rows.shape[1]), dtype)
    kernels = backend.active()
    y = apply(kernels.batch_norm_forward, kernels.batch_norm_backward, (rows, gamma, beta), epsilon, statistics, True,
              weights, activation)
    return back(y), statistics


def _is_constant(x: Any) -> bool:
    return not ((isinstance(x, Tensor) and x.tracked) or (isinstance(x, Variable) and x.trainable))


@op
def batch_normalization(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
                        epsilon: float = 1e-3, activation: str = "linear") -> Any:
    """f((x - mean) / sqrt(variance + epsilon) · scale + offset), for every feature along `axis`.

    Args:
        x: any shape.
        mean, variance: (C,). Gradients flow through them if they are on the tape.
        axis: the axis of the features.
        offset, scale: (C,) or None.
        epsilon: added to the variance.
        activation: "linear" or "relu", applied in the same kernel. (Beyond Keras.)
    """
    if _is_constant(mean) and _is_constant(variance):
        rows, back = _columns(x, axis)
        statistics = np.stack([value_of(mean), value_of(variance)]).astype(value_of(rows).dtype, copy=False)
        kernels = backend.active()
        return back(apply(kernels.batch_norm_forward, kernels.batch_norm_backward, (rows, scale, offset), epsilon,
                          statistics, False, None, activation))
    rank = len(x.shape)
    (axis,) = _axes_of("batch_normalization", axis, rank)
    shape = tuple(-1 if a == axis else 1 for a in range(rank))
    inverse = rsqrt(add(variance, epsilon))
    factor = inverse if scale is None else multiply(inverse, scale)
    y = multiply(subtract(float_input(x), reshape(mean, shape)), reshape(factor, shape))
    y = y if offset is None else add(y, reshape(offset, shape))
    return relu(y) if activation == "relu" else y


# --- over the entries of a sample: rows (M, C), one sample a row ----------------------------------------------------

def _rows(name: str, x: Any, axis: Any) -> tuple[Any, Any]:
    """x as (M, C), C the entries over `axis`, and the function that puts such an array back into x's shape."""
    rank = len(x.shape)
    axes = _axes_of(name, axis, rank)
    order = [a for a in range(rank) if a not in axes] + list(axes)
    moved = float_input(x if order == list(range(rank)) else transpose(x, order))
    shape = tuple(moved.shape)
    lead = rank - len(axes)
    rows = moved if rank == 2 and lead == 1 else reshape(moved, (math.prod(shape[:lead]), math.prod(shape[lead:])))

    def back(y: Any) -> Any:
        y = y if rank == 2 and lead == 1 else reshape(y, shape)
        return y if order == list(range(rank)) else transpose(y, np.argsort(order))

    return rows, back


def _flat(parameter: Any, dtype: Any) -> Any:
    if parameter is None:
        return None
    return float_input(parameter if len(parameter.shape) == 1 else reshape(parameter, (-1,)), dtype)


@op
def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1,
                        epsilon: float | None = None) -> Any:
    """Mean 0 and variance 1 over `axis`, each sample by itself; then scaled by gamma and moved by beta.

    Args:
        x: any shape.
        gamma, beta: the sizes of x over `axis`, or None.
        axis: an axis or several.
        epsilon: added to the variance; None: `refnet.config.epsilon()`.
    """
    rows, back = _rows("layer_normalization", x, axis)
    dtype = value_of(rows).dtype
    kernels = backend.active()
    return back(apply(kernels.layer_norm_forward, kernels.layer_norm_backward,
                      (rows, _flat(gamma, dtype), _flat(beta, dtype)), config.epsilon() if epsilon is None else epsilon))


@op
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x divided by its root mean square over `axis`; then scaled.

    Args:
        x: any shape.
        scale: the sizes of x over `axis`, or None.
        axis: an axis or several.
        epsilon: added to the mean square; None: `refnet.config.epsilon()`.
    """
    rows, back = _rows("rms_normalization", x, axis)
    kernels = backend.active()
    return back(apply(kernels.rms_norm_forward, kernels.rms_norm_backward, (rows, _flat(scale, value_of(rows).dtype)),
                      config.epsilon() if epsilon is None else epsilon))


@op
def group_normalization(x: Any, groups: int, gamma: Any = None, beta: Any = None, axis: int = -1,
                        epsilon: float = 1e-3) -> Any:
    """Mean 0 and variance 1 over each group of channels and all places of a sample. (Beyond Keras.)

    Layer normalization of rows that hold one group of one sample; gamma and beta vary along a row and come after it.

    Args:
        x: (N, ...), with C channels along `axis`.
        groups: how many groups; C must be divisible by it.
        gamma, beta: (C,) or None.
        axis: the axis of the channels; not the first.
        epsilon: added to the variance.
    """
    shape, rank = tuple(x.shape), len(x.shape)
    (axis,) = _axes_of("group_normalization", axis, rank)
    channels = shape[axis]
    if axis == 0 or groups < 1 or channels % groups:
        raise ValueError(f"group_normalization: an input of shape {shape} cannot be cut into {groups} equal "
                         f"groups along axis {axis}.")
    split = reshape(float_input(x), (*shape[:axis], groups, channels // groups, *shape[axis + 1:]))
    order = (0, axis, *(a for a in range(1, rank + 1) if a != axis))                  # (N, groups, everything else)
    moved = transpose(split, order)
    rows = float_input(reshape(moved, (shape[0] * groups, math.prod(shape[1:]) // groups)))
    kernels = backend.active()
    y = apply(kernels.layer_norm_forward, kernels.layer_norm_backward, (rows, None, None), epsilon)
    y = reshape(transpose(reshape(y, moved.shape), np.argsort(order)), shape)
    along = tuple(channels if a == axis else 1 for a in range(rank))
    if gamma is not None:
        y = multiply(y, reshape(gamma, along))
    return y if beta is None else add(y, reshape(beta, along))


@op
def normalize(x: Any, axis: int | Sequence[int] | None = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm over `axis`.

    Args:
        x: any shape.
        axis: an axis or several; None: all.
        order: of the norm, an integer of at least 1.
        epsilon: the least norm that is divided by; None: `refnet.config.epsilon()`.
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: `order` must be an integer of at least 1. Received: order={order!r}")
    epsilon = config.epsilon() if epsilon is None else epsilon
    axis = tuple(axis) if isinstance(axis, list) else axis
    x = float_input(x)
    if order == 2:                             # the bound is put inside the root: the slope at 0 is finite there
        return multiply(x, rsqrt(maximum(sum(square(x), axis=axis, keepdims=True), epsilon * epsilon)))
    norm = power(sum(power(abs(x), order), axis=axis, keepdims=True), 1.0 / order)
    return divide(x, maximum(norm, epsilon))
