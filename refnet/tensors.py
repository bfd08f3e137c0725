"""Values that know how to compute: Tensor, Variable, and an array with a mask.

A `Tensor` is an ndarray in a recorded computation, a `Variable` one that a model keeps and changes. Both have NumPy's operators and
answer to NumPy's functions; what these do is not here but in refnet.ops, which stands above this module and enters itself in the
tables `DISPATCH` and `NUMPY`. What records the computation is the tape (autodiff.py).

No value leaves the tape in silence: where NumPy would make a bare array of a Tensor that is being recorded, that is an error
(`_as_array`). Looking at numbers, float(t) or `if t > 0`, is allowed.
"""
from __future__ import annotations

import dis
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from refnet import absent, backend, config

if TYPE_CHECKING:
    from refnet.autodiff import GradientTape

__all__ = ["DISPATCH", "NUMPY", "VARIABLE_LISTENERS", "Masked", "Operators", "SymbolicInput", "Tensor", "Variable", "is_live",
           "is_recording", "is_tensor", "is_tracing", "mask_of", "tracing", "value_of", "with_mask"]

ndarray = np.ndarray

# The tapes recording in this thread, innermost last.
_tapes: ContextVar[tuple[GradientTape, ...]] = ContextVar("refnet_tapes", default=())

# Whether code runs on symbolic tensors only to learn the shapes of its results: then no state moves.
_tracing: ContextVar[bool] = ContextVar("refnet_tracing", default=False)

# How often any variable has been assigned. A variable's version is the count at its own last assignment, a record's the count at
# its time: the record is stale if one of its variables has the larger number.
_clock = [0]

# Called when a variable's `trainable` changes, or its array is replaced by another one: layers keep lists of their trainable
# variables, and steps that are written down keep the arrays.
VARIABLE_LISTENERS: list[Callable[[], None]] = []

class _FromOps(dict):
    """A table that refnet.ops, which stands above this module, fills as it is imported: now, if nobody has imported it yet."""

    def __missing__(self, key: Any) -> Any:
        importlib.import_module("refnet.ops")
        return self.get(key)


# name of an operator -> the op, and NumPy function -> what to call for it (None: no op).
DISPATCH: dict[str, Callable] = _FromOps()
NUMPY: dict[Any, Callable | None] = _FromOps()


class SymbolicInput(TypeError):
    """An operation met a symbolic tensor (graph.KerasTensor) where it needs numbers. Caught by ops, which then build a graph."""


def _numpy(function: Any, key: Any, name: str, inputs: tuple, kwargs: dict) -> Any:
    """A NumPy function on tensors: its op; without one NumPy itself, if no history can be lost."""
    op = NUMPY[key]
    if op is not None:
        return op(*inputs, **kwargs)
    if any(map(_has_history, (*inputs, *kwargs.values()))):
        raise TypeError(
            f"NumPy's {name!r} is not differentiable in refnet: refnet.ops has no counterpart. "
            f"Use a function of refnet.ops, or leave the tape with refnet.stop_gradient(x), which gives a plain ndarray.")
    return function(*map(plain_value, inputs), **{key: plain_value(x) for key, x in kwargs.items()})


def _has_history(x: Any) -> bool:
    """Whether a tensor on the tape, or a symbolic one, stands in x or in a list that x is."""
    if isinstance(x, (list, tuple)):
        return any(map(_has_history, x))
    return is_live(x) or getattr(x, "is_symbolic", False)


class Operators:
    """Arithmetic, comparison, indexing and NumPy functions, all dispatched to refnet.ops. Base of Tensor, Variable, KerasTensor."""

    __slots__ = ()
    __array_priority__ = 100
    __hash__ = object.__hash__

    def __add__(self, other): return DISPATCH["add"](self, other)
    def __radd__(self, other): return DISPATCH["add"](other, self)
    def __sub__(self, other): return DISPATCH["subtract"](self, other)
    def __rsub__(self, other): return DISPATCH["subtract"](other, self)
    def __mul__(self, other): return DISPATCH["multiply"](self, other)
    def __rmul__(self, other): return DISPATCH["multiply"](other, self)
    def __truediv__(self, other): return DISPATCH["divide"](self, other)
    def __rtruediv__(self, other): return DISPATCH["divide"](other, self)
    def __pow__(self, other): return DISPATCH["power"](self, other)
    def __rpow__(self, other): return DISPATCH["power"](other, self)
    def __matmul__(self, other): return DISPATCH["matmul"](self, other)
    def __rmatmul__(self, other): return DISPATCH["matmul"](other, self)
    def __mod__(self, other): return DISPATCH["mod"](self, other)
    def __rmod__(self, other): return DISPATCH["mod"](other, self)
    def __floordiv__(self, other): return DISPATCH["floor_divide"](self, other)
    def __rfloordiv__(self, other): return DISPATCH["floor_divide"](other, self)
    def __divmod__(self, other): return self // other, self % other
    def __rdivmod__(self, other): return other // self, other % self
    def __round__(self, decimals=0): return DISPATCH["round"](self, decimals)
    def __and__(self, other): return DISPATCH["logical_and"](self, other)
    def __rand__(self, other): return DISPATCH["logical_and"](other, self)
    def __or__(self, other): return DISPATCH["logical_or"](self, other)
    def __ror__(self, other): return DISPATCH["logical_or"](other, self)
    def __xor__(self, other): return DISPATCH["logical_xor"](self, other)
    def __rxor__(self, other): return DISPATCH["logical_xor"](other, self)
    def __invert__(self): return DISPATCH["logical_not"](self)
    def __neg__(self): return DISPATCH["negative"](self)
    def __pos__(self): return self
    def __abs__(self): return DISPATCH["abs"](self)
    def __getitem__(self, key): return DISPATCH["get_item"](self, key)
    def __eq__(self, other): return DISPATCH["equal"](self, other)
    def __ne__(self, other): return DISPATCH["not_equal"](self, other)
    def __lt__(self, other): return DISPATCH["less"](self, other)
    def __le__(self, other): return DISPATCH["less_equal"](self, other)
    def __gt__(self, other): return DISPATCH["greater"](self, other)
    def __ge__(self, other): return DISPATCH["greater_equal"](self, other)

    def reshape(self, *shape): return DISPATCH["reshape"](self, shape[0] if len(shape) == 1 else shape)
    def sum(self, axis=None, keepdims=False): return DISPATCH["sum"](self, axis=axis, keepdims=keepdims)
    def mean(self, axis=None, keepdims=False): return DISPATCH["mean"](self, axis=axis, keepdims=keepdims)
    def max(self, axis=None, keepdims=False): return DISPATCH["max"](self, axis=axis, keepdims=keepdims)
    def min(self, axis=None, keepdims=False): return DISPATCH["min"](self, axis=axis, keepdims=keepdims)
    def transpose(self, *axes): return DISPATCH["transpose"](self, axes=(axes[0] if len(axes) == 1 else axes) or None)
    def astype(self, dtype): return DISPATCH["cast"](self, dtype)

    @property
    def T(self): return DISPATCH["transpose"](self)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if out is not None:
            if any(map(_has_history, inputs)):
                raise TypeError(f"numpy.{ufunc.__name__} with out= (or an operator such as +=) would write a recorded value into "
                                f"a plain array, where its gradient is lost. Use the result instead: y = "
                                f"numpy.{ufunc.__name__}(...).")
            return getattr(ufunc, method)(*map(plain_value, inputs), out=tuple(map(plain_value, out)), **kwargs)
        if method == "__call__":
            return _numpy(ufunc, ufunc, ufunc.__name__, inputs, kwargs)
        return _numpy(getattr(ufunc, method), (ufunc, method), f"{ufunc.__name__}.{method}", inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return _numpy(function, function, function.__name__, args, kwargs)


def plain_value(x: Any) -> Any:
    """Arrays in place of the tensors in nested lists."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(plain_value, x)) if type(x) in (list, tuple) else x
    return x.value if isinstance(x, (Tensor, Variable)) else x


class Tensor(Operators):
    """A value on the tape: an ndarray whose history is recorded.

    Operations make them; `refnet.ops.convert_to_tensor` makes one from your own array, to be watched by a tape.

    Attributes:
        value: the ndarray. Read it freely; writing into it makes gradients undefined.
    """

    __slots__ = ("__weakref__", "_keras_mask", "value", "watched")

    def __init__(self, value: Any, watched: bool = False):
        self.value = value
        self.watched = watched                           # whether operations on it are recorded
        self._keras_mask = None                          # which entries count (see `mask_of`)

    @property
    def shape(self) -> tuple[int, ...]: return self.value.shape

    @property
    def dtype(self) -> np.dtype: return self.value.dtype

    @property
    def ndim(self) -> int: return self.value.ndim

    @property
    def size(self) -> int: return self.value.size

    def numpy(self) -> ndarray:
        """A copy of the value."""
        return np.array(self.value)

    # Reading (item, float, int, bool, numpy, printing) is legitimate: the reader knows that a plain number has no history.
    # What NumPy does by itself (`__array__`) is not: there the number would go on in a computation whose gradient is lost.

    def item(self): return self.value.item()
    def __array__(self, dtype=None, copy=None): return _as_array(self, dtype)
    def __float__(self): return float(_read(self))
    def __int__(self): return int(_read(self))
    def __bool__(self): return bool(_read(self))
    def __index__(self): return self.value.__index__()
    def __len__(self): return len(self.value)
    def __format__(self, spec): return _formatted(self, spec)
    def __copy__(self): return self                      # a value does not change: a copy would only lose its history
    def __deepcopy__(self, memo): return self

    def __reduce__(self):
        if is_live(self):
            raise TypeError("A Tensor on the tape cannot be pickled: its history would stay behind. Pickle x.numpy().")
        return Tensor, (self.value, self.watched)

    def __iter__(self):
        if self.value.ndim == 0:
            raise TypeError("a 0-d Tensor cannot be iterated over.")
        return (self[i] for i in range(len(self.value)))

    def __repr__(self):
        return f"<Tensor shape={self.value.shape} dtype={self.value.dtype}\n{self.value!r}>"


class Masked(np.ndarray):
    """An ndarray beside which a mask travels, where no tape records. Layers make and read it; whatever is computed from it by other
    means is a plain ndarray again.

    Attributes:
        plain: the same numbers as an ndarray.
    """

    _keras_mask = None
    plain: Any = None

    def __array_finalize__(self, obj: Any) -> None:
        """A view or a slice has no mask."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return getattr(ufunc, method)(*[value_of(x) if isinstance(x, Masked) else x for x in inputs], **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        args, kwargs = _unmasked(args), _unmasked(kwargs)
        return function(*args, **kwargs)

    def __repr__(self):
        return repr(np.asarray(self))

    def __reduce__(self):
        return np.asarray(self).__reduce__()


def _unmasked(x: Any) -> Any:
    if isinstance(x, Masked):
        return value_of(x)
    if isinstance(x, (list, tuple)):
        return type(x)(map(_unmasked, x))
    return {key: _unmasked(value) for key, value in x.items()} if isinstance(x, dict) else x


def mask_of(x: Any) -> Any:
    """The mask that travels with an array or a Tensor: booleans for its leading axes, True where an entry counts; or None."""
    return getattr(x, "_keras_mask", None)


def with_mask(x: Any, mask: Any) -> Any:
    """x with a mask beside it: a Tensor itself, another array for an array. None takes the mask away."""
    if isinstance(x, Tensor):
        x._keras_mask = mask
        return x
    value = value_of(x)
    if mask is None:
        return value
    masked = value.view(Masked)
    masked._keras_mask, masked.plain = mask, value
    return masked


@absent.methods
class Variable(Operators):
    """A value that training changes: a parameter or a piece of state.

    Args:
        initializer: the initial value (copied), or a callable ``(shape, dtype) -> array``.
        shape: needed with a callable only.
        dtype: "float32", "float64", or any NumPy type; None keeps an array's own type (float32 for a callable).
        trainable: whether tapes watch it.
        name: for summaries and messages.

    Attributes:
        value: the ndarray itself, always C-contiguous.
        version: a number that grows with every assignment; see `touch`.
    """

    _backend = None

    def __init__(self, initializer: Any, shape: Sequence[int] | None = None, dtype: Any = None, trainable: bool = True,
                 name: str | None = None):
        if callable(initializer):
            if shape is None:
                raise ValueError(f"Variable {name!r}: a callable initializer needs `shape`, e.g. Variable(f, shape=(3, 4)).")
            initializer = initializer(tuple(shape), dtype or "float32")
        if dtype is None and isinstance(initializer, (float, list, tuple)) and np.asarray(initializer).dtype == np.float64:
            dtype = config.floatx()                      # Python's floats have no type of their own
        value = np.array(value_of(initializer), dtype=dtype, order="C")
        if shape is not None and tuple(shape) != value.shape:
            raise ValueError(f"Variable {name!r}: the initial value has shape {value.shape}, but shape={tuple(shape)} was given.")
        self.value = value
        self.watched = bool(trainable)                   # the attribute behind `trainable`, cheap to read for every operation
        self.name = name or "variable"
        self.path = self.name
        self.version = 0

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name == "value":
            _variable_changed()

    @property
    def trainable(self) -> bool:
        """Whether tapes watch it and training changes it."""
        return self.watched

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self.watched = bool(trainable)
        _variable_changed()

    @property
    def shape(self) -> tuple[int, ...]: return self.value.shape

    @property
    def dtype(self) -> np.dtype: return self.value.dtype

    @property
    def ndim(self) -> int: return self.value.ndim

    @property
    def size(self) -> int: return self.value.size

    def numpy(self) -> ndarray:
        """A copy of the value."""
        return np.array(self.value)

    def assign(self, value: Any) -> Variable:
        """Write a new value of the same shape; returns the variable.

        While a model is built (`tracing`) nothing is written: only the shape is checked, as far as it is known.
        """
        if _tracing.get():
            shape = tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
            if len(shape) != self.value.ndim or any(n not in (None, m) for n, m in zip(shape, self.value.shape, strict=True)):
                raise ValueError(f"Variable {self.path!r} has shape {self.value.shape}; it cannot be assigned a value of shape "
                                 f"{shape}.")
            return self
        value = value_of(value)
        if value.shape != self.value.shape:
            raise ValueError(f"Variable {self.path!r} has shape {self.value.shape}; it cannot be assigned a value of shape "
                             f"{value.shape}.")
        backend.active().assign_update(self.value, value)
        self.touch()
        return self

    def touch(self) -> None:
        """Say that `value` was written into: tapes that used it before refuse to differentiate. `assign` does it by itself."""
        self.__dict__["version"] = _clock[0] = _clock[0] + 1

    @staticmethod
    def toucher(variables: Sequence[Variable]) -> Callable[[], None]:
        """A function that says `touch` of several variables, for one who does so again and again."""
        states = [variable.__dict__ for variable in variables]

        def touch() -> None:
            _clock[0] = now = _clock[0] + 1
            for state in states:
                state["version"] = now

        return touch

    def assign_add(self, value: Any) -> Variable: return self.assign(DISPATCH["add"](self.value, value))
    def assign_sub(self, value: Any) -> Variable: return self.assign(DISPATCH["subtract"](self.value, value))
    def __pos__(self): return DISPATCH["linear"](self)
    def __iadd__(self, value): return DISPATCH["add"](self, value)      # a new value: the variable itself is left alone
    def __array__(self, dtype=None, copy=None): return _as_array(self, dtype)
    def __float__(self): return float(_read(self))
    def __int__(self): return int(_read(self))
    def __bool__(self): return bool(_read(self))
    def __index__(self): return self.value.__index__()
    def __len__(self): return len(self.value)

    def __iter__(self):
        if self.value.ndim == 0:
            raise TypeError("a 0-d Variable cannot be iterated over.")
        return (self[i] for i in range(len(self.value)))

    def __format__(self, spec): return _formatted(self, spec)
    def __repr__(self): return f"<Variable path={self.path} shape={self.value.shape} dtype={self.value.dtype}>"


def _variable_changed() -> None:
    for listener in VARIABLE_LISTENERS:
        listener()


@contextmanager
def tracing() -> Iterator[None]:
    """Within it no state moves: `assign` writes nothing, random streams and metrics stand still."""
    token = _tracing.set(True)
    try:
        yield
    finally:
        _tracing.reset(token)


def is_tracing() -> bool:
    """Whether code runs on symbolic tensors only to learn the shapes of its results."""
    return _tracing.get()


def is_recording() -> bool:
    """Whether a tape records in this thread."""
    return bool(_tapes.get())


def _read(x: Tensor | Variable) -> ndarray:
    """The value for float(x), int(x) and bool(x). NumPy calls these as well for `array[i] = x`, where the history would be lost."""
    if is_live(x):
        frame = sys._getframe(2)
        if frame.f_code.co_code[frame.f_lasti] == _STORE_SUBSCR:
            raise _lost(x)
    return x.value


_STORE_SUBSCR = dis.opmap["STORE_SUBSCR"]


def _formatted(x: Tensor | Variable, spec: str) -> str:
    """f"{x:.3f}" of a scalar is that of its number."""
    return format(x.value.item() if x.value.ndim == 0 else x.value, spec) if spec else str(x)


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor or a Variable."""
    return isinstance(x, (Tensor, Variable))


def is_live(x: Any) -> bool:
    """Whether a tape records in this thread and would record operations on x."""
    tapes = _tapes.get()
    if not tapes:
        return False
    if isinstance(x, Tensor):
        return x.watched
    return isinstance(x, Variable) and any((tape.watch_accessed_variables and x.watched) or x in tape.watched for tape in tapes)


def _as_array(x: Tensor | Variable, dtype: Any) -> ndarray:
    """What NumPy gets that turns x into an array."""
    if is_live(x):
        raise _lost(x)
    return np.array(x.value, dtype=dtype)


def _lost(x: Tensor | Variable) -> TypeError:
    return TypeError(
        f"NumPy would turn a {type(x).__name__} on the tape into a plain array, and its gradient would be lost in silence. "
        f"Compute with refnet.ops (refnet.ops.stack joins tensors), or take it off the tape on purpose: refnet.stop_gradient(x)"
        f" in a computation, refnet.ops.convert_to_numpy(x) to look at the numbers.")


def value_of(x: Any) -> ndarray:
    """The ndarray behind a Tensor, a Variable, an ndarray or anything that NumPy makes one of. No copy where none is needed."""
    if type(x) is ndarray:
        return x
    if isinstance(x, (Tensor, Variable)):
        return x.value
    if isinstance(x, Masked):
        return x.plain if x.plain is not None else np.asarray(x)
    if getattr(x, "is_symbolic", False):
        raise SymbolicInput(f"{x!r} is symbolic: it has a shape but no numbers. Build a Model from it and call the model on data.")
    return np.asarray(x)
