"""Convolution layers. The mathematics is in `refnet/kernels/convolution.py`, `convolution_transpose.py` and
`depthwise.py`."""

from refnet.layers.convolution.convolution import Conv1D, Conv2D, Conv3D
from refnet.layers.convolution.depthwise import DepthwiseConv1D, DepthwiseConv2D
from refnet.layers.convolution.separable import SeparableConv1D, SeparableConv2D
from refnet.layers.convolution.transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]
