"""The recipes of the acceptance runs, written once for whatever speaks the Keras API.

Also the process that trains them: `python -m benchmarks.acceptance_tasks ENGINE TASK DIRECTORY SEEDS [ARGUMENTS]`
prints one JSON line; ARGUMENTS are those of a shortened recipe, in JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import acceptance_conv, data
from benchmarks.data import Arrays

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TASKS", "Task"]


@dataclass(frozen=True)
class Task:
    """One acceptance run: where its data come from, how a model is trained and scored, what is asked of it.

    Args:
        title: for the report.
        load: reads the data set.
        train: (api, arrays) -> score, or (score, arrays to keep).
        target: what the mean score must reach; None where only the real Keras is the measure.
        higher_is_better: else lower.
        family: "dense" or "conv".
        seeds: how many, where the task asks for a number of its own.
        shortened: arguments of `train` with which the reference runs (one seed); empty: as everyone. Its
            convolutions take minutes an epoch.
    """

    title: str
    load: Callable[[Path], data.Split]
    train: Callable[..., float | tuple[float, dict[str, np.ndarray]]]
    target: float | None
    higher_is_better: bool = True
    family: str = "dense"
    seeds: int | None = None
    shortened: dict[str, int] = field(default_factory=dict)


def mnist_rmsprop(api: Any, a: Arrays) -> float:
    """784-512-10, relu and softmax, rmsprop, batch 128, 5 epochs: test accuracy."""
    x, x_test = (_scaled(images).reshape(len(images), 784) for images in (a.x_train, a.x_test))
    model = api.Sequential(
        [api.Input((784,)), api.layers.Dense(512, activation="relu"), api.layers.Dense(10, activation="softmax")]
    )
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, a.y_train, epochs=5, batch_size=128, verbose=0)
    return _second(model.evaluate(x_test, a.y_test, verbose=0))


def mnist_logits(api: Any, a: Arrays) -> float:
    """Flatten-64-10 from logits, Adam 1e-3, batch 64, 10 epochs: test accuracy."""
    model = api.Sequential(
        [
            api.Input((28, 28)),
            api.layers.Flatten(),
            api.layers.Dense(64, activation="relu"),
            api.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=api.optimizers.Adam(1e-3),
        loss=api.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(_scaled(a.x_train), a.y_train, epochs=10, batch_size=64, verbose=0)
    return _second(model.evaluate(_scaled(a.x_test), a.y_test, verbose=0))


def imdb(api: Any, a: Arrays) -> float:
    """10000-16-16-1 on multi-hot reviews, rmsprop, batch 512: test accuracy.

    The number of epochs is the one with the best accuracy on 10,000 held-out training reviews (of 10); a new model
    is then trained on all 25,000 for that long.
    """

    def new_model() -> Any:
        model = api.Sequential(
            [
                api.Input((10_000,)),
                api.layers.Dense(16, activation="relu"),
                api.layers.Dense(16, activation="relu"),
                api.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    x, y, held = a.x_train.astype(np.float32), a.y_train, 10_000
    history = new_model().fit(
        x[held:], y[held:], epochs=10, batch_size=512, validation_data=(x[:held], y[:held]), verbose=0
    )
    best = int(np.argmax(history.history["val_accuracy"])) + 1
    model = new_model()
    model.fit(x, y, epochs=best, batch_size=512, verbose=0)
    return _second(model.evaluate(a.x_test.astype(np.float32), a.y_test, batch_size=512, verbose=0))


def reuters(api: Any, a: Arrays) -> float:
    """10000-64-64-46 on multi-hot newswires, rmsprop, batch 512, 20 epochs: test accuracy."""
    model = api.Sequential(
        [
            api.Input((10_000,)),
            api.layers.Dense(64, activation="relu"),
            api.layers.Dense(64, activation="relu"),
            api.layers.Dense(46, activation="softmax"),
        ]
    )
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(a.x_train.astype(np.float32), a.y_train, epochs=20, batch_size=512, verbose=0)
    return _second(model.evaluate(a.x_test.astype(np.float32), a.y_test, batch_size=512, verbose=0))


def boston(api: Any, a: Arrays) -> float:
    """13-64-64-1 on standardised features, rmsprop, batch 16, 100 epochs: mean absolute error in thousands."""
    model = api.Sequential(
        [
            api.Input((13,)),
            api.layers.Dense(64, activation="relu"),
            api.layers.Dense(64, activation="relu"),
            api.layers.Dense(1),
        ]
    )
    model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
    model.fit(a.x_train, a.y_train, epochs=100, batch_size=16, verbose=0)
    return _second(model.evaluate(a.x_test, a.y_test, verbose=0))


def _scaled(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / np.float32(255.0)


def _second(loss_and_metric: Any) -> float:
    return float(loss_and_metric[1])


TASKS = {
    "mnist": Task("MNIST 784-512-10", data.mnist, mnist_rmsprop, 0.975),
    "mnist_logits": Task("MNIST Flatten-64-10, logits", data.mnist, mnist_logits, 0.97),
    "imdb": Task("IMDB 10000-16-16-1", data.imdb, imdb, 0.87),
    "reuters": Task("Reuters 10000-64-64-46", data.reuters, reuters, 0.78),
    "boston": Task("Boston 13-64-64-1, MAE", data.boston_housing, boston, 3.0, higher_is_better=False),
    "mnist_cnn": Task(
        "MNIST CNN", data.mnist, acceptance_conv.mnist_cnn, 0.99, family="conv", seeds=3,
        shortened={"epochs": 1, "samples": 6_000},
    ),
    "cifar_cnn": Task(
        "CIFAR-10 subset, CNN", data.cifar10, acceptance_conv.cifar_cnn, None, family="conv", seeds=3,
        shortened={"epochs": 1, "samples": 2_000},
    ),
    "conv_autoencoder": Task(
        "MNIST convolutional autoencoder, MSE", data.mnist, acceptance_conv.conv_autoencoder, acceptance_conv.PCA_32,
        higher_is_better=False, family="conv", seeds=1, shortened={"epochs": 1, "samples": 6_000},
    ),
}  # fmt: skip
MODULES = {"refnet": "refnet", "refnet_fast": "refnet_fast", "keras_jax": "keras", "keras_tf": "keras"}


def main(engine: str, task: str, directory: str, seeds: str, arguments: str = "{}") -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow" if engine == "keras_tf" else "jax"
    api = importlib.import_module(MODULES[engine])
    arrays = Arrays(
        **{name: np.load(Path(directory) / f"{name}.npy") for name in ("x_train", "y_train", "x_test", "y_test")}
    )
    scores = []
    start = time.perf_counter()
    for seed in range(int(seeds)):
        api.utils.set_random_seed(seed)
        result = TASKS[task].train(api, arrays, **json.loads(arguments))
        score, kept = result if isinstance(result, tuple) else (result, {})
        scores.append(score)
        if kept:
            np.savez(Path(directory) / f"kept-{engine}.npz", **kept)
    print(json.dumps({"scores": scores, "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
