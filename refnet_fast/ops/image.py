"""The twin of refnet.ops.image."""
from refnet_fast._mirror import mirror as _mirror

_mirror("ops.image", globals())
