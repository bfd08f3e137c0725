"""Small helpers around data: arrays from what users have, one-hot rows, unit vectors, and the (x, y, sample_weight)
tuples that steps receive."""

import numpy as np

from refnet import autodiff, config

__all__ = [
    "normalize",
    "pack_x_y_sample_weight",
    "standardize_dtype",
    "to_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


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


def to_array(value, name) -> np.ndarray:
    """An array of numbers from an array, a pandas object, a list, or whatever NumPy converts.

    Args:
        value: what the user passed.
        name: as which argument, for messages.

    Raises:
        ValueError: for what is not an array of numbers, with what to do about it.
    """
    if type(value) is np.ndarray:
        array = value
    elif type(value).__module__.split(".")[0] == "pandas":
        array = _from_pandas(value, name)
    elif np.ma.is_masked(value):
        raise ValueError(f"`{name}` is a masked array with masked entries. Fill them: {name}.filled(0).")
    elif hasattr(value, "tocoo"):
        raise ValueError(f"`{name}` is a sparse matrix, which is not supported. Convert it: {name}.toarray().")
    else:
        try:
            array = np.asarray(autodiff.value_of(value))
        except ValueError:  # lists of different lengths
            raise ValueError(f"`{name}` {_ragged(value)}") from None
    kind = array.dtype.kind
    if kind in "fiub":
        return array
    if kind in "USOT" and any(isinstance(item, (str, bytes)) for item in array.flat):
        problem = "holds text. Number it, e.g. numpy.unique(labels, return_inverse=True)[1] for labels"
    elif kind == "O" and any(hasattr(item, "__len__") for item in array.flat):
        problem = _ragged(array).rstrip(".")
    elif kind == "O":
        problem = f"has dtype object. Convert it: {name}.astype('float32')"
    else:
        remedy = f"numpy.real({name})" if kind == "c" else f"{name}.astype('int64')"
        problem = f"has dtype {array.dtype}, which is not a type of real numbers. Convert it: {remedy}"
        if array.dtype.names:
            problem = f"has fields {list(array.dtype.names)}. Convert it: numpy.lib.recfunctions.structured_to_unstructured"
    raise ValueError(f"`{name}` {problem}.")


def _ragged(rows) -> str:
    lengths = [len(row) if hasattr(row, "__len__") else None for row in rows]
    odd = next((index for index, n in enumerate(lengths) if n != lengths[0]), None)
    found = "" if odd is None else f" (row 0 has {_entries(lengths[0])}, row {odd} has {_entries(lengths[odd])})"
    return f"has rows of different lengths{found}, which make no array. Pad or cut them to one length."


def _entries(length) -> str:
    return "no length" if length is None else f"{length} entr{'y' if length == 1 else 'ies'}"


def _from_pandas(value, name) -> np.ndarray:
    """The numbers of a DataFrame, Series or other pandas array, also of nullable types."""
    if not hasattr(value, "columns"):
        return _from_column(value, f"`{name}`")
    columns = [_from_column(value.iloc[:, at], f"Column {label!r} of `{name}`") for at, label in enumerate(value.columns)]
    return np.stack(columns, axis=1) if columns else np.empty((len(value), 0))


def _from_column(column, what) -> np.ndarray:
    dtype = column.dtype
    if getattr(dtype, "kind", "O") not in "fiub":
        remedy = ".astype('int64')" if getattr(dtype, "kind", "O") in "mM" else "pandas.factorize(column)[0]"
        raise ValueError(f"{what} has dtype {dtype}, which is not a type of numbers. Number its values: {remedy}.")
    if isinstance(dtype, np.dtype):
        return column.to_numpy()
    if column.isna().any():
        raise ValueError(f"{what} has missing values (NA). Fill them with .fillna(...), or drop their rows.")
    return column.to_numpy(dtype=getattr(dtype, "numpy_dtype", "float64"))
