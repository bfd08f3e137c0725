"""Callback: what happens around epochs and batches."""

from refnet import absent

__all__ = ["Callback"]


@absent.methods
class Callback:
    """Base class of callbacks. Subclasses define the hooks they need.

    Attributes:
        model: the model being trained.
        params: `{"verbose": ..., "epochs": ..., "steps": ...}`.

    Batch hooks cost time in each step; those that are not overridden are not called. `logs` holds the metrics so far.

    Example:
        >>> class Shout(refnet.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch} is over, the loss is {logs['loss']:.3f}!")
    """

    _backend = None
    # Whether batch hooks may be given a function of no arguments that returns the logs, instead of the logs.
    takes_logs_on_demand = False

    def __init__(self):
        self.params = None
        self._model = None

    @property
    def model(self):
        """The model being trained."""
        return self._model

    def set_params(self, params) -> None:
        """Called once, before the first hook."""
        self.params = params

    def set_model(self, model) -> None:
        """Called once, before the first hook."""
        self._model = model

    def state(self) -> dict:
        """What a run that is resumed needs to know, as plain values and arrays; `{}` for callbacks that remember nothing.

        Example:
            >>> saved = stopping.state()
            >>> resumed = refnet.callbacks.EarlyStopping(patience=3)
            >>> resumed.set_state(saved)
            >>> model.fit(x, y, initial_epoch=10, epochs=20, callbacks=[resumed])
        """
        return {}

    def set_state(self, state: dict) -> None:
        """Go on, in the next `fit`, where the callback was that gave `state()`.

        Raises:
            ValueError: for what is not the state of such a callback.
        """
        if state:
            raise ValueError(f"{type(self).__name__} remembers nothing, but received the state {sorted(state)}.")

    def on_batch_begin(self, batch, logs=None):
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """Another name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch of training (counted from 0)."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch of training; `logs` holds its metrics, those of validation prefixed with `val_`."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a batch of training (counted from 0 in each epoch)."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """After a batch of training; `logs` holds the metrics of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch of `evaluate` (also in validation)."""

    def on_test_batch_end(self, batch, logs=None):
        """After a batch of `evaluate` (also in validation)."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a batch of `predict`; `logs["outputs"]` holds its output."""

    def on_train_begin(self, logs=None):
        """Before training."""

    def on_train_end(self, logs=None):
        """After training; `logs` is that of the last epoch."""

    def on_test_begin(self, logs=None):
        """Before `evaluate` or validation."""

    def on_test_end(self, logs=None):
        """After `evaluate` or validation."""

    def on_predict_begin(self, logs=None):
        """Before `predict`."""

    def on_predict_end(self, logs=None):
        """After `predict`."""


def overrides(callback, *names) -> bool:
    """Whether a callback defines one of these hooks itself, in its class or on the object."""
    return any(getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name) for name in names)
