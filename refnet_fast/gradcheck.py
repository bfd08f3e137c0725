"""The twin of refnet.gradcheck: the same names, run on the fast kernels."""
from refnet_fast._mirror import mirror as _mirror

_mirror("gradcheck", globals())
