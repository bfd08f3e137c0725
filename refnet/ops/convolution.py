"""Convolution ops, with keras.ops' names: convolution, its transpose, depthwise and separable.

Kernels work on channels last. `channels_first` arrays are transposed on the way in and out.
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

from refnet import backend
from refnet.autodiff import Tensor, Variable, apply, value_of
from refnet.ops._op import FLOATS, float_input, op, ready
from refnet.ops.numpy import moveaxis
from refnet.ops.windows import data_format_of, explicit_padding, output_sizes, transpose_geometry, tuple_of

__all__ = ["conv", "conv_max_pool", "conv_transpose", "depthwise_conv", "separable_conv"]


def channels_last(name: str, x: Any, dtype: Any, first: bool) -> Any:
    """x (N, *S, C) as a kernel wants it, with 1 to 3 spatial axes."""
    rank = len(x.shape) - 2 if hasattr(x, "shape") else value_of(x).ndim - 2
    if not 1 <= rank <= 3:
        raise ValueError(f"{name}: inputs must have a batch, 1 to 3 spatial axes and channels (3 to 5 axes in "
                         "all). Received shape: "
                         f"{tuple(x.shape)}")
    return float_input(moveaxis(x, 1, -1) if first else x, dtype)


def _check_kernel(name: str, shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    if len(shape) != rank + 2:
        raise ValueError(f"{name}: inputs with {rank} spatial axes need a kernel of {rank + 2} axes. Received "
                         f"kernel shape: {shape}")
    return shape


@op
def conv(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
         dilation_rate: Any = 1, bias: Any = None, activation: str = "linear") -> Any:
    """f(inputs * kernel + bias) in 1, 2 or 3 dimensions, in one kernel.

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`.
        kernel: (*K, C / groups, F); the number of groups follows from its shape.
        strides: an integer or one per spatial axis.
        padding: "valid", "same" or "causal".
        data_format: "channels_last", "channels_first", or None: `refnet.config.image_data_format()`.
        dilation_rate: an integer or one per spatial axis.
        bias: (F,) or None. (Beyond Keras.)
        activation: a name in FUSED_ACTIVATIONS. (Beyond Keras.)

    Returns:
        (N, *I, F), or (N, F, *I) with `channels_first`.

    Raises:
        ValueError: for shapes that do not fit each other, or an output that would be empty.
    """
    first = data_format_of(data_format) == "channels_first"
    x, kernel, *geometry = _prepare("conv", inputs, kernel, strides, padding, first, dilation_rate)
    kernels = backend.active()
    y = apply(kernels.conv_forward, kernels.conv_backward, (x, kernel, bias), *geometry, activation)
    return moveaxis(y, -1, 1) if first else y


def _prepare(name: str, inputs: Any, kernel: Any, strides: Any, padding: str, first: bool, dilation_rate: Any) -> tuple:
    """x and kernel as the kernels want them, then strides, explicit padding, dilation and groups."""
    values, w = value_of(inputs), value_of(kernel)
    x = inputs if isinstance(inputs, (Tensor, Variable)) else values
    if first or values.dtype != w.dtype or w.dtype not in FLOATS or not (ready(values) and ready(w)):
        kernel = float_input(kernel)
        x = channels_last(name, inputs, value_of(kernel).dtype, first)
        values, w = value_of(x), value_of(kernel)
    if not 3 <= values.ndim <= 5:
        channels_last(name, x, w.dtype, False)                                # for its error
    rank = values.ndim - 2
    strides, dilation = tuple_of(strides, rank, "strides"), tuple_of(dilation_rate, rank, "dilation_rate")
    return x, kernel, *_geometry(name, values.shape, w.shape, strides, padding.lower(), dilation)


@lru_cache(maxsize=4096)
def _geometry(name: str, x: tuple, kernel: tuple, strides: Any, padding: str, dilation: Any) -> tuple:
    """Strides, explicit padding, dilation and groups of arrays of these shapes; cached, as a layer asks in every step."""
    rank = len(x) - 2
    _check_kernel(name, kernel, rank)
    channels, per_group, filters = x[-1], kernel[-2], kernel[-1]
    groups = channels // per_group if per_group else 0
    if groups < 1 or channels % per_group or filters % groups:
        raise ValueError(
            f"{name}: inputs with {channels} channels do not fit a kernel of shape {kernel}: it reads {per_group} "
            "channels per group and makes "
            f"{filters} filters, and both must be divisible by the number of groups.")
    sizes, window = x[1:-1], kernel[:-2]
    found = output_sizes(sizes, window, strides, padding, dilation)           # for its errors
    if name == "conv_max_pool":
        if rank != 2:
            raise ValueError(f"conv_max_pool: inputs must be images (N, H, W, C). Received shape: {x}")
        output_sizes(found, (2, 2), (2, 2), "valid", (1, 1), "pool")          # for its errors
    return strides, explicit_padding(sizes, window, strides, padding, dilation), dilation, groups


@op
def conv_max_pool(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", dilation_rate: Any = 1, bias: Any = None,
                  activation: str = "linear") -> Any:
    """max_pool(conv(...), 2) of images, channels last, in one kernel. (Beyond Keras.)

    Models run it where such a pool follows a convolution (`refnet/models/fusion.py`); the mathematics is in
    `refnet/kernels/convolution_pooling.py`.

    Args:
        inputs: (N, H, W, C).
        kernel: (U, V, C / groups, F).
        strides, padding, dilation_rate, bias: those of `conv`.
        activation: "linear", "relu", "sigmoid" or "tanh".

    Returns:
        (N, I // 2, J // 2, F), if `conv` gives (N, I, J, F).

    Raises:
        ValueError: for shapes that do not fit each other, or an output that would be empty.
    """
    x, kernel, *geometry = _prepare("conv_max_pool", inputs, kernel, strides, padding, False, dilation_rate)
    kernels = backend.active()
    return apply(kernels.conv_max_pool_forward, kernels.conv_max_pool_backward, (x, kernel, bias), *geometry, activation)


@op
def depthwise_conv(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
                   dilation_rate: Any = 1, bias: Any = None, activation: str = "linear") -> Any:
    """Every channel convolved by itself, with M filters each.

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`.
        kernel: (*K, C, M).
        strides, padding, data_format, dilation_rate, activation: as in `conv`.
        bias: (C M,) or None.

    Returns:
        (N, *I, C M), the M outputs of a channel side by side.

    Raises:
        ValueError: for shapes that do not fit each other, or an output that would be empty.
    """
    first = data_format_of(data_format) == "channels_first"
    kernel = float_input(kernel)
    x = channels_last("depthwise_conv", inputs, value_of(kernel).dtype, first)
    rank = len(x.shape) - 2
    shape = _check_kernel("depthwise_conv", tuple(kernel.shape), rank)
    if x.shape[-1] != shape[-2]:
        raise ValueError(f"depthwise_conv: inputs have {x.shape[-1]} channels, but the kernel of shape {shape} "
                         f"is for {shape[-2]}.")
    sizes, window, padding = tuple(x.shape[1:-1]), shape[:-2], padding.lower()
    strides, dilation = tuple_of(strides, rank, "strides"), tuple_of(dilation_rate, rank, "dilation_rate")
    output_sizes(sizes, window, strides, padding, dilation)
    kernels = backend.active()
    y = apply(kernels.depthwise_conv_forward, kernels.depthwise_conv_backward, (x, kernel, bias), strides,
              explicit_padding(sizes, window, strides, padding, dilation), dilation, activation)
    return moveaxis(y, -1, 1) if first else y


@op
def separable_conv(inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: str = "valid",
                   data_format: str | None = None, dilation_rate: Any = 1, bias: Any = None,
                   activation: str = "linear") -> Any:
    """A depthwise convolution, then a 1x1 convolution that mixes the channels.

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`.
        depthwise_kernel: (*K, C, M).
        pointwise_kernel: (1, ..., 1, C M, F).
        strides, padding, data_format, dilation_rate: as in `conv`.
        bias: (F,) or None, added at the end.
        activation: a name in FUSED_ACTIVATIONS, applied at the end.

    Returns:
        (N, *I, F), or (N, F, *I) with `channels_first`.

    Raises:
        ValueError: for shapes that do not fit each other, or an output that would be empty.
    """
    first = data_format_of(data_format) == "channels_first"
    x = moveaxis(inputs, 1, -1) if first else inputs
    y = depthwise_conv(x, depthwise_kernel, strides, padding, "channels_last", dilation_rate)
    y = conv(y, pointwise_kernel, 1, "valid", "channels_last", 1, bias, activation)
    return moveaxis(y, -1, 1) if first else y


@op
def conv_transpose(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
                   data_format: str | None = None, dilation_rate: Any = 1, bias: Any = None,
                   activation: str = "linear") -> Any:
    """The transpose of a convolution: every input entry is stamped into the output with the whole kernel.

    Args:
        inputs: (N, *S, C), or (N, C, *S) with `channels_first`.
        kernel: (*K, F, C).
        strides, data_format, dilation_rate, activation: as in `conv`.
        padding: "valid" or "same".
        output_padding: how many places to keep at the end of each axis beyond the least (see
            `windows.transpose_geometry`), an integer or one per axis; None: the usual size.
        bias: (F,) or None.

    Returns:
        (N, *O, F), or (N, F, *O) with `channels_first`.

    Raises:
        ValueError: for shapes that do not fit each other, or an output that would be empty.
    """
    first = data_format_of(data_format) == "channels_first"
    kernel = float_input(kernel)
    x = channels_last("conv_transpose", inputs, value_of(kernel).dtype, first)
    rank = len(x.shape) - 2
    shape = _check_kernel("conv_transpose", tuple(kernel.shape), rank)
    if x.shape[-1] != shape[-1]:
        raise ValueError(f"conv_transpose: inputs have {x.shape[-1]} channels, but the kernel of shape {shape} "
                         f"is for {shape[-1]}.")
    strides, dilation = tuple_of(strides, rank, "strides"), tuple_of(dilation_rate, rank, "dilation_rate")
    if output_padding is not None:
        output_padding = tuple_of(output_padding, rank, "output_padding", minimum=0)
    sizes, window = tuple(x.shape[1:-1]), shape[:-2]
    before, size = transpose_geometry(sizes, window, strides, padding.lower(), output_padding, dilation)
    kernels = backend.active()
    y = apply(kernels.conv_transpose_forward, kernels.conv_transpose_backward, (x, kernel, bias), strides, before, size,
              dilation, activation)
    return moveaxis(y, -1, 1) if first else y
