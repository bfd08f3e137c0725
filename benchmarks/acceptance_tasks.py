"""The recipes of the acceptance runs, written once for whatever speaks the Keras API.

Also the process that trains them: `python -m benchmarks.acceptance_tasks ENGINE TASK DIRECTORY SEEDS` prints one JSON
line.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import data

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TASKS", "Arrays", "Task"]


@dataclass(frozen=True)
class Arrays:
    """One data set as stored by `benchmarks.data`: uint8 images or multi-hot rows, or ready float32 features."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Task:
    """One acceptance run: where its data come from, how a model is trained and scored, what is asked of it."""

    title: str
    load: Callable[[Path], data.Split]
    train: Callable[[Any, Arrays], float]
    target: float
    higher_is_better: bool = True


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
}
MODULES = {"refnet": "refnet", "refnet_fast": "refnet_fast", "keras_jax": "keras", "keras_tf": "keras"}


def main(engine: str, task: str, directory: str, seeds: str) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow" if engine == "keras_tf" else "jax"
    api = importlib.import_module(MODULES[engine])
    arrays = Arrays(
        **{name: np.load(Path(directory) / f"{name}.npy") for name in ("x_train", "y_train", "x_test", "y_test")}
    )
    scores = []
    start = time.perf_counter()
    for seed in range(int(seeds)):
        api.utils.set_random_seed(seed)
        scores.append(TASKS[task].train(api, arrays))
    print(json.dumps({"scores": scores, "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
