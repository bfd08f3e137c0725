"""UpSampling1D/2D/3D, Resizing, CenterCrop: images in another size."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet import ops
from refnet.autodiff import value_of
from refnet.layers.layer import Layer
from refnet.layers.spatial import SpatialLayer
from refnet.ops.image import INTERPOLATIONS, fitting_box
from refnet.ops.windows import Size, check_extent, data_format_of, tuple_of

__all__ = ["CenterCrop", "Resizing", "UpSampling1D", "UpSampling2D", "UpSampling3D"]


class BaseUpSampling(SpatialLayer):
    """Up-sampling of `rank` spatial axes by whole factors."""

    def __init__(self, rank, size, data_format, **kwargs):
        super().__init__(rank, data_format, **kwargs)
        self.size = self._tuple(size, "size")
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape):
        sizes = self._sizes(input_shape)
        larger = tuple(n if n is None else n * factor for n, factor in zip(sizes, self.size, strict=True))
        self._checked(check_extent, larger, f"the output of size={self.size} for an input of spatial size {sizes}",
                      "inputs or `size`")  # fmt: skip
        return self._shape(input_shape, larger)

    def call(self, inputs):
        first_axis = 1 if self.data_format == "channels_last" else 2
        return self._checked(ops.image.repeat_places, inputs, self.size, first_axis)


class UpSampling1D(BaseUpSampling):
    """Every step repeated `size` times.

    Args:
        size: how many times.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, size T, C).
    """

    def __init__(self, size: Size = 2, **kwargs: Any):
        super().__init__(1, size, "channels_last", **kwargs)

    def get_config(self):
        return {**super().get_config(), "size": self.size[0]}


class UpSampling2D(BaseUpSampling):
    """Images enlarged by whole factors.

    The mathematics of interpolation is in `refnet/kernels/interpolation.py`.

    Args:
        size: the factors for height and width, or one for both.
        data_format: see `Conv2D`.
        interpolation: `"nearest"` (every pixel repeated), `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, size[0] H, size[1] W, C).

    Raises:
        ValueError: for wrong arguments.
    """

    def __init__(self, size: Size = (2, 2), data_format: str | None = None,
                 interpolation: str = "nearest", **kwargs: Any):  # fmt: skip
        super().__init__(2, size, data_format, **kwargs)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in INTERPOLATIONS:
            raise self._error(
                f"`interpolation` must be one of {', '.join(INTERPOLATIONS)}. Received: interpolation={interpolation!r}"
            )

    def call(self, inputs):
        if self.interpolation == "nearest":
            return super().call(inputs)
        size = tuple(n * factor for n, factor in zip(self._sizes(inputs.shape), self.size, strict=True))
        return self._checked(ops.image.resize, inputs, size, self.interpolation, data_format=self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


class UpSampling3D(BaseUpSampling):
    """Every voxel repeated along each axis.

    Args:
        size: the three factors, or one for all.
        data_format: see `Conv3D`.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output (N, size[0] D, size[1] H, size[2] W, C).
    """

    def __init__(self, size: Size = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(3, size, data_format, **kwargs)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


class BaseSizing(Layer):
    """Layers that give images a fixed size: (N, H, W, C) or a single (H, W, C)."""

    def __init__(self, height, width, data_format, **kwargs):
        super().__init__(**kwargs)
        try:
            self.height, self.width = tuple_of((height, width), 2, "height, width")
            check_extent((self.height, self.width), "the output", "`height` and `width`")
            self.data_format = data_format_of(data_format)
        except ValueError as error:
            raise self._error(error) from None
        self.built = self._needs_no_build()

    def _error(self, message):
        return ValueError(f"{type(self).__name__} '{self.name}': {message}")

    def _height_axis(self, rank):
        if rank not in (3, 4):
            raise self._error(f"expected images of 3 axes (one image) or 4 (a batch), received {rank} axes.")
        return rank - 3 if self.data_format == "channels_last" else rank - 2

    def compute_output_shape(self, input_shape):
        axis = self._height_axis(len(input_shape))
        return (*input_shape[:axis], self.height, self.width, *input_shape[axis + 2 :])

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width, "data_format": self.data_format}


class Resizing(BaseSizing):
    """Images in another size.

    The mathematics is in `refnet/kernels/interpolation.py`. Integer images are rounded and keep their type.

    Args:
        height, width: the size wanted.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: first cut out the largest central part of the target's aspect ratio.
        pad_to_aspect_ratio: first widen the image to the target's aspect ratio.
        fill_mode: `"constant"`: how it is widened.
        fill_value: with what.
        antialias: when shrinking, average over all pixels that a new one covers.
        data_format: see `Conv2D`.
        **kwargs: see `Layer`.

    Input (N, H, W, C) or (H, W, C), output with height and width replaced.

    Raises:
        ValueError: for wrong arguments.
    """

    def __init__(self, height: int, width: int, interpolation: str = "bilinear",
                 crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False,
                 fill_mode: str = "constant", fill_value: float = 0.0, antialias: bool = False,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = str(interpolation).lower()
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)
        if self.interpolation not in INTERPOLATIONS:
            raise self._error(
                f"`interpolation` must be one of {', '.join(INTERPOLATIONS)}. Received: interpolation={interpolation!r}"
            )
        if fill_mode != "constant":
            raise self._error(f"`fill_mode` must be 'constant'. Received: fill_mode={fill_mode!r}")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise self._error("only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True.")

    def call(self, inputs):
        try:
            return ops.image.resize(
                inputs, (self.height, self.width), self.interpolation, self.antialias, self.crop_to_aspect_ratio,
                self.pad_to_aspect_ratio, self.fill_mode, self.fill_value, self.data_format,
            )  # fmt: skip
        except ValueError as error:
            raise self._error(error) from None

    def get_config(self):
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(BaseSizing):
    """The central part of images. An image that is smaller is enlarged: its largest part of the wanted aspect ratio
    is resized.

    Args:
        height, width: the size wanted.
        data_format: see `Conv2D`.
        **kwargs: see `Layer`.

    Input (N, H, W, C) or (H, W, C), output with height and width replaced, in the layer's type.
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(height, width, data_format, **kwargs)

    def call(self, inputs):
        if value_of(inputs).dtype != self.compute_dtype:
            inputs = ops.cast(inputs, np.dtype(self.compute_dtype))
        axis = self._height_axis(len(inputs.shape))
        old_height, old_width = inputs.shape[axis : axis + 2]
        lead = (slice(None),) * axis
        if old_height >= self.height and old_width >= self.width:
            top, left = (old_height - self.height) // 2, (old_width - self.width) // 2
            return ops.get_item(inputs, (*lead, slice(top, top + self.height), slice(left, left + self.width)))
        top, left, height, width = fitting_box(old_height, old_width, self.height, self.width)
        box = ops.get_item(inputs, (*lead, slice(top, top + height), slice(left, left + width)))
        return ops.image.resize(box, (self.height, self.width), data_format=self.data_format)
