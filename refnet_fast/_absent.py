"""Why there is no compiled part, and what would bring it: the text of the ImportError.

There are three cases: it was installed without a working compiler; this is a source tree that was never built; or this
is such a tree and it *hides* a built package that is installed beside it, because Python looks in the current directory
and in PYTHONPATH first. In the last two, whoever goes on without noticing tests and measures the reference alone.
"""
from __future__ import annotations

import shlex
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

__all__ = ["NotBuilt", "hidden_package"]

PACKAGE = Path(__file__).resolve().parent


class NotBuilt(ImportError):
    """refnet_fast has no compiled part.

    Attributes:
        reason: why the build failed; None: this source tree was never built.
        hides: the directory of an installed, built refnet_fast that this source tree hides; None if there is none.
    """

    def __init__(self, reason: str | None, package: Path = PACKAGE, search: list[str] | None = None):
        self.reason = reason
        tree = package.parent if (package.parent / "setup.py").exists() else None
        self.hides = hidden_package(package, sys.path if search is None else search)
        what = reason or (f"it was never built in the source tree {tree}" if tree else "it was installed without it")
        others = sorted(found.name for found in package.glob("_runtime.*") if found.name.endswith((".so", ".pyd")))
        if others:
            what = f"it was built for another Python ({', '.join(others)}); this one would load _runtime{EXTENSION_SUFFIXES[0]}"
        lines = [f"refnet_fast has no compiled part: {what.rstrip('.')}."]
        if self.hides:
            lines.append(
                f"The source tree hides the one that is installed in {self.hides}, since Python looks in the current "
                "directory and in PYTHONPATH first. To run that one, leave the tree, or start Python with -P; to run "
                "its tests in the tree, `pytest` instead of `python -m pytest`."
            )
        command = f"`pip install -e {shlex.quote(str(tree))}`" if tree else "`pip install .` in refnet's source tree"
        lines.append(
            "To build it: install a C compiler (gcc or clang; on Debian `apt install build-essential`, on macOS "
            f"`xcode-select --install` and `brew install libomp`), then {command}. The reference, `import refnet`, needs "
            "none of it."
        )
        super().__init__("\n".join(lines), name="refnet_fast")


def hidden_package(package: Path, search: list[str]) -> Path | None:
    """The refnet_fast that Python would import if this one were not there, on the search path or installed as an
    editable one: None if there is none, or if that is not built either."""
    for entry in search:
        found = Path(entry or ".").resolve() / "refnet_fast"
        if found != package and (found / "__init__.py").exists():
            built = any((found / f"_runtime{suffix}").exists() for suffix in EXTENSION_SUFFIXES)
            return found if built else None
    try:
        elsewhere = find_spec("refnet_fast._runtime")
    except ModuleNotFoundError:
        return None
    found = Path(elsewhere.origin).resolve().parent if elsewhere and elsewhere.origin else package
    return None if found == package else found
