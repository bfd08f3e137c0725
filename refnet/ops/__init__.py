"""Differentiable functions, with the names of keras.ops: kernels lifted onto the tape.

Outside a GradientTape they take and return plain ndarrays. Inside one they return Tensors where a gradient is needed.
Given a symbolic tensor (`refnet.Input`), they add a node to its graph.
"""

from refnet import public
from refnet.ops import control, convolution, core, losses, nn, normalization, numpy, pooling
from refnet.ops import image as image
from refnet.ops import linalg as linalg
from refnet.ops import numpy_dispatch as _numpy_dispatch
from refnet.ops.control import *
from refnet.ops.convolution import *
from refnet.ops.core import *
from refnet.ops.losses import *
from refnet.ops.nn import *
from refnet.ops.normalization import *
from refnet.ops.numpy import *
from refnet.ops.pooling import *

_numpy_dispatch.register()
_MODULES = (control, convolution, core, losses, nn, normalization, numpy, pooling)
__all__ = sorted({*(name for module in _MODULES for name in module.__all__), "image", "linalg", "nn", "numpy"})

public.finish(__name__)
