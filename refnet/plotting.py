"""Pictures of a training run: curves, confusion matrix, the images a model got wrong.

Each function draws into the Axes it is given (or a Figure, where several are needed), so they combine freely.
matplotlib is an extra (`pip install matplotlib`) and is imported only when something is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix", "new_figure", "plot_confusion_matrix", "plot_history", "plot_images"]


def new_figure(width: float = 12.0, height: float = 8.0) -> Figure:
    """Return an empty matplotlib Figure that needs no screen and leaves no global state (no pyplot).

    Args:
        width, height: the size in inches.

    Raises:
        ImportError: matplotlib is not installed; the message says how to install it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("matplotlib, which draws, is not installed. Run: pip install matplotlib") from error
    return Figure(figsize=(width, height), layout="constrained")


def confusion_matrix(y_true: Any, y_pred: Any, classes: int) -> np.ndarray:
    """Count how often each class was taken for each.

    Args:
        y_true: the true labels, integers (N,) in [0, classes).
        y_pred: the predicted labels, integers (N,) in [0, classes).
        classes: the number of classes C.

    Returns:
        Counts (C, C) int64: row = the truth, column = the prediction.

    Raises:
        ValueError: the two differ in shape, or a label is out of range.

    Example:

    >>> confusion_matrix([0, 1, 1], [0, 1, 0], classes=2)
    array([[1, 0],
           [1, 1]])
    """
    truth, guess = np.asarray(y_true, np.int64), np.asarray(y_pred, np.int64)
    if truth.ndim != 1 or truth.shape != guess.shape:
        raise ValueError(
            f"confusion_matrix: y_true and y_pred are labels of the same samples, both of shape (N,). "
            f"Received: y_true.shape={truth.shape}, y_pred.shape={guess.shape}"
        )
    for name, labels in (("y_true", truth), ("y_pred", guess)):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(
                f"confusion_matrix: {name} must lie in [0, {classes}) for classes={classes}. "
                f"Received labels from {labels.min()} to {labels.max()}"
            )
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def plot_history(axes: Axes, histories: Mapping[str, Mapping[str, Sequence[float]]], metric: str) -> None:
    """Draw one metric over the epochs, one colour for each run: training dashed, validation solid.

    Args:
        axes: where to draw.
        histories: the name of each run -> its `History.history`.
        metric: a key of these dictionaries, such as "loss"; "val_" + metric is drawn too where it is recorded.
    """
    for i, (name, history) in enumerate(histories.items()):
        # A run that lies exactly under another must stay visible: every further one is drawn thinner, on top.
        width = max(3.2 - 2.0 * i, 1.0)
        validation = history.get("val_" + metric)
        epochs = range(1, len(history[metric]) + 1)
        axes.plot(epochs, history[metric], "--", color=f"C{i}", linewidth=width, alpha=0.75, label=f"{name}, training")
        if validation is not None:
            axes.plot(epochs, validation, "-", color=f"C{i}", linewidth=width, alpha=0.75, label=f"{name}, test")
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def plot_confusion_matrix(axes: Axes, matrix: np.ndarray) -> None:
    """Draw a confusion matrix with its counts; the mistakes, off the diagonal, are what the colour scale shows.

    Args:
        axes: where to draw.
        matrix: counts (C, C), row = the truth, column = the prediction (see `confusion_matrix`).
    """
    mistakes = np.array(matrix, dtype=np.float64)
    np.fill_diagonal(mistakes, 0)
    top = max(mistakes.max(initial=0.0), 1.0)
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=2 * top)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize="small",
                      color="0.45" if row == column else "black")
    ticks, names = range(len(matrix)), [str(i) for i in range(len(matrix))]
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.set_xlabel("prediction")
    axes.set_ylabel("truth")


def plot_images(figure: Any, images: np.ndarray, titles: Sequence[str], columns: int = 6) -> None:
    """Draw grey-scale images in a grid, dark on light, each under its title.

    Args:
        figure: a Figure or SubFigure to fill.
        images: (N, H, W); N may be 0.
        titles: N strings.
        columns: images in a row.
    """
    if not len(images):
        return
    rows = -(-len(images) // columns)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, title in zip(grid, images, titles):
        axes.imshow(image, cmap="gray_r")
        axes.set_title(title, fontsize="small")
