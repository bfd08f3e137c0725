"""The convolutional recipes of the acceptance runs, and the picture of what the autoencoder reconstructs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.data import Arrays

__all__ = ["PCA_32", "cifar_cnn", "conv_autoencoder", "draw_autoencoder", "mnist_cnn"]

PCA_32 = 0.0168
"""Mean squared error with which the 32 leading principal components of the training images reconstruct the MNIST test
images (`pca_error`): an autoencoder whose code has 32 numbers must beat the best linear one."""
PICTURES = 10
"""Test images of each digit's first occurrence that are drawn."""


def mnist_cnn(api: Any, a: Arrays, epochs: int = 5, samples: int | None = None) -> float:
    """Conv 32, pool, Conv 64, pool, Conv 64, Dense 64, Dense 10; Adam, batch 64, a fifth held out: test accuracy."""
    layers = api.layers
    model = api.Sequential(
        [
            api.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = _images(a.x_train[:samples]), a.y_train[:samples]
    model.fit(x, y, epochs=epochs, batch_size=64, validation_split=0.2, verbose=0)
    return float(model.evaluate(_images(a.x_test), a.y_test, batch_size=500, verbose=0)[1])


def cifar_cnn(api: Any, a: Arrays, epochs: int = 10, samples: int | None = None) -> float:
    """Conv 32, pool, Conv 64, pool, Dense 64, Dense 10 on 10,000 images; Adam, batch 32: test accuracy."""
    layers = api.layers
    model = api.Sequential(
        [
            api.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(_images(a.x_train[:samples]), a.y_train[:samples], epochs=epochs, batch_size=32, verbose=0)
    return float(model.evaluate(_images(a.x_test), a.y_test, batch_size=500, verbose=0)[1])


def conv_autoencoder(
    api: Any, a: Arrays, epochs: int = 5, samples: int | None = None
) -> tuple[float, dict[str, np.ndarray]]:
    """28x28 -> 14x14 -> 7x7 -> 32 numbers and back through transposed convolutions; Adam, batch 128.

    Returns:
        Mean squared error on the test images; {"originals", "reconstructions"} (PICTURES, 28, 28) to look at.
    """
    layers = api.layers
    model = api.Sequential(
        [
            api.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 7),  # 1x1: the code
            layers.Conv2DTranspose(32, 7, activation="relu"),
            layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["mse"])
    x, x_test = _images(a.x_train[:samples]), _images(a.x_test)
    model.fit(x, x, epochs=epochs, batch_size=128, verbose=0)
    error = float(model.evaluate(x_test, x_test, batch_size=500, verbose=0)[1])
    shown = x_test[[int(np.argmax(a.y_test == digit)) for digit in range(PICTURES)]]
    found = np.asarray(model.predict(shown, verbose=0))
    return error, {"originals": shown[..., 0], "reconstructions": found[..., 0]}


def _images(x: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W) or (N, H, W, C) -> float32 (N, H, W, C) in [0, 1]."""
    scaled = x.astype(np.float32) / np.float32(255.0)
    return scaled[..., None] if scaled.ndim == 3 else scaled


def pca_error(x_train: np.ndarray, x_test: np.ndarray, components: int) -> float:
    """Mean squared error of the linear autoencoder: projection on the leading principal components."""
    train, test = (_images(x).reshape(len(x), -1).astype(np.float64) for x in (x_train, x_test))
    mean = train.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(train, rowvar=False))
    basis = vectors[:, -components:]
    centred = test - mean
    return float(np.square(centred - centred @ basis @ basis.T).mean())


def draw_autoencoder(found: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """One row of originals, then one row of reconstructions per engine."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [("test images", next(iter(found.values()))["originals"])]
    rows += [(title, arrays["reconstructions"]) for title, arrays in found.items()]
    figure, panels = plt.subplots(len(rows), PICTURES, figsize=(PICTURES, 1.15 * len(rows)), squeeze=False)
    for line, (title, images) in zip(panels, rows, strict=True):
        for panel, image in zip(line, images, strict=True):
            panel.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
    figure.subplots_adjust(left=0.2, right=0.99, top=0.98, bottom=0.02, wspace=0.05, hspace=0.05)
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    plt.close(figure)
    temporary.replace(path)
