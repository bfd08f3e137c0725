"""Image ops, named as in keras.ops.image: resizing.

    >>> refnet.ops.image.resize(images, (32, 32)).shape
    (64, 32, 32, 3)
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from refnet.autodiff import Tensor, Variable, value_of
from refnet.kernels import arrays
from refnet.ops._op import op
from refnet.ops.numpy import broadcast_to, get_item, pad, reshape, take
from refnet.ops.pooling import apply_matrix
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


@op
def image_resize(images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
                 crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, fill_mode: str = "constant",
                 fill_value: float = 0.0, data_format: str | None = None) -> Any:
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
    rank = len(images.shape)
    if rank not in (3, 4):
        raise ValueError(f"resize: images must have 3 axes (one image) or 4 (a batch). Received shape: "
                         f"{tuple(images.shape)}")
    height, width = tuple_of(size, 2, "size")
    check_extent((height, width), "the resized image", "`height` and `width`")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"resize: `interpolation` must be one of {', '.join(INTERPOLATIONS)}. Received: "
                         f"interpolation={interpolation!r}")
    if fill_mode != "constant":
        raise ValueError(f"resize: `fill_mode` must be 'constant'. Received: fill_mode={fill_mode!r}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True.")
    axes = (rank - 2, rank - 1) if data_format_of(data_format) == "channels_first" else (rank - 3, rank - 2)
    x = images if isinstance(images, (Tensor, Variable)) else value_of(images)
    if 0 in (x.shape[axes[0]], x.shape[axes[1]]):
        raise ValueError(f"resize: the images have no pixels: shape {tuple(images.shape)}.")
    kind = x.dtype
    if kind.kind in "iub" and interpolation != "nearest":
        x = x.astype(np.float32)
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
            x = take(x, arrays.nearest_indices(old_size, new_size), axis=axis)
        else:
            x = apply_matrix(_matrix(old_size, new_size, interpolation, antialias, value_of(x).dtype), x, axis)
    if kind.kind in "iu" and value_of(x).dtype != kind:
        limits = np.iinfo(kind)
        x = np.clip(np.round(value_of(x)), limits.min, limits.max).astype(kind)
    return x


resize = image_resize                     # under that name alone the op would answer for numpy.resize, another function


@op
def repeat_places(x: Any, factors: tuple, first_axis: int = 1) -> Any:
    """Every place repeated `factors` times along the axes from `first_axis` on: nearest up-sampling. (Beyond Keras.)

    A broadcast, whose gradient is a sum, where `repeat` would gather by index.
    """
    shape = tuple(x.shape)
    split, repeated, merged = list(shape[:first_axis]), list(shape[:first_axis]), list(shape[:first_axis])
    for size, factor in zip(shape[first_axis:], factors, strict=False):
        split += [size, 1]
        repeated += [size, factor]
        merged.append(size * factor)
    check_extent(merged[first_axis:], f"the output of size={factors}", "`size` or inputs")
    rest = shape[first_axis + len(factors):]
    return reshape(broadcast_to(reshape(x, (*split, *rest)), (*repeated, *rest)), (*merged, *rest))
