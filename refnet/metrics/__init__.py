"""Metrics, named as in `keras.metrics`."""

import inspect

from refnet import backend
from refnet.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from refnet.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from refnet.metrics.errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
)
from refnet.metrics.metric import Metric
from refnet.metrics.reduction import Mean, MeanMetricWrapper, Sum
from refnet.utils import serialization
from refnet.utils.naming import to_snake_case, unknown_name

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "Sum",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
]

_CLASSES = (
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    Sum,
)
# As in Keras, a snake_case name stands for the class of that name.
_ALIASES = {name: cls for cls in _CLASSES for name in (cls.__name__, to_snake_case(cls.__name__))} | {
    "bce": BinaryCrossentropy,
    "BCE": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
    "rmse": RootMeanSquaredError,
    "RMSE": RootMeanSquaredError,
}


def serialize(metric):
    """The configuration of a metric."""
    return serialization.serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric that `serialize` described."""
    with serialization.CustomObjectScope(custom_objects):
        return get(config)


def get(identifier):
    """A metric from None, a name (`"mae"`, `"MeanAbsoluteError"`, ...), a configuration, a class or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = serialization.get_registered_object(identifier) or _ALIASES.get(identifier)
        if found is None:
            raise unknown_name("metric", identifier, {**_ALIASES, "acc": None})
        return backend.localise(found)() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        return serialization.deserialize_keras_object({"module": "keras.metrics", **identifier})
    if inspect.isclass(identifier):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret metric {identifier!r}: expected a name, a Metric, a function or None.")
