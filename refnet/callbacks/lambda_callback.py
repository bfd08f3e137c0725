"""LambdaCallback: a callback from functions."""

from refnet.callbacks.callback import Callback

__all__ = ["LambdaCallback"]


class LambdaCallback(Callback):
    """A callback from functions.

    Args:
        on_epoch_begin: a function of (epoch, logs).
        on_epoch_end: a function of (epoch, logs).
        on_train_begin: a function of (logs).
        on_train_end: a function of (logs).
        on_train_batch_begin: a function of (batch, logs).
        on_train_batch_end: a function of (batch, logs).
        **kwargs: any other hook by its name.

    Example:
        >>> callback = refnet.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None,
                 on_train_batch_begin=None, on_train_batch_end=None, **kwargs):  # fmt: skip
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in hooks.items():
            if function is not None:
                setattr(self, name, function)
