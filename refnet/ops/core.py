"""Core ops: making tensors, types, and leaving the tape."""
from __future__ import annotations

from typing import Any

import numpy as np

from refnet import autodiff, backend, config
from refnet.autodiff import DISPATCH, Tensor, Variable, value_of
from refnet.ops._op import op, shared

__all__ = ["cast", "convert_to_numpy", "convert_to_tensor", "custom_gradient", "dtype", "is_tensor", "shape", "stop_gradient"]


def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
    """A Tensor of x, which a GradientTape can watch. A Tensor, Variable or symbolic tensor of the right type is returned as it is.

    Args:
        x: anything that NumPy makes an array of. Python floats become the default float type (`refnet.config.floatx()`).
        dtype: the type to convert to.
    """
    if isinstance(x, (Tensor, Variable)) or getattr(x, "is_symbolic", False):
        return x if dtype is None or np.dtype(dtype) == x.dtype else cast(x, dtype)
    value = np.asarray(x)
    if dtype is None and not isinstance(x, (np.ndarray, np.generic)) and value.dtype == np.float64:
        dtype = config.floatx()
    return Tensor(value if dtype is None else value.astype(dtype, copy=False))


def convert_to_numpy(x: Any) -> np.ndarray:
    """A copy of x as an ndarray."""
    return np.array(value_of(x))


@op
def cast(x: Any, dtype: Any) -> Any:
    """x as another type. Differentiable between float types."""
    value = value_of(x)
    dtype = np.dtype(dtype)
    if value.dtype == dtype:
        return x if isinstance(x, Tensor) else value
    if value.dtype.kind != "f" or dtype.kind != "f":
        return backend.active().cast_forward(value, dtype, save=False)[0]
    return shared("cast", (x,), dtype)


@op
def stop_gradient(x: Any) -> Any:
    """The value of x as a constant."""
    return autodiff.stop_gradient(x)


def shape(x: Any) -> tuple:
    """The shape of x; None where a symbolic size is not known."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Any) -> str:
    """The name of x's type."""
    return np.dtype(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype).name


is_tensor = autodiff.is_tensor
custom_gradient = autodiff.custom_gradient

DISPATCH["shape"] = shape
