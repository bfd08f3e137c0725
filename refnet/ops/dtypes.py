"""Result types: which type an operation on several types gives. Keras' rules (which are JAX's).

    bool  <  uint8, int8  <  ...  <  uint64, int64  <  float16  <  float32  <  float64

* Two integers give the smallest integer type that holds both (uint8 with int8: int16), but no 64 bits unless one has them already.
* An integer beside a float takes the float's type, whatever their sizes: int64 with float16 is float16.
* Where integers must become floats (a division, a square root, a mean), they become `refnet.config.floatx()`.
* Python numbers are weak: they take the type of the array beside them. Only a Python float beside integers makes floats, and only
  a Python integer beside booleans makes integers (int32). NumPy's own 64-bit scalars count as Python numbers: they come from
  expressions such as ``np.sqrt(2)`` or ``np.prod(shape)``, where nobody chose 64 bits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from refnet import config

__all__ = ["FLOATS", "HALF", "count_dtype", "floating", "kernel_float", "kind_of", "promote", "summed"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))  # the types of the kernels
_NARROW = {"int64": np.dtype(np.int32), "uint64": np.dtype(np.uint32)}

HALF = np.dtype(np.float16)  # NumPy computes with it, the kernels of layers do not
count_dtype = np.dtype(np.int32)  # of positions and counts


def kind_of(x: Any) -> Any:
    """What `promote` wants to know of x: a NumPy type, or `int` or `float` for a Python number."""
    kind = type(x)
    if kind is int or kind is float:
        return kind
    if kind is bool:
        return np.dtype(np.bool_)
    if isinstance(x, np.generic):
        return float if kind is np.float64 else int if kind is np.int64 else x.dtype
    dtype = x.dtype
    return np.dtype(dtype) if type(dtype) is str else dtype


def promote(*kinds: Any) -> np.dtype:
    """The type of an operation on arguments of these kinds (see `kind_of`)."""
    return _promote(config.floatx(), *kinds)


@lru_cache(maxsize=4096)
def _promote(floatx: str, *kinds: Any) -> np.dtype:
    strong = [kind for kind in kinds if kind is not int and kind is not float]
    for kind in strong:
        if kind.kind not in "biuf":
            raise TypeError(
                f"arrays of type {kind} have no arithmetic here; convert them to numbers (a float or integer type) first."
            )
    floats = [kind for kind in strong if kind.kind == "f"]
    if floats:
        return np.result_type(*floats).newbyteorder("=")
    if float in kinds:
        return np.dtype(floatx)
    integers = [kind for kind in strong if kind.kind != "b"]
    if not integers:
        return np.dtype(np.int32 if int in kinds else np.bool_)
    found = np.result_type(*integers).newbyteorder("=")
    if found.kind == "f":  # uint64 with a signed type
        return np.dtype(floatx)
    if found.itemsize == 8 and all(kind.itemsize < 8 for kind in integers):
        return _NARROW[found.name]  # uint32 with int8
    return found


def floating(dtype: Any) -> np.dtype:
    """The type in which a function of real numbers computes: floats keep theirs, all else becomes `floatx`."""
    dtype = np.dtype(dtype)
    return dtype if dtype.kind == "f" else np.dtype(config.floatx())


def kernel_float(dtype: Any) -> np.dtype:
    """The same among the types of the kernels: float32 or float64."""
    dtype = np.dtype(dtype).newbyteorder("=")
    return dtype if dtype in FLOATS else np.dtype(np.float32 if dtype.kind == "f" else config.floatx())


def summed(dtype: Any) -> np.dtype:
    """The type of a sum or product over an axis: small integers and booleans are counted in 32 bits."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b" or (dtype.kind == "i" and dtype.itemsize < 4):
        return np.dtype(np.int32)
    return np.dtype(np.uint32) if dtype.kind == "u" and dtype.itemsize < 4 else dtype
