"""The mathematics: plain functions on NumPy arrays. This module is the kernel set "reference".

Read the chapters in this order to learn how a network learns: chain_rule, which has no kernel but says what all others
take as known; activation, dense, errors, reduction, sgd, after which you can train a network (examples/from_kernels.py
does); then softmax, cross_entropy, rmsprop, adam; distances, divergences and margins are more ways to say how wrong an
answer is, bends are more activations; then philox, dropout; matmul and einsum generalise dense.
Images: convolution, pooling, batch_norm, layer_norm; convolution_transpose, depthwise,
convolution_pooling. What a step is made of besides layers: averages, matches, confusion, counters, plan. Other update rules:
adagrad, adamax, ftrl, lion, lamb, adafactor, muon, schedule_free.

`help(refnet.kernels.dense)` shows a chapter. The letters mean the same in all of them: docs/architecture.md, "Notation
of the chapters".
"""
from importlib import import_module as _import_module

from refnet.kernels import chain_rule  # noqa: F401  chapter 0, for help(refnet.kernels.chain_rule)

CHAPTERS = ("activation", "adafactor", "adagrad", "adam", "adamax", "averages", "batch_norm", "bends", "confusion",
            "convolution", "convolution_pooling", "convolution_transpose", "counters", "cross_entropy", "dense",
            "depthwise", "distances", "divergences", "dropout", "einsum", "elementary", "errors", "ftrl", "gather",
            "lamb", "layer_norm", "lion", "margins", "matches", "matmul", "muon", "philox", "plan", "pooling",
            "reduction", "rmsprop", "schedule_free", "sgd", "softmax")

NAME = "reference"

__all__ = ["CHAPTERS", "NAME"]

for _chapter in (*CHAPTERS, "arrays"):
    _module = _import_module(f"refnet.kernels.{_chapter}")
    for _name in _module.__all__:
        if _name != "SHARED":
            globals()[_name] = getattr(_module, _name)
            __all__.append(_name)
