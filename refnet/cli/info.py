"""Say what is installed here: versions, the active backend, and what refnet_fast runs on, or why it is absent."""

from __future__ import annotations

import argparse
import platform
from importlib import import_module

__all__ = ["add_arguments", "describe", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`refnet info` has no options."""


def describe() -> dict[str, str]:
    """Collect the facts, name -> value, in the order in which they are printed.

    The configuration of refnet_fast is whatever `refnet_fast.show_config()` reports, one line for each entry.
    """
    import numpy as np

    import refnet

    facts = {
        "refnet": refnet.__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()}, {platform.machine()})",
        "NumPy": np.__version__,
        "backend": refnet.backend.backend(),
    }
    try:
        fast = import_module("refnet_fast")
    except ImportError as error:
        facts["refnet_fast"] = "not available"
        facts["  why"] = str(error).replace("\n", "\n    ")
    else:
        facts["refnet_fast"] = "available"
        for name, value in fast.show_config().items():
            if isinstance(value, dict):
                value = [f"{key} {entry}" for key, entry in value.items()]
            text = ", ".join(map(str, value)) or "none" if isinstance(value, (list, tuple)) else str(value)
            facts["  " + name.replace("_", " ")] = text
    return facts


def run(args: argparse.Namespace) -> int:
    """Carry out `refnet info`; returns the exit code."""
    facts = describe()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    return 0
