# The public names, declared: see refnet/public.py.
from refnet.losses.lookup import deserialize as deserialize
from refnet.losses.lookup import get as get
from refnet.losses.lookup import serialize as serialize
from refnet.losses.loss import Loss as Loss
from refnet.losses.loss import LossFunctionWrapper as LossFunctionWrapper
from refnet.losses.probabilistic import BinaryCrossentropy as BinaryCrossentropy
from refnet.losses.probabilistic import CategoricalCrossentropy as CategoricalCrossentropy
from refnet.losses.probabilistic import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from refnet.losses.probabilistic import binary_crossentropy as binary_crossentropy
from refnet.losses.probabilistic import categorical_crossentropy as categorical_crossentropy
from refnet.losses.probabilistic import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from refnet.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from refnet.losses.regression import MeanSquaredError as MeanSquaredError
from refnet.losses.regression import mean_absolute_error as mean_absolute_error
from refnet.losses.regression import mean_squared_error as mean_squared_error
