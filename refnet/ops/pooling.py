"""Pooling ops, with keras.ops' names: windows, whole images, and windows that adapt to a wanted output size."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from refnet import backend
from refnet.autodiff import apply, value_of
from refnet.kernels import arrays
from refnet.ops._op import float_input, op, plain
from refnet.ops.convolution import channels_last, spatial_rank, symbolic_result, symbolic_shape
from refnet.ops.numpy import argmax, einsum, expand_dims, moveaxis, reshape, take, take_along_axis
from refnet.ops.rules import spec
from refnet.ops.windows import check_extent, data_format_of, explicit_padding, output_sizes, tuple_of

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "global_average_pool", "max_pool"]


def _no_causal(padding: str) -> None:
    if padding == "causal":
        raise ValueError("`padding` must be 'valid' or 'same'. Received: padding='causal'")


def _pool(name: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Any:
    first = data_format_of(data_format) == "channels_first"
    x = channels_last(name, inputs, None, first)
    rank = len(x.shape) - 2
    window = tuple_of(pool_size, rank, "pool_size")
    strides = window if strides is None else tuple_of(strides, rank, "strides")
    sizes, ones, padding = tuple(x.shape[1:-1]), (1,) * rank, padding.lower()
    _no_causal(padding)
    output_sizes(sizes, window, strides, padding, ones, "pool")
    kernels = backend.active()
    y = apply(
        getattr(kernels, f"{name}_forward"),
        getattr(kernels, f"{name}_backward"),
        (x,),
        window,
        strides,
        explicit_padding(sizes, window, strides, padding, ones),
    )
    return moveaxis(y, -1, 1) if first else y


def _pool_rule(name: str) -> Any:
    def rule(inputs, pool_size, strides=None, padding="valid", data_format=None):
        x, first = symbolic_shape(name, inputs, data_format)
        rank = len(x) - 2
        window = tuple_of(pool_size, rank, "pool_size")
        strides = window if strides is None else tuple_of(strides, rank, "strides")
        _no_causal(padding.lower())
        sizes = output_sizes(x[1:-1], window, strides, padding.lower(), (1,) * rank, "pool")
        return symbolic_result((x[0], *sizes, x[-1]), first, spec(inputs).dtype)

    return rule


@op(_pool_rule("max_pool"))
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest entry of each window; the gradient goes to the first of equal ones.

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`; 1 to 3 spatial axes.
        pool_size: an integer or one per spatial axis.
        strides: the same; None: pool_size.
        padding: "valid" or "same". Padded places never win.
        data_format: "channels_last", "channels_first", or None: `refnet.config.image_data_format()`.

    Raises:
        ValueError: when no window fits, or for wrong arguments.
    """
    return _pool("max_pool", inputs, pool_size, strides, padding, data_format)


@op(_pool_rule("average_pool"))
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window; padded places do not count.

    Args:
        inputs, pool_size, strides, padding, data_format: as in `max_pool`.

    Raises:
        ValueError: when no window fits, or for wrong arguments.
    """
    return _pool("average_pool", inputs, pool_size, strides, padding, data_format)


def _global_rule(inputs, data_format=None, keepdims=False):
    x, first = symbolic_shape("global_average_pool", inputs, data_format)
    ones = (1,) * (len(x) - 2) if keepdims else ()
    return symbolic_result((x[0], *ones, x[-1]), first, spec(inputs).dtype)


@op(_global_rule)
def global_average_pool(inputs: Any, data_format: str | None = None, keepdims: bool = False) -> Any:
    """The mean over all spatial axes, in one kernel. (Keras writes it as a mean.)

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`.
        data_format: "channels_last", "channels_first", or None: `refnet.config.image_data_format()`.
        keepdims: keep the spatial axes, with size 1.

    Returns:
        (N, C).
    """
    first = data_format_of(data_format) == "channels_first"
    x = channels_last("global_average_pool", inputs, None, first)
    shape = tuple(x.shape)
    kernels = backend.active()
    flat = reshape(x, (shape[0], math.prod(shape[1:-1]), shape[-1]))
    y = apply(kernels.global_average_pool_forward, kernels.global_average_pool_backward, (flat,))
    if not keepdims:
        return y
    ones = (1,) * (len(shape) - 2)
    return reshape(y, (shape[0], shape[-1], *ones) if first else (shape[0], *ones, shape[-1]))


# --- adaptive: the output's size is given, the windows follow -------------------------------------------------------


@lru_cache(maxsize=256)
def _average_matrix(size: int, new_size: int, dtype: Any) -> np.ndarray:
    return arrays.adaptive_average_matrix(size, new_size).astype(dtype)


@lru_cache(maxsize=256)
def _window_places(size: int, new_size: int) -> np.ndarray:
    """(new_size, longest window): the places of each window; shorter windows repeat their last, which changes no
    maximum."""
    begin, end = arrays.adaptive_windows(size, new_size)
    return np.minimum(begin[:, None] + np.arange((end - begin).max()), end[:, None] - 1)


def _adaptive(name: str, inputs: Any, output_size: Any, data_format: str | None, along_axis: Any) -> Any:
    first = data_format_of(data_format) == "channels_first"
    y = float_input(inputs)
    rank = spatial_rank(name, y.shape)
    _not_empty(name, y.shape, first)
    output_size = tuple_of(output_size, rank, "output_size")
    check_extent(output_size, "the output", "`output_size`")
    for axis, size in enumerate(output_size, 2 if first else 1):
        if y.shape[axis] != size:  # n windows over n places: each place by itself
            y = along_axis(y, axis, size)
    return y


def _not_empty(name: str, shape: tuple, first: bool) -> None:
    if 0 in (shape[2:] if first else shape[1:-1]):
        raise ValueError(f"{name}: the input has spatial axes of size 0: shape {tuple(shape)}.")


def _adaptive_rule(name: str) -> Any:
    def rule(inputs, output_size, data_format=None):
        x, first = symbolic_shape(name, inputs, data_format)
        _not_empty(name, x, False)
        return symbolic_result(
            (x[0], *tuple_of(output_size, len(x) - 2, "output_size"), x[-1]), first, spec(inputs).dtype
        )

    return rule


def _average_along(x: Any, axis: int, size: int) -> Any:
    return apply_matrix(_average_matrix(x.shape[axis], size, value_of(x).dtype), x, axis)


def apply_matrix(matrix: np.ndarray, x: Any, axis: int) -> Any:
    """Σ_j matrix_ij x_j along one axis of x."""
    labels = "abcdefgh"[: len(x.shape)]
    return einsum(f"z{labels[axis]},{labels}->{labels.replace(labels[axis], 'z')}", backend.active().constant_array(matrix), x)


def _max_along(x: Any, axis: int, size: int) -> Any:
    value = value_of(x)
    places = backend.active().constant_array(_window_places(value.shape[axis], size))  # (size, window)
    seen = take(moveaxis(value, axis, -1), places, axis=-1)  # (..., size, window)
    best = plain("broadcast_forward", places, seen.shape, save=False)[0]
    winner = take_along_axis(best, expand_dims(argmax(seen, axis=-1), -1), -1)  # (..., size, 1)
    return take_along_axis(x, moveaxis(reshape(winner, winner.shape[:-1]), -1, axis), axis)


@op(_adaptive_rule("adaptive_average_pool"))
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The mean over windows chosen so that the output has a given size.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`; 1 to 3 spatial axes.
        output_size: an integer or one per spatial axis.
        data_format: "channels_last", "channels_first", or None: `refnet.config.image_data_format()`.
    """
    return _adaptive("adaptive_average_pool", inputs, output_size, data_format, _average_along)


@op(_adaptive_rule("adaptive_max_pool"))
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest entry of windows chosen so that the output has a given size; the gradient goes to the first of
    equal ones.

    Args:
        inputs, output_size, data_format: as in `adaptive_average_pool`.
    """
    return _adaptive("adaptive_max_pool", inputs, output_size, data_format, _max_along)
