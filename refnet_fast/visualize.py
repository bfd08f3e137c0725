"""The twin of refnet.visualize: the same names, run on the fast kernels."""
from refnet_fast._mirror import mirror as _mirror

_mirror("visualize", globals())
