"""The real data sets of the acceptance runs, read from the files that Keras' loaders use.

Nothing is downloaded and nothing is unpickled blindly: the review and newswire archives hold pickled object arrays of
integer lists, which a restricted unpickler reads. It can make NumPy arrays, lists and numbers, and nothing else.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

__all__ = [
    "Arrays", "boston_housing", "cifar10", "data_directory", "imdb", "mnist", "multi_hot", "read_archive", "reuters",
]  # fmt: skip

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

@dataclass(frozen=True)
class Arrays:
    """One data set as stored by `benchmarks.data`: uint8 images or multi-hot rows, or ready float32 features."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


MEMBER_LIMIT = 1 << 30
"""Bytes that a member of an archive may have when unpacked; the largest real one has 55 million."""


def data_directory(given: str | None = None) -> Path:
    """Where the data sets are: the argument, else $REFNET_DATA, else ../shared/datasets beside the project.

    Raises:
        FileNotFoundError: no such directory; the message says how to name one.
    """
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "datasets"
    directory = Path(given or os.environ.get("REFNET_DATA") or default)
    if not directory.is_dir():
        raise FileNotFoundError(
            f"no data sets at {directory}: give the directory that holds mnist.npz, cifar10_subset.npz, imdb.npz, "
            "reuters.npz and boston_housing.npz as --data DIRECTORY or in the environment variable REFNET_DATA"
        )
    return directory


class _IntegerListUnpickler(pickle.Unpickler):
    """Unpickles object arrays of integer lists; whatever else a pickle asks for is refused."""

    _ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._ALLOWED:
            return self._ALLOWED[module, name]
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _empty_array
        raise pickle.UnpicklingError(f"refused to load {module}.{name}: this archive may hold integer lists only")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("refused a persistent reference: this archive may hold integer lists only")


def _empty_array(cls: type, shape: tuple[int, ...], dtype: bytes) -> np.ndarray:
    """What NumPy's `_reconstruct` does, for plain arrays only: __setstate__ fills it."""
    if cls is not np.ndarray or shape != (0,) or dtype not in (b"b", "b"):
        raise pickle.UnpicklingError("refused an array of an unexpected kind")
    return np.ndarray.__new__(np.ndarray, shape, "b")


def read_archive(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Every array of an .npz file, object arrays of integer lists included.

    Returns:
        name -> array. Object arrays are one-dimensional and hold lists of int.

    Raises:
        ValueError: a member is too large, or an object array holds something else than integer lists.
        pickle.UnpicklingError: a pickle asks for anything but NumPy arrays.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.file_size > MEMBER_LIMIT:
                raise ValueError(f"{path}: {info.filename} would unpack to {info.file_size} bytes")
            stream = io.BytesIO(archive.read(info))
            arrays[info.filename.removesuffix(".npy")] = _read_array(stream, f"{path}: {info.filename}")
    return arrays


def _read_array(stream: io.BytesIO, where: str) -> np.ndarray:
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read_header(stream)
    if not dtype.hasobject:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    array = _IntegerListUnpickler(stream, encoding="latin1").load()
    if not isinstance(array, np.ndarray) or array.ndim != 1:
        raise ValueError(f"{where}: expected a one-dimensional object array, got {type(array).__name__}")
    for row in array.flat:
        if type(row) is not list or not all(type(word) is int for word in row):
            raise ValueError(f"{where}: expected lists of integers only")
    return array


def mnist(directory: Path) -> Split:
    """Images (N, 28, 28) uint8, labels (N,) int64: 60,000 to train, 10,000 to test."""
    a = read_archive(directory / "mnist.npz")
    return (a["x_train"], a["y_train"].astype(np.int64)), (a["x_test"], a["y_test"].astype(np.int64))


def cifar10(directory: Path) -> Split:
    """Images (N, 32, 32, 3) uint8, labels (N,) int64: a subset, 10,000 to train and 2,000 to test."""
    a = read_archive(directory / "cifar10_subset.npz")
    return (a["x_train"], a["y_train"][:, 0].astype(np.int64)), (a["x_test"], a["y_test"][:, 0].astype(np.int64))


def imdb(directory: Path, num_words: int = 10_000) -> Split:
    """Reviews as multi-hot rows (N, num_words) uint8, labels (N,) float32, in the order of Keras' load_data."""
    a = read_archive(directory / "imdb.npz")
    rng = np.random.RandomState(113)
    parts = []
    for part in ("train", "test"):  # one generator for both, as in Keras
        order = np.arange(len(a[f"x_{part}"]))
        rng.shuffle(order)
        x = multi_hot(a[f"x_{part}"][order], num_words)
        parts.append((x, a[f"y_{part}"][order].astype(np.float32)))
    return parts[0], parts[1]


def reuters(directory: Path, num_words: int = 10_000) -> Split:
    """Newswires as multi-hot rows (N, num_words) uint8, topics (N,) int64: 8,982 to train, 2,246 to test."""
    a = read_archive(directory / "reuters.npz")
    order = np.arange(len(a["x"]))
    np.random.RandomState(113).shuffle(order)
    x, y = multi_hot(a["x"][order], num_words), a["y"][order].astype(np.int64)
    split = int(0.8 * len(x))
    return (x[:split], y[:split]), (x[split:], y[split:])


def boston_housing(directory: Path) -> Split:
    """Standardised features (N, 13) float32, prices (N,) float32; Keras' split: 404 to train, 102 to test."""
    a = read_archive(directory / "boston_housing.npz")
    order = np.arange(len(a["x"]))
    np.random.RandomState(113).shuffle(order)
    x, y = a["x"][order], a["y"][order].astype(np.float32)
    split = int(0.8 * len(x))
    mean, deviation = x[:split].mean(axis=0), x[:split].std(axis=0)
    x = ((x - mean) / deviation).astype(np.float32)
    return (x[:split], y[:split]), (x[split:], y[split:])


def multi_hot(sequences: np.ndarray, num_words: int) -> np.ndarray:
    """(N,) lists of word ranks -> (N, num_words) uint8, as the tutorials encode them.

    Keras' load_data shifts ranks by 3 and puts 1 before every text and 2 for every word beyond num_words.
    """
    x = np.zeros((len(sequences), num_words), np.uint8)
    for row, words in zip(x, sequences, strict=True):
        ranks = np.asarray(words, np.int64) + 3
        row[1] = 1
        row[np.where(ranks >= num_words, 2, ranks)] = 1
    return x
