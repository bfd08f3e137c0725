"""What makes a function an op: it accepts symbolic tensors, and kernels get the arrays they want."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from refnet import graph
from refnet.autodiff import DISPATCH, SymbolicInput, Tensor, Variable, apply, value_of
from refnet.kernels import arrays

__all__ = ["FLOATS", "OPS", "float_input", "kernel_array", "op", "pair_of_floats", "ready", "shared", "symbolic"]

OPS: dict[str, Callable] = {}                            # every op by its public name


def op(function: Any = None, *, direct: bool = False) -> Any:
    """Decorate a public function of refnet.ops.

    Given a symbolic tensor, the function is not run: a node of the graph is made, whose operation is this function.

    Args:
        function: the function.
        direct: the function looks out for symbolic tensors itself, and is spared a wrapper around every call.
    """
    if function is None:
        return functools.partial(op, direct=direct)

    @functools.wraps(function)
    def called(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except SymbolicInput:
            return symbolic(called, args, kwargs)

    public: Any = function if direct else called
    public.is_op = True
    OPS[function.__name__] = DISPATCH[function.__name__] = public
    return public


def symbolic(function: Callable, args: tuple, kwargs: dict) -> Any:
    """The symbolic outputs of an op on symbolic tensors, with the node that makes them."""
    if not graph.has_symbolic(args, kwargs):
        raise TypeError(f"{function.__name__} was given an object that holds a symbolic tensor it cannot reach.")
    outputs = graph.infer_shape(function, args, kwargs)
    graph.Node(graph.FunctionOperation(function, function.__name__), args, kwargs, outputs)
    return outputs


def float_input(x: Any, dtype: Any = None) -> Any:
    """x as a kernel wants it: C-contiguous, aligned, of a float type in the machine's byte order. A Tensor stays on the tape.

    Integers and booleans become float32 (or `dtype`), as in Keras.
    """
    value = value_of(x)
    kind = value.dtype
    if not kind.isnative:                                        # big-endian float64 is float64
        kind = kind.newbyteorder("=")
    target = np.dtype(dtype) if dtype is not None else (kind if kind in FLOATS else np.dtype(np.float32))
    on_tape = isinstance(x, (Tensor, Variable))
    if value.dtype == target and ready(value):                   # nearly always
        return x if on_tape else value
    if value.dtype != target:
        x = (apply(arrays.cast_forward, arrays.cast_backward, (x,), target) if on_tape and kind.kind == "f"
             else value.astype(target, order="C"))
    if not ready(value_of(x)):
        x = apply(arrays.contiguous_forward, arrays.contiguous_backward, (x,))
    return x


def ready(value: np.ndarray) -> bool:
    """Can the kernels read it in place? Their loads want entries in C order, each at a multiple of its size."""
    return value.flags.num & READY == READY


def kernel_array(value: np.ndarray, dtype: Any = None) -> np.ndarray:
    """`value`, or a copy of it that the kernels can read; of `dtype`, or its own in the machine's byte order."""
    target = value.dtype if dtype is None else np.dtype(dtype)
    if not target.isnative:
        target = target.newbyteorder("=")
    if value.dtype == target and ready(value):
        return value
    return np.array(value, dtype=target, order="C")


READY = 0x0101                                           # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def pair_of_floats(a: Any, b: Any) -> tuple[Any, Any]:
    """Two kernel inputs of one float type: the wider of their types."""
    va, vb = value_of(a), value_of(b)
    if va.dtype == vb.dtype and va.dtype in FLOATS:
        return float_input(a, va.dtype), float_input(b, va.dtype)
    floats = [kind for kind in (va.dtype.newbyteorder("="), vb.dtype.newbyteorder("=")) if kind in FLOATS]
    dtype = max(floats, key=lambda d: d.itemsize) if floats else np.dtype(np.float32)
    return float_input(a, dtype), float_input(b, dtype)


def shared(name: str, inputs: tuple, *args: Any, **kwargs: Any) -> Any:
    """Run one of the shared array kernels (refnet.kernels.arrays) on the tape."""
    return apply(getattr(arrays, f"{name}_forward"), getattr(arrays, f"{name}_backward"), inputs, *args, **kwargs)
