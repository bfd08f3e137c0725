"""The array functions that need no twin.

Moving, broadcasting and summing plain arrays is what NumPy does well already, and a matrix that depends on sizes
alone is made once. These functions are shared: both kernel sets hold the same objects. `SHARED` lists them; a test
forbids any other kernel without a twin.
"""
from refnet.kernels import arithmetic, interpolation, reductions, shaping

SHARED = tuple(arithmetic.__all__ + interpolation.__all__ + reductions.__all__ + shaping.__all__)

__all__ = ["SHARED", *SHARED]

for _chapter in (arithmetic, interpolation, reductions, shaping):
    for _name in _chapter.__all__:
        globals()[_name] = getattr(_chapter, _name)
