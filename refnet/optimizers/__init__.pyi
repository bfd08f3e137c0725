# The public names, declared: see refnet/public.py.
from refnet.optimizers import schedules as schedules
from refnet.optimizers.adadelta import Adadelta as Adadelta
from refnet.optimizers.adagrad import Adagrad as Adagrad
from refnet.optimizers.adam import Adam as Adam
from refnet.optimizers.adamax import Adamax as Adamax
from refnet.optimizers.adamw import AdamW as AdamW
from refnet.optimizers.ftrl import Ftrl as Ftrl
from refnet.optimizers.lamb import Lamb as Lamb
from refnet.optimizers.lion import Lion as Lion
from refnet.optimizers.lookup import deserialize as deserialize
from refnet.optimizers.lookup import get as get
from refnet.optimizers.lookup import serialize as serialize
from refnet.optimizers.nadam import Nadam as Nadam
from refnet.optimizers.optimizer import Optimizer as Optimizer
from refnet.optimizers.rmsprop import RMSprop as RMSprop
from refnet.optimizers.schedule_free_adamw import ScheduleFreeAdamW as ScheduleFreeAdamW
from refnet.optimizers.sgd import SGD as SGD
