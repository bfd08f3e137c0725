"""Metrics, named as in `keras.metrics`."""

from refnet import public

__getattr__, __dir__, __all__ = public.declare(__name__)  # the names: __init__.pyi
