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

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refnet import backend
from refnet.tensors import (
    DISPATCH,
    NUMPY,
    VARIABLE_LISTENERS,
    Masked,
    Operators,
    SymbolicInput,
    Tensor,
    Variable,
    _clock,
    _tapes,
    is_live,
    is_recording,
    is_tensor,
    is_tracing,
    mask_of,
    plain_value,
    tracing,
    value_of,
    with_mask,
)

# What stands above takes the values of a computation from here as well.
__all__ = ["DISPATCH", "NUMPY", "VARIABLE_LISTENERS", "GradientTape", "Masked", "Operators", "SymbolicInput", "Tensor", "Variable",
           "apply", "custom_gradient", "is_live", "is_recording", "is_tensor", "is_tracing", "mask_of", "stop_gradient", "tracing",
           "value_and_grad", "value_of", "with_mask"]

ndarray = np.ndarray


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
    seed = np.asarray(plain_value(gradients), dtype=target.value.dtype)
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
    return np.array(x.value) if isinstance(x, Variable) else value_of(plain_value(x))


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
