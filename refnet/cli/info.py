"""Say what is installed here: versions, the active backend, and what refnet_fast runs on, or why it is absent.

A wrong setting in the environment (REFNET_BACKEND, REFNET_ISA, REFNET_POOL_MB, OMP_NUM_THREADS) is reported, not died
of: this is the command that one runs to find out what is wrong. The exit code is 1 if there is one.
"""

from __future__ import annotations

import argparse
import os
import platform
from importlib import import_module

__all__ = ["add_arguments", "describe", "run", "wrong_settings"]


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
    }
    try:
        facts["backend"] = refnet.backend.backend()
    except (ValueError, ImportError):
        facts["backend"] = f"none: REFNET_BACKEND={os.environ.get('REFNET_BACKEND', '')} cannot be had, see below"
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


def wrong_settings() -> list[str]:
    """What is wrong with the environment variables that refnet reads: a message for each, with what to do."""
    import refnet

    found = []
    try:
        refnet.backend.backend()
    except (ValueError, ImportError) as error:
        found.append(str(error))
    try:
        import_module("refnet_fast")
    except ImportError as error:  # that it is absent is a fact, not a mistake; that a setting keeps it out is one
        if any(name in str(error) for name in ("REFNET_ISA", "REFNET_POOL_MB")) and str(error) not in "\n".join(found):
            found.append(str(error))
    threads = os.environ.get("OMP_NUM_THREADS", "").strip()
    if threads and not all(part.strip().isdecimal() and int(part) > 0 for part in threads.split(",")):
        found.append(f"The environment variable OMP_NUM_THREADS is {threads!r}, which is no number of threads, so it is "
                     "ignored. Unset it, or set it to a whole number of at least 1.")
    return found


def run(args: argparse.Namespace) -> int:
    """Carry out `refnet info`; returns the exit code."""
    facts = describe()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    wrong = wrong_settings()
    for message in wrong:
        print("\nWrong: " + message.replace("\n", "\n    "))
    return 1 if wrong else 0
