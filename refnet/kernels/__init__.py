"""The mathematics: plain functions on NumPy arrays. This module is the kernel set "reference".

Read the chapters in this order to learn how a network learns: activation, dense, errors, reduction, sgd; then
softmax, cross_entropy, rmsprop, adam; then philox, dropout; matmul and einsum generalise dense.
"""
from importlib import import_module as _import_module

CHAPTERS = ("activation", "adam", "cross_entropy", "dense", "dropout", "einsum", "elementary", "errors", "gather", "matmul",
            "philox", "reduction", "rmsprop", "sgd", "softmax")

NAME = "reference"

__all__ = ["CHAPTERS", "NAME"]

for _chapter in (*CHAPTERS, "arrays"):
    _module = _import_module(f"refnet.kernels.{_chapter}")
    for _name in _module.__all__:
        if _name != "SHARED":
            globals()[_name] = getattr(_module, _name)
            __all__.append(_name)
