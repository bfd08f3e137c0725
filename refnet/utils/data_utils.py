"""Small helpers around data: one-hot rows, unit vectors, and the (x, y, sample_weight) tuples that steps receive."""

import numpy as np

from refnet import config

__all__ = ["normalize", "pack_x_y_sample_weight", "standardize_dtype", "to_categorical", "unpack_x_y_sample_weight"]


def to_categorical(x, num_classes=None) -> np.ndarray:
    """Integer labels as one-hot rows.

    Args:
        x: labels 0 .. C-1 of any shape; a last axis of size 1 is dropped.
        num_classes: C; by default the greatest label plus one.

    Returns:
        The shape of `x` with an axis of size C added, of type `floatx()`.

    Raises:
        ValueError: for labels outside 0 .. C-1.

    Example:
        >>> refnet.utils.to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x, dtype=np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"to_categorical: labels must be in 0 .. {num_classes - 1} (num_classes={num_classes}). Received labels "
            f"from {labels.min()} to {labels.max()}."
        )
    rows = np.zeros((labels.size, num_classes), dtype=config.floatx())
    rows[np.arange(labels.size), labels.reshape(-1)] = 1
    return rows.reshape(*labels.shape, num_classes)


def normalize(x, axis=-1, order=2) -> np.ndarray:
    """`x` divided by its norms along an axis (zero vectors stay zero).

    Args:
        x: an array.
        axis: the axis along which a vector's entries lie.
        order: the order of the norm.
    """
    x = np.asarray(x)
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return x / np.expand_dims(norms, axis)


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """`x`, `(x, y)` or `(x, y, sample_weight)`: what steps receive."""
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data):
    """The three parts of what steps receive, None for the missing ones.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Raises:
        ValueError: for a tuple of another length.
    """
    if type(data) is not tuple:
        if not isinstance(data, (list, tuple)):
            return data, None, None
        data = tuple(data)
    if len(data) == 2:
        return data[0], data[1], None
    if len(data) == 3:
        return data
    if len(data) == 1:
        return data[0], None, None
    raise ValueError(
        f"Expected `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`. Received a tuple of length {len(data)}."
    )


def standardize_dtype(dtype) -> str:
    """The name of a type: `floatx()` for None."""
    return config.floatx() if dtype is None else np.dtype(dtype).name
