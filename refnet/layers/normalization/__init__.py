"""Normalization layers. The mathematics is in `refnet/kernels/batch_norm.py` and `layer_norm.py`."""

from refnet.layers.normalization.batch import BatchNormalization
from refnet.layers.normalization.sample import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from refnet.layers.normalization.spectral import SpectralNormalization

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "SpectralNormalization",
    "UnitNormalization",
]
