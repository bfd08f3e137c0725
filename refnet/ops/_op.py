"""What makes a function an op: arguments of every kind are accepted, kernels get the arrays they want, and symbolic tensors make
a node of the graph.

An op has a *rule* beside it: a function of the same arguments that gives its outputs' shapes and types, as KerasTensors, without
any numbers (`refnet/ops/rules.py` has those that whole families share). Given a symbolic tensor, only the rule runs. The outermost
op records itself: `std` is one node, whatever it is made of.

Arrays that an op makes of other arrays come out of a kernel of `backend.active()`, called with arrays and plain constants:
differentiable steps through `shared` or `apply`, others through `plain`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from refnet import config, graph
from refnet.autodiff import DISPATCH, Tensor, Variable, apply, is_live, value_of
from refnet.backend import active
from refnet.graph import KerasTensor
from refnet.ops.dtypes import FLOATS, kernel_float, kind_of, promote

__all__ = [
    "FLOATS",
    "OPS",
    "array_of",
    "as_type",
    "constant",
    "float_input",
    "kernel_array",
    "op",
    "pair_of_floats",
    "parameter",
    "plain",
    "promoted",
    "ready",
    "shared",
    "snapshot",
    "symbolic",
]

ndarray = np.ndarray
OPS: dict[str, Callable] = {}  # every op by its public name, and by its name in graphs

# Where Keras' graphs have another name for an op than its function's.
GRAPH_NAMES = {
    "abs": "absolute",
    "allclose": "all_close",
    "batch_normalization": "batch_norm",
    "image_resize": "resize",
    "layer_normalization": "layer_norm",
    "rms_normalization": "rms_norm",
}

_SCANNED = frozenset((KerasTensor, list, tuple))  # arguments that are looked into
_PLAIN = frozenset((int, float, bool, str, NoneType, EllipsisType, slice, ndarray))  # what holds no tensor


def op(rule: Callable | None, *, lists: Sequence[str] = (), direct: bool = False) -> Any:
    """Decorate a public function of refnet.ops.

    Given a symbolic tensor, the function is not run: its rule gives the outputs, and a node of the graph is made whose operation
    is this function. A list or tuple that holds tensors, given for an array, is stacked on the tape.

    Args:
        rule: a function of the same arguments, of which any may be symbolic, that returns KerasTensors in the structure of the
            op's results. None: the function itself is, being made of ops alone, which have theirs; it must not return an argument.
        lists: names of the arguments that are themselves lists of arrays, or keys, and are not stacked.
        direct: the function looks out for symbolic tensors and lists itself, and is spared a wrapper around every call.
    """

    def decorate(function: Callable) -> Callable:
        names = list(inspect.signature(function).parameters)

        def look_closer(args: tuple, kwargs: dict) -> Any:
            args = tuple(x if i < len(names) and names[i] in lists else _stacked(x) for i, x in enumerate(args))
            kwargs = {name: x if name in lists else _stacked(x) for name, x in kwargs.items()}
            return symbolic(public, args, kwargs) if graph.has_symbolic(args, kwargs) else function(*args, **kwargs)

        @functools.wraps(function)
        def called(*args, **kwargs):
            for x in args:
                if type(x) in _SCANNED and (type(x) is KerasTensor or not _PLAIN.issuperset(map(type, x))):
                    return look_closer(args, kwargs)
            if kwargs:
                for x in kwargs.values():
                    if type(x) in _SCANNED and (type(x) is KerasTensor or not _PLAIN.issuperset(map(type, x))):
                        return look_closer(args, kwargs)
            return function(*args, **kwargs)

        public: Any = function if direct else called
        public.is_op, public.rule = True, function if rule is None else rule
        OPS[function.__name__] = DISPATCH[function.__name__] = public
        if function.__name__ in GRAPH_NAMES:
            OPS[GRAPH_NAMES[function.__name__]] = public
        return public

    return decorate


def _stacked(x: Any) -> Any:
    """A list or tuple (of lists ...) that holds tensors as one tensor, on the tape; all else as it is."""
    if type(x) not in (list, tuple) or not any(
        isinstance(leaf, (Tensor, Variable, KerasTensor)) for leaf in graph.flatten(x)
    ):
        return x
    return DISPATCH["stack"]([_stacked(item) for item in x])


def symbolic(function: Callable, args: tuple, kwargs: dict) -> Any:
    """The symbolic outputs of an op on symbolic tensors, with the node that makes them."""
    try:
        inspect.signature(function).bind(*args, **kwargs)  # a rule of a family takes what its function may not
    except TypeError as wrong:
        raise TypeError(f"{function.__name__}: {wrong}") from None
    outputs = function.rule(*args, **kwargs)  # type: ignore[attr-defined]
    name = GRAPH_NAMES.get(function.__name__, function.__name__)
    graph.Node(graph.FunctionOperation(function, name), args, kwargs, outputs)
    return outputs


# --- arguments -----------------------------------------------------------------------------------------------------------


def array_of(x: Any) -> Any:
    """A Tensor or Variable as it is, all else as an ndarray.

    Python floats become `refnet.config.floatx()` and Python integers int32 (int64 where they need it), in lists too.
    """
    kind = type(x)
    if kind is ndarray:
        return x if x.dtype.isnative else as_type(x, x.dtype.newbyteorder("="))
    if kind is Tensor or kind is Variable or isinstance(x, (Tensor, Variable)):
        return x
    if isinstance(x, (list, tuple)):
        x = _stacked(x)
        if isinstance(x, Tensor):
            return x
    try:
        value = value_of(x)
    except ValueError:
        raise ValueError(
            f"lists of different lengths make no array: {str(x)[:80]}. Make them equally long (pad them) first."
        ) from None
    if not value.dtype.isnative:
        value = array_of(value)
    if value.dtype.kind not in "biufc":
        raise TypeError(
            f"an array of numbers was expected, but {kind.__name__} {str(x)[:80]!r} gives the type {value.dtype}. "
            f"Convert it to numbers of one shape first."
        )
    if kind in (int, float, bool) or (isinstance(x, (list, tuple)) and not _has_dtype(x)):
        if value.dtype == np.float64:
            value = value.astype(config.floatx())
        elif value.dtype == np.int64 and (not value.size or (value.min() >= -(2**31) and value.max() < 2**31)):
            value = value.astype(np.int32)
        return active().constant_array(value)  # numbers in the code, the same in every step
    return value


def _has_dtype(x: Any) -> bool:
    """Whether the first entry of nested lists chose its type (an array or a NumPy scalar)."""
    while isinstance(x, (list, tuple)):
        if not x:
            return False
        x = x[0]
    return hasattr(x, "dtype")


def as_type(x: Any, dtype: np.dtype) -> Any:
    """x (a Tensor, Variable or ndarray) in another type; between floats on the tape."""
    value = x if type(x) is ndarray else value_of(x)
    if value.dtype == dtype:
        return x
    kernels = active()
    if value.dtype.kind == "f" and dtype.kind == "f":
        return apply(kernels.cast_forward, kernels.cast_backward, (x,), dtype)
    return kernels.cast_forward(value, dtype, save=False)[0]


_HELD, _NUMBERS = frozenset((ndarray, Tensor, Variable)), frozenset((int, float, bool))


def promoted(*xs: Any, real: bool = False) -> list:
    """The arguments as arrays (or Tensors) of the one type that Keras' promotion gives them.

    Args:
        xs: numbers, arrays, Tensors, lists.
        real: integers become floats.
    """
    if len(xs) == 2:  # nearly always: two floats of one type, or one and a number
        a, b = xs
        if type(a) in _HELD:
            dtype = a.dtype
            if dtype in FLOATS:
                if type(b) in _HELD:
                    if b.dtype == dtype:
                        return [a, b]
                elif type(b) in _NUMBERS:
                    return [a, active().filled((), b, dtype)]
        elif type(a) in _NUMBERS and type(b) in _HELD and b.dtype in FLOATS:
            return [active().filled((), a, b.dtype), b]
    xs = tuple(x if type(x) in _HELD or type(x) in _NUMBERS or isinstance(x, np.generic) else array_of(x) for x in xs)
    dtype = promote(*map(kind_of, xs), float) if real else promote(*map(kind_of, xs))
    filled = active().filled
    return [filled((), x, dtype) if isinstance(x, (int, float, np.generic)) else as_type(x, dtype) for x in xs]


def float_input(x: Any, dtype: Any = None) -> Any:
    """x as a kernel wants it: C-contiguous, aligned and of a float type. A Tensor stays on the tape.

    Integers and booleans become `refnet.config.floatx()` (or `dtype`), as in Keras.
    """
    if type(x) is not ndarray and type(x) is not Tensor:
        x = array_of(x)
    value = x if type(x) is ndarray else x.value
    kind = value.dtype
    target = np.dtype(dtype) if dtype is not None else (kind if kind in FLOATS else kernel_float(kind))
    if kind != target:
        x = as_type(x, target)
        value = value_of(x)
    if value.flags.num & 0x101 == 0x101:  # C-contiguous and aligned: nearly always
        return x
    kernels = active()
    return apply(kernels.contiguous_forward, kernels.contiguous_backward, (x,))


def ready(value: ndarray) -> bool:
    """Can the kernels read it in place? Their loads want entries in C order, each at a multiple of its size."""
    return value.flags.num & READY == READY


def kernel_array(value: ndarray, dtype: Any = None) -> ndarray:
    """`value`, or a copy of it that the kernels can read; of `dtype`, or its own in the machine's byte order."""
    target = value.dtype if dtype is None else np.dtype(dtype)
    if not target.isnative:
        target = target.newbyteorder("=")
    if value.dtype == target and ready(value):
        return value
    return np.array(value, dtype=target, order="C")


READY = 0x0101  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED


def parameter(x: Any, dtype: Any) -> Any:
    """A weight as a kernel wants it: a Variable is so already, nearly always; None stays None."""
    if x is None or (type(x) is Variable and x.value.dtype == dtype):
        return x
    return float_input(x, dtype)


def pair_of_floats(a: Any, b: Any) -> tuple[Any, Any]:
    """Two kernel inputs of one float type: the one that promotion gives them, if kernels have it."""
    a, b = array_of(a), array_of(b)
    dtype = a.dtype
    if dtype != b.dtype or dtype not in FLOATS:
        dtype = kernel_float(promote(dtype, b.dtype))
    return float_input(a, dtype), float_input(b, dtype)


def constant(x: Any, op_name: str, argument: str) -> Any:
    """An argument that is not differentiated, as a plain array.

    Raises:
        ValueError: when it is on the tape, where its gradient would be lost.
    """
    x = array_of(x)
    if is_live(x):
        raise ValueError(
            f"{op_name}: `{argument}` is on the tape, but {op_name} is not differentiated with respect to it. "
            f"Pass {argument}=refnet.stop_gradient({argument}) if it is meant as a constant."
        )
    return value_of(x)


# --- kernels ---------------------------------------------------------------------------------------------------------------

_VIEWS = frozenset(("reshape", "transpose", "index", "flip"))


def shared(name: str, inputs: tuple, *args: Any, **kwargs: Any) -> Any:
    """Run one of the shared array kernels (refnet.kernels.arrays) on the tape."""
    if name in _VIEWS and isinstance(inputs[0], Variable):
        kwargs["copy"] = True  # a view of a variable would change with its next assignment
    kernels = active()
    return apply(getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward"), inputs, *args, **kwargs)


def plain(name: str, *args: Any, **kwargs: Any) -> ndarray:
    """Run a shared array kernel without a derivative: the result is a constant to the tape. Tensors give their values."""
    return getattr(active(), name)(*(x.value if isinstance(x, (Tensor, Variable)) else x for x in args), **kwargs)


def snapshot(x: Any) -> Any:
    """A Variable's present value as a value of its own, on the tape; all else as it is."""
    if not isinstance(x, Variable):
        return x
    kernels = active()
    return apply(kernels.cast_forward, kernels.cast_backward, (x,), x.dtype)
