"""See refnet.tree."""

from refnet.tree import *
from refnet.tree import rebuild as rebuild
from refnet.tree import same_structure as same_structure
from refnet.tree import sorted_keys as sorted_keys

__all__: list[str] = []
