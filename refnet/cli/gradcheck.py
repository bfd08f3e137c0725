"""Compare analytic gradients with numerical ones (central differences, float64) and print the table.

Without TARGET the network of `refnet demo` is checked, with its loss. TARGET is `module:attribute`, found from the
current directory or on the Python path: a model, a layer, a function of tensors; or what makes one of these when called
without arguments, such as a layer's class. The check runs in float64, whatever the type of the target.

    refnet gradcheck
    refnet gradcheck mylayers:swish --shape 4,8
    refnet gradcheck mylayers:Gate --shape 4,8 --shape 4,8

The exit code is 1 if a gradient is wrong.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["add_arguments", "run"]

SAMPLES = 4  # of a model whose input shape leaves the batch open


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `refnet gradcheck`."""
    parser.add_argument("target", nargs="?", metavar="TARGET", help="module:attribute (the demo's network by default)")
    parser.add_argument("--shape", action="append", type=shape, default=[], metavar="4,8",
                        help="the shape of an input, batch included; once for each input. Models know their own.")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the inputs and the cotangent (0)")
    parser.add_argument("--backend", choices=["reference", "fast"], help="which kernels to check (the active ones)")


def shape(text: str) -> tuple[int, ...]:
    """An argparse type: "4,8" -> (4, 8)."""
    try:
        sizes = tuple(int(size) for size in text.split(",") if size.strip())
    except ValueError:
        sizes = (-1,)
    if not sizes or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"must be sizes of at least 1 parted by commas, such as 4,8; not {text!r}")
    return sizes


def run(args: argparse.Namespace) -> int:
    """Carry out `refnet gradcheck`; returns the exit code."""
    import refnet
    from refnet.cli import UsageError
    from refnet.cli.demo import gradient_report

    try:
        with refnet.use_backend(args.backend or refnet.backend.backend()):
            if args.target is None:
                report = gradient_report(refnet, args.seed)
            else:
                refnet.utils.set_random_seed(args.seed)
                target = load(args.target)
                rng = np.random.default_rng(args.seed)
                inputs = [rng.standard_normal(size) for size in args.shape or own_shapes(target, args.target)]
                report = refnet.gradcheck.check(target, inputs[0] if len(inputs) == 1 else inputs, seed=args.seed)
    except ImportError as error:  # no such module of the user's; no fast kernels
        raise UsageError(str(error)) from error
    print(report)
    return 0 if report.passed else 1


def load(target: str) -> Any:
    """Import `module:attribute`; what takes no arguments is called, and its result is the target."""
    from refnet.cli import UsageError
    from refnet.layers import Layer

    module_name, colon, attributes = target.partition(":")
    if not (module_name and colon and attributes):
        raise UsageError(f"TARGET is written module:attribute, such as mylayers:Gate. Received: {target!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: the user's own files stand in the current directory
    found = import_module(module_name)
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            public = ", ".join(name for name in vars(found) if not name.startswith("_"))
            raise UsageError(f"{module_name} has no attribute {attribute!r}. It has: {public}")
        found = getattr(found, attribute)
    if not callable(found):
        raise UsageError(f"{target} is not a model, a layer or a function but of type {type(found).__name__}.")
    if isinstance(found, Layer):
        return found
    needed = [p for p in inspect.signature(found).parameters.values()
              if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if isinstance(found, type) and needed:
        raise UsageError(f"{target} needs {', '.join(p.name for p in needed)} to be made. Name a function without "
                         "arguments that returns the layer, or a variable that holds it.")
    return found() if isinstance(found, type) or not inspect.signature(found).parameters else found


def own_shapes(target: Any, name: str) -> list[tuple[int, ...]]:
    """The shapes of a model's inputs, with a few samples where the batch is open."""
    from refnet.cli import UsageError

    inputs = getattr(target, "inputs", None)
    if not inputs:
        raise UsageError(f"the shape of the input of {name} is not known. Give it with the batch first: --shape 4,8")
    return [tuple(SAMPLES if size is None else size for size in tensor.shape) for tensor in inputs]
