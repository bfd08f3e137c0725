"""Recording: write down which kernels a piece of code calls, on which arrays.

A `Recorder` poses as a kernel set. While it is in force (`recording`), `backend.active()` gives it to whoever asks; each kernel
that is called through it runs as always, and leaves an instruction: the kernel, the places ("slots") its arguments came from,
the places its results went to. Where an argument came from is known by its identity: it is one of the inputs, the value of a
known variable, or what an earlier kernel returned. Plain numbers, names and shapes are constants.

An array that came from nowhere, made by NumPy behind the recorder's back, might be another one in the next step: the recorder
notes the `problem`, and nothing is made of the recording.

`Recording.same_as` compares two recordings of the same code on different data: constants that differ are not constant. `Plan`
is what remains: a program for `kernels.plan.run_plan`, without the instructions that nobody needs.
"""
from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any

import numpy as np

from refnet import backend
from refnet.autodiff import Variable

__all__ = ["Instruction", "Plan", "Recorder", "recording"]

ndarray = np.ndarray
WASTE = 0
# Kernels with an effect beyond their result, or that are to be called anew in every step: not constant, never left out.
EFFECTS = frozenset(("next_key", "called_rate"))
# Kernels whose result is the same array in every step: it is made once.
CONSTANTS = frozenset(("filled", "constant_array"))
# What a constant may be made of: compared by value between two recordings.
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), slice, np.dtype, np.generic, type)


class Instruction:
    """One call of a kernel.

    Attributes:
        name: the kernel's name.
        kernel: the function.
        arguments: slots.
        results: a slot, or a tuple of slots.
    """

    __slots__ = ("arguments", "kernel", "name", "results")

    def __init__(self, name: str, kernel: Any, arguments: tuple[int, ...], results: int | tuple[int, ...]):
        self.name, self.kernel, self.arguments, self.results = name, kernel, arguments, results

    @property
    def targets(self) -> tuple[int, ...]:
        """The slots it fills."""
        return (self.results,) if isinstance(self.results, int) else self.results

    @property
    def has_effect(self) -> bool:
        """Whether it changes an array, or must run although nobody reads its result."""
        return self.name.endswith("_update") or self.name in EFFECTS


class Recorder:
    """A kernel set that writes down what is called.

    Args:
        kernels: the kernel set to run.
        inputs: the arrays that differ from run to run.
        variables: where values that live longer than a run are found.

    Attributes:
        program: the instructions so far.
        contents: what each slot held in this run: arrays by weak reference, so that they die when the run lets go of them.
        types: text that says what an array in each slot was, for printing.
        constants: slot -> the constant it holds.
        variables: slot -> the Variable whose value it holds.
        made_by: slot -> the arguments of `filled` that made the constant in it.
        problem: why this recording is of no use, or None.
    """

    def __init__(self, kernels: Any, inputs: Sequence[ndarray], variables: Sequence[Variable]):
        self.NAME = kernels.NAME
        self._kernels = kernels
        self.program: list[Instruction] = []
        self.contents: list[Any] = [None]
        self.types: list[str] = [""]
        self.constants: dict[int, Any] = {}
        self.variables: dict[int, Variable] = {}
        self.made_by: dict[int, str] = {}
        self.problem: str | None = None
        self._slots: dict[int, int] = {}                 # id of an object that is alive -> its slot
        self._by_value: dict[Any, int] = {}
        self._known = {id(v.value): v for v in variables}
        self._depth = 0
        self.inputs = [self._new(array) for array in inputs]

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self._kernels, name)            # AttributeError for what no kernel set has
        if not callable(kernel) or name.startswith("_"):
            return kernel
        recorded = functools.partial(self._call, name, kernel)
        self.__dict__[name] = recorded
        return recorded

    def slot_of(self, value: Any) -> int | None:
        """The slot that holds this very object; None for one that is not known."""
        slot = self._slots.get(id(value))
        if slot is None:
            return None
        content = self.contents[slot]
        return slot if (content() if type(content) is weakref.ref else content) is value else None

    def _new(self, value: Any) -> int:
        slot = len(self.contents)
        self.types.append(_short_type(value))
        if isinstance(value, ndarray):
            self.contents.append(weakref.ref(value))
        else:
            self.contents.append(value)
        if not isinstance(value, _PLAIN):
            self._slots[id(value)] = slot
        return slot

    def _constant(self, value: Any, key: Any = None) -> int:
        slot = self._by_value.get(key) if key is not None else None
        if slot is None:
            slot = self._new(value)
            self.constants[slot] = value
            if key is not None:
                self._by_value[key] = slot
        return slot

    def _argument(self, name: str, position: int, value: Any) -> int:
        if isinstance(value, _PLAIN):
            return self._constant(value, (type(value), repr(value)))
        slot = self.slot_of(value)
        if slot is not None:
            return slot
        if isinstance(value, ndarray):
            variable = self._known.get(id(value))
            if variable is not None and variable.value is value:
                slot = self._new(value)
                self.variables[slot] = variable
                return slot
            self.trouble(f"{name} was given an array of shape {value.shape} and type {value.dtype} (argument {position + 1}) "
                         "that no kernel made")
            return self._constant(value)
        if isinstance(value, (tuple, list)):
            if any(isinstance(item, ndarray) for item in value):
                items = tuple(self._argument(name, position, item) for item in value)
                packed = tuple(value)
                slot = self._new(packed)
                self.program.append(Instruction("packed", _packed, items, slot))
                return slot
            value = tuple(value)
            return self._constant(value, (tuple, repr(value)))
        return self._constant(value, (type(value), id(value)))

    def trouble(self, problem: str) -> None:
        """Note the first reason why the recording is of no use."""
        if self.problem is None:
            self.problem = problem

    def _call(self, name: str, kernel: Any, /, *args: Any, **kwargs: Any) -> Any:
        if self._depth:                                  # a kernel that asks for another: part of the first
            return kernel(*args, **kwargs)
        if kwargs:
            kernel, args = _positional(kernel, args, kwargs)
        self._depth += 1
        try:
            y = kernel(*args)
        finally:
            self._depth -= 1
        if name in CONSTANTS:
            slot = self._constant(y)
            if name == "filled":                         # a kernel may write into it: what counts is how it was made
                self.made_by[slot] = repr(args)
            return y
        arguments = tuple([self._argument(name, i, a) for i, a in enumerate(args)])
        results: Any
        if y is None:
            results = WASTE
        elif type(y) is tuple:
            if any(isinstance(part, np.generic) for part in y):
                self.trouble(f"{name} returned a NumPy scalar instead of an array")
            results = tuple([WASTE if part is None else self._new(part) for part in y])
        else:
            if isinstance(y, np.generic):
                self.trouble(f"{name} returned a NumPy scalar instead of an array")
            results = self._new(y)
        self.program.append(Instruction(name, kernel, arguments, results))
        if name.endswith("_backward") and len(arguments) > 1 and type(args[1]) is tuple and arguments[1] not in self.constants:
            self.contents[arguments[1]] = None           # what forward kept for this call alone
        if type(y) is tuple and y and type(y[0]) is tuple and name.endswith("_forward"):      # several outputs
            parts = tuple([WASTE if part is None else self._new(part) for part in y[0]])
            self.program.append(Instruction("unpacked", _unpacked, (results[0],), parts))
        return y

    # --- looking at it ---------------------------------------------------------------------------------------------

    def difference(self, other: Recorder) -> str | None:
        """Why another recording of the same code is not the same list; None if it is."""
        if len(self.program) != len(other.program):
            return f"one step called {len(self.program)} kernels, the next {len(other.program)}"
        for mine, theirs in zip(self.program, other.program, strict=True):
            if mine.name != theirs.name or mine.arguments != theirs.arguments or mine.results != theirs.results:
                return f"one step called {mine.name} where the next called {theirs.name}, or on other arrays"
            if (_function(mine.kernel) is not _function(theirs.kernel)
                    or repr(getattr(mine.kernel, "keywords", None)) != repr(getattr(theirs.kernel, "keywords", None))):
                return f"{mine.name} was another function in the next step"
        if self.constants.keys() != other.constants.keys() or self.variables.keys() != other.variables.keys():
            return "two steps did not use the same constants"
        for slot, value in self.constants.items():
            if slot in self.made_by:
                equal = self.made_by[slot] == other.made_by.get(slot)
            else:
                equal = _same(value, other.constants[slot])
            if not equal:
                return f"a number that should be constant was {_short(value)} and then {_short(other.constants[slot])}"
        if any(v is not other.variables[slot] for slot, v in self.variables.items()):
            return "two steps did not use the same variables"
        return None


def _packed(*items: Any) -> tuple:
    return items


def _unpacked(items: tuple) -> tuple:
    return items


def _function(kernel: Any) -> Any:
    return kernel.func if isinstance(kernel, functools.partial) else kernel


@functools.cache
def _parameters(kernel: Any) -> tuple | None:
    """(name, default) of a kernel's parameters; None if it takes any number of them."""
    parameters = inspect.signature(kernel).parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.KEYWORD_ONLY) for p in parameters):
        return None
    return tuple((p.name, p.default) for p in parameters)


def _positional(kernel: Any, args: tuple, kwargs: dict) -> tuple[Any, tuple]:
    """The same call without keywords: defaults are written out, or the keywords become part of the function."""
    parameters = _parameters(kernel)
    if parameters is None:
        return functools.partial(kernel, **kwargs), args
    kwargs = dict(kwargs)
    filled = list(args)
    for name, default in parameters[len(args):]:
        if not kwargs:
            break
        filled.append(kwargs.pop(name, default))
    if kwargs:
        raise TypeError(f"{kernel.__name__}() got unexpected arguments {sorted(kwargs)}.")
    return kernel, tuple(filled)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, ndarray) or isinstance(b, ndarray):
        return (isinstance(a, ndarray) and isinstance(b, ndarray) and a.dtype == b.dtype and a.shape == b.shape
                and a.tobytes() == b.tobytes())
    if isinstance(a, _PLAIN) or isinstance(a, tuple):
        return type(a) is type(b) and repr(a) == repr(b)     # NaN equals itself here
    return a is b or (isinstance(a, MethodType) and a == b)


def _short(value: Any) -> str:
    text = f"array of shape {value.shape}" if isinstance(value, ndarray) else repr(value)
    return text if len(text) < 60 else text[:57] + "..."


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Within it, the kernels of this thread's scope are the recorder's."""
    token = backend.enter_kernels(recorder)
    try:
        yield recorder
    finally:
        backend.leave(token)


class Plan:
    """A recording, ready to be run again.

    Args:
        recorder: the recording.
        outputs: arrays of the run that are wanted as results.
        touched: variables that the run changes.
    """

    def __init__(self, recorder: Recorder, outputs: Sequence[ndarray] = (), touched: Sequence[Variable] = ()):
        self.inputs = list(recorder.inputs)
        self.outputs = [slot for slot in map(recorder.slot_of, outputs) if slot is not None]
        self.constants = dict(recorder.constants)
        self.variables = dict(recorder.variables)
        self.touch = Variable.toucher(touched)
        self.program = list(recorder.program)
        self.shapes = list(recorder.types)
        self.size = len(recorder.contents)
        self.kernels = backend.active()
        self.run_plan = self.kernels.run_plan
        self.rewritten: list[str] = []

    def constant(self, value: Any) -> int:
        """A slot that holds a constant, for rules that rewrite the program."""
        self.size += 1
        self.shapes.append(_short_type(value))
        self.constants[self.size - 1] = value
        return self.size - 1

    def readers(self) -> dict[int, list[Instruction]]:
        """slot -> the instructions that read it."""
        found: dict[int, list[Instruction]] = {}
        for instruction in self.program:
            for slot in set(instruction.arguments):
                found.setdefault(slot, []).append(instruction)
        return found

    def finish(self) -> Plan:
        """Leave out what nobody reads, say where slots die, and make the program that runs."""
        wanted = set(self.outputs)
        kept: list[Instruction] = []
        for instruction in reversed(self.program):
            if instruction.has_effect or wanted.intersection(instruction.targets):
                wanted.update(instruction.arguments)
                kept.append(instruction)
        self.program = kept[::-1]
        staying = {*self.outputs, *self.constants, *self.variables, WASTE}
        last: dict[int, int] = {}
        for index, instruction in enumerate(self.program):
            for slot in (*instruction.arguments, *instruction.targets):
                last[slot] = index
        dying: dict[int, list[int]] = {}
        for slot, index in last.items():
            if slot not in staying:
                dying.setdefault(index, []).append(slot)

        def results_of(instruction: Instruction) -> Any:
            if isinstance(instruction.results, int):
                return instruction.results if instruction.results in last else WASTE
            return tuple(slot if slot in last or slot in wanted else WASTE for slot in instruction.results)

        self.code = [(i.kernel, i.arguments, results_of(i), tuple(dying.get(index, ())))
                     for index, i in enumerate(self.program)]
        self.template: list[Any] = [None] * self.size
        used = {slot for i in self.program for slot in i.arguments} | set(self.outputs)
        for slot, value in self.constants.items():
            if slot in used:
                self.template[slot] = value
        for slot, variable in self.variables.items():
            if slot in used:
                self.template[slot] = variable.value
        return self

    def run(self, inputs: Sequence[ndarray]) -> list[Any]:
        """Run it on other inputs of the same shapes and types; returns the outputs."""
        slots = self.template.copy()
        for slot, array in zip(self.inputs, inputs):
            slots[slot] = array
        self.run_plan(self.code, slots)
        self.touch()
        return [slots[slot] for slot in self.outputs]

    def __str__(self) -> str:
        """The list, one instruction a line."""
        def name(slot: int) -> str:
            if slot == WASTE:
                return "_"
            if slot in self.variables:
                return self.variables[slot].path
            if slot in self.constants:
                return _short(self.constants[slot])
            if slot in self.inputs:
                return f"input{self.inputs.index(slot)}{self.shapes[slot]}"
            return f"%{slot}"

        lines = []
        for kernel, arguments, results, dead in self.code:
            targets = (results,) if isinstance(results, int) else results
            left = ", ".join("_" if slot == WASTE else f"%{slot}{self.shapes[slot]}" for slot in targets)
            called = getattr(_function(kernel), "__name__", "?")
            ends = f"    # {', '.join(f'%{slot}' for slot in dead)} no longer needed" if dead else ""
            start = "" if left in ("_", "") else f"{left} = "
            lines.append(f"{start}{called.lstrip('_')}({', '.join(map(name, arguments))}){ends}")
        return "\n".join(lines)


def _short_type(value: Any) -> str:
    return f":{value.dtype}{list(value.shape)}" if isinstance(value, ndarray) else ""
