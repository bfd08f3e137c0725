"""Settings of the process, shared with refnet: see refnet.config."""
from refnet.config import *
from refnet.config import __all__ as __all__
