"""Cropping1D/2D/3D and ZeroPadding1D/2D/3D: take a border away, or put zeros around."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.spatial import SpatialLayer
from refnet.ops.windows import check_extent, tuple_of

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]


class BaseBorder(SpatialLayer):
    """What cropping and padding share: a number of places before and after, for each axis."""

    def _border(self, value, name):
        """((before, after), ...) from an integer, one integer per axis, or one pair per axis."""
        if isinstance(value, int):
            pairs = ((value, value),) * self.rank
        elif self.rank == 1:  # two integers are the two ends there; ((before, after),) is taken too
            nested = isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], (list, tuple))
            if not nested and (not isinstance(value, (list, tuple)) or len(value) != 2):
                raise self._error(
                    f"`{name}` must be an integer or a pair of integers, (before, after). Received: {name}={value!r}"
                )
            pairs = value if nested else (value,)
        else:
            pairs = value
        if not hasattr(pairs, "__len__") or len(pairs) != self.rank:
            raise self._error(
                f"`{name}` must be an integer, or have an integer or a pair of integers for each of the {self.rank} "
                f"spatial axes. Received: {name}={value!r}"
            )
        return tuple(self._checked(tuple_of, pair, 2, f"an entry of {name}", 0) for pair in pairs)


class BaseCropping(BaseBorder):
    """Cropping of `rank` spatial axes."""

    def __init__(self, rank, cropping, data_format, **kwargs):
        super().__init__(rank, data_format, **kwargs)
        self.cropping = self._border(cropping, "cropping")
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape):
        sizes = self._sizes(input_shape)
        left = tuple(n if n is None else n - a - b for n, (a, b) in zip(sizes, self.cropping, strict=True))
        if any(n is not None and n <= 0 for n in left):
            raise self._error(
                f"the output would be empty: cropping={self.cropping} takes away everything of an input of spatial "
                f"size {sizes}. Crop less, or use larger inputs."
            )
        return self._shape(input_shape, left)

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)  # for its errors
        inner = tuple(slice(a, n - b) for n, (a, b) in zip(self._sizes(inputs.shape), self.cropping, strict=True))
        lead = (slice(None),) * (1 if self.data_format == "channels_last" else 2)
        return ops.get_item(inputs, (*lead, *inner))

    def get_config(self):
        # one axis: (before, after), as Keras writes it
        cropping = self.cropping[0] if self.rank == 1 else self.cropping
        return {**super().get_config(), "cropping": cropping, **self._format_config()}

    def _format_config(self):
        return {} if self.rank == 1 else {"data_format": self.data_format}


class BaseZeroPadding(BaseBorder):
    """Padding of `rank` spatial axes."""

    def __init__(self, rank, padding, data_format, **kwargs):
        super().__init__(rank, data_format, **kwargs)
        self.padding = self._border(padding, "padding")
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape):
        sizes = self._sizes(input_shape)
        padded = tuple(n if n is None else n + a + b for n, (a, b) in zip(sizes, self.padding, strict=True))
        self._checked(check_extent, padded, f"with padding={self.padding}, an input of spatial size {sizes}",
                      "inputs or `padding`")  # fmt: skip
        return self._shape(input_shape, padded)

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)  # for its errors
        none = ((0, 0),)
        lead, rest = (none, none) if self.data_format == "channels_last" else (none * 2, ())
        return ops.pad(inputs, (*lead, *self.padding, *rest))

    def get_config(self):
        padding = self.padding[0] if self.rank == 1 else self.padding
        return {**super().get_config(), "padding": padding, "data_format": self.data_format}


class Cropping1D(BaseCropping):
    """Take a border of sequences away.

    Args:
        cropping: how many places to take away: an integer for both ends, or (before, after).
        **kwargs: see `Layer`.

    Input (N, T, C), output of the same rank.

    Raises:
        ValueError: for negative numbers, or when nothing would be left.
    """

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(1, cropping, "channels_last", **kwargs)


class Cropping2D(BaseCropping):
    """Take a border of images away.

    Args:
        cropping: how many places to take away: an integer for all sides, two for height and width, or ((top, bottom),
            (left, right)).
        data_format: see `Conv2D`.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output of the same rank.

    Raises:
        ValueError: for negative numbers, or when nothing would be left.
    """

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(2, cropping, data_format, **kwargs)


class Cropping3D(BaseCropping):
    """Take a border of volumes away.

    Args:
        cropping: how many places to take away: an integer for all sides, three for the axes, or three pairs (before,
            after).
        data_format: see `Conv3D`.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output of the same rank.

    Raises:
        ValueError: for negative numbers, or when nothing would be left.
    """

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(3, cropping, data_format, **kwargs)


class ZeroPadding1D(BaseZeroPadding):
    """Put zeros around sequences.

    Args:
        padding: how many: an integer for both ends, or (before, after).
        data_format: see `Conv1D`.
        **kwargs: see `Layer`.

    Input (N, T, C), output of the same rank.

    Raises:
        ValueError: for negative numbers.
    """

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(1, padding, data_format, **kwargs)


class ZeroPadding2D(BaseZeroPadding):
    """Put zeros around images.

    Args:
        padding: how many: an integer for all sides, two for height and width, or ((top, bottom), (left, right)).
        data_format: see `Conv2D`.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output of the same rank.

    Raises:
        ValueError: for negative numbers.
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(2, padding, data_format, **kwargs)


class ZeroPadding3D(BaseZeroPadding):
    """Put zeros around volumes.

    Args:
        padding: how many: an integer for all sides, three for the axes, or three pairs (before, after).
        data_format: see `Conv3D`.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output of the same rank.

    Raises:
        ValueError: for negative numbers.
    """

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(3, padding, data_format, **kwargs)
