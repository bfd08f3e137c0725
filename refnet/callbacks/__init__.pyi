# The public names, declared: see refnet/public.py.
from refnet.callbacks.callback import Callback as Callback
from refnet.callbacks.callback_list import CallbackList as CallbackList
from refnet.callbacks.csv_logger import CSVLogger as CSVLogger
from refnet.callbacks.early_stopping import EarlyStopping as EarlyStopping
from refnet.callbacks.early_stopping import TerminateOnNaN as TerminateOnNaN
from refnet.callbacks.history import History as History
from refnet.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from refnet.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
from refnet.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
from refnet.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
