"""The twin of refnet.optimizers.schedules."""
from refnet_fast._mirror import mirror as _mirror

_mirror("optimizers.schedules", globals())
