"""The twin of refnet.ops.nn."""
from refnet_fast._mirror import mirror as _mirror

_mirror("ops.nn", globals())
