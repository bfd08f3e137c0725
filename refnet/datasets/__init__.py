"""Data sets, one module each, with `load_data()` in the manner of `keras.datasets`.

`digits` ships inside the package and needs no network.
"""

from refnet import public

__getattr__, __dir__, __all__ = public.declare(__name__)  # the names: __init__.pyi
