"""Models, named as in `keras.models`."""

from refnet.models.cloning import clone_model, model_from_json
from refnet.models.model import Model
from refnet.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "model_from_json"]
