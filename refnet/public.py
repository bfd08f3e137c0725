"""The public names of a package: declared once, loaded when they are first asked for (PEP 562).

The declaration is the package's stub, `__init__.pyi`, which editors and type checkers read as it stands:

    from refnet.layers.core import Dense as Dense
    from refnet.layers.pooling import MaxPooling2D as MaxPooling2D
    MaxPool2D = MaxPooling2D                                  another name for the same

and the package itself is one line: `__getattr__, __dir__, __all__ = public.declare(__name__)`. So a new layer is its file and a
line in the stub; from there its name reaches `__all__`, `dir`, refnet_fast, configurations, `get("its name")` and the messages
about what Keras has and refnet has not. `import refnet` reads the stub of refnet alone; a program loads what it uses.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from refnet import absent

__all__ = ["Names", "declare", "finish", "loading", "read_stub"]


# The threads that load something now. A fork waits for the others: a module whose import was cut short is locked in the child for
# ever. (No lock: this thread may hold Python's lock of a module for which the other one waits.)
_loading: dict[int, int] = {}
_PATIENCE = 30.0  # seconds; then the fork goes on, as it would without us


def _wait_for_the_others() -> None:
    end = time.monotonic() + _PATIENCE
    while any(thread != threading.get_ident() for thread in list(_loading)) and time.monotonic() < end:
        time.sleep(0.001)


def _forget_the_others() -> None:
    for thread in set(_loading) - {threading.get_ident()}:
        del _loading[thread]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_the_others, after_in_child=_forget_the_others)


@contextmanager
def loading() -> Iterator[None]:
    """While something is imported because somebody asked for its name: other threads do not fork meanwhile."""
    thread = threading.get_ident()
    _loading[thread] = _loading.get(thread, 0) + 1
    try:
        yield
    finally:
        _loading[thread] -= 1
        if not _loading[thread]:
            del _loading[thread]


def read_stub(text: str) -> dict[str, tuple[str, str]]:
    """What a stub declares: public name -> (module that has it, its name there).

    Raises:
        ValueError: for a statement that is neither an import from a module, nor a second name, nor an annotation.
    """
    names: dict[str, tuple[str, str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.asname is not None:  # in a stub, only `import x as x` makes x public
                    names[alias.asname] = (node.module, alias.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Name):
            names[node.targets[0].id] = names[node.value.id]
        elif not isinstance(node, (ast.Expr, ast.AnnAssign)):
            raise ValueError(f"line {node.lineno} of a stub declares nothing: {ast.unparse(node)}")
    return names


def declare(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, from the stub beside its `__init__.py`.

    Args:
        package: its `__name__`.
    """
    module = sys.modules[package]
    names = read_stub(Path(str(module.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))

    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(name)
        home, there = names[name]
        with loading():
            value = importlib.import_module(f"{home}.{there}" if home == package else home)
            value = value if home == package else getattr(value, there)
        setattr(module, name, value)  # from now on Python finds it by itself
        return value

    public = sorted(names)
    return absent.module_getattr(package, public, load), lambda: list(public), public


def finish(module: str) -> None:
    """For a module that makes its public names itself, as its last line: `dir` shows those of `__all__` and no others,
    and a name that it has not says what is known about it. (By a call, since a `__getattr__` in sight of a type checker
    says that a module has every name.)"""
    own = sys.modules[module]
    own.__getattr__ = absent.module_getattr(module, own.__all__, vars(own).get("__getattr__"))  # type: ignore[method-assign]
    own.__dir__ = lambda: list(own.__all__)  # type: ignore[method-assign]


class Names(Mapping):
    """The strings that stand for objects of a package ("mse", "MeanSquaredError"), as a mapping to the objects.

    Every public name of the package stands for itself; what `spelling` makes of a class's name stands for the class, before a
    function of that name; `more` adds names and what they stand for. An object is loaded when it is asked for.

    Args:
        package: such as `"refnet.losses"`.
        spelling: a function of a class's name that gives another name for it, or None.
        more: other names -> public names.
        without: public names that stand for nothing, such as `"get"`.
    """

    def __init__(
        self,
        package: str,
        spelling: Callable[[str], str] | None = None,
        more: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
    ):
        self._package = sys.modules[package]
        self._rules = spelling, dict(more or {}), {*without, "deserialize", "get", "serialize"}
        self._table: dict[str, str] | None = None

    def _names(self) -> dict[str, str]:
        if self._table is None:
            spelling, more, without = self._rules
            public = [name for name in self._package.__all__ if name not in without]
            spelt = {spelling(name): name for name in public if name[0].isupper()} if spelling else {}
            self._table = {**{name: name for name in public}, **spelt, **more}
        return self._table

    def __getitem__(self, name: str) -> Any:
        return getattr(self._package, self._names()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __contains__(self, name: object) -> bool:  # without loading what it stands for
        return name in self._names()
