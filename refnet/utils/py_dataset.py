"""PyDataset: batches by index, made on demand."""

import queue
import threading

import numpy as np

__all__ = ["PyDataset"]


class PyDataset:
    """A data set that makes its batches one by one.

    Subclasses define `__getitem__(index)`, which returns `(x, y)` or `(x, y, sample_weight)`, and `__len__` (or
    `num_batches`).

    Args:
        workers: with more than one, batches are made ahead of time, in this many threads (or processes).
        use_multiprocessing: processes instead of threads; the data set is pickled once for each.
        max_queue_size: how many batches are made ahead.

    Example:
        >>> class Squares(refnet.utils.PyDataset):
        ...     def __len__(self):
        ...         return 10
        ...     def __getitem__(self, index):
        ...         x = np.arange(32, dtype="float32")[:, np.newaxis] + 32 * index
        ...         return x, x**2
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index):
        raise NotImplementedError(
            f"{type(self).__name__} must define `__getitem__(self, index)`: the batch of that index."
        )

    @property
    def num_batches(self):
        """The number of batches of an epoch, None if there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must define `__len__` (or the property `num_batches`).")

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch, for example to shuffle."""


_process_dataset = None


def _start_process(dataset):
    global _process_dataset
    _process_dataset = dataset


def _batch_in_process(index):
    return _process_dataset[index]


def ordered_batches(dataset: PyDataset, indices):
    """The batches of these indices, in this order; made ahead of time by workers if the data set asks for it."""
    workers = getattr(dataset, "workers", 1)
    if workers <= 1:
        for index in indices:
            yield dataset[int(index)]
        return
    from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor  # slow to import, seldom needed

    executor: Executor
    if dataset.use_multiprocessing:
        executor = ProcessPoolExecutor(workers, initializer=_start_process, initargs=(dataset,))
        make = _batch_in_process
    else:
        executor = ThreadPoolExecutor(workers)
        make = dataset.__getitem__
    waiting: queue.Queue = queue.Queue(maxsize=max(1, dataset.max_queue_size))
    stopped = threading.Event()

    def submit():
        for index in indices:
            if stopped.is_set():
                return
            future = executor.submit(make, int(index))
            while not stopped.is_set():
                try:
                    waiting.put(future, timeout=0.1)
                    break
                except queue.Full:
                    continue
        waiting.put(None)

    feeder = threading.Thread(target=submit, daemon=True)
    feeder.start()
    try:
        while (future := waiting.get()) is not None:
            yield future.result()
    finally:
        stopped.set()
        while not waiting.empty():
            waiting.get_nowait()
        feeder.join()
        executor.shutdown(cancel_futures=True)


def length_of(dataset) -> int | None:
    """The number of batches, None if unknown."""
    try:
        n = dataset.num_batches if isinstance(dataset, PyDataset) else len(dataset)
    except (TypeError, NotImplementedError, AttributeError):
        return None
    return None if n is None or (isinstance(n, float) and np.isinf(n)) else int(n)
