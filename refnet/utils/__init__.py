"""Helpers, named as in `keras.utils`."""

from refnet.config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from refnet.graph import is_keras_tensor
from refnet.random import set_random_seed
from refnet.utils.data_utils import (
    normalize,
    pack_x_y_sample_weight,
    standardize_dtype,
    to_categorical,
    unpack_x_y_sample_weight,
)
from refnet.utils.naming import clear_session
from refnet.utils.progbar import Progbar
from refnet.utils.py_dataset import PyDataset
from refnet.utils.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

Sequence = PyDataset

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
