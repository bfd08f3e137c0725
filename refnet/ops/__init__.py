"""Differentiable functions, with the names of keras.ops: kernels lifted onto the tape.

Outside a GradientTape they take and return plain ndarrays. Inside one they return Tensors where a gradient is needed. Given a
symbolic tensor (`refnet.Input`), they add a node to its graph.
"""
from refnet.ops import core, nn, numpy
from refnet.ops.core import *
from refnet.ops.nn import *
from refnet.ops.numpy import *

__all__ = sorted({*core.__all__, *nn.__all__, *numpy.__all__})
