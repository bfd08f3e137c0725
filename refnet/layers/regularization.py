"""Dropout: forget at random while training, so that no output relies on a single input."""

from typing import Any

from refnet import ops, random
from refnet.layers.layer import Layer
from refnet.layers.spatial import SpatialSpec
from refnet.ops.windows import data_format_of
from refnet.utils.checks import Range

__all__ = ["Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


class Dropout(Layer):
    """While training, a fraction `rate` of the inputs becomes 0 and the others are divided by 1 - rate; else nothing
    happens.

    Masks come from Philox (`refnet/kernels/dropout.py`), keyed by this layer's seed and its call count: the same on
    both backends, for both float types and any number of threads.

    Args:
        rate: the fraction to drop, 0 <= rate <= 1.
        noise_shape: the shape of the mask, which is broadcast to the input's; None in it stands for the input's size.
        seed: an integer, or None: drawn from the global generator.
        **kwargs: see `Layer`.

    Raises:
        ValueError: for a rate outside [0, 1].
    """

    def __init__(self, rate: float, noise_shape: tuple | None = None, seed: Any = None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate = Range(0, 1).check(rate, "rate", f"{type(self).__name__} '{self.name}'")
        self.noise_shape = self._checked_noise_shape(noise_shape)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True
        self.built = self._needs_no_build()

    def _checked_noise_shape(self, noise_shape):
        """The shape as a tuple, checked now and not in the first step of training."""
        if noise_shape is None:
            return None
        if isinstance(noise_shape, str) or not hasattr(noise_shape, "__iter__"):
            sizes = None
        else:
            sizes = tuple(noise_shape)
        if sizes is None or any(
            size is not None and (isinstance(size, bool) or not hasattr(size, "__index__") or size <= 0) for size in sizes
        ):
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `noise_shape` must be a tuple of positive integers and None (the "
                f"input's size). Received: noise_shape={noise_shape!r}"
            )
        return sizes

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return ops.dropout(inputs, self.rate, self.seed_generator.next(), noise_shape=self.noise_shape)

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}


class BaseSpatialDropout(Dropout):
    """Dropout of whole feature maps: one decision for all places of a channel."""

    def __init__(self, rank, rate, data_format, seed, name, dtype):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = data_format_of(data_format)
        ones = (1,) * rank
        self.noise_shape = (None, *ones, None) if self.data_format == "channels_last" else (None, None, *ones)
        self.input_spec = SpatialSpec(ndim=rank + 2)

    def get_config(self):
        own = {"rate": self.rate, "data_format": self.data_format, "seed": self.seed}
        return {**own, "name": self.name, "dtype": self.dtype}


class SpatialDropout1D(BaseSpatialDropout):
    """Dropout of whole channels of sequences: neighbours are alike, so dropping single steps would hide nothing.

    Args:
        rate: the fraction of channels to drop, 0 <= rate <= 1.
        seed: an integer, or None: drawn from the global generator.
        name: the layer's name.
        dtype: the float type; None: `floatx()`.

    Input (N, T, C), output of the same shape.

    References:
        Tompson, Goroshin, Jain, LeCun, Bregler (2014), Efficient object localization using convolutional networks,
        arXiv:1411.4280.
    """

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(1, rate, "channels_last", seed, name, dtype)

    def get_config(self):
        config = super().get_config()
        del config["data_format"]
        return config


class SpatialDropout2D(BaseSpatialDropout):
    """Dropout of whole channels of images: neighbours are alike, so dropping single pixels would hide nothing.

    Args:
        rate: the fraction of channels to drop, 0 <= rate <= 1.
        data_format: see `Conv2D`.
        seed: an integer, or None: drawn from the global generator.
        name: the layer's name.
        dtype: the float type; None: `floatx()`.

    Input (N, H, W, C), output of the same shape.
    """

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, name: str | None = None,
                 dtype: Any = None):  # fmt: skip
        super().__init__(2, rate, data_format, seed, name, dtype)


class SpatialDropout3D(BaseSpatialDropout):
    """Dropout of whole channels of volumes.

    Args:
        rate: the fraction of channels to drop, 0 <= rate <= 1.
        data_format: see `Conv3D`.
        seed: an integer, or None: drawn from the global generator.
        name: the layer's name.
        dtype: the float type; None: `floatx()`.

    Input (N, D, H, W, C), output of the same shape.
    """

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, name: str | None = None,
                 dtype: Any = None):  # fmt: skip
        super().__init__(3, rate, data_format, seed, name, dtype)
