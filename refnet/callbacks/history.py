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
        self._resumed = False

    def state(self):
        return {"history": {name: list(values) for name, values in self.history.items()}, "epoch": list(self.epoch)}

    def set_state(self, state):
        if set(state) != {"history", "epoch"}:
            raise ValueError(f"History: expected a state with 'epoch' and 'history'. Received: {sorted(state)}")
        self.history = {name: list(values) for name, values in state["history"].items()}
        self.epoch = list(state["epoch"])
        self._resumed = True

    def on_train_begin(self, logs=None):
        if not self._resumed:
            self.epoch = []
        self._resumed = False

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
