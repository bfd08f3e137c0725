"""Is a gradient right? Compare it with what it claims to be: a slope.

The analytic gradient comes from the tape. The numeric one moves one number at a time a little up and a little down and
looks at what happens:

    dL/dx_i  ≈  (L(x + h e_i) - L(x - h e_i)) / 2h                    central difference, error O(h²)

in float64, with h = ∛ε · max(1, |x_i|), which balances the truncation error h² against the rounding error ε/h.

An output that is not a scalar is first multiplied by a random signed cotangent r (|r| between 0.5 and 1.5):
L = Σ r · y. A plain sum would not do: the outputs of a softmax sum to 1 whatever happens, and errors of opposite sign cancel.

Random layers are held still: before each evaluation the call counts of all random streams in sight are wound back.

References
    Griewank, Walther (2008), Evaluating Derivatives, section 8.1 (finite differences and their errors).
"""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refnet import backend, ops, public
from refnet.autodiff import GradientTape, Tensor, Variable, value_of
from refnet.graph import flatten, map_structure
from refnet.layers import Layer
from refnet.random import SeedGenerator
from refnet.utils import tracking

__all__ = ["GradientError", "Report", "Row", "check"]

STEP = float(np.cbrt(np.finfo(np.float64).eps))          # 6.1e-6


class GradientError(AssertionError):
    """An analytic gradient disagrees with its numeric counterpart."""


@dataclass
class Row:
    """The worst disagreement within one array.

    Attributes:
        name: the parameter's path, or "input 0".
        shape: its shape.
        checked: how many of its elements were compared.
        kinks: how many of them sit on a kink (left and right slopes differ and the gradient is one of them).
        error: the largest relative error.
        index: where.
        analytic, numeric: the two values there.
        passed: whether error is within the tolerance.
    """

    name: str
    shape: tuple[int, ...]
    checked: int = 0
    kinks: int = 0
    error: float = 0.0
    index: tuple[int, ...] = ()
    analytic: float = 0.0
    numeric: float = 0.0
    passed: bool = True


@dataclass
class Report:
    """What a gradient check found: one `Row` per array. ``str(report)`` is a table."""

    target: str
    tolerance: float
    backend: str
    rows: list[Row] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every array agrees."""
        return all(row.passed for row in self.rows)

    @property
    def worst(self) -> Row | None:
        """The row with the largest error (None when nothing was checked)."""
        return max(self.rows, key=lambda row: np.inf if np.isnan(row.error) else row.error, default=None)

    def raise_if_failed(self) -> Report:
        """Return the report if it passed.

        Raises:
            GradientError: names the parameter, the index, the analytic and the numeric value of the worst disagreement.
        """
        row = self.worst
        if row is not None and not self.passed:
            place = f"{row.name}[{', '.join(map(str, row.index))}]" if row.index else row.name
            raise GradientError(
                f"The gradient of {self.target} with respect to {place} is wrong: the tape says {row.analytic:.10g}, the slope is "
                f"{row.numeric:.10g} (relative error {row.error:.1e}, tolerance {self.tolerance:.0e}).\n{self}")
        return self

    def __str__(self) -> str:
        header = ("array", "shape", "checked", "worst relative error", "at", "analytic", "numeric", "")
        lines = [header]
        for row in self.rows:
            checked = f"{row.checked}" + (f" ({row.kinks} kinks)" if row.kinks else "")
            at = "[" + ", ".join(map(str, row.index)) + "]"
            lines.append((row.name, str(row.shape), checked, f"{row.error:.1e}", at, f"{row.analytic:.8g}", f"{row.numeric:.8g}",
                          "ok" if row.passed else "WRONG"))
        widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
        text.insert(1, "  ".join("-" * width for width in widths))
        verdict = "passed" if self.passed else "FAILED"
        title = f"Gradient check of {self.target} on the {self.backend} kernels: {verdict} (tolerance {self.tolerance:.0e})"
        return "\n".join([title, "", *text])


def check(target: Any, inputs: Any, targets: Any = None, *, loss: Any = None, parameters: Sequence[Variable] | None = None,
          sample_weight: Any = None, training: bool = True, tolerance: float = 1e-6, max_elements: int | None = None,
          seed: int = 0) -> Report:
    """Compare analytic gradients with central differences, for every parameter and every float input.

    Everything runs in float64, whatever the type of the layer: weights are widened for the check and put back afterwards.

    Args:
        target: what to check.
            A function: called as ``target(*inputs)`` (``target(inputs)`` for a single array), returns an array or a nest of them.
            A layer: called on the inputs.
            A model: called on the inputs; with `targets`, its compiled loss (or `loss`) is what is differentiated.
        inputs: an array; a list or tuple of arrays; for layers and models, any nest that they accept.
        targets: the targets of a model's loss.
        loss: a loss to use instead of the compiled one: a name, a `Loss`, or ``f(y_true, y_pred)``.
        parameters: further Variables to check (those that a function closes over). A layer's own are found.
        sample_weight: weights for a model's loss.
        training: passed on to layers and models. Random layers are replayed with the same mask.
        tolerance: the largest relative error allowed: |analytic - numeric| / max(|analytic|, |numeric|, floor), where floor is
            1e-3 of the array's largest gradient, or what rounding in L can hide.
        max_elements: check at most this many elements per array, chosen at random (None: all).
        seed: of the cotangent and of that choice.

    Returns:
        A `Report`; ``print(report)`` shows the worst error of each array, ``report.raise_if_failed()`` raises on a wrong one.

    Raises:
        ValueError: there is nothing to differentiate (no float input, no trainable parameter).

    Example:
        >>> report = refnet.gradcheck.check(refnet.layers.Dense(3, activation="tanh"), np.random.rand(5, 4))
        >>> report.passed
        True
    """
    rng = np.random.default_rng(seed)
    is_layer = isinstance(target, Layer)
    with backend_of(target):
        inputs = map_structure(_as_float64, inputs)
        evaluate = _evaluation(target, targets, loss, sample_weight, training)
        if is_layer and not target.built:
            evaluate(inputs)                             # the first call makes the weights
        variables = _unique([*(target.trainable_variables if is_layer else []), *(parameters or [])])
        generators = list(_seed_generators([target]))
        with _float64(target if is_layer else None, variables), _held(generators) as rewind:
            return _check(target, evaluate, inputs, variables, rewind, rng, tolerance, max_elements)


def _check(target, evaluate, inputs, variables, rewind, rng, tolerance, max_elements) -> Report:
    watched: dict[int, Tensor] = {}

    def watch(x):
        if isinstance(x, np.ndarray) and x.dtype == np.float64:
            x = watched[len(watched)] = Tensor(x)
        return x

    symbols = map_structure(watch, inputs)
    rewind()
    if not watched and not variables:
        raise ValueError("gradcheck: there is nothing to differentiate: no input is of a float type and there is no trainable "
                         "parameter. Pass float inputs, or `parameters=[...]` for a function that closes over Variables.")
    sources = [*watched.values(), *variables]
    with backend.localise(GradientTape)() as tape:
        tape.watch(list(watched.values()))
        outputs = list(flatten(evaluate(symbols)))
        cotangents = [rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.5, 1.5, y.shape) for y in outputs]
        total: Any = 0.0
        for y, cotangent in zip(outputs, cotangents, strict=True):
            total = total + ops.sum(ops.multiply(y, cotangent))
    grads = tape.gradient(total, sources, unconnected_gradients="zero")

    def scalar() -> float:
        rewind()
        values = [value_of(y) for y in flatten(evaluate(inputs))]
        return float(sum(np.sum(c * v.astype(np.float64)) for c, v in zip(cotangents, values, strict=True)))

    arrays = [t.value for t in watched.values()] + [v.value for v in variables]
    names = [f"input {i}" if len(watched) > 1 else "input" for i in range(len(watched))] + [v.path for v in variables]
    report = Report(_name(target), tolerance, backend.backend())
    centre = scalar()
    for name, array, grad in zip(names, arrays, grads, strict=True):
        report.rows.append(_check_array(name, array, grad, scalar, centre, rng, tolerance, max_elements))
    return report


def _check_array(name: str, x: np.ndarray, grad: np.ndarray, scalar: Callable[[], float], centre: float, rng: Any, tolerance: float,
                 max_elements: int | None) -> Row:
    row = Row(name, x.shape)
    flat, slopes = x.reshape(-1), grad.reshape(-1)
    chosen = np.arange(flat.size)
    if max_elements is not None and max_elements < flat.size:
        chosen = np.sort(rng.choice(flat.size, max_elements, replace=False))
    floor = 1e-3 * float(np.max(np.abs(slopes), initial=0.0))
    for i in chosen:
        original = flat[i]
        step = STEP * max(1.0, abs(original))

        def at(offset: float, i: int = int(i), original: float = original) -> float:
            flat[i] = original + offset
            try:
                return scalar()
            finally:
                flat[i] = original

        high, low = at(step), at(-step)
        analytic, numeric = float(slopes[i]), (high - low) / (2 * step)
        noise = 8 * np.finfo(np.float64).eps * max(abs(high), abs(low), abs(centre)) / step      # what rounding in L can make of it
        error = _relative(analytic, numeric, max(floor, noise / tolerance))
        if not error <= tolerance:
            left, right = (centre - low) / step, (high - centre) / step
            bend = _relative(left, right, max(floor, noise / tolerance))
            if bend > 1e-3 and min(_relative(analytic, left, floor), _relative(analytic, right, floor)) < 1e-3:
                row.kinks += 1                           # a kink within the step: one of its two slopes is a right answer
                error = 0.0
        row.checked += 1
        if not error <= row.error or row.checked == 1:
            row.error, row.analytic, row.numeric = error, analytic, numeric
            row.index = tuple(int(j) for j in np.unravel_index(i, x.shape)) if x.ndim else ()
        if not error <= tolerance:
            row.passed = False
    return row


def _relative(a: float, b: float, floor: float) -> float:
    difference = abs(a - b)
    scale = max(abs(a), abs(b), floor)
    return difference / scale if scale > 0 else (0.0 if difference == 0 else difference)


def _evaluation(target: Any, targets: Any, loss: Any, sample_weight: Any, training: bool) -> Callable:
    """A function of the inputs whose outputs are to be differentiated."""
    if not isinstance(target, Layer):
        if not callable(target):
            raise TypeError(f"gradcheck: the target is a {type(target).__name__}; it must be a function, a layer or a model.")
        return lambda inputs: target(*inputs) if isinstance(inputs, (list, tuple)) else target(inputs)
    if targets is None:
        if loss is not None:
            raise ValueError("gradcheck: a loss needs targets: check(model, inputs, targets, loss=...).")
        return lambda inputs: target(inputs, training=training)
    if loss is not None:
        from refnet import losses
        loss_function = losses.get(loss)
        return lambda inputs: loss_function(targets, target(inputs, training=training))
    if not hasattr(target, "compute_loss"):
        raise ValueError(f"gradcheck: targets were given, but {target.name!r} is a layer without a loss; pass loss=..., "
                         f"for example loss='mean_squared_error'.")
    return lambda inputs: target.compute_loss(inputs, targets, target(inputs, training=training), sample_weight, training=training)


def _name(target: Any) -> str:
    if isinstance(target, Layer):
        return f"{type(target).__name__} {target.name!r}"
    return getattr(target, "__name__", type(target).__name__)


def _as_float64(x: Any) -> Any:
    value = np.array(value_of(x), order="C")
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def _unique(variables: Sequence[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())


@contextlib.contextmanager
def backend_of(target: Any) -> Iterator[None]:
    """The scope of an object of refnet_fast; else the one that is active."""
    token = backend.enter(getattr(target, "_backend", None))
    try:
        yield
    finally:
        backend.leave(token)


def _seed_generators(roots: Sequence[Any]) -> Iterator[SeedGenerator]:
    for root in roots:
        if isinstance(root, Layer):
            for layer in root._flatten_layers():
                yield from (value for value in vars(layer).values() if isinstance(value, SeedGenerator))
        for cell in getattr(root, "__closure__", None) or ():
            with contextlib.suppress(ValueError):        # a cell that is still empty
                value = cell.cell_contents
                if isinstance(value, SeedGenerator):
                    yield value
                elif isinstance(value, Layer):
                    yield from _seed_generators([value])


@contextlib.contextmanager
def _held(generators: Sequence[SeedGenerator]) -> Iterator[Callable[[], None]]:
    """A function that winds random streams back to where they stand now."""
    counts = [(generator, generator.count) for generator in generators]

    def rewind() -> None:
        for generator, count in counts:
            generator.count = count

    yield rewind
    rewind()


@contextlib.contextmanager
def _float64(layer: Layer | None, variables: Sequence[Variable]) -> Iterator[None]:
    """Widen a layer's weights, and the type it computes in, to float64; put everything back at the end, bit for bit."""
    changed: list[tuple[Any, str, Any]] = []

    def change(owner: Any, attribute: str, value: Any) -> None:
        changed.append((owner, attribute, vars(owner)[attribute]))
        vars(owner)[attribute] = value
        tracking.structure_changed()

    for v in _unique([*(layer.variables if layer is not None else []), *variables]):
        if v.value.dtype.kind == "f":
            change(v, "value", v.value.astype(np.float64))
            v.touch()
    for part in layer._flatten_layers() if layer is not None else ():
        change(part, "_dtype", "float64")
        change(part, "_numpy_dtype", np.dtype(np.float64))
        network = getattr(part, "_network", None)
        if network is not None:
            change(network, "_only_dtype", np.dtype(np.float64) if network._only_dtype is not None else None)
            for tensor in [*network.inputs, *(t for node in network.nodes for t in flatten(node.outputs))]:
                if np.dtype(tensor.dtype).kind == "f":
                    change(tensor, "dtype", "float64")
    try:
        yield
    finally:
        for owner, attribute, value in reversed(changed):
            vars(owner)[attribute] = value
            tracking.structure_changed()
            if isinstance(owner, Variable):
                owner.touch()


public.finish(__name__)
