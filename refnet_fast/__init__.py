"""refnet_fast: the twin of refnet, on compiled kernels. The same names, signatures and numbers, faster.

    >>> import refnet_fast as refnet

Objects made here always run on the fast kernels; refnet's own are not changed by this import.
"""
from refnet import __version__ as __version__
from refnet.backend import register_twins as _register_twins
from refnet_fast import kernels  # first: without the compiled part this says why, and how to build it
from refnet_fast._config import show_config
from refnet_fast._mirror import TWINS as _TWINS
from refnet_fast._mirror import mirror as _mirror
from refnet_fast._runtime import get_num_threads, release_memory, set_num_threads

_register_twins(_TWINS)
_mirror("", globals())

__all__ += ["get_num_threads", "kernels", "release_memory", "set_num_threads", "show_config"]  # noqa: F821  # made by _mirror
