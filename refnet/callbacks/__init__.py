"""Callbacks, named as in `keras.callbacks`."""

from refnet.callbacks.callback import Callback
from refnet.callbacks.callback_list import CallbackList
from refnet.callbacks.early_stopping import EarlyStopping, TerminateOnNaN
from refnet.callbacks.history import History
from refnet.callbacks.lambda_callback import LambdaCallback
from refnet.callbacks.progbar_logger import ProgbarLogger

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "ProgbarLogger",
    "TerminateOnNaN",
]
