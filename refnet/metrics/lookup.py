"""Metrics by their names and configurations."""

from refnet import public
from refnet.metrics.metric import Metric
from refnet.utils import serialization
from refnet.utils.naming import to_snake_case

__all__ = ["deserialize", "get", "serialize"]

_SHORT = {
    "bce": "BinaryCrossentropy",
    "kld": "KLDivergence",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "mse": "MeanSquaredError",
    "msle": "MeanSquaredLogarithmicError",
    "rmse": "RootMeanSquaredError",
}


# As in Keras, a snake_case name stands for the class of that name, not for the function.
_NAMES = public.Names(
    "refnet.metrics",
    spelling=to_snake_case,
    more={**_SHORT, **{k.upper(): v for k, v in _SHORT.items()}},
    without=["MeanMetricWrapper", "Metric"],
)


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
    return serialization.get_by_identifier(identifier, "metric", "keras.metrics", _NAMES, Metric, also=["acc", "accuracy"])
