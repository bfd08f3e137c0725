"""Batches for `fit`, `evaluate` and `predict`, from arrays, generators, iterables and PyDatasets.

Arrays are converted once, to C-contiguous arrays of the model's types; a batch is then a view, or, shuffled, one
gather by the active kernels.
"""

import math
import warnings

from refnet import backend, random
from refnet.models.class_weight import checked_class_weight, class_weights
from refnet.ops._op import kernel_array
from refnet.utils import tree
from refnet.utils.checks import Range
from refnet.utils.data_utils import pack_x_y_sample_weight, to_array, unpack_x_y_sample_weight
from refnet.utils.py_dataset import PyDataset, length_of, ordered_batches

__all__ = ["ArrayData", "IterableData", "PyDatasetData", "make_data", "split_validation"]


class Data:
    """Base class: epochs of batches.

    Args:
        steps: how many batches make an epoch; None: all there are.
        steps_name: the user's name of `steps`, for messages.

    Attributes:
        num_batches: the steps of an epoch, None if not known before its end.
        total: how many batches there were so far.
        name: whose data they are, for messages.
    """

    num_batches = None
    name = "evaluate"

    def __init__(self, steps=None, steps_name="steps"):
        self.steps = Range(1, integer=True, optional=True).check(steps, steps_name, "The number of steps")
        self.steps_name = steps_name
        self.total = 0
        self.shuffling = None  # a random.Shuffling, where the order is random
        self._iterator = None

    def passes(self):
        """An iterator over all batches, once."""
        raise NotImplementedError

    def epoch(self, name="The epoch"):
        """The batches of one epoch: all of them, or the next `steps`. `name` is for messages."""
        if self.steps is None:
            for batch in self.passes():
                self.total += 1
                yield batch
            return
        for step in range(self.steps):
            if self._iterator is None:
                self._iterator = iter(self.passes())
            batch = next(self._iterator, None)
            if batch is None and step == 0:  # the last epoch ended with the data: begin a new pass
                self._iterator = iter(self.passes())
                batch = next(self._iterator, None)
            if batch is None:
                self._iterator = None
                if step:
                    warnings.warn(
                        f"{name}: the data ran out after {step} of {self.steps} steps; it ends here. Make sure that there are "
                        f"at least `{self.steps_name} * epochs` batches, or lower {self.steps_name}={self.steps}.",
                        stacklevel=3,
                    )
                return
            self.total += 1
            yield batch

    def restart(self):
        """Begin at the first batch again, so that each validation sees the same ones; a generator goes on."""
        self._iterator = None

    def exhausted(self, name):
        """The error for an epoch without a batch."""
        if not self.total:
            return ValueError(f"{name}: the data set is empty: it yielded no batch.")
        return ValueError(
            f"{name}: no batch is left: the data yielded {self.total} batch(es) before and cannot start again. Pass "
            f"`{self.steps_name}`, so that an epoch is a part of them (`{self.steps_name} * epochs` is at most their "
            "number; an endless generator has enough), or what can start again: arrays, a PyDataset, an object "
            "whose `__iter__` begins anew."
        )

    @property
    def epoch_steps(self):
        """The steps of an epoch for the progress bar: None if unknown."""
        return self.steps or self.num_batches

    def on_epoch_end(self):
        """After an epoch."""


class ArrayData(Data):
    """Batches of arrays.

    Args:
        x, y, sample_weight: arrays, or lists or dicts of arrays, of one length; None where there is nothing.
        batch_size: samples per batch; 32, or what `steps` asks for.
        steps: see `Data`.
        shuffle: False, True (all samples anew for each epoch), or `"batch"` (within batches).
        class_weight: `{label: weight}`, turned into sample weights.
        dtypes: the types of the inputs, None where unknown.
        target_dtype: the float type of targets and weights.
        steps_name, batch_size_name: the user's names of these arguments, for messages.

    Raises:
        ValueError: for an empty data set, different lengths, types that are not numbers.
    """

    def __init__(
        self,
        x,
        y=None,
        sample_weight=None,
        batch_size=None,
        steps=None,
        shuffle=False,
        class_weight=None,
        dtypes=None,
        target_dtype="float32",
        steps_name="steps",
        batch_size_name="batch_size",
    ):
        super().__init__(steps, steps_name)
        if class_weight is not None:
            sample_weight = class_weights(y, checked_class_weight(class_weight), sample_weight)
        x = _converted(x, "x", dtypes, target_dtype)
        y = _converted(y, "y", None, target_dtype)
        sample_weight = _converted(sample_weight, "sample_weight", None, target_dtype)
        self.samples = _count(x, y, sample_weight)
        if sample_weight is not None and tree.is_nested(y) and not tree.is_nested(sample_weight):
            sample_weight = tree.map_structure(lambda _: sample_weight, y)
        if batch_size is None:
            batch_size = math.ceil(self.samples / steps) if steps else 32
        self.batch_size = Range(1, integer=True).check(batch_size, batch_size_name, "Batches of arrays")
        self.shuffle = shuffle
        self.shuffling = random.Shuffling() if shuffle else None
        self._parts = pack_x_y_sample_weight(x, y, sample_weight)
        self.num_batches = math.ceil(self.samples / self.batch_size)

    @property
    def sources(self):
        """The arrays that batches are taken from, as a flat list."""
        return [a for a in tree.flatten(self._parts) if a is not None]

    def rows(self):
        """The row numbers of each batch of an epoch, in a new random order (of the batches' rows with `"batch"`)."""
        size, n, generator = self.batch_size, self.samples, self.shuffling.begin()
        if self.shuffle == "batch":
            for start in range(0, n, size):
                yield start + random.permutation(min(size, n - start), generator)
            return
        order = random.permutation(n, generator)
        for start in range(0, n, size):
            yield order[start : start + size]

    def take(self, rows):
        """The batch of these rows."""
        gather = backend.active().gather_rows
        return _take(self._parts, lambda a: gather(a, rows))

    def passes(self):
        parts, size, n = self._parts, self.batch_size, self.samples
        if not self.shuffle:
            flat = isinstance(parts, tuple) and not any(map(tree.is_nested, parts))
            for start in range(0, n, size):
                rows = slice(start, start + size)
                yield tuple([p[rows] for p in parts]) if flat else _take(parts, lambda a, rows=rows: a[rows])
            return
        for rows in self.rows():
            yield self.take(rows)


class IterableData(Data):
    """Batches from a generator, or from any iterable of `x`, `(x, y)` or `(x, y, sample_weight)`.

    Args:
        source: the iterable. One that can be iterated over again is, for each epoch.
        steps: see `Data`; needed for a generator without end.
        class_weight: `{label: weight}`, turned into sample weights.
        target_dtype: the float type of arrays.
        steps_name: the user's name of `steps`, for messages.
    """

    def __init__(self, source, steps=None, class_weight=None, target_dtype="float32", steps_name="steps"):
        super().__init__(steps, steps_name)
        self._source, self._class_weight, self._dtype = source, checked_class_weight(class_weight), target_dtype
        self.num_batches = length_of(source)

    def restart(self):
        if not hasattr(self._source, "__next__"):
            super().restart()

    def _prepared(self, batch):
        return prepare_batch(batch, self._class_weight, self._dtype)

    def passes(self):
        for batch in self._source:
            yield self._prepared(batch)


class PyDatasetData(IterableData):
    """Batches of a PyDataset.

    Args:
        source: the data set.
        steps: see `Data`.
        shuffle: take the batches in random order.
        class_weight: `{label: weight}`, turned into sample weights.
        target_dtype: the float type of arrays.
        steps_name: the user's name of `steps`, for messages.
    """

    def __init__(
        self, source, steps=None, shuffle=False, class_weight=None, target_dtype="float32", steps_name="steps"
    ):
        super().__init__(source, steps, class_weight, target_dtype, steps_name)
        self.shuffling = random.Shuffling() if shuffle else None
        if self.num_batches == 0:
            raise ValueError(f"The data set {type(source).__name__} is empty: its `__len__` is 0.")

    def passes(self):
        n = self.num_batches
        if self.shuffling is not None and n:
            indices = random.permutation(n, self.shuffling.begin())
        else:
            indices = range(n) if n is not None else _naturals()
        if hasattr(self._source, "on_epoch_begin"):
            self._source.on_epoch_begin()
        for batch in ordered_batches(self._source, indices):
            yield self._prepared(batch)

    def on_epoch_end(self):
        self._source.on_epoch_end()


def _naturals():
    n = 0
    while True:
        yield n
        n += 1


def make_data(
    x,
    y=None,
    sample_weight=None,
    batch_size=None,
    steps=None,
    shuffle=False,
    class_weight=None,
    dtypes=None,
    target_dtype="float32",
    steps_name="steps",
    batch_size_name="batch_size",
):
    """The right `Data` for what the user passed as `x`.

    Raises:
        ValueError: for arguments that contradict each other.
    """
    if isinstance(x, Data):
        return x
    if not (shuffle in (None, False, True) or shuffle == "batch"):
        raise ValueError(f"`shuffle` must be True, False or 'batch'. Received: shuffle={shuffle!r}")
    is_dataset = isinstance(x, PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end"))
    if isinstance(x, (set, frozenset)):
        raise ValueError(f"`x` is a {type(x).__name__}, which has no order. Pass a list or an array.")
    is_iterable = (
        not is_dataset
        and hasattr(x, "__iter__")
        and not (hasattr(x, "__array__") or hasattr(x, "shape") or isinstance(x, (list, tuple, dict, str)))
    )
    if not (is_dataset or is_iterable):
        if x is None:
            raise ValueError("There is no data: `x` is None.")
        return ArrayData(
            x, y, sample_weight, batch_size, steps, shuffle, class_weight, dtypes, target_dtype, steps_name, batch_size_name
        )
    kind = type(x).__name__
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"`{name}` must be None when `x` is a {kind}: it yields (x, y) or (x, y, sample_weight) itself."
            )
    if batch_size is not None:
        raise ValueError(f"`{batch_size_name}` must be None when `x` is a {kind}: it yields batches already.")
    if is_dataset:
        return PyDatasetData(x, steps, bool(shuffle), class_weight, target_dtype, steps_name)
    return IterableData(x, steps, class_weight, target_dtype, steps_name)


def _take(parts, take):
    return tree.map_structure(lambda a: None if a is None else take(a), parts)


def as_array(value, name, dtype, float_dtype):
    """A C-contiguous array of numbers: of `dtype` if given, floats of `float_dtype`, other types as they are.

    Raises:
        ValueError: for what is not an array of numbers.
    """
    array = to_array(value, name)
    if dtype is None and array.dtype.kind == "f":
        dtype = float_dtype
    if array.ndim == 0:
        raise ValueError(f"`{name}` is a single number; its first axis must be the samples.")
    return kernel_array(array, dtype)


def _converted(value, name, dtypes, float_dtype):
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and not any(
        hasattr(v, "shape") or hasattr(v, "__array__") or v is None for v in tree.flatten(value)
    ):
        value = to_array(value, name)  # a list of numbers, or of rows of numbers
    if not tree.is_nested(value):
        dtype = dtypes[0] if dtypes is not None and len(dtypes) == 1 else None
        return as_array(value, name, dtype, float_dtype)
    leaves = tree.flatten(value)
    known = (
        list(dtypes)
        if dtypes is not None and len(dtypes) == len(leaves) and not isinstance(value, dict)
        else [None] * len(leaves)
    )
    converted = [None if v is None else as_array(v, name, d, float_dtype) for v, d in zip(leaves, known, strict=True)]
    return tree.pack_sequence_as(value, converted)


def _count(x, y, sample_weight):
    """The number of samples.

    Raises:
        ValueError: when arrays differ in length, or are empty.
    """
    lengths = {}
    for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for array in tree.flatten(part):
            if array is not None:
                lengths.setdefault(name, []).append(len(array))
    found = {n for sizes in lengths.values() for n in sizes}
    if len(found) > 1:
        sizes = "; ".join(f"`{name}` has {', '.join(map(str, ns))}" for name, ns in lengths.items())
        raise ValueError(f"All arrays must have the same number of samples (their first axis): {sizes}.")
    if found == {0} or not found:
        raise ValueError("The data set is empty: `x` has 0 samples.")
    return found.pop()


def prepare_batch(batch, class_weight, float_dtype):
    """A batch that a generator yielded, as `train_step` wants it: a tuple of arrays."""
    x, y, sample_weight = unpack_x_y_sample_weight(tuple(batch) if isinstance(batch, list) else batch)
    if class_weight is not None:
        sample_weight = class_weights(y, class_weight, sample_weight)
    parts = [_converted(p, n, None, float_dtype) for p, n in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))]
    return pack_x_y_sample_weight(*parts)


def split_validation(arrays, fraction):
    """Training and validation parts of `(x, y, sample_weight)`: the last fraction validates.

    Raises:
        ValueError: for a fraction outside (0, 1), data that cannot be split, or an empty part.
    """
    fraction = Range(0, 1, open_low=True, open_high=True).check(fraction, "validation_split", "fit")
    leaves = [leaf for leaf in tree.flatten(arrays) if leaf is not None]
    if any(not hasattr(leaf, "__len__") or isinstance(leaf, PyDataset) for leaf in leaves) or not leaves:
        raise ValueError("`validation_split` is only supported for arrays. Pass `validation_data` instead.")
    arrays = [
        _converted(part, name, None, None) for part, name in zip(arrays, ("x", "y", "sample_weight"), strict=True)
    ]
    n = _count(*arrays)
    at = math.floor(n * (1.0 - fraction))
    if at == 0 or at == n:
        part, other = ("training", "smaller") if at == 0 else ("validation", "greater")
        remedy = f" or a {other} fraction, e.g. validation_split=0.5." if n > 1 else ", or `validation_data`."
        raise ValueError(
            f"With {n} sample(s), validation_split={fraction} leaves nothing for {part}. Pass more data{remedy}"
        )
    return tuple(_take(p, lambda a: a[:at]) for p in arrays), tuple(_take(p, lambda a: a[at:]) for p in arrays)
