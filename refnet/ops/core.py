"""Core ops: making tensors, types, and leaving the tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet import autodiff
from refnet.autodiff import Tensor, value_of
from refnet.graph import flatten, is_keras_tensor
from refnet.ops._op import OPS, array_of, as_type, op, snapshot
from refnet.ops.rules import like, spec

__all__ = [
    "cast",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "dtype",
    "is_tensor",
    "shape",
    "stop_gradient",
]


def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
    """A Tensor of x, which a GradientTape can watch. A Tensor or symbolic tensor of the right type is returned as it is.

    Of a Variable the present value is taken, on the tape: a later `assign` does not change it. A list of tensors is stacked.

    Args:
        x: anything that NumPy makes an array of. Python floats become the default float type (`refnet.config.floatx()`), Python
            integers int32.
        dtype: the type to convert to.
    """
    if isinstance(x, (list, tuple)) and any(is_keras_tensor(leaf) for leaf in flatten(x)):
        x = OPS["stack"]([convert_to_tensor(item) for item in x])
    if is_keras_tensor(x):
        return x if dtype is None or np.dtype(dtype) == x.dtype else cast(x, dtype)
    x = array_of(x)
    y = snapshot(x) if dtype is None or np.dtype(dtype) == x.dtype else cast(x, dtype)
    return y if isinstance(y, Tensor) else Tensor(y)


def convert_to_numpy(x: Any) -> np.ndarray:
    """A copy of x as an ndarray."""
    return np.array(autodiff.stop_gradient(x))


@op(lambda x, dtype: like(x, dtype=dtype))
def cast(x: Any, dtype: Any) -> Any:
    """x as another type. Differentiable between float types."""
    x, dtype = array_of(x), np.dtype(dtype)
    return snapshot(x) if x.dtype == dtype else as_type(x, dtype)


@op(lambda variable: like(variable))
def stop_gradient(variable: Any) -> Any:
    """The value of an array, Tensor or Variable as a constant."""
    return autodiff.stop_gradient(array_of(variable))


def shape(x: Any) -> tuple:
    """The shape of x; None where a symbolic size is not known."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(value_of(array_of(x)))


def dtype(x: Any) -> str:
    """The name of x's type."""
    return np.dtype(spec(x).dtype).name


is_tensor = autodiff.is_tensor
custom_gradient = autodiff.custom_gradient
