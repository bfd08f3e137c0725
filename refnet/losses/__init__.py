"""Losses, named as in `keras.losses`."""

import inspect

from refnet import backend
from refnet.losses.loss import Loss, LossFunctionWrapper
from refnet.losses.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from refnet.losses.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    mean_absolute_error,
    mean_squared_error,
)
from refnet.utils import serialization
from refnet.utils.naming import unknown_name

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_crossentropy",
]

_CLASSES = (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    MeanSquaredError,
    MeanAbsoluteError,
)
_FUNCTIONS = (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
    mean_squared_error,
    mean_absolute_error,
)
_ALIASES = {obj.__name__: obj for obj in (*_CLASSES, *_FUNCTIONS)} | {
    alias: function
    for names, function in (
        (("mse", "MSE"), mean_squared_error),
        (("mae", "MAE"), mean_absolute_error),
        (("bce", "BCE"), binary_crossentropy),
    )
    for alias in names
}


def class_of(function):
    """The class whose objects compute the same as a built-in function; None for other functions."""
    function = getattr(function, "__wrapped__", function)  # refnet_fast's functions wrap refnet's
    return dict(zip(_FUNCTIONS, _CLASSES, strict=True)).get(function)


def serialize(loss):
    """The name of a built-in function, or the configuration of a loss object."""
    if inspect.isfunction(loss) and loss in _FUNCTIONS:
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
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = serialization.get_registered_object(identifier) or _ALIASES.get(identifier)
        if found is None:
            raise unknown_name("loss", identifier, _ALIASES)
        return backend.localise(found)() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        if identifier.get("class_name") == "function" and identifier.get("config") in _ALIASES:
            return _ALIASES[identifier["config"]]
        return serialization.deserialize_keras_object({"module": "keras.losses", **identifier})
    if inspect.isclass(identifier):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret loss {identifier!r}: expected a name, a Loss, a function or None.")
