"""History: what `fit` returns."""

from refnet.callbacks.callback import Callback

__all__ = ["History"]


class History(Callback):
    """Remembers the metrics of each epoch. `fit` adds one and returns it.

    Attributes:
        history: `{"loss": [...], "val_loss": [...], ...}`, one entry per epoch.
        epoch: the numbers of the epochs.
    """

    def __init__(self):
        super().__init__()
        self.history = {}
        self.epoch = []

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
