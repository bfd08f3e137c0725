"""The tape: reverse-mode automatic differentiation.

While a tape records, every operation on a value that needs a gradient appends one record

    (backward, saved, inputs, needs, output, time)

(needs: which inputs need a gradient; time: how many assignments there had been, so that a value changed since is noticed)
and hands on its result as a `Tensor`. To find the gradients, walk the records once, last to first:

    take dy, the gradient collected so far for `output`;   ask `backward(dy, saved, needs)` for the inputs' gradients;
    add each to what that input has collected already.

An operation with several results (a recurrence gives its outputs and its last state) has one record, whose `output` is the tuple
of them; dy is then a tuple as well, None for a result that nobody used. `time` says when the record was made: a variable that
was assigned later no longer has the value that the gradient needs, and the walk refuses.

Why the reverse of creation order is right: an operation can only use values that existed when it ran, so every consumer of a
value has a later record than its producer. When the walk reaches a record, all consumers of its output have been visited, and
dy is complete. (That is: creation order is a topological order of the graph.)

Outside a tape no record is made, nothing is saved, and operations take and return plain ndarrays.

References
    Linnainmaa (1970), The representation of the cumulative rounding error of an algorithm as a Taylor expansion.
    Baydin, Pearlmutter, Radul, Siskind (2018), Automatic differentiation in machine learning: a survey, section 3.2.
"""
from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from refnet import backend, config

__all__ = ["GradientTape", "Tensor", "Variable", "apply", "custom_gradient", "is_live", "is_tensor", "stop_gradient",
           "value_and_grad", "value_of"]

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

# name of an operator -> the op, and NumPy function -> what to call for it; filled by refnet.ops, which stands above this module.
DISPATCH: dict[str, Callable] = {}
NUMPY: dict[Any, Callable] = {}


class SymbolicInput(TypeError):
    """An operation met a symbolic tensor (graph.KerasTensor) where it needs numbers. Caught by ops, which then build a graph."""


def _numpy(function: Any, key: Any, name: str, inputs: tuple, kwargs: dict) -> Any:
    """A NumPy function on tensors: its op; without one NumPy itself, if no history can be lost."""
    op = NUMPY.get(key)
    if op is not None:
        return op(*inputs, **kwargs)
    if any(map(_has_history, (*inputs, *kwargs.values()))):
        raise TypeError(
            f"NumPy's {name!r} is not differentiable in refnet: refnet.ops has no counterpart. "
            f"Use a function of refnet.ops, or leave the tape with refnet.stop_gradient(x), which gives a plain ndarray.")
    return function(*map(_plain_value, inputs), **{key: _plain_value(x) for key, x in kwargs.items()})


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
            return getattr(ufunc, method)(*map(_plain_value, inputs), out=tuple(map(_plain_value, out)), **kwargs)
        if method == "__call__":
            return _numpy(ufunc, ufunc, ufunc.__name__, inputs, kwargs)
        return _numpy(getattr(ufunc, method), (ufunc, method), f"{ufunc.__name__}.{method}", inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return _numpy(function, function, function.__name__, args, kwargs)


def _plain_value(x: Any) -> Any:
    """Arrays in place of the tensors in nested lists."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(_plain_value, x)) if type(x) in (list, tuple) else x
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


def apply(forward: Callable, backward: Callable, inputs: tuple, *args: Any, **kwargs: Any) -> Any:
    """Run one kernel pair on the tape: the one way from an op to a kernel.

    Args:
        forward: ``forward(*values, *args, **kwargs, save=...)`` -> (y, saved).
        backward: ``backward(dy, saved)`` -> dx for one input, ``backward(dy, saved, needs)`` -> a tuple for several.
        inputs: the differentiable inputs: Tensors, Variables, ndarrays, or None (an absent bias).
        args, kwargs: the rest, handed to forward as they are.

    Returns:
        A Tensor if a tape records and an input needs a gradient, else an ndarray. A tuple of them where forward's y is one.
    """
    tapes = _tapes.get()
    if tapes:
        values = []
        needs = []
        for x in inputs:
            kind = type(x)
            if kind is Tensor:
                values.append(x.value)
                needs.append(x.watched)
            elif kind is Variable:
                values.append(x.value)
                needs.append(x.watched or x in tapes[-1].watched)
            elif kind is ndarray or x is None:
                values.append(x)
                needs.append(False)
            else:
                values.append(value_of(x))
                needs.append(isinstance(x, Variable) and x.trainable)
        if True in needs:
            y, saved = forward(*values, *args, **kwargs)
            output: Any
            if type(y) is ndarray:
                output = Tensor(y, True)
            elif type(y) is tuple:                       # results that are no floats are constants to the tape
                output = tuple([Tensor(part, part.dtype.kind == "f") for part in y])
            else:
                output = Tensor(np.asarray(y), True)
            record = (backward, saved, inputs, needs, output, _clock[0])
            for tape in tapes:
                tape.record(record)
            return output
    else:
        values = [x if x is None else value_of(x) for x in inputs]
    y = forward(*values, *args, **kwargs, save=False)[0]
    return y if type(y) is ndarray or type(y) is tuple else np.asarray(y)


class GradientTape:
    """Records operations, and finds gradients by walking them backwards.

    Trainable variables are watched by themselves; other values must be Tensors and be watched explicitly.

    Args:
        persistent: keep the records, so that `gradient` may be called more than once.
        watch_accessed_variables: False: only what `watch` names is watched.

    Example:
        >>> x = refnet.ops.convert_to_tensor(np.array([3.0]))
        >>> with refnet.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> tape.gradient(y, x)
        array([6.])
    """

    _backend: str | None = None

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self.persistent = persistent
        self.watch_accessed_variables = watch_accessed_variables
        self.watched: set[Variable] = set()
        self._records: list[tuple] = []
        self._spent = False
        # `apply` calls this with every operation: (backward, saved, inputs, needs, output, clock)
        self.record: Callable[[tuple], None] = self._records.append if watch_accessed_variables else self._filtered
        self._token: Any = None
        self._scope: Any = None

    def __enter__(self) -> GradientTape:
        if self._token is not None:
            raise RuntimeError("This GradientTape is recording already; make a second one to nest tapes.")
        self._scope = backend.enter(self._backend)
        self._token = _tapes.set((*_tapes.get(), self))
        return self

    def __exit__(self, *exception: Any) -> None:
        _tapes.reset(self._token)
        backend.leave(self._scope)
        self._token = self._scope = None

    def watch(self, tensor: Any) -> None:
        """Make operations on a Tensor (or a list of Tensors, or Variables) be recorded.

        Raises:
            TypeError: for a plain ndarray, which has nowhere to keep a history.
        """
        for x in tensor.values() if isinstance(tensor, dict) else tensor if isinstance(tensor, (list, tuple)) else (tensor,):
            if isinstance(x, (dict, list, tuple)):
                self.watch(x)
            elif isinstance(x, Tensor):
                x.watched = True
            elif isinstance(x, Variable):
                self.watched.add(x)
            else:
                raise TypeError(
                    f"GradientTape.watch was given a {type(x).__name__}, which cannot carry a history. "
                    f"Make a tensor of it first: x = refnet.ops.convert_to_tensor(x); tape.watch(x); then compute with x.")

    def _filtered(self, record: tuple) -> None:
        """`record` for a tape that watches only what it was told to."""
        backward, saved, inputs, needs, output, time = record
        needs = [need and (not isinstance(x, Variable) or x in self.watched) for x, need in zip(inputs, needs, strict=True)]
        self._records.append((backward, saved, inputs, needs, output, time))

    @backend.entry_point
    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none") -> Any:
        """dtarget/dsource for every source.

        Args:
            target: the Tensor to differentiate. If it is not a scalar, its entries are summed, as in TensorFlow; of a list,
                tuple or dict of Tensors (nested too) all are summed.
            sources: a Tensor or Variable, or a list, tuple or dict of them.
            output_gradients: the gradient of a later scalar with respect to target (default: ones), in target's structure.
            unconnected_gradients: what a source that target does not depend on gets: "none" (None) or "zero".

        Returns:
            ndarrays in the structure of `sources`, None where target does not depend on a source.

        Raises:
            RuntimeError: a second call on a tape that is not persistent; a variable was assigned after it was used.
            NotImplementedError: another tape is recording (second derivatives are not supported).
        """
        if isinstance(sources, dict):
            found = self.gradient(target, list(sources.values()), output_gradients, unconnected_gradients)
            return dict(zip(sources, found, strict=True))
        single = not isinstance(sources, (list, tuple))
        wanted = [sources] if single else list(sources)
        for source in wanted:
            if type(source) is not Variable and not isinstance(source, (Tensor, Variable)):
                raise TypeError(f"GradientTape.gradient: a source is a {type(source).__name__}; sources are Tensors or Variables. "
                                f"For an array: x = refnet.ops.convert_to_tensor(x), tape.watch(x), and pass x.")
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(f"unconnected_gradients is {unconnected_gradients!r}; it must be 'none' or 'zero'.")
        collected = self._walk(target, wanted, output_gradients)
        grads = [collected.get(id(source)) for source in wanted]
        if unconnected_gradients == "zero":
            grads = [np.zeros_like(s.value) if g is None else g for g, s in zip(grads, wanted, strict=True)]
        return grads[0] if single else type(sources)(grads)

    def _walk(self, target: Any, wanted: list, output_gradients: Any) -> dict[int, ndarray]:
        records = self._records
        if self._spent:
            raise RuntimeError("GradientTape.gradient was called twice, but a tape forgets its records after the first call. "
                               "Use GradientTape(persistent=True), or ask for all sources in one call.")
        recording = _tapes.get()
        if recording and recording != (self,):
            raise NotImplementedError(
                "A gradient was asked for while another GradientTape records: its result would be a constant to the outer tape, "
                "and a derivative of it silently zero. refnet differentiates once (first order only). Leave the outer tape's "
                "block first.")
        if records and records[0][5] != _clock[0]:
            _check_versions(records)
        if not self.persistent:
            self._spent = True
            self._records = []
            self.record = _refuse
        collected: dict[int, ndarray] = {}
        for leaf, seed in _seeds(target, output_gradients):
            key = id(leaf)
            collected[key] = backend.active().add_gradients(collected[key], seed) if key in collected else seed
        if not collected:
            return {}                                    # constants: they depend on nothing
        own: set[int] = set()                            # buffers made here: these alone may be added to in place
        keep = {id(source) for source in wanted if type(source) is Tensor}
        for backward, saved, inputs, needs, output, _ in reversed(records):
            dy: Any
            if type(output) is tuple:
                dy = tuple([_taken(collected, id(part), keep) for part in output])
                if all(part is None for part in dy):
                    continue
            else:
                dy = _taken(collected, id(output), keep)
                if dy is None:
                    continue
            parts = backward(dy, saved, needs) if len(inputs) > 1 else (backward(dy, saved),)
            for x, need, part in zip(inputs, needs, parts):      # not strict: the hottest line of Python there is
                if need and part is not None:
                    key = id(x)
                    if key not in collected:
                        collected[key] = part if type(part) is ndarray else np.asarray(part)
                    elif key in own:
                        backend.active().accumulate_update(collected[key], part)
                    else:
                        collected[key] = np.asarray(backend.active().add_gradients(collected[key], part))
                        own.add(key)
        return collected


def _taken(collected: dict[int, ndarray], key: int, keep: set[int]) -> ndarray | None:
    """The gradient collected for a result, in C order as kernels want it."""
    dy = collected.get(key) if key in keep else collected.pop(key, None)
    if dy is None or dy.flags.num & 0x0101 == 0x0101:            # C-contiguous and aligned
        return dy
    return backend.active().contiguous_forward(dy, save=False)[0]


def _seeds(target: Any, gradients: Any) -> list[tuple[Any, ndarray]]:
    """Each Tensor of a structure of targets with its own gradient: ones, or what was given in the same structure."""
    if isinstance(target, dict):
        keys = list(target)
        if gradients is not None and (not isinstance(gradients, dict) or set(gradients) != set(keys)):
            raise ValueError(f"output_gradients must be a dict with target's keys {keys}, but it is {gradients!r}.")
        gradients = None if gradients is None else [gradients[key] for key in keys]
        target = [target[key] for key in keys]
    if isinstance(target, (list, tuple)):
        if gradients is None:
            gradients = [None] * len(target)
        elif not isinstance(gradients, (list, tuple)) or len(gradients) != len(target):
            raise ValueError(f"output_gradients must be a list of {len(target)} gradients, one for each target.")
        return [seed for item, gradient in zip(target, gradients, strict=True) for seed in _seeds(item, gradient)]
    if not isinstance(target, (Tensor, Variable)):
        return []
    if gradients is None:
        return [(target, backend.active().filled(target.value.shape, 1, target.value.dtype))]
    seed = np.asarray(_plain_value(gradients), dtype=target.value.dtype)
    if seed.shape != target.value.shape:
        raise ValueError(f"output_gradients has shape {seed.shape}, but target has shape {target.value.shape}.")
    return [(target, seed)]


def _refuse(record: tuple) -> None:
    raise RuntimeError("This GradientTape has given its gradients and forgotten its records; compute under a new one.")


def _check_versions(records: list[tuple]) -> None:
    """Some variable was assigned since the tape began: was it one whose old value a record needs?"""
    for _, _, inputs, _, _, time in records:
        for x in inputs:
            if isinstance(x, Variable) and x.version > time:
                raise RuntimeError(f"Variable {x.path!r} was assigned after the tape used it, so the values its gradient needs "
                                   f"are gone. Compute the gradients first, then assign.")


def stop_gradient(x: Any) -> Any:
    """The value of x as a constant: a plain ndarray, through which no gradient flows. Of a Variable a copy: it may be assigned."""
    return np.array(x.value) if isinstance(x, Variable) else value_of(_plain_value(x))


def value_and_grad(function: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """A function that returns function's value and its gradient with respect to some arguments.

    Args:
        function: returns a scalar, or (scalar, aux) with has_aux.
        argnums: which positional argument(s); each an array, a Tensor, a Variable, or a list of these.
        has_aux: whether function returns something else beside the scalar.

    Returns:
        ``g(*args, **kwargs)`` -> (value, grads): grads an array for one argnum, a tuple for several; a list for a list argument.

    Example:
        >>> value, grad = refnet.value_and_grad(lambda x: refnet.ops.sum(x * x))(np.array([1.0, 2.0]))
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    make_tape = backend.localise(GradientTape)           # of refnet_fast, when called there: what runs under it runs fast

    def watched(tape: GradientTape, x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return [watched(tape, item) for item in x]
        if not isinstance(x, (Tensor, Variable)):
            x = Tensor(np.asarray(x))
        tape.watch(x)
        return x

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        tape = make_tape(persistent=True)
        with tape:
            inputs = [watched(tape, a) if i in numbers else a for i, a in enumerate(args)]
            result = function(*inputs, **kwargs)
        value, aux = result if has_aux else (result, None)
        if np.ndim(value_of(value)) != 0:
            raise ValueError(f"value_and_grad: the function returned an array of shape {np.shape(value_of(value))}; only a scalar "
                             f"has a gradient. Reduce it, for example with refnet.ops.sum.")
        grads = [tape.gradient(value, inputs[n], unconnected_gradients="zero") for n in numbers]
        plain = value_of(value)
        return ((plain, aux) if has_aux else plain), (grads[0] if isinstance(argnums, int) else tuple(grads))

    return differentiated


def custom_gradient(function: Callable) -> Callable:
    """Give a function your own gradient.

    Args:
        function: ``f(*arrays)`` -> (y, grad), where ``grad(dy)`` returns the gradient for each argument (one, or a tuple).
            Inside, arguments are plain ndarrays and nothing is recorded.

    Example:
        >>> @refnet.custom_gradient
        ... def softplus(x):
        ...     e = np.exp(x)
        ...     return np.log1p(e), lambda dy: dy * e / (1 + e)
    """

    def forward(*values, save=True):
        token = _tapes.set(())
        try:
            y, grad = function(*values)
        finally:
            _tapes.reset(token)
        return np.asarray(value_of(y)), ((grad, [np.shape(v) for v in values]) if save else None)

    def backward(dy, saved, needs=None):
        grad, shapes = saved
        parts = grad(dy)
        parts = tuple(parts) if isinstance(parts, (tuple, list)) else (parts,)
        if len(parts) != len(shapes):
            raise ValueError(f"custom_gradient: {function.__name__!r} has {len(shapes)} arguments, but its gradient function "
                             f"returned {len(parts)} gradients. Return one for each (None where there is none).")
        parts = tuple(None if p is None else value_of(p) for p in parts)
        parts = tuple(p if p is None or p.dtype.isnative else p.astype(p.dtype.newbyteorder("=")) for p in parts)
        for position, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
            if part is not None and part.shape != shape:
                raise ValueError(f"custom_gradient: the gradient of {function.__name__!r} for argument {position} has shape "
                                 f"{part.shape}, but the argument has shape {shape}.")
        return parts[0] if len(shapes) == 1 else parts

    def differentiable(*args):
        if any(getattr(x, "is_symbolic", False) for x in args):
            return function(*args)[0]                    # shapes only: its operations say what they make
        return apply(forward, backward, args)

    differentiable.__name__ = getattr(function, "__name__", "custom")
    differentiable.__doc__ = function.__doc__
    return differentiable
