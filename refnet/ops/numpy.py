"""NumPy-like ops under one name; its imports name their chapters."""

from refnet.ops import (
    arranging,
    creation,
    elementwise,
    linalg,
    products,
    reductions,
    scattering,
    selection,
    shaping,
    special,
    statistics,
)
from refnet.ops.arranging import *
from refnet.ops.creation import *
from refnet.ops.elementwise import *
from refnet.ops.linalg import *
from refnet.ops.products import *
from refnet.ops.reductions import *
from refnet.ops.scattering import *
from refnet.ops.selection import *
from refnet.ops.shaping import *
from refnet.ops.special import *
from refnet.ops.statistics import *

CHAPTERS = (
    arranging, creation, elementwise, linalg, products, reductions, scattering, selection, shaping, special, statistics
)  # fmt: skip
__all__ = sorted({name for chapter in CHAPTERS for name in chapter.__all__})
