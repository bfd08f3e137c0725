"""The networks that are measured: shapes, data, initial weights, and the arithmetic they cannot avoid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["MODELS", "Spec", "initial_weights", "load_data", "make_data", "ready_batches", "write_data"]

READY_BATCHES = 8
"""A bare step cycles through this many ready batches: one alone would be learnt by heart, and its gradients would
fade into denormal numbers, which cost some peers time and others none."""


@dataclass(frozen=True)
class Spec:
    """One multi-layer perceptron with relu hidden layers, as the frameworks' tutorials train it.

    Args:
        name: key in the results.
        widths: input width, hidden widths, output width.
        batch: samples per step.
        optimizer: "rmsprop" (learning rate 1e-3, rho 0.9, epsilon 1e-7) or "sgd" (learning rate 1e-2).
        loss: Keras' name of the loss; it fixes the activation of the last layer as well.
        samples: rows of the training set that `fit` shuffles (the size of the real data set).
        data: "pixels" (a fifth of them lit, as in MNIST), "multi_hot" (120 ones a row) or "normal".
        goal: how many times faster than the best peer a training step shall be.
        story: what the model is, for the report.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    optimizer: str
    loss: str
    samples: int
    data: str
    goal: float
    story: str

    @property
    def final_activation(self) -> str:
        """What tutorials put on the last layer for this loss."""
        return {
            "sparse_categorical_crossentropy": "softmax",
            "binary_crossentropy": "sigmoid",
            "mean_squared_error": "linear",
        }[self.loss]

    @property
    def metric(self) -> str:
        return "mae" if self.loss == "mean_squared_error" else "accuracy"

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.samples / self.batch)

    @property
    def learning_rate(self) -> float:
        return 1e-3 if self.optimizer == "rmsprop" else 1e-2

    def training_flops(self) -> int:
        """Multiplications and additions of the matrix products in one step: x W and xᵀ dz in every layer, dz Wᵀ in
        all but the first, whose input needs no gradient."""
        pairs = list(zip(self.widths[:-1], self.widths[1:], strict=True))
        return sum(2 * self.batch * d * f * (2 if i == 0 else 3) for i, (d, f) in enumerate(pairs))

    def inference_flops(self, batch: int) -> int:
        return sum(2 * batch * d * f for d, f in zip(self.widths[:-1], self.widths[1:], strict=True))

    def batch_bytes(self, batch: int | None = None) -> int:
        return 4 * (self.batch if batch is None else batch) * self.widths[0]

    def weight_bytes(self) -> int:
        return sum(4 * (d + 1) * f for d, f in zip(self.widths[:-1], self.widths[1:], strict=True))


_MODELS = (
    Spec("784-512-10", (784, 512, 10), 128, "rmsprop", "sparse_categorical_crossentropy", 60_000, "pixels", 1.6,
         "MNIST digits"),
    Spec("784-512-256-10", (784, 512, 256, 10), 128, "sgd", "sparse_categorical_crossentropy", 60_000, "pixels", 1.6,
         "MNIST digits, deeper"),
    Spec("10000-16-16-1", (10_000, 16, 16, 1), 512, "rmsprop", "binary_crossentropy", 15_000, "multi_hot", 3.0,
         "IMDB reviews, multi-hot"),
    Spec("10000-64-64-46", (10_000, 64, 64, 46), 512, "rmsprop", "sparse_categorical_crossentropy", 7_982, "multi_hot",
         2.0, "Reuters topics, multi-hot"),
    Spec("13-64-64-1", (13, 64, 64, 1), 16, "rmsprop", "mean_squared_error", 404, "normal", 4.0, "Boston house prices"),
)  # fmt: skip
MODELS: dict[str, Spec] = {spec.name: spec for spec in _MODELS}


def make_data(spec: Spec, samples: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic training data of the real set's size, learnable but not perfectly.

    A tenth of the labels is noise, so that the loss never reaches zero: steps whose gradients have vanished are
    cheaper than those of a real training run.

    Returns:
        x (samples, D) float32; y (samples,): int64 classes, or float32 for binary labels and regression.
    """
    samples = spec.samples if samples is None else samples
    rng = np.random.default_rng(seed)
    width, outputs = spec.widths[0], spec.widths[-1]
    if spec.data == "multi_hot":
        x = np.zeros((samples, width), np.float32)
        columns = rng.integers(0, width, (samples, 120))
        x[np.arange(samples)[:, None], columns] = 1.0
        teacher = rng.standard_normal((width, outputs)).astype(np.float32)
        score = teacher[columns].sum(axis=1)
    else:
        if spec.data == "pixels":
            x = rng.random((samples, width), np.float32)
            x = np.maximum(5.0 * x - 4.0, 0.0, dtype=np.float32)
        else:
            x = rng.standard_normal((samples, width), np.float32)
        score = (x - x.mean(axis=0)) @ rng.standard_normal((width, outputs)).astype(np.float32)
    noisy = rng.random(samples) < 0.1
    if spec.loss == "mean_squared_error":
        y = np.tanh(score[:, 0]) + 0.1 * rng.standard_normal(samples)
        return x, y.astype(np.float32)
    if outputs == 1:
        return x, np.where(noisy, rng.integers(0, 2, samples), score[:, 0] > 0).astype(np.float32)
    return x, np.where(noisy, rng.integers(0, outputs, samples), score.argmax(axis=1)).astype(np.int64)


def initial_weights(spec: Spec, seed: int = 1) -> list[np.ndarray]:
    """Glorot-uniform kernels (D, F) and zero biases (F,), kernel and bias by turns: every peer starts from them."""
    rng = np.random.default_rng(seed)
    weights = []
    for d, f in zip(spec.widths[:-1], spec.widths[1:], strict=True):
        limit = math.sqrt(6.0 / (d + f))
        weights += [rng.uniform(-limit, limit, (d, f)).astype(np.float32), np.zeros(f, np.float32)]
    return weights


def ready_batches(spec: Spec, x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The first READY_BATCHES full batches, each contiguous and the peer's own copy."""
    count = min(READY_BATCHES, len(x) // spec.batch)
    rows = [slice(i * spec.batch, (i + 1) * spec.batch) for i in range(count)]
    return [(np.array(x[r]), np.array(y[r])) for r in rows]


def write_data(spec: Spec, directory: Path) -> None:
    """Store the data set once, so that every peer's process reads the same bytes."""
    x, y = make_data(spec)
    np.save(directory / f"{spec.name}-x.npy", x)
    np.save(directory / f"{spec.name}-y.npy", y)


def load_data(spec: Spec, directory: Path, mmap: bool = False) -> tuple[np.ndarray, np.ndarray]:
    mode = "r" if mmap else None
    return (
        np.load(directory / f"{spec.name}-x.npy", mmap_mode=mode),
        np.load(directory / f"{spec.name}-y.npy", mmap_mode=mode),
    )
