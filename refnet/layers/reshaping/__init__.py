"""Layers that change the size of images: borders, up-sampling, resizing."""

from refnet.layers.reshaping.borders import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from refnet.layers.reshaping.sizes import CenterCrop, Resizing, UpSampling1D, UpSampling2D, UpSampling3D

__all__ = [
    "CenterCrop",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Resizing",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]
