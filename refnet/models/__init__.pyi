# The public names, declared: see refnet/public.py.
from refnet.models.cloning import clone_model as clone_model
from refnet.models.cloning import model_from_json as model_from_json
from refnet.models.model import Model as Model
from refnet.models.sequential import Sequential as Sequential
