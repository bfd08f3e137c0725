"""The command line: `refnet demo`, `refnet gradcheck`, `refnet info`.

Each command is a module with `add_arguments(parser)` and `run(args) -> int`, the exit code: 0 when everything held, 1
when something that was promised did not, 2 when the command was not understood.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

__all__ = ["UsageError", "main"]

COMMANDS = {
    "demo": "train a network on handwritten digits, on both twins, and compare them",
    "gradcheck": "check the gradients of a model, a layer or a function of yours",
    "info": "what is installed: versions, backend, instruction set, threads",
}


class UsageError(Exception):
    """The command line cannot be carried out as written; the message says why and what would do."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; no command's own dependencies are imported by it."""
    import refnet

    parser = argparse.ArgumentParser(
        prog="refnet",
        description="Neural networks with the Keras 3 API: a reference to read, and a compiled twin to run.",
    )
    parser.add_argument("--version", action="version", version=f"refnet {refnet.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, purpose in COMMANDS.items():
        module = import_module(f"refnet.cli.{name}")
        command = commands.add_parser(
            name, help=purpose, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def check_backend() -> None:
    """Refuse a REFNET_BACKEND that cannot be had before anything is printed."""
    import refnet

    try:
        refnet.backend.backend()
    except (ValueError, ImportError) as error:
        raise UsageError(str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; `sys.argv[1:]` by default.

    Returns:
        The exit code: 0 success, 1 a promise failed (accuracy, agreement, a gradient), 2 not understood.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a character that the terminal cannot show must not end the run
            stream.reconfigure(errors="replace")
    try:
        parser = build_parser()
        args = parser.parse_args(argv)
        if args.command != "info":  # which reports it, with all else that may be wrong
            check_backend()
        code = args.run(args)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"refnet {args.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `refnet demo | head`: the reader has gone, which is no failure of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again when it flushes at exit
        return 0
