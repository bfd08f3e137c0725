"""refnet: neural networks with the Keras 3 API, in pure Python on NumPy, written to be read.

The mathematics is in `refnet.kernels`, one chapter a subject; `refnet_fast` is the compiled twin with the same names.

    >>> import refnet
    >>> model = refnet.Sequential([refnet.Input((8,)), refnet.layers.Dense(16, activation="relu"), refnet.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> model.fit(x, y, epochs=5)
"""
from refnet import public

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = public.declare(__name__)  # the names: __init__.pyi
