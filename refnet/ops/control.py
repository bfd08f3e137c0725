"""Control: choices and loops as functions, with keras.ops' names and arguments.

Python's own `if` and `for` do the same here, for nothing is compiled; these are for code that is written for Keras. What runs
inside is on the tape like everything else. While a model is built there are no numbers to decide by: use them in a `call`.
"""

from __future__ import annotations

import builtins
from typing import Any

from refnet import tree
from refnet.autodiff import value_of
from refnet.graph import has_symbolic
from refnet.ops._op import array_of
from refnet.ops.selection import get_item
from refnet.ops.shaping import concatenate, flip, stack

__all__ = ["associative_scan", "cond", "fori_loop", "map", "scan", "switch", "vectorized_map", "vectorize", "while_loop"]


def _decided(name: str, value: Any) -> Any:
    """A number of the present run.

    Raises:
        ValueError: while a model is built, where there are none.
    """
    if has_symbolic(value):
        raise ValueError(
            f"{name}: a symbolic tensor has no value to decide by. Use ops.where, which computes both, or write the choice in the "
            f"`call` of a layer."
        )
    return value_of(array_of(value)).item()


def cond(pred, true_fn, false_fn):
    """true_fn() where pred holds, else false_fn(). Only the one that is chosen runs.

    Args:
        pred: one boolean.
        true_fn, false_fn: functions without arguments.
    """
    return true_fn() if _decided("cond", pred) else false_fn()


def switch(index, branches, *operands):
    """branches[index](*operands); an index out of range takes the nearest one.

    Args:
        index: one integer.
        branches: functions of the operands.
        *operands: arrays.
    """
    place = int(_decided("switch", index))
    return branches[builtins.max(0, builtins.min(place, len(branches) - 1))](*operands)


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """The loop variables after `body` ran while `cond` held.

    Args:
        cond: a function of the loop variables that gives one boolean.
        body: a function of the loop variables that gives the next ones.
        loop_vars: an array, or a list or tuple of them.
        maximum_iterations: at most so many times.
    """
    several = isinstance(loop_vars, (list, tuple))
    current = tuple(loop_vars) if several else (loop_vars,)
    turns = 0
    while (maximum_iterations is None or turns < maximum_iterations) and _decided("while_loop", cond(*current)):
        following = body(*current)
        current = tuple(following) if isinstance(following, (list, tuple)) else (following,)
        if len(current) != (len(loop_vars) if several else 1):
            raise ValueError(f"while_loop: body must give as many variables as it gets. Received: {len(current)}")
        turns += 1
    return (type(loop_vars)(current) if type(loop_vars) is list else current) if several else current[0]


def fori_loop(lower, upper, body_fun, init_val):
    """body_fun(i, value) for i = lower, ..., upper - 1, each on the value before.

    Args:
        lower, upper: integers.
        body_fun: a function of (i, value) that gives the next value.
        init_val: the first value.
    """
    value = init_val
    for i in range(int(_decided("fori_loop", lower)), int(_decided("fori_loop", upper))):
        value = body_fun(i, value)
    return value


def _length(name: str, structure: Any) -> int:
    """The common length of the leaves' first axes."""
    lengths = {tuple(getattr(leaf, "shape", ()))[:1] for leaf in tree.flatten(structure)}
    if len(lengths) != 1 or lengths == {()}:
        lengths_seen = sorted(str(n) for n in lengths)
        raise ValueError(f"{name}: the arrays must have one length along their first axis. Received: {lengths_seen}")
    (length,) = lengths.pop()
    if length is None:
        raise ValueError(f"{name}: the length of the first axis must be known.")
    return length


def _arrays(structure: Any) -> Any:
    return tree.map_structure(lambda x: x if hasattr(x, "shape") else array_of(x), structure)


def _stacked(rows: list) -> Any:
    return tree.map_structure(lambda *leaves: None if leaves[0] is None else stack(list(leaves)), *rows)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """(the last carry, the stacked outputs) of f(carry, x) -> (carry, y) along the first axis.

    Args:
        f: a function of the carry and an entry of xs.
        init: the first carry.
        xs: arrays of one length; None: f gets None, `length` times.
        length: how many times, where xs is None.
        reverse: from the last entry to the first; outputs stay in their places.
        unroll: accepted for Keras' sake.
    """
    if xs is None and length is None:
        raise ValueError("scan: pass xs, or length.")
    xs = None if xs is None else _arrays(xs)
    count = int(length) if xs is None else _length("scan", xs)
    if xs is not None and length is not None and int(length) != count:
        raise ValueError(f"scan: length={length}, but xs has {count} entries.")
    carry, outputs = init, []
    for i in reversed(range(count)) if reverse else range(count):
        entry = None if xs is None else tree.map_structure(lambda x, i=i: get_item(x, i), xs)
        carry, y = f(carry, entry)
        outputs.append(y)
    if reverse:
        outputs.reverse()
    return carry, _stacked(outputs) if outputs else None


def map(f, xs):
    """The stacked results of f on every entry along the first axis; xs may be a structure of arrays."""
    xs = _arrays(xs)
    count = _length("map", xs)
    return _stacked([f(tree.map_structure(lambda x, i=i: get_item(x, i), xs)) for i in range(count)])


def vectorized_map(function, elements):
    """The same as `map`: the stacked results of a function on every entry along the first axis."""
    return map(function, elements)


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function that applies `pyfunc` to every entry of its arguments, which are broadcast.

    Args:
        pyfunc: a function of numbers.
        excluded: positions of arguments that are passed on as they are.
        signature: NumPy's notation for functions of arrays is not supported: must be None.
    """
    if signature is not None:
        raise ValueError("vectorize: `signature` is not supported; use ops.map over the leading axis.")
    from refnet.ops.shaping import broadcast_to, reshape

    without = set(excluded or ())

    def vectorized(*args):
        arrays = [i for i in range(len(args)) if i not in without]
        given = {i: args[i] if hasattr(args[i], "shape") else array_of(args[i]) for i in arrays}
        from refnet.ops.rules import broadcast

        shape = broadcast("vectorize", *(tuple(x.shape) for x in given.values()))
        flat = [reshape(broadcast_to(x, shape), (-1,)) for x in given.values()]

        def one(entries):
            found = dict(zip(given, entries, strict=True))
            return pyfunc(*(found.get(i, args[i]) for i in range(len(args))))

        return tree.map_structure(lambda y: reshape(y, shape), map(one, tuple(flat)))

    return vectorized


def associative_scan(f, elems, reverse=False, axis=0):
    """All partial results of an associative f: e_1, f(e_1, e_2), f(f(e_1, e_2), e_3), ... along an axis.

    Args:
        f: a function of two structures of arrays, associative, that works on whole axes.
        elems: a structure of arrays.
        reverse: from the last entry to the first.
        axis: along which.
    """
    elems = _arrays(elems)
    if not callable(f):
        raise TypeError(f"associative_scan: f must be a function. Received: {f!r}")
    first = tree.flatten(elems)[0]
    axis %= len(first.shape)
    lead = (slice(None),) * axis

    def part(structure: Any, i: int) -> Any:
        return tree.map_structure(lambda x: get_item(x, (*lead, slice(i, i + 1))), structure)

    if reverse:
        elems = tree.map_structure(lambda x: flip(x, axis), elems)
    results = [part(elems, 0)]
    for i in range(1, first.shape[axis]):
        results.append(f(results[-1], part(elems, i)))
    joined = tree.map_structure(lambda *leaves: concatenate(list(leaves), axis=axis), *results)
    return tree.map_structure(lambda x: flip(x, axis), joined) if reverse else joined
