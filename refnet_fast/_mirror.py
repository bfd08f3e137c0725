"""How the twin namespace is made: refnet's classes and functions, bound to the fast kernels.

The twin of a class C is ``class C(refnet's C, the twins of C's bases)`` with one attribute of its own, ``_backend = "fast"``,
which `refnet.backend.entry_point` reads. Nothing else is overridden, so the two cannot drift. The hierarchy is mirrored:
``issubclass(refnet_fast.layers.Dense, refnet_fast.layers.Layer)`` holds, and so does ``issubclass(..., refnet.layers.Dense)``.

A class's twin lives under the same name in the namesake of its public module, where pickle finds it.
"""
from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any

from refnet import backend
from refnet.absent import module_getattr
from refnet.autodiff import Tensor, Variable
from refnet.graph import KerasTensor
from refnet.public import loading

__all__ = ["TWINS", "mirror", "twin"]

# Values, not actors: they run nothing by themselves and mean the same in both namespaces.
SHARED_CLASSES = (Tensor, Variable, KerasTensor)
# Settings and data, not computations: one for both namespaces.
SHARED_MODULES = ("refnet.backend", "refnet.config", "refnet.datasets.", "refnet.tree.")


def _shared_module(name: str) -> bool:
    return (name + ".").startswith(SHARED_MODULES) and name != "refnet.datasets"


class _Twins(dict):
    """refnet's class -> its twin, made when first asked for."""

    def get(self, cls: type, default: Any = None) -> Any:
        return twin(cls) if _mirrored(cls) else default


TWINS = _Twins()


def _mirrored(cls: type) -> bool:
    return (cls.__module__.split(".")[0] == "refnet" and not issubclass(cls, BaseException)
            and not issubclass(cls, SHARED_CLASSES))


def twin(cls: type) -> type:
    """The class of refnet_fast that mirrors a class of refnet."""
    made = TWINS.setdefault(cls, None)
    if made is None:
        home = "refnet_fast." + cls.__module__.split(".")[1]
        bases = tuple(twin(base) for base in cls.__bases__ if _mirrored(base))
        body = {"_backend": "fast", "__module__": home, "__doc__": cls.__doc__, "__qualname__": cls.__qualname__}
        made = TWINS[cls] = type(cls)(cls.__name__, (cls, *bases), body)
        module = sys.modules.get(home)
        if module is not None and not hasattr(module, cls.__name__):
            setattr(module, cls.__name__, made)            # not public, but pickle must find it
    return made


def _counterpart(value: Any) -> Any:
    if isinstance(value, type):
        return twin(value) if _mirrored(value) else value
    if isinstance(value, ModuleType):
        if value.__name__.split(".")[0] != "refnet":
            return value
        if _shared_module(value.__name__):
            return value
        return importlib.import_module(value.__name__.replace("refnet.", "refnet_fast.", 1))
    if inspect.isfunction(value) and not _shared_module(value.__module__):
        return backend.in_backend(value)
    return value


def mirror(name: str, namespace: dict[str, Any]) -> None:
    """Make the module refnet_fast.<name> offer the counterparts of refnet.<name>'s public names, each when first asked for."""
    original = importlib.import_module(f"refnet.{name}" if name else "refnet")
    names = frozenset(original.__all__)

    def load(public: str) -> Any:
        if public not in names:
            raise AttributeError(public)
        with loading():
            namespace[public] = value = _counterpart(getattr(original, public))
        return value

    namespace["__doc__"] = original.__doc__
    namespace["__all__"] = list(original.__all__)
    namespace["__getattr__"] = module_getattr(namespace["__name__"], namespace["__all__"], load)
    namespace["__dir__"] = lambda: list(namespace["__all__"])
