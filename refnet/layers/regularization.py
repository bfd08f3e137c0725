"""Dropout: forget at random while training, so that no output relies on a single input."""

from typing import Any

from refnet import ops, random
from refnet.layers.layer import Layer

__all__ = ["Dropout"]


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
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"Dropout '{self.name}': `rate` must be a number in [0, 1]. Received: rate={rate!r}")
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        seed, count = self.seed_generator.next()
        return ops.dropout(inputs, self.rate, seed, count, noise_shape=self.noise_shape)

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
