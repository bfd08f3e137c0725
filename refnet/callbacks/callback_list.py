"""CallbackList: many callbacks called as one."""

from refnet import backend
from refnet.callbacks.callback import Callback, overrides
from refnet.callbacks.history import History
from refnet.callbacks.progbar_logger import ProgbarLogger
from refnet.utils import tree

__all__ = ["CallbackList"]

_BATCH_HOOKS = {
    "on_train_batch_begin": ("on_train_batch_begin", "on_batch_begin"),
    "on_train_batch_end": ("on_train_batch_end", "on_batch_end"),
    "on_test_batch_begin": ("on_test_batch_begin",),
    "on_test_batch_end": ("on_test_batch_end",),
    "on_predict_batch_begin": ("on_predict_batch_begin",),
    "on_predict_batch_end": ("on_predict_batch_end",),
}


class CallbackList(Callback):
    """Calls the hooks of several callbacks in turn; of batch hooks only those that somebody defined.

    Args:
        callbacks: callbacks, in any nesting, or None.
        add_history: add a `History` unless there is one.
        add_progbar: add a `ProgbarLogger` unless there is one.
        model: the model.
        **params: what callbacks find in `params`: verbose, epochs, steps.
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        super().__init__()
        self.callbacks = [c for c in tree.flatten(callbacks) if c is not None] if callbacks else []
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                hint = f" Pass an object, not the class: {callback.__name__}()." if isinstance(callback, type) else ""
                raise ValueError(
                    f"`callbacks` must be objects of refnet.callbacks.Callback. Received: {callback!r}.{hint}"
                )
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(backend.localise(History)())
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(backend.localise(ProgbarLogger)())
        self.batch_hooks = {
            hook: tuple(getattr(c, hook) for c in self.callbacks if overrides(c, *names))
            for hook, names in _BATCH_HOOKS.items()
        }
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    def append(self, callback) -> None:
        """Add a callback."""
        self.callbacks.append(callback)
        for hook, names in _BATCH_HOOKS.items():
            if overrides(callback, *names):
                self.batch_hooks[hook] = (*self.batch_hooks[hook], getattr(callback, hook))

    def state(self):
        """The states of all callbacks, by their places and classes."""
        return {f"{at}/{type(callback).__name__}": callback.state() for at, callback in enumerate(self.callbacks)}

    def set_state(self, state):
        expected = [f"{at}/{type(callback).__name__}" for at, callback in enumerate(self.callbacks)]
        if list(state) != expected:
            raise ValueError(f"CallbackList: the state is that of {list(state)}, but the callbacks are {expected}.")
        for callback, own in zip(self.callbacks, state.values(), strict=True):
            callback.set_state(own)

    def set_params(self, params):
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model):
        super().set_model(model)
        for callback in self.callbacks:
            if isinstance(callback, History):
                model.history = callback
            callback.set_model(model)


def _batch_hook(name):
    def hook(self, batch, logs=None):
        logs = {} if logs is None else logs
        for call in self.batch_hooks[name]:
            call(batch, logs)

    hook.__name__, hook.__doc__ = name, getattr(Callback, name).__doc__
    return hook


def _epoch_hook(name):
    def hook(self, epoch, logs=None):
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, name)(epoch, logs)

    hook.__name__, hook.__doc__ = name, getattr(Callback, name).__doc__
    return hook


def _run_hook(name):
    def hook(self, logs=None):
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, name)(logs)

    hook.__name__, hook.__doc__ = name, getattr(Callback, name).__doc__
    return hook


for _name in _BATCH_HOOKS:
    setattr(CallbackList, _name, _batch_hook(_name))
for _name in ("on_epoch_begin", "on_epoch_end"):
    setattr(CallbackList, _name, _epoch_hook(_name))
for _name in ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end", "on_predict_begin", "on_predict_end"):
    setattr(CallbackList, _name, _run_hook(_name))
