"""The twin of refnet.ops.linalg."""
from refnet_fast._mirror import mirror as _mirror

_mirror("ops.linalg", globals())
