"""The twin of refnet.ops: the same names, run on the fast kernels."""
from refnet_fast._mirror import mirror as _mirror

_mirror("ops", globals())
