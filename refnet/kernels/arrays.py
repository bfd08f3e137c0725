"""The array functions that need no twin.

Moving, broadcasting and summing plain arrays is what NumPy does well already, and a matrix that depends on sizes
alone is made once. These functions are shared: both kernel sets hold the same objects. `SHARED` lists them; a test
forbids any other kernel without a twin.
"""
from refnet.kernels import (
    arithmetic,
    constants,
    gradients,
    interpolation,
    matrices,
    projections,
    reductions,
    scattering,
    shaping,
    weighting,
)

_CHAPTERS = (
    arithmetic, constants, gradients, interpolation, matrices, projections, reductions, scattering, shaping, weighting
)  # fmt: skip
SHARED = tuple(name for chapter in _CHAPTERS for name in chapter.__all__)

__all__ = ["SHARED", *SHARED]

for _chapter in _CHAPTERS:
    for _name in _chapter.__all__:
        globals()[_name] = getattr(_chapter, _name)
