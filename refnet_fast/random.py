"""The twin of refnet.random: the same names, run on the fast kernels."""
from refnet_fast._mirror import mirror as _mirror

_mirror("random", globals())
