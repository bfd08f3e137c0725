"""Which kernels run, and whose classes are made.

Two kernel sets exist, each a module whose attributes are the kernels: `refnet.kernels` ("reference", NumPy) and
`refnet_fast.kernels` ("fast", compiled). One rule decides:

* Objects of `refnet` run on the active set: "reference", unless the environment variable ``REFNET_BACKEND=fast`` (process) or
  ``with refnet.use_backend("fast"):`` (this thread) says otherwise.
* Objects of `refnet_fast` always run on the fast set.

The state is one context variable that holds a `Scope`. `entry_point` decorates the methods through which a user enters the
library; it opens the scope named by the object's class attribute `_backend` and closes it on the way out.
"""
from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, TypeVar

from refnet import kernels as _reference
from refnet import public

__all__ = ["active", "backend", "entry_point", "in_backend", "localise", "original", "register_twins", "scope", "use_backend"]

F = TypeVar("F", bound=Callable[..., Any])


class Scope:
    """The kernels in force, and the twin classes to make (None: refnet's own)."""

    __slots__ = ("kernels", "name", "twins")

    def __init__(self, name: str, kernels: ModuleType, twins: dict[type, type] | None = None):
        self.name = name
        self.kernels = kernels
        self.twins = twins


_scopes: dict[str, Scope] = {"reference": Scope("reference", _reference)}
_default: Scope | None = None
_current: ContextVar[Scope | None] = ContextVar("refnet_backend", default=None)


def _find(name: str) -> Scope:
    """The scope of a backend's name, loading the fast kernels when first asked for."""
    found = _scopes.get(name) if name in ("reference", "fast") else None
    if found is not None:
        return found
    if name == "fast":
        return _scopes.setdefault("fast", Scope("fast", importlib.import_module("refnet_fast.kernels")))
    raise ValueError(f"Unknown backend {name!r}. The backends are 'reference' (NumPy) and 'fast' (refnet_fast's compiled kernels).")


def scope() -> Scope:
    """The scope in force in this thread."""
    return _current.get() or _default or _process_default()


def _process_default() -> Scope:
    """Read REFNET_BACKEND once, at the first use: by then refnet is whole and may be imported by refnet_fast."""
    global _default
    name = os.environ.get("REFNET_BACKEND", "") or "reference"
    try:
        _default = _find(name)
    except (ValueError, ImportError) as error:
        kind = ValueError if isinstance(error, ValueError) else ImportError
        raise kind(f"The environment variable REFNET_BACKEND is {name!r}. {error}\n"
                   "Unset REFNET_BACKEND to run on the reference.") from error
    return _default


def active() -> ModuleType:
    """The kernel set in force: a module whose attributes are the kernels."""
    return (_current.get() or _default or _process_default()).kernels


def backend() -> str:
    """The name of the kernel set in force: "reference" or "fast"."""
    return scope().kernels.NAME


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Run refnet's objects on another kernel set within a ``with`` block, in this thread.

    Args:
        name: "reference" or "fast".

    Raises:
        ValueError: for another name.
        ImportError: "fast" where refnet_fast is not built; the message says why and how to build it.

    Example:
        >>> with refnet.use_backend("fast"):
        ...     model.fit(x, y)
    """
    token = _current.set(_find(name))
    try:
        yield
    finally:
        _current.reset(token)


def register_twins(twins: dict[type, type]) -> None:
    """Called once by refnet_fast: its classes, by the refnet class that each one mirrors."""
    _scopes["twin"] = Scope("twin", _find("fast").kernels, twins)


def localise(cls: type) -> type:
    """The class to instantiate here: cls's twin within the scope of an object of refnet_fast, else cls itself."""
    twins = scope().twins
    return cls if twins is None else twins.get(cls, cls)


def enter(own: str | None) -> Any:
    """Open the scope of a `_backend` attribute; returns the token for `leave`, or None when nothing changes.

    `own` is None (an object of refnet: leave the scope as it is) or "fast" (an object of refnet_fast).
    """
    if own is None:
        return None
    twin = _scopes["twin"]
    current = _current.get()
    return None if current is not None and current.twins is twin.twins else _current.set(twin)


def enter_kernels(kernels: Any) -> Any:
    """The scope in force, with other kernels: how a recorder gets to see what is called. Returns the token for `leave`."""
    current = scope()
    return _current.set(Scope(current.name, kernels, current.twins))


def leave(token: Any) -> None:
    """Close what `enter` opened."""
    if token is not None:
        _current.reset(token)


def entry_point(method: F) -> F:
    """Decorate a method through which a user enters the library: it runs in the scope of `self._backend`.

    On a classmethod's function `self` is the class: the attribute is a class attribute, so both work.
    """

    @functools.wraps(method)
    def entered(self, *args, **kwargs):
        own = self._backend
        if own is None:
            return method(self, *args, **kwargs)
        twin = _scopes["twin"]
        current = _current.get()
        if current is not None and current.twins is twin.twins:
            return method(self, *args, **kwargs)
        token = _current.set(twin)
        try:
            return method(self, *args, **kwargs)
        finally:
            _current.reset(token)

    return entered  # type: ignore[return-value]  # a wrapper with the method's own signature


def in_backend(function: F, own: str = "fast") -> F:
    """The function of refnet_fast that mirrors a function of refnet: the same, run in refnet_fast's scope."""

    @functools.wraps(function)
    def entered(*args, **kwargs):
        token = enter(own)
        try:
            return function(*args, **kwargs)
        finally:
            leave(token)

    _ORIGINALS[entered] = function
    return entered  # type: ignore[return-value]


def of_library(thing: Any) -> bool:
    """Whether a class or function is defined in refnet or refnet_fast."""
    return (getattr(thing, "__module__", None) or "").split(".")[0] in ("refnet", "refnet" + "_fast")


_ORIGINALS: dict[Callable, Callable] = {}


def original(function: Callable) -> Callable:
    """The function of refnet that a function of refnet_fast mirrors; any other as it is."""
    return _ORIGINALS.get(function, function)


public.finish(__name__)
