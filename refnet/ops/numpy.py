"""NumPy-like ops under one name; their chapters are creation, elementwise, reductions, shaping, selection and linalg."""

from refnet.ops import creation, elementwise, linalg, reductions, selection, shaping
from refnet.ops.creation import *
from refnet.ops.elementwise import *
from refnet.ops.linalg import *
from refnet.ops.reductions import *
from refnet.ops.selection import *
from refnet.ops.shaping import *

CHAPTERS = (creation, elementwise, linalg, reductions, selection, shaping)
__all__ = sorted(name for chapter in CHAPTERS for name in chapter.__all__)
