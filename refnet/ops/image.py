"""Image ops, named as in keras.ops.image: resizing.

>>> refnet.ops.image.resize(images, (32, 32)).shape
(64, 32, 32, 3)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from refnet import backend, public
from refnet.graph import KerasTensor
from refnet.kernels import arrays
from refnet.ops._op import array_of, as_type, op, snapshot
from refnet.ops.dtypes import kernel_float
from refnet.ops.numpy import broadcast_to, clip, get_item, pad, reshape, round, take
from refnet.ops.pooling import apply_matrix
from refnet.ops.rules import like, shape_of, spec
from refnet.ops.windows import check_extent, data_format_of, tuple_of

__all__ = ["repeat_places", "resize"]

INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


@lru_cache(maxsize=256)
def _matrix(size: int, new_size: int, method: str, antialias: bool, dtype: Any) -> np.ndarray:
    return arrays.interpolation_matrix(size, new_size, method, antialias).astype(dtype)


def fitting_box(height: int, width: int, target_height: int, target_width: int) -> tuple[int, int, int, int]:
    """The largest central box of the target's aspect ratio: (top, left, height, width)."""
    crop_height = max(min(height, int(float(width * target_height) / target_width)), 1)
    crop_width = max(min(width, int(float(height * target_width) / target_height)), 1)
    return int(float(height - crop_height) / 2), int(float(width - crop_width) / 2), crop_height, crop_width


def _check_resize(
    shape: tuple, size: Any, interpolation: str, crop: bool, pad: bool, fill_mode: str, data_format: str | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The axes of height and width, and the new sizes."""
    rank = len(shape)
    if rank not in (3, 4):
        raise ValueError(f"resize: images must have 3 axes (one image) or 4 (a batch). Received shape: {tuple(shape)}")
    height, width = tuple_of(size, 2, "size")
    check_extent((height, width), "the resized image", "`height` and `width`")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"resize: `interpolation` must be one of {', '.join(INTERPOLATIONS)}. Received: "
            f"interpolation={interpolation!r}"
        )
    if fill_mode != "constant":
        raise ValueError(f"resize: `fill_mode` must be 'constant'. Received: fill_mode={fill_mode!r}")
    if crop and pad:
        raise ValueError("resize: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True.")
    axes = (rank - 2, rank - 1) if data_format_of(data_format) == "channels_first" else (rank - 3, rank - 2)
    if 0 in (shape[axes[0]], shape[axes[1]]):
        raise ValueError(f"resize: the images have no pixels: shape {tuple(shape)}.")
    return axes, (height, width)


def _resize_rule(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    shape = list(shape_of(images))
    axes, sizes = _check_resize(
        tuple(shape), size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, data_format
    )
    for axis, new_size in zip(axes, sizes, strict=True):
        shape[axis] = new_size
    return KerasTensor(shape, _resized_type(spec(images).dtype, interpolation))


def _resized_type(dtype: Any, interpolation: str) -> np.dtype:
    """Integers are rounded back to their type; nearest copies."""
    dtype = np.dtype(dtype)
    return dtype if dtype.kind in "iu" or interpolation == "nearest" else kernel_float(dtype)


@op(_resize_rule)
def image_resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images in another size. Differentiable, but for integer images, which are rounded and keep their type.

    Args:
        images: (N, H, W, C) or (H, W, C); with `channels_first` (N, C, H, W) or (C, H, W).
        size: (height, width).
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        antialias: when shrinking, average over all pixels that a new one covers.
        crop_to_aspect_ratio: first cut out the largest central box of the target's aspect ratio.
        pad_to_aspect_ratio: first widen the image to the target's aspect ratio, evenly, with `fill_value`.
        fill_mode: "constant".
        fill_value: what the padding is filled with.
        data_format: "channels_last", "channels_first", or None: `refnet.config.image_data_format()`.

    Returns:
        The resized images.

    Raises:
        ValueError: for other ranks, sizes or options.
    """
    x = snapshot(array_of(images))
    kind, rank = x.dtype, x.ndim
    axes, (height, width) = _check_resize(
        x.shape, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, data_format
    )
    if interpolation != "nearest":
        x = as_type(x, kernel_float(kind))
    if crop_to_aspect_ratio:
        top, left, box_height, box_width = fitting_box(x.shape[axes[0]], x.shape[axes[1]], height, width)
        lead = (slice(None),) * axes[0]
        x = get_item(x, (*lead, slice(top, top + box_height), slice(left, left + box_width)))
    elif pad_to_aspect_ratio:
        old_height, old_width = x.shape[axes[0]], x.shape[axes[1]]
        more_rows = max(int(float(old_width * height) / width) - old_height, 0) // 2
        more_columns = 0 if more_rows else max(int(float(old_height * width) / height) - old_width, 0) // 2
        border = [(0, 0)] * rank
        border[axes[0]], border[axes[1]] = (more_rows, more_rows), (more_columns, more_columns)
        x = pad(x, border, constant_values=fill_value)
    for axis, new_size in zip(axes, (height, width), strict=True):
        old_size = x.shape[axis]
        if old_size == new_size:
            continue
        if interpolation == "nearest":
            x = take(x, backend.active().constant_array(arrays.nearest_indices(old_size, new_size)), axis=axis)
        else:
            x = apply_matrix(_matrix(old_size, new_size, interpolation, antialias, x.dtype), x, axis)
    if kind.kind in "iu" and x.dtype != kind:
        limits = np.iinfo(kind)
        x = as_type(clip(round(x), float(limits.min), float(limits.max)), kind)
    return x


resize = image_resize  # under that name alone the op would answer for numpy.resize, another function


def _repeat_rule(x, factors, first_axis=1):
    shape = list(shape_of(x))
    for axis, factor in enumerate(factors, first_axis):
        shape[axis] = None if shape[axis] is None else shape[axis] * factor
    return like(x, shape)


@op(_repeat_rule)
def repeat_places(x: Any, factors: tuple, first_axis: int = 1) -> Any:
    """Every place repeated `factors` times along the axes from `first_axis` on: nearest up-sampling. (Beyond Keras.)

    A broadcast, whose gradient is a sum, where `repeat` would gather by index.
    """
    x = array_of(x)
    shape = tuple(x.shape)
    split, repeated, merged = list(shape[:first_axis]), list(shape[:first_axis]), list(shape[:first_axis])
    for size, factor in zip(shape[first_axis:], factors, strict=False):
        split += [size, 1]
        repeated += [size, factor]
        merged.append(size * factor)
    check_extent(merged[first_axis:], f"the output of size={factors}", "`size` or inputs")
    rest = shape[first_axis + len(factors) :]
    return reshape(broadcast_to(reshape(x, (*split, *rest)), (*repeated, *rest)), (*merged, *rest))


public.finish(__name__)
