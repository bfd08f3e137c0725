"""Data sets, one module each, with `load_data()` in the manner of `keras.datasets`.

`digits` ships inside the package and needs no network.
"""

from refnet.datasets import digits

__all__ = ["digits"]
