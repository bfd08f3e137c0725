"""The twin of refnet.datasets: the same names, run on the fast kernels."""
from refnet_fast._mirror import mirror as _mirror

_mirror("datasets", globals())
