# The public names, declared: see refnet/public.py.
from refnet.config import disable_interactive_logging as disable_interactive_logging
from refnet.config import enable_interactive_logging as enable_interactive_logging
from refnet.config import is_interactive_logging_enabled as is_interactive_logging_enabled
from refnet.graph import is_keras_tensor as is_keras_tensor
from refnet.random import set_random_seed as set_random_seed
from refnet.utils.data_utils import normalize as normalize
from refnet.utils.data_utils import pack_x_y_sample_weight as pack_x_y_sample_weight
from refnet.utils.data_utils import standardize_dtype as standardize_dtype
from refnet.utils.data_utils import to_categorical as to_categorical
from refnet.utils.data_utils import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from refnet.utils.naming import clear_session as clear_session
from refnet.utils.progbar import Progbar as Progbar
from refnet.utils.py_dataset import PyDataset as PyDataset
from refnet.utils.serialization import CustomObjectScope as CustomObjectScope
from refnet.utils.serialization import custom_object_scope as custom_object_scope
from refnet.utils.serialization import deserialize_keras_object as deserialize_keras_object
from refnet.utils.serialization import get_custom_objects as get_custom_objects
from refnet.utils.serialization import get_registered_name as get_registered_name
from refnet.utils.serialization import get_registered_object as get_registered_object
from refnet.utils.serialization import register_keras_serializable as register_keras_serializable
from refnet.utils.serialization import serialize_keras_object as serialize_keras_object

# Keras' other names for the same
Sequence = PyDataset
