"""Pooling to a wanted size: AdaptiveAveragePooling1D/2D/3D, AdaptiveMaxPooling1D/2D/3D."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.spatial import SpatialLayer
from refnet.ops.windows import Size, check_extent

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class BaseAdaptivePooling(SpatialLayer):
    """Pooling over windows that follow from the size of the output. Subclasses name the op."""

    def __init__(self, rank, output_size, data_format, **kwargs):
        super().__init__(rank, data_format, **kwargs)
        self.output_size = self._tuple(output_size, "output_size")
        self._checked(check_extent, self.output_size, "the output", "`output_size`")
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape):
        return self._shape(input_shape, self.output_size)

    def get_config(self):
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}


class BaseAdaptiveAveragePooling(BaseAdaptivePooling):
    """The mean of each window."""

    def call(self, inputs):
        return self._checked(ops.adaptive_average_pool, inputs, self.output_size, self.data_format)


class BaseAdaptiveMaxPooling(BaseAdaptivePooling):
    """The largest entry of each window."""

    def call(self, inputs):
        return self._checked(ops.adaptive_max_pool, inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(BaseAdaptiveAveragePooling):
    """The mean of windows over sequences, chosen so that the output has a given size whatever the input's is.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        output_size: the size of the output, an integer or a tuple of one.
        data_format: see `Conv1D`.
        **kwargs: see `Layer`.

    Input (N, T, C), output of the same rank.
    """

    def __init__(self, output_size: Size, data_format: str | None = None, **kwargs: Any):
        super().__init__(1, output_size, data_format, **kwargs)


class AdaptiveAveragePooling2D(BaseAdaptiveAveragePooling):
    """The mean of windows over images, chosen so that the output has a given size whatever the input's is.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        output_size: the size of the output, an integer or a tuple of two.
        data_format: see `Conv2D`.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output of the same rank.
    """

    def __init__(self, output_size: Size, data_format: str | None = None, **kwargs: Any):
        super().__init__(2, output_size, data_format, **kwargs)


class AdaptiveAveragePooling3D(BaseAdaptiveAveragePooling):
    """The mean of windows over volumes, chosen so that the output has a given size whatever the input's is.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        output_size: the size of the output, an integer or a tuple of three.
        data_format: see `Conv3D`.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output of the same rank.
    """

    def __init__(self, output_size: Size, data_format: str | None = None, **kwargs: Any):
        super().__init__(3, output_size, data_format, **kwargs)


class AdaptiveMaxPooling1D(BaseAdaptiveMaxPooling):
    """The largest entry of windows over sequences, chosen so that the output has a given size whatever the input's is.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        output_size: the size of the output, an integer or a tuple of one.
        data_format: see `Conv1D`.
        **kwargs: see `Layer`.

    Input (N, T, C), output of the same rank.
    """

    def __init__(self, output_size: Size, data_format: str | None = None, **kwargs: Any):
        super().__init__(1, output_size, data_format, **kwargs)


class AdaptiveMaxPooling2D(BaseAdaptiveMaxPooling):
    """The largest entry of windows over images, chosen so that the output has a given size whatever the input's is.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        output_size: the size of the output, an integer or a tuple of two.
        data_format: see `Conv2D`.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output of the same rank.
    """

    def __init__(self, output_size: Size, data_format: str | None = None, **kwargs: Any):
        super().__init__(2, output_size, data_format, **kwargs)


class AdaptiveMaxPooling3D(BaseAdaptiveMaxPooling):
    """The largest entry of windows over volumes, chosen so that the output has a given size whatever the input's is.

    Window i of N over M places runs from floor(i M / N) to ceil((i + 1) M / N).

    Args:
        output_size: the size of the output, an integer or a tuple of three.
        data_format: see `Conv3D`.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output of the same rank.
    """

    def __init__(self, output_size: Size, data_format: str | None = None, **kwargs: Any):
        super().__init__(3, output_size, data_format, **kwargs)
