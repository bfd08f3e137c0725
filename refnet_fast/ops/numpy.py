"""The twin of refnet.ops.numpy."""
from refnet_fast._mirror import mirror as _mirror

_mirror("ops.numpy", globals())
