"""ProgbarLogger: metrics on the terminal while training."""

from time import perf_counter

from refnet import backend
from refnet.callbacks.callback import Callback
from refnet.utils.progbar import Progbar

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Shows a progress bar for each epoch. `fit`, `evaluate` and `predict` add one unless verbose is 0."""

    def __init__(self):
        super().__init__()
        self.takes_logs_on_demand = backend.of_library(type(self))
        self.seen = 0
        self.progbar = None
        self.target = None
        self.verbose = 1
        self.epochs = 1
        self._in_fit = False
        self._next_drawing = 0.0

    def set_params(self, params):
        self.params = params
        verbose = params.get("verbose", "auto")
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def _start(self):
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())
        self._next_drawing = self.progbar.next_drawing

    def _step(self, batch, logs):
        self.seen = batch + 1
        if perf_counter() < self._next_drawing and batch:
            return
        if self.progbar.verbose == 1 or not batch:
            self.progbar.update(self.seen, _numbers(logs() if callable(logs) else logs), finalize=False)
            self._next_drawing = self.progbar.next_drawing

    def _finish(self, logs):
        if self.progbar is None:
            return
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, _numbers(logs), finalize=True)

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False
        if self.progbar is not None:
            self.progbar.close()

    def on_epoch_begin(self, epoch, logs=None):
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}", flush=True)
        self._start()

    def on_train_batch_end(self, batch, logs=None):
        self._step(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._finish(logs)

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self._start()
        elif self.progbar is not None:
            self.progbar.steps_end()

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_fit:
            self._step(batch, logs)

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs=None):
        self._start()

    def on_predict_batch_end(self, batch, logs=None):
        self._step(batch, None)

    def on_predict_end(self, logs=None):
        self._finish(None)


def _numbers(logs):
    """The entries that a progress bar can show."""
    return [(name, value) for name, value in (logs or {}).items() if not isinstance(value, (dict, list, tuple, str))]
