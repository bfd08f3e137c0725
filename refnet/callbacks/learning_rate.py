"""Callbacks that set the learning rate: by the epoch, or when a metric no longer improves."""

import inspect
import math
from typing import Any

import numpy as np

from refnet.callbacks.callback import Callback
from refnet.callbacks.early_stopping import MonitorCallback
from refnet.utils.checks import Range

__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]


def _optimizers(model) -> list:
    """(the text that names it, optimizer): one, or those of a MultiOptimizer."""
    several = getattr(model.optimizer, "optimizers", None)
    return [("", model.optimizer)] if several is None else [(f"{optimizer.name} ", optimizer) for optimizer in several]


def _log_rates(model, logs) -> None:
    for name, optimizer in _optimizers(model):
        logs[f"learning_rate{'_' + name.strip() if name else ''}"] = float(np.asarray(optimizer.learning_rate))


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: a function of (epoch, learning rate), or of (epoch), that gives the rate as a float. Epochs count from 0.
        verbose: 1 says what is set.

    Raises:
        ValueError: in `fit`, when the schedule gives something else than a float >= 0.

    Example:
        >>> halved = refnet.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate / 2)
        >>> model.fit(x, y, epochs=20, callbacks=[halved])
    """

    def __init__(self, schedule, verbose: int = 0):
        super().__init__()
        if not callable(schedule):
            raise ValueError(
                f"LearningRateScheduler: `schedule` must be a function of the epoch. Received: {schedule!r}. A rate that "
                "stays the same is the optimizer's own: SGD(learning_rate=...)."
            )
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch, logs: Any = None):
        for name, optimizer in _optimizers(self.model):
            now = float(np.asarray(optimizer.learning_rate))
            rate = self.schedule(epoch, now) if self._takes_rate else self.schedule(epoch)
            kind = getattr(rate, "dtype", np.dtype(type(rate)) if isinstance(rate, float) else None)
            if kind is None or kind.kind != "f" or np.ndim(rate) or not (math.isfinite(rate) and rate >= 0):
                raise ValueError(
                    f"LearningRateScheduler: the schedule must give a float >= 0; for epoch {epoch} it gave {rate!r}. "
                    "Wrap what it returns in float(...), and see that every path returns something."
                )
            optimizer.learning_rate = float(rate)
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {name}learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch, logs: Any = None):
        _log_rates(self.model, logs if logs is not None else {})


def _takes_two(schedule) -> bool:
    """Whether a schedule takes the rate as well, by its signature: an error inside it must not be taken for an answer."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # compiled, without a signature
        return True
    return True


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a metric has stopped improving.

    Args:
        monitor: the name of the metric in the logs.
        factor: what the rate is multiplied by, in [0, 1).
        patience: how many epochs without improvement to wait.
        verbose: 1 says when it happens.
        mode: `"min"`, `"max"` or `"auto"`: from the metric itself.
        min_delta: the least change that counts as an improvement.
        cooldown: how many epochs after a reduction the waiting does not begin again.
        min_lr: the rate is not lowered below it.

    Raises:
        ValueError: for a factor outside [0, 1), a negative patience, cooldown or rate, an unknown mode.

    Example:
        >>> slower = refnet.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5, min_lr=0.001)
        >>> model.fit(x, y, validation_split=0.2, epochs=100, callbacks=[slower])
    """

    _remembered = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor = self._checked("factor", factor, Range(0, 1, open_high=True))
        self.patience = self._checked("patience", patience, Range(0, infinite=True))
        self.verbose = verbose
        self.cooldown = self._checked("cooldown", cooldown, Range(0))
        self.min_lr = self._checked("min_lr", min_lr, Range(0))
        self.cooldown_counter = 0
        self.wait = 0
        self._resumed = False

    def state(self):
        return {name: getattr(self, name) for name in self._remembered}

    def set_state(self, state):
        if set(state) != set(self._remembered):
            raise ValueError(f"ReduceLROnPlateau: expected a state with {sorted(self._remembered)}. Received: {sorted(state)}")
        for name, value in state.items():
            setattr(self, name, value)
        self._resumed = True

    def in_cooldown(self) -> bool:
        """Whether the waiting is suspended."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Any = None):
        self._direction = None
        if self._resumed:
            self._resumed = False
            return
        self.best, self.cooldown_counter, self.wait = None, 0, 0

    def on_epoch_end(self, epoch, logs: Any = None):
        logs = logs if logs is not None else {}
        _log_rates(self.model, logs)
        current = self._monitored(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch) -> bool:
        reduced = False
        for name, optimizer in _optimizers(self.model):
            rate = float(np.asarray(optimizer.learning_rate))
            if rate <= np.float32(self.min_lr):
                continue
            optimizer.learning_rate = lower = max(rate * self.factor, self.min_lr)
            reduced = True
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {name}learning rate to {lower}.")
        return reduced
