"""Pooling of everything: GlobalAveragePooling1D/2D/3D, GlobalMaxPooling1D/2D/3D."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.spatial import SpatialLayer

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


class BaseGlobalPooling(SpatialLayer):
    """Pooling over all places of `rank` spatial axes."""

    def __init__(self, rank, data_format, keepdims, **kwargs):
        super().__init__(rank, data_format, **kwargs)
        self.keepdims = keepdims
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape):
        self._check_places(input_shape)
        if self.keepdims:
            return self._shape(input_shape, (1,) * self.rank)
        return (input_shape[0], input_shape[self._channel_axis])

    def _check_places(self, shape):
        if 0 in self._sizes(shape):
            raise self._error(f"the input has no places to pool over: shape {tuple(shape)}.")

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class BaseGlobalAveragePooling(BaseGlobalPooling):
    """The mean over all places."""

    def call(self, inputs):
        self._check_places(inputs.shape)
        return ops.global_average_pool(inputs, self.data_format, self.keepdims)


class BaseGlobalMaxPooling(BaseGlobalPooling):
    """The largest entry of all places; equal ones share the gradient."""

    def call(self, inputs):
        self._check_places(inputs.shape)
        axes = range(1, self.rank + 1) if self.data_format == "channels_last" else range(2, self.rank + 2)
        return ops.max(inputs, axis=tuple(axes), keepdims=self.keepdims)


class GlobalAveragePooling1D(BaseGlobalAveragePooling):
    """The mean of each channel over all steps of sequences. With a mask (N, T), only over the steps that it keeps.

    Args:
        data_format: see `Conv1D`.
        keepdims: keep the spatial axes, with size 1.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, C).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(1, data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        steps, channels = (1, 2) if self.data_format == "channels_last" else (2, 1)
        kept = ops.expand_dims(ops.cast(mask, "bool"), channels)
        total = ops.sum(ops.where(kept, inputs, 0.0), axis=steps, keepdims=self.keepdims)
        count = ops.sum(ops.cast(kept, inputs.dtype), axis=steps, keepdims=self.keepdims)
        return total / ops.maximum(count, 1.0)  # a sample with no step left gives 0

    _makes_no_mask = True

    def compute_mask(self, inputs, previous_mask=None):
        return None


class GlobalAveragePooling2D(BaseGlobalAveragePooling):
    """The mean of each channel over all places of images.

    Args:
        data_format: see `Conv2D`.
        keepdims: keep the spatial axes, with size 1.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, C).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(2, data_format, keepdims, **kwargs)


class GlobalAveragePooling3D(BaseGlobalAveragePooling):
    """The mean of each channel over all places of volumes.

    Args:
        data_format: see `Conv3D`.
        keepdims: keep the spatial axes, with size 1.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output (N, C).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(3, data_format, keepdims, **kwargs)


class GlobalMaxPooling1D(BaseGlobalMaxPooling):
    """The largest entry of each channel over all steps of sequences.

    Args:
        data_format: see `Conv1D`.
        keepdims: keep the spatial axes, with size 1.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, C).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(1, data_format, keepdims, **kwargs)


class GlobalMaxPooling2D(BaseGlobalMaxPooling):
    """The largest entry of each channel over all places of images.

    Args:
        data_format: see `Conv2D`.
        keepdims: keep the spatial axes, with size 1.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, C).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(2, data_format, keepdims, **kwargs)


class GlobalMaxPooling3D(BaseGlobalMaxPooling):
    """The largest entry of each channel over all places of volumes.

    Args:
        data_format: see `Conv3D`.
        keepdims: keep the spatial axes, with size 1.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output (N, C).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(3, data_format, keepdims, **kwargs)
