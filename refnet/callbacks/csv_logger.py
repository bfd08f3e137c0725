"""CSVLogger: the metrics of each epoch as a line of a file."""

import csv
import os
from typing import Any

import numpy as np

from refnet.callbacks.callback import Callback

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Writes a line for each epoch: its number, and the metrics by name. Each line is on disk when the epoch is over.

    Args:
        filename: the file.
        separator: what stands between the entries.
        append: go on with a file that is there (its header is not repeated); False: write over it.

    Example:
        >>> model.fit(x, y, epochs=10, callbacks=[refnet.callbacks.CSVLogger("training.csv")])
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self.writer: Any = None
        self.csv_file: Any = None
        self._has_header = False

    def on_train_begin(self, logs: Any = None):
        self._close()
        self._has_header = False
        if self.append and os.path.exists(self.filename):
            self._has_header = os.path.getsize(self.filename) > 0
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")
        self.keys = None

    def on_epoch_end(self, epoch, logs: Any = None):
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):  # validation may come only in a later epoch
                self.keys += [f"val_{key}" for key in self.keys]
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)
            if not self._has_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{key: _entry(logs.get(key, "NA")) for key in self.keys}})
        self.csv_file.flush()

    def on_train_end(self, logs: Any = None):
        self._close()

    def _close(self):
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = self.writer = None

    def __del__(self):
        if getattr(self, "csv_file", None) is not None:  # training ended by an exception
            self.csv_file.close()


def _entry(value):
    """Several numbers as text in brackets, as Keras writes them."""
    return f'"[{", ".join(map(str, np.ravel(value).tolist()))}]"' if np.ndim(value) else value
