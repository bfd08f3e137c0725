"""Losses by their names and configurations."""

import inspect

from refnet import public
from refnet.losses.loss import Loss
from refnet.utils import serialization

__all__ = ["class_of", "deserialize", "get", "serialize"]

_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_NAMES = public.Names(
    "refnet.losses", more={**_SHORT, **{k.upper(): v for k, v in _SHORT.items()}}, without=["Loss", "LossFunctionWrapper"]
)


def class_of(function):
    """The class whose objects compute the same as a built-in function; None for other functions."""
    function = getattr(function, "__wrapped__", function)  # refnet_fast's functions wrap refnet's
    name = getattr(function, "__name__", "")
    if _NAMES.get(name) is not function:
        return None
    plain = name.replace("_", "")
    return next((_NAMES[other] for other in _NAMES if other.lower() == plain and other[0].isupper()), None)


def serialize(loss):
    """The name of a built-in function, or the configuration of a loss object."""
    if inspect.isfunction(loss) and _NAMES.get(loss.__name__) is loss:
        return loss.__name__
    return serialization.serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss that `serialize` described."""
    with serialization.CustomObjectScope(custom_objects):
        return get(name)


def get(identifier):
    """A loss from None, a name (`"mse"`, `"MeanSquaredError"`, ...), a configuration, a class or a callable.

    Returns:
        A function for the name of a function, a `Loss` for the name of a class, as in Keras.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    return serialization.get_by_identifier(identifier, "loss", "keras.losses", _NAMES, Loss)
