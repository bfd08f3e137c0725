"""The twin of refnet.activations: the same names, run on the fast kernels."""
from refnet_fast._mirror import mirror as _mirror

_mirror("activations", globals())
