"""EarlyStopping and TerminateOnNaN: when to stop."""

import math
import warnings
from typing import Any

from refnet.callbacks.callback import Callback
from refnet.utils.checks import Range

__all__ = ["EarlyStopping", "TerminateOnNaN"]


class MonitorCallback(Callback):
    """Base of callbacks that watch one metric: knows which way is better.

    Args:
        monitor: the name of the metric in the logs.
        mode: `"min"`, `"max"` or `"auto"`: from the metric itself.
        baseline: the value to improve on; None: the first.
        min_delta: the least change that counts as an improvement.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: `mode` must be 'auto', 'min' or 'max'. Received: mode={mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.best = self._checked("baseline", baseline, Range(optional=True))
        self.min_delta = abs(self._checked("min_delta", min_delta, Range()))
        self._direction: str | None = None

    def _checked(self, name, value, allowed):
        return allowed.check(value, name, type(self).__name__)

    def _is_improvement(self, value, reference) -> bool:
        if reference is None:
            return True
        if self._direction is None:
            self._direction = self._find_direction()
        return value - self.min_delta > reference if self._direction == "up" else value + self.min_delta < reference

    def _find_direction(self) -> str:
        if self.mode != "auto":
            return "up" if self.mode == "max" else "down"
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return "down"
        for metric in self.model.flat_metrics():
            if (name == metric.name or name.endswith(f"_{metric.name}")) and metric._direction:
                return metric._direction
        raise ValueError(
            f"{type(self).__name__}: it is not known whether {self.monitor!r} should grow or shrink. Pass mode='max' "
            "or mode='min'."
        )

    def _monitored(self, logs):
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} waits for the metric {self.monitor!r}, which is not there. There are: "
                f"{', '.join(logs or {})}. For 'val_' metrics pass validation data to `fit`.",
                stacklevel=3,
            )
        return value


class EarlyStopping(MonitorCallback):
    """Stop when a metric has stopped improving.

    Args:
        monitor: the name of the metric in the logs.
        min_delta: the least change that counts as an improvement.
        patience: how many epochs without improvement to wait.
        verbose: 1 says when it stops.
        mode: `"min"`, `"max"` or `"auto"`: from the metric itself.
        baseline: the value that must be improved on.
        restore_best_weights: at the end, go back to the weights of the best epoch.
        start_from_epoch: how many epochs to wait before watching.

    Raises:
        ValueError: for an unknown mode, a negative patience or start, and numbers that are NaN.

    Example:
        >>> model.fit(x, y, validation_split=0.2, epochs=100, callbacks=[refnet.callbacks.EarlyStopping(patience=3)])
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = self._checked("patience", patience, Range(0, infinite=True))
        self.verbose = verbose
        self.baseline = self._checked("baseline", baseline, Range(optional=True))
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = self._checked("start_from_epoch", start_from_epoch, Range(0))
        self.wait = 0
        self.stopped_epoch = 0
        self.best_weights = None
        self.best_epoch = 0
        self._resumed = False

    _remembered = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def state(self):
        found = {name: getattr(self, name) for name in self._remembered}
        if self.best_weights is not None:
            found["best_weights"] = [weight.copy() for weight in self.best_weights]
        return found

    def set_state(self, state):
        if set(state) != set(self._remembered):
            raise ValueError(f"EarlyStopping: expected a state with {sorted(self._remembered)}. Received: {sorted(state)}")
        for name, value in state.items():
            setattr(self, name, value)
        self.stopped_epoch = 0  # a run that goes on has not stopped
        self._resumed = True

    def on_train_begin(self, logs: Any = None):
        self._direction = None
        if self._resumed:
            self._resumed = False
            return
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights = None
        self.best_epoch = 0

    def on_epoch_end(self, epoch, logs: Any = None):
        current = self._monitored(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stop when the loss is NaN or infinite.

    Args:
        raise_error: raise a RuntimeError instead of stopping quietly.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch, logs: Any = None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"The loss is {loss} in batch {batch}. Lower the learning rate, or look for NaN in the data."
            )
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
