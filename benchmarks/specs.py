"""The networks that are measured: shapes, data, initial weights, and the arithmetic they cannot avoid."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = [
    "FAMILIES", "MODELS", "Layer", "Spec", "find_model", "initial_weights", "load_data", "make_data", "ready_batches",
    "scaling_name", "write_data",
]  # fmt: skip

READY_BATCHES = 8
"""A bare step cycles through this many ready batches: one alone would be learnt by heart, and its gradients would
fade into denormal numbers, which cost some peers time and others none."""


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Args:
        kind: "dense", "conv" (strides 1), "batch_norm", "pool" (maximum, not overlapping), "flatten" or
            "global_average".
        units: outputs of a dense layer, filters of a convolution.
        size: side of the convolution's kernel or of the pool's window.
        same: padding "same" instead of "valid" (convolution).
        relu: a relu follows.
    """

    kind: str
    units: int = 0
    size: int = 0
    same: bool = False
    relu: bool = False

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape (H, W, C) or (D,) of one sample behind this layer."""
        if self.kind == "conv":
            lost = 0 if self.same else self.size - 1
            return shape[0] - lost, shape[1] - lost, self.units
        if self.kind == "pool":
            return shape[0] // self.size, shape[1] // self.size, shape[2]
        if self.kind == "dense":
            return (self.units,)
        return {"batch_norm": shape, "flatten": (math.prod(shape),), "global_average": shape[-1:]}[self.kind]

    def weight_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """In the order of Keras' `get_weights`; batch normalization: gamma, beta, moving mean, moving variance."""
        if self.kind == "conv":
            return [(self.size, self.size, shape[-1], self.units), (self.units,)]
        if self.kind == "dense":
            return [(shape[-1], self.units), (self.units,)]
        return [shape[-1:]] * 4 if self.kind == "batch_norm" else []

    def flops(self, shape: tuple[int, ...]) -> int:
        """Multiplications and additions of the product of one sample of `shape`."""
        if self.kind not in ("conv", "dense"):
            return 0
        places = math.prod(self.output_shape(shape)[:-1])
        return 2 * places * math.prod(self.weight_shapes(shape)[0])


@dataclass(frozen=True)
class Spec:
    """One network, as the frameworks' tutorials train it.

    Args:
        name: key in the results.
        input_shape: of one sample, (D,) or (H, W, C).
        layers: what follows; the last is a dense layer without relu, to which `final_activation` is added.
        batch: samples per step.
        optimizer: "rmsprop" (learning rate 1e-3, rho 0.9, epsilon 1e-7), "adam" (1e-3, 0.9, 0.999, epsilon 1e-7) or
            "sgd" (learning rate 1e-2).
        loss: Keras' name of the loss; it fixes the activation of the last layer as well.
        samples: rows of the training set that `fit` shuffles.
        data: "pixels" (a fifth of them lit, as in MNIST), "multi_hot" (120 ones a row), "normal" or "image" (a faint
            pattern per class in noise).
        goal: how many times faster than the best peer a training step shall be.
        story: what the model is, for the report.
        jax_goal: `goal`, beside a step that was jitted by hand in JAX; 0: no goal of its own.
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    batch: int
    optimizer: str
    loss: str
    samples: int
    data: str
    goal: float
    story: str
    jax_goal: float = 0.0

    @property
    def family(self) -> str:
        """ "conv" or "dense"."""
        return "conv" if any(layer.kind == "conv" for layer in self.layers) else "dense"

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
        return 1e-2 if self.optimizer == "sgd" else 1e-3

    @property
    def outputs(self) -> int:
        return self.layers[-1].units

    @property
    def stages(self) -> list[tuple[Layer, tuple[int, ...]]]:
        """Every layer with the shape of one sample that enters it."""
        found, shape = [], self.input_shape
        for layer in self.layers:
            found.append((layer, shape))
            shape = layer.output_shape(shape)
        return found

    @property
    def trainable(self) -> list[bool]:
        """For every weight array: is it trained? Moving means and variances are not."""
        return [
            not (layer.kind == "batch_norm" and i >= 2)
            for layer, shape in self.stages
            for i, _ in enumerate(layer.weight_shapes(shape))
        ]

    def training_flops(self) -> int:
        """Multiplications and additions of the products in one step: forward, with respect to the weights, and with
        respect to the input in all layers but the first, whose input needs no gradient."""
        per_sample = [layer.flops(shape) for layer, shape in self.stages if layer.flops(shape)]
        return self.batch * sum(flops * (2 if i == 0 else 3) for i, flops in enumerate(per_sample))

    def inference_flops(self, batch: int) -> int:
        return batch * sum(layer.flops(shape) for layer, shape in self.stages)

    def batch_bytes(self, batch: int | None = None) -> int:
        return 4 * (self.batch if batch is None else batch) * math.prod(self.input_shape)

    def weight_bytes(self) -> int:
        return sum(4 * math.prod(w) for layer, shape in self.stages for w in layer.weight_shapes(shape))


def mlp(widths: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[Layer, ...]]:
    """Input shape and layers of a multi-layer perceptron with relu hidden layers."""
    *hidden, last = widths[1:]
    return widths[:1], (*(Layer("dense", units, relu=True) for units in hidden), Layer("dense", last))


def conv(filters: int) -> Layer:
    return Layer("conv", filters, size=3, relu=True)


def conv_bn(filters: int) -> tuple[Layer, Layer]:
    return Layer("conv", filters, size=3, same=True), Layer("batch_norm", relu=True)


POOL, FLATTEN, GLOBAL_AVERAGE = Layer("pool", size=2), Layer("flatten"), Layer("global_average")
HEAD = (FLATTEN, Layer("dense", 64, relu=True), Layer("dense", 10))


_CLASSES = "sparse_categorical_crossentropy"
_MODELS = (
    Spec("784-512-10", *mlp((784, 512, 10)), 128, "rmsprop", _CLASSES, 60_000, "pixels", 2.0, "MNIST digits", 1.3),
    Spec("784-512-10-full", *mlp((784, 512, 10)), 128, "rmsprop", _CLASSES, 60_000, "normal", 1.6,
         "the same on data without zeros"),
    Spec("784-512-256-10", *mlp((784, 512, 256, 10)), 128, "sgd", _CLASSES, 60_000, "pixels", 2.0,
         "MNIST digits, deeper", 1.3),
    Spec("10000-16-16-1", *mlp((10_000, 16, 16, 1)), 512, "rmsprop", "binary_crossentropy", 15_000, "multi_hot", 3.0,
         "IMDB reviews, multi-hot", 1.4),
    Spec("10000-64-64-46", *mlp((10_000, 64, 64, 46)), 512, "rmsprop", _CLASSES, 7_982, "multi_hot", 2.2,
         "Reuters topics, multi-hot", 1.3),
    Spec("13-64-64-1", *mlp((13, 64, 64, 1)), 16, "rmsprop", "mean_squared_error", 404, "normal", 8.0,
         "Boston house prices", 2.0),
    # `fit` draws from fewer images than the real sets have: a round must last seconds with every peer.
    Spec("mnist-cnn", (28, 28, 1), (conv(32), POOL, conv(64), POOL, conv(64), *HEAD), 64, "adam", _CLASSES, 3_840,
         "image", 3.0, "MNIST digits: Conv 32, pool, Conv 64, pool, Conv 64, Dense 64, Dense 10"),
    Spec("cifar-cnn", (32, 32, 3), (conv(32), POOL, conv(64), POOL, *HEAD), 32, "adam", _CLASSES, 1_920,
         "image", 3.0, "CIFAR-10: Conv 32, pool, Conv 64, pool, Dense 64, Dense 10"),
    Spec("bn-net", (32, 32, 3),
         (*conv_bn(64), *conv_bn(64), POOL, *conv_bn(128), *conv_bn(128), GLOBAL_AVERAGE, Layer("dense", 10)),
         64, "adam", _CLASSES, 512, "image", 1.6,
         "CIFAR-10: (Conv 64 same, BN) x2, pool, (Conv 128 same, BN) x2, global average, Dense 10"),
)  # fmt: skip
MODELS: dict[str, Spec] = {spec.name: spec for spec in _MODELS}
FAMILIES = {family: [m.name for m in _MODELS if m.family == family] for family in ("dense", "conv")}


def scaling_name(batch: int, image: int, channels: int) -> str:
    """Name under which `find_model` makes a network of that size."""
    return f"block-{batch}-{image}-{channels}"


def find_model(name: str) -> Spec:
    """A model of `MODELS`, or the network that `benchmarks.scaling` grows: two batch-normalized blocks, a pool, a head.

    Raises:
        KeyError: no such model.
    """
    sizes = re.fullmatch(r"block-(\d+)-(\d+)-(\d+)", name)
    if sizes is None:
        return MODELS[name]
    batch, image, channels = map(int, sizes.groups())
    layers = (*conv_bn(channels), *conv_bn(channels), POOL, GLOBAL_AVERAGE, Layer("dense", 10))
    return Spec(name, (image, image, 3), layers, batch, "adam", "sparse_categorical_crossentropy", batch, "image", 1.0,
                "two batch-normalized convolutions")  # fmt: skip


def make_data(spec: Spec, samples: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic training data of the real set's size, learnable but not perfectly.

    A tenth of the labels is noise, so that the loss never reaches zero: steps whose gradients have vanished are
    cheaper than those of a real training run.

    Returns:
        x (samples, *input_shape) float32; y (samples,): int64 classes, or float32 for binary labels and regression.
    """
    samples = spec.samples if samples is None else samples
    rng = np.random.default_rng(seed)
    width, outputs = spec.input_shape[0], spec.outputs
    if spec.data == "image":
        y = rng.integers(0, outputs, samples)
        coarse = rng.standard_normal((outputs, *(max(1, n // 4) for n in spec.input_shape[:2]), spec.input_shape[2]))
        rows, columns = (np.minimum(np.arange(n) // 4, max(1, n // 4) - 1) for n in spec.input_shape[:2])
        patterns = coarse[:, rows][:, :, columns].astype(np.float32)
        x = 0.5 * rng.standard_normal((samples, *spec.input_shape), np.float32) + 0.3 * patterns[y]
        noisy = rng.random(samples) < 0.1
        return x, np.where(noisy, rng.integers(0, outputs, samples), y).astype(np.int64)
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
    """Every weight array in the order of Keras' `get_weights`, the same for every peer.

    Kernels are Glorot-uniform, biases and beta zero, gamma one. Moving means and variances are random, not zero and
    one, so that the check of the outputs would see a peer that ignores them.
    """
    rng = np.random.default_rng(seed)
    weights: list[np.ndarray] = []
    for layer, shape in spec.stages:
        shapes = layer.weight_shapes(shape)
        if layer.kind == "batch_norm":
            gamma, beta, mean, variance = (np.empty(s, np.float32) for s in shapes)
            gamma[:], beta[:] = 1.0, 0.0
            mean[:], variance[:] = rng.normal(0.0, 0.1, shapes[2]), rng.uniform(0.5, 1.5, shapes[3])
            weights += [gamma, beta, mean, variance]
        elif shapes:
            field = math.prod(shapes[0][:-2])
            limit = math.sqrt(6.0 / (field * (shapes[0][-2] + shapes[0][-1])))
            weights += [rng.uniform(-limit, limit, shapes[0]).astype(np.float32), np.zeros(shapes[1], np.float32)]
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
