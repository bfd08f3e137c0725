# The public names, declared: see refnet/public.py.
from refnet.optimizers import schedules as schedules
from refnet.optimizers.adam import Adam as Adam
from refnet.optimizers.lookup import deserialize as deserialize
from refnet.optimizers.lookup import get as get
from refnet.optimizers.lookup import serialize as serialize
from refnet.optimizers.optimizer import Optimizer as Optimizer
from refnet.optimizers.rmsprop import RMSprop as RMSprop
from refnet.optimizers.sgd import SGD as SGD
