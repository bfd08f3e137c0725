"""Convolutional layers one by one: what fraction of the machine's arithmetic or memory does each pass reach?

    python -m benchmarks.layers [--rounds 15] [--threads 2]

Convolutions: forward (with bias and relu), backward to the input, backward to the weights, in GFLOP/s and as a fraction
of the measured FMA peak. The goal, 0.6 of it, stands over 3x3 layers with 32 or more channels on both sides. Pools and
normalizations: GB/s, counting each array that must be read or written once, against the memory peak. Every result is
compared with the float64 reference, on a smaller batch, before it is timed.
"""

from __future__ import annotations

import importlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness import arguments, store, summarise
from benchmarks.machine import describe, measure_peaks
from benchmarks.worker import limit_cpus

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONVOLUTIONS", "GOAL", "PASSES", "main"]

GOAL = 0.6
PASSES = ("forward", "to input", "to weights")
NEEDS = {"to input": (True, False, False), "to weights": (False, True, True)}
SECONDS = 0.05
CHECK_BATCH = 2


@dataclass(frozen=True)
class Convolution:
    """x (batch, image, image, channels) with `filters` kernels of side `kernel`; strides 1 unless said."""

    batch: int
    image: int
    channels: int
    filters: int
    kernel: int
    same: bool = True
    strides: int = 1

    @property
    def name(self) -> str:
        stride = f", strides {self.strides}" if self.strides > 1 else ""
        padding = "same" if self.same else "valid"
        return (f"{self.kernel}x{self.kernel} {self.channels}->{self.filters} on {self.image}x{self.image}, "
                f"batch {self.batch}, {padding}{stride}")  # fmt: skip

    @property
    def judged(self) -> bool:
        return self.kernel == 3 and min(self.channels, self.filters) >= 32

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """As Keras pads for "same": the smaller half before."""
        if not self.same:
            return (0, 0), (0, 0)
        total = max((math.ceil(self.image / self.strides) - 1) * self.strides + self.kernel - self.image, 0)
        return ((total // 2, total - total // 2),) * 2

    @property
    def output(self) -> int:
        return (self.image + sum(self.padding[0]) - self.kernel) // self.strides + 1

    @property
    def flops(self) -> int:
        return 2 * self.batch * self.output**2 * self.kernel**2 * self.channels * self.filters

    def arrays(self, batch: int, dtype: Any) -> list[np.ndarray]:
        """x, w, b and dy."""
        kernel = (self.kernel, self.kernel, self.channels, self.filters)
        shapes = [(batch, self.image, self.image, self.channels), kernel, (self.filters,),
                  (batch, self.output, self.output, self.filters)]  # fmt: skip
        return _arrays(shapes, dtype)

    def calls(self, kernels: Any, batch: int, dtype: Any) -> dict[str, Callable[[], Any]]:
        """Every pass as a function without arguments. The backward ones are of a layer without activation: the
        derivative of relu belongs to neither of them."""
        x, w, b, dy = self.arrays(batch, dtype)
        shared = {"strides": (self.strides,) * 2, "padding": self.padding}
        _, saved = kernels.conv_forward(x, w, b, **shared)
        calls = {"forward": lambda: kernels.conv_forward(x, w, b, **shared, activation="relu", save=False)[0]}
        for name, needs in NEEDS.items():
            calls[name] = lambda needs=needs: kernels.conv_backward(dy, saved, needs)
        return calls


CONVOLUTIONS = (
    Convolution(64, 28, 1, 32, 3, same=False),  # MNIST CNN
    Convolution(64, 13, 32, 64, 3, same=False),
    Convolution(64, 5, 64, 64, 3, same=False),
    Convolution(32, 32, 3, 32, 3, same=False),  # CIFAR CNN
    Convolution(32, 15, 32, 64, 3, same=False),
    Convolution(64, 32, 3, 64, 3),  # batch-normalized network
    Convolution(64, 32, 64, 64, 3),
    Convolution(64, 16, 64, 128, 3),
    Convolution(64, 16, 128, 128, 3),
    Convolution(16, 56, 64, 64, 3),
    Convolution(16, 56, 64, 128, 3, strides=2),
    Convolution(16, 14, 256, 256, 3),
    Convolution(16, 28, 128, 128, 1),
    Convolution(16, 14, 512, 128, 1),
    Convolution(16, 28, 32, 64, 5),
    Convolution(1, 32, 64, 64, 3),  # inference on one image
)


@dataclass(frozen=True)
class Streaming:
    """A pool or a normalization: `setup(kernels, batch, dtype)` gives its passes; `moved` the bytes each must move."""

    name: str
    batch: int
    setup: Callable[[Any, int, Any], dict[str, Callable[[], Any]]]
    moved: dict[str, int]


def pool(kernel: str, batch: int, image: int, channels: int) -> Streaming:
    """Windows 2x2: the image crosses the bus, and a quarter of it on the other side."""
    forward_bytes = 4 * batch * image * image * channels * 5 // 4

    def setup(kernels: Any, n: int, dtype: Any) -> dict[str, Callable[[], Any]]:
        x, dy = _arrays([(n, image, image, channels), (n, image // 2, image // 2, channels)], dtype)
        forward, backward = getattr(kernels, f"{kernel}_forward"), getattr(kernels, f"{kernel}_backward")
        _, saved = forward(x, (2, 2), (2, 2))
        return {"forward": lambda: forward(x, (2, 2), (2, 2))[0], "backward": lambda: backward(dy, saved)}

    moved = {"forward": forward_bytes, "backward": forward_bytes}
    return Streaming(f"{kernel} 2x2 on {image}x{image}x{channels}, batch {batch}", batch, setup, moved)


def norm(kernel: str, batch: int, places: int, channels: int) -> Streaming:
    """Batch: statistics over all rows, then values: x is read twice, and backward x and dy twice. Layer: a row stays
    in the cache, everything crosses the bus once."""
    size, passes = 4 * batch * places * channels, 2 if kernel == "batch_norm" else 1

    def setup(kernels: Any, n: int, dtype: Any) -> dict[str, Callable[[], Any]]:
        rows = (n * places, channels)
        x, gamma, beta, dy = _arrays([rows, (channels,), (channels,), rows], dtype)
        forward, backward = getattr(kernels, f"{kernel}_forward"), getattr(kernels, f"{kernel}_backward")
        _, saved = forward(x, gamma, beta)
        return {"forward": lambda: forward(x, gamma, beta)[0], "backward": lambda: backward(dy, saved)}

    moved = {"forward": size * (passes + 1), "backward": size * (2 * passes + 1)}
    return Streaming(f"{kernel}, {batch}x{places} rows of {channels}", batch, setup, moved)


STREAMING = (
    pool("max_pool", 64, 32, 64),
    pool("max_pool", 64, 26, 32),
    pool("average_pool", 64, 32, 64),
    norm("batch_norm", 64, 32 * 32, 64),
    norm("batch_norm", 64, 16 * 16, 128),
    norm("layer_norm", 64, 16 * 16, 256),
)


def _arrays(shapes: list[tuple[int, ...]], dtype: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32).astype(dtype) for shape in shapes]


def assert_parity(name: str, setup: Callable[[Any, Any], dict[str, Callable[[], Any]]], fast: Any) -> float:
    """Largest error against the float64 reference, relative to the largest entry; AssertionError above 2e-5."""
    reference = importlib.import_module("refnet.kernels")
    worst = 0.0
    exact, found = setup(reference, np.float64), setup(fast, np.float32)
    for key, call in exact.items():
        for e, f in zip(_flat(call()), _flat(found[key]()), strict=True):
            assert e.shape == f.shape, f"{name}, {key}: {f.shape} instead of {e.shape}"
            worst = max(worst, float(np.abs(f - e).max() / np.abs(e).max()))
    assert worst < 2e-5, f"{name}: off by {worst:.2g} of the largest entry"
    return worst


def _flat(result: Any) -> list[np.ndarray]:
    return [a for a in (result if isinstance(result, tuple) else (result,)) if a is not None]


def measure(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, dict[str, Any]]:
    """Seconds of each call, the passes taking turns."""
    counts = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        counts[name] = max(1, round(SECONDS / (time.perf_counter() - start)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                call()
            samples[name].append((time.perf_counter() - start) / counts[name])
    return {name: summarise(seconds) for name, seconds in samples.items()}


def main(argv: list[str] | None = None) -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(argv)
    try:
        importlib.import_module("refnet_fast.kernels")
    except ImportError as error:  # only with REFNET_NO_EXT, or without refnet_fast among the peers
        print(f"layers: not run. {error}", flush=True)
        return
    peaks = measure_peaks(options.threads)
    limit_cpus(options.threads)
    importlib.import_module("refnet_fast").set_num_threads(options.threads)
    kernels = importlib.import_module("refnet_fast.kernels")
    convolutions, streaming = {}, {}
    for case in CONVOLUTIONS:
        worst = assert_parity(case.name, lambda k, dtype, case=case: case.calls(k, CHECK_BATCH, dtype), kernels)
        times = measure(case.calls(kernels, case.batch, np.float32), options.rounds)
        rates = {name: case.flops / found["median"] / 1e9 for name, found in times.items()}
        convolutions[case.name] = {"flops": case.flops, "judged": case.judged, "error": worst, "times": times}
        text = "  ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
        print(f"{case.name:<48} GFLOP/s: {text}", flush=True)
    for case in STREAMING:
        worst = assert_parity(case.name, lambda k, dtype, case=case: case.setup(k, CHECK_BATCH, dtype), kernels)
        times = measure(case.setup(kernels, case.batch, np.float32), options.rounds)
        streaming[case.name] = {"moved": case.moved, "error": worst, "times": times}
        text = "  ".join(f"{k} {case.moved[k] / found['median'] / 1e9:.1f}" for k, found in times.items())
        print(f"{case.name:<48} GB/s: {text}", flush=True)
    content = {
        "machine": describe(),
        "threads": options.threads,
        "peaks": peaks.as_dict() if peaks else None,
        "convolutions": convolutions,
        "streaming": streaming,
    }
    store(options.results, "layers", content)


if __name__ == "__main__":
    main()
