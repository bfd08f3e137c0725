"""Reference kernels against fast ones, on the shapes of the measured models: checked, then timed.

    pytest benchmarks/kernels.py                                     a table
    pytest benchmarks/kernels.py --benchmark-save=NAME               keep a baseline ...
    pytest benchmarks/kernels.py --benchmark-compare --benchmark-compare-fail=median:10%    ... and compare with it

Before a kernel is timed, its results are compared with those of the reference run in float64. `python -m benchmarks`
runs this file and puts each kernel's GFLOP/s or GB/s, and the fraction of the measured peak, into the report.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BACKENDS = {"reference": "refnet.kernels", "fast": "refnet_fast.kernels"}


@dataclass(frozen=True)
class Case:
    """One kernel call.

    Args:
        name: how the report calls it.
        setup: (kernel set, dtype) -> a function without arguments that runs the kernel and returns arrays or None.
        flops: multiplications and additions of its matrix products, 0 where memory is the limit.
        moved: bytes it must read and write, 0 where arithmetic is the limit.
    """

    name: str
    setup: Callable[[Any, Any], Callable[[], Any]]
    flops: int = 0
    moved: int = 0


def _arrays(*shapes: tuple[int, ...], dtype: Any, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(np.float32).astype(dtype) for shape in shapes]


def dense(n: int, d: int, f: int, activation: str, needs: tuple[bool, bool, bool]) -> list[Case]:
    """Forward and backward of one layer of one model."""

    def forward(k: Any, dtype: Any) -> Callable[[], Any]:
        x, w, b = _arrays((n, d), (d, f), (f,), dtype=dtype)
        return lambda: k.dense_forward(x, w, b, activation)[0]

    def backward(k: Any, dtype: Any) -> Callable[[], Any]:
        x, w, b, dy = _arrays((n, d), (d, f), (f,), (n, f), dtype=dtype)
        _, saved = k.dense_forward(x, w, b, activation)
        return lambda: k.dense_backward(dy, saved, needs)

    products = int(needs[0]) + int(needs[1])
    return [
        Case(f"dense_forward {n}x{d}x{f} {activation}", forward, flops=2 * n * d * f),
        Case(f"dense_backward {n}x{d}x{f} {activation}", backward, flops=2 * n * d * f * products),
    ]


def update(kernel: str, shape: tuple[int, ...], slots: int, *arguments: float) -> Case:
    """An optimizer's pass over one parameter: reads w, dw and the slots, writes w and the slots."""

    def setup(k: Any, dtype: Any) -> Callable[[], Any]:
        w, dw, *state = _arrays(*[shape] * (2 + slots), dtype=dtype)
        state = [np.abs(s) for s in state]
        function = getattr(k, kernel)
        before = [w.copy(), *(s.copy() for s in state)]

        def run() -> list[np.ndarray]:
            function(w, dw, *(state or [None]), *arguments)
            return [w, *state]

        def restart() -> None:
            for array, value in zip([w, *state], before, strict=True):
                array[...] = value

        run.restart = restart
        return run

    size = int(np.prod(shape)) * 4
    return Case(f"{kernel} {'x'.join(map(str, shape))}", setup, moved=size * (3 + 2 * slots))


def elementwise(kernel: str, shape: tuple[int, ...], *arguments: Any, moved: int = 2) -> Case:
    """Forward of an elementwise kernel: `moved` times the array over the bus."""

    def setup(k: Any, dtype: Any) -> Callable[[], Any]:
        (x,) = _arrays(shape, dtype=dtype)
        return lambda: getattr(k, kernel)(x, *arguments)[0]

    name = " ".join([kernel, "x".join(map(str, shape)), *map(str, arguments)])
    return Case(name, setup, moved=int(np.prod(shape)) * 4 * moved)


def cross_entropy(n: int, c: int) -> Case:
    """Softmax and cross-entropy from logits in one kernel, forward and backward."""

    def setup(k: Any, dtype: Any) -> Callable[[], Any]:
        z, dl = _arrays((n, c), (n,), dtype=dtype)
        labels = np.random.default_rng(1).integers(0, c, n)

        def run() -> list[np.ndarray]:
            loss, saved = k.sparse_categorical_crossentropy_forward(z, labels, True)
            return [loss, k.sparse_categorical_crossentropy_backward(dl, saved)]

        return run

    return Case(f"sparse_categorical_crossentropy {n}x{c} logits, forward + backward", setup, moved=n * c * 4 * 3)


def gather(samples: int, width: int, rows: int) -> Case:
    """A shuffled batch: every row read from the data set and written to the batch."""

    def setup(k: Any, dtype: Any) -> Callable[[], Any]:
        (x,) = _arrays((samples, width), dtype=dtype)
        order = np.random.default_rng(1).permutation(samples)
        batches = [np.ascontiguousarray(order[i : i + rows]) for i in range(0, samples - rows + 1, rows)]
        turn = iter(range(1 << 60))
        return lambda: k.gather_rows(x, batches[next(turn) % len(batches)])

    return Case(f"gather_rows {rows} of {samples}x{width}", setup, moved=2 * rows * width * 4)


def dropout(shape: tuple[int, ...]) -> Case:
    def setup(k: Any, dtype: Any) -> Callable[[], Any]:
        (x,) = _arrays(shape, dtype=dtype)
        return lambda: k.dropout_forward(x, 0.5, np.array([1234567, 0], np.uint32))[0]

    return Case(f"dropout_forward {'x'.join(map(str, shape))}", setup, moved=2 * int(np.prod(shape)) * 4)


def matmul(*shape: int) -> Case:
    *batch, m, k_, n = shape

    def setup(k: Any, dtype: Any) -> Callable[[], Any]:
        a, b = _arrays((*batch, m, k_), (*batch, k_, n), dtype=dtype)
        return lambda: k.matmul_forward(a, b)[0]

    return Case(f"matmul {'x'.join(map(str, shape))}", setup, flops=2 * int(np.prod(shape)))


CASES = [
    *dense(128, 784, 512, "relu", (False, True, True)),
    *dense(128, 512, 256, "relu", (True, True, True)),
    *dense(128, 512, 10, "linear", (True, True, True)),
    *dense(512, 10_000, 16, "relu", (False, True, True)),
    *dense(512, 10_000, 64, "relu", (False, True, True)),
    *dense(512, 16, 1, "sigmoid", (True, True, True)),
    *dense(16, 13, 64, "relu", (False, True, True)),
    *dense(16, 64, 64, "relu", (True, True, True)),
    *dense(16, 64, 1, "linear", (True, True, True)),
    *dense(1, 784, 512, "relu", (False, True, True))[:1],
    matmul(512, 512, 512),
    matmul(64, 128, 64, 128),
    update("sgd_update", (784, 512), 0, 0.01),
    update("rmsprop_update", (784, 512), 1, 0.001),
    update("rmsprop_update", (10_000, 64), 1, 0.001),
    update("adam_update", (784, 512), 2, 1, 0.001),
    cross_entropy(128, 10),
    cross_entropy(512, 46),
    elementwise("activation_forward", (512, 4096), "relu"),
    elementwise("activation_forward", (512, 4096), "sigmoid"),
    elementwise("activation_forward", (512, 4096), "tanh"),
    elementwise("activation_forward", (512, 4096), "gelu"),
    elementwise("activation_forward", (512, 4096), "silu"),
    elementwise("softmax_forward", (512, 1024)),
    elementwise("exp_forward", (512, 4096)),
    elementwise("log_softmax_forward", (512, 1024)),
    dropout((512, 1024)),
    gather(60_000, 784, 128),
    gather(8_000, 10_000, 512),
]


@pytest.fixture(scope="module", autouse=True)
def _threads() -> None:
    """As many threads as the other parts use: BENCHMARK_THREADS, else OMP_NUM_THREADS, else the library's default."""
    threads = os.environ.get("BENCHMARK_THREADS")
    if threads:
        importlib.import_module("refnet_fast").set_num_threads(int(threads))


def _flat(result: Any) -> list[np.ndarray]:
    arrays = result if isinstance(result, (list, tuple)) else [result]
    return [np.array(a) for a in arrays if a is not None]


def assert_parity(case: Case, kernels: Any) -> None:
    """Float32 results against the reference in float64: at most twice the float32 reference's own error, plus 4 ulp of
    the largest entry (of the sum of absolute terms, for a sum)."""
    reference = importlib.import_module(BACKENDS["reference"])
    exact = _flat(case.setup(reference, np.float64)())
    plain = _flat(case.setup(reference, np.float32)())
    found = _flat(case.setup(kernels, np.float32)())
    terms = max(1.0, np.sqrt(_terms(case)))
    for e, p, f in zip(exact, plain, found, strict=True):
        assert f.shape == e.shape, case.name
        bound = 2.0 * np.abs(p - e).max() + 4.0 * np.finfo(np.float32).eps * terms * np.abs(e).max()
        assert np.abs(f - e).max() <= bound, f"{case.name}: off by {np.abs(f - e).max():.3g}, allowed {bound:.3g}"


def _terms(case: Case) -> float:
    """Length of the longest sum behind one entry: K of a matrix product."""
    words = case.name.split()
    return max(map(int, words[1].split("x"))) if case.flops else 1.0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernel(benchmark: Any, case: Case, backend: str) -> None:
    try:
        kernels = importlib.import_module(BACKENDS[backend])
    except ImportError as error:
        if os.environ.get("REFNET_NO_EXT", "") in ("", "0"):
            raise  # half of a comparison would pass for a whole one
        pytest.skip(str(error))
    assert_parity(case, kernels)
    run = case.setup(kernels, np.float32)
    restart = getattr(run, "restart", None)
    benchmark.group = case.name
    benchmark.extra_info.update(kernel=case.name, backend=backend, flops=case.flops, moved=case.moved)
    benchmark(run)
    if restart:
        restart()
