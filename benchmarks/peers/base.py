"""What the harness asks of a peer."""

from __future__ import annotations

import abc
import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from benchmarks.specs import Spec

__all__ = ["Peer", "timed"]


def timed(call: Callable[[], object], n: int) -> float:
    """Seconds that `n` calls take."""
    start = time.perf_counter()
    for _ in range(n):
        call()
    return time.perf_counter() - start


class Peer(abc.ABC):
    """One framework with one network loaded.

    Attributes:
        kinds: what can be measured: "step" (one training step on a ready batch), "fit" (a training step inside
            `fit`), "call_1", "call_n" (the forward pass as the framework calls it, batch 1 and training batch),
            "predict_1", "predict_n" (Keras' `predict_on_batch`).
        epsilon_inside: which RMSprop the oracle has to follow.
    """

    kinds: ClassVar[tuple[str, ...]] = ("step", "call_1", "call_n")
    epsilon_inside: ClassVar[bool] = True

    spec: Spec
    weights: list[np.ndarray]
    batches: list[tuple[np.ndarray, np.ndarray]]

    @abc.abstractmethod
    def versions(self) -> dict[str, str]:
        """Names and versions of what runs."""

    @abc.abstractmethod
    def build(self) -> None:
        """Make model and optimizer for `self.spec`, with `self.weights`, and convert `self.batches`."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Put the initial weights back, so that every measurement trains the same numbers."""

    @abc.abstractmethod
    def step_loss(self, i: int) -> float:
        """One training step on ready batch `i`; its loss, synchronised."""

    @abc.abstractmethod
    def steps(self, n: int) -> float:
        """Seconds that n training steps on ready batches take, the last one's result included."""

    @abc.abstractmethod
    def outputs(self) -> np.ndarray:
        """The network's output (N, F) for ready batch 0, the last activation included."""

    @abc.abstractmethod
    def forward_call(self, kind: str) -> Callable[[], object]:
        """A function that runs one forward pass of a kind other than "step" and "fit" and waits for its result."""

    def fit(self, steps: int) -> tuple[float, int]:
        """Seconds and number of steps of whole epochs of `fit`, at least `steps`, after a first epoch."""
        raise NotImplementedError(f"{type(self).__name__} has no fit")

    def load(
        self,
        spec: Spec,
        weights: list[np.ndarray],
        batches: list[tuple[np.ndarray, np.ndarray]],
        data: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """Take a network, its initial weights, ready batches and the data set that `fit` draws from."""
        self.spec, self.weights, self.batches, self.data = spec, weights, batches, data
        self.build()

    def measure(self, kind: str, n: int) -> tuple[float, int]:
        """Seconds and the number of steps they paid for: at least n of the given kind."""
        if kind not in self.kinds:
            raise ValueError(f"{type(self).__name__} measures {self.kinds}, not {kind!r}")
        if kind == "fit":
            return self.fit(n)
        if kind == "step":
            return self.steps(n), n
        return timed(self.forward_call(kind), n), n
