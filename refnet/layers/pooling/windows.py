"""Max and average pooling over windows: MaxPooling1D/2D/3D, AveragePooling1D/2D/3D."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.spatial import SpatialLayer
from refnet.ops.windows import Size, output_sizes

__all__ = ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]


class BasePooling(SpatialLayer):
    """Pooling over windows of `rank` spatial axes. Subclasses name the op."""

    def __init__(self, rank, pool_size, strides, padding, data_format, name, **kwargs):
        super().__init__(rank, data_format, name=name, **kwargs)
        self.pool_size = self._tuple(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else self._tuple(strides, "strides")
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise self._error(f"`padding` must be 'valid' or 'same'. Received: padding={padding!r}")
        self.built = self._needs_no_build()

    def _pool(self, op, inputs):
        try:
            return op(inputs, self.pool_size, self.strides, self.padding, self.data_format)
        except ValueError as error:
            raise self._error(error) from None

    def compute_output_shape(self, input_shape):
        ones = (1,) * self.rank
        sizes = self._checked(
            output_sizes, self._sizes(input_shape), self.pool_size, self.strides, self.padding, ones, "pool"
        )
        return self._shape(input_shape, sizes)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class BaseMaxPooling(BasePooling):
    """The largest entry of each window."""

    def call(self, inputs):
        return self._pool(ops.max_pool, inputs)


class BaseAveragePooling(BasePooling):
    """The mean of each window."""

    def call(self, inputs):
        return self._pool(ops.average_pool, inputs)


class MaxPooling1D(BaseMaxPooling):
    """The largest entry of each window of sequences, every channel by itself.

    The mathematics, forward and backward, is in `refnet/kernels/pooling.py`.

    Args:
        pool_size: the size of the window, an integer or a tuple of one.
        strides: how far it moves at a time; None: `pool_size`.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides; padded places never win).
        data_format: see `Conv1D`.
        name: the layer's name.
        **kwargs: see `Layer`.

    Input (N, T, C), output of the same rank.

    Raises:
        ValueError: for wrong arguments, or a pool that is larger than the input.
    """

    def __init__(self, pool_size: Size = 2, strides: Size | None = None, padding: str = "valid",
                 data_format: str | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(BaseMaxPooling):
    """The largest entry of each window of images, every channel by itself.

    The mathematics, forward and backward, is in `refnet/kernels/pooling.py`.

    Args:
        pool_size: the size of the window, an integer or a tuple of two.
        strides: how far it moves at a time; None: `pool_size`.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides; padded places never win).
        data_format: see `Conv2D`.
        name: the layer's name.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output of the same rank.

    Raises:
        ValueError: for wrong arguments, or a pool that is larger than the input.
    """

    def __init__(self, pool_size: Size = (2, 2), strides: Size | None = None, padding: str = "valid",
                 data_format: str | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(2, pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(BaseMaxPooling):
    """The largest entry of each window of volumes, every channel by itself.

    The mathematics, forward and backward, is in `refnet/kernels/pooling.py`.

    Args:
        pool_size: the size of the window, an integer or a tuple of three.
        strides: how far it moves at a time; None: `pool_size`.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides; padded places never win).
        data_format: see `Conv3D`.
        name: the layer's name.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output of the same rank.

    Raises:
        ValueError: for wrong arguments, or a pool that is larger than the input.
    """

    def __init__(self, pool_size: Size = (2, 2, 2), strides: Size | None = None, padding: str = "valid",
                 data_format: str | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(3, pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(BaseAveragePooling):
    """The mean of each window of sequences, every channel by itself.

    The mathematics, forward and backward, is in `refnet/kernels/pooling.py`.

    Args:
        pool_size: the size of the window, an integer or a tuple of one.
        strides: how far it moves at a time; None: `pool_size`.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides; padded places do not count).
        data_format: see `Conv1D`.
        name: the layer's name.
        **kwargs: see `Layer`.

    Input (N, T, C), output of the same rank.

    Raises:
        ValueError: for wrong arguments, or a pool that is larger than the input.
    """

    def __init__(self, pool_size: Size, strides: Size | None = None, padding: str = "valid",
                 data_format: str | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling2D(BaseAveragePooling):
    """The mean of each window of images, every channel by itself.

    The mathematics, forward and backward, is in `refnet/kernels/pooling.py`.

    Args:
        pool_size: the size of the window, an integer or a tuple of two.
        strides: how far it moves at a time; None: `pool_size`.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides; padded places do not count).
        data_format: see `Conv2D`.
        name: the layer's name.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output of the same rank.

    Raises:
        ValueError: for wrong arguments, or a pool that is larger than the input.
    """

    def __init__(self, pool_size: Size, strides: Size | None = None, padding: str = "valid",
                 data_format: str | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(2, pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling3D(BaseAveragePooling):
    """The mean of each window of volumes, every channel by itself.

    The mathematics, forward and backward, is in `refnet/kernels/pooling.py`.

    Args:
        pool_size: the size of the window, an integer or a tuple of three.
        strides: how far it moves at a time; None: `pool_size`.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides; padded places do not count).
        data_format: see `Conv3D`.
        name: the layer's name.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output of the same rank.

    Raises:
        ValueError: for wrong arguments, or a pool that is larger than the input.
    """

    def __init__(self, pool_size: Size, strides: Size | None = None, padding: str = "valid",
                 data_format: str | None = None, name: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(3, pool_size, strides, padding, data_format, name, **kwargs)
