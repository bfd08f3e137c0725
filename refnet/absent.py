"""What Keras has and refnet has not yet: asked for, it says so by its name.

    >>> refnet.layers.LSTM
    AttributeError: Keras has layers.LSTM; refnet does not have it yet. ...

`refnet.keras_names` lists the names of Keras; the difference to what refnet has is taken when somebody asks, so that a
name which is added leaves the list by itself.

* Every public module has a `__getattr__` of `module_getattr` (PEP 562; given by refnet.public), which Python calls for
  names that are not there.
* The base classes are decorated with `methods`: a descriptor stands for every method of Keras' that they lack. It raises
  AttributeError, so `hasattr` and `getattr` with a default work as if nothing were there. (A `__getattr__` of the class would
  cost every attribute of every layer and model Python's fast path, and would hide the errors of properties.)
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = ["advice", "in_keras", "methods", "module_getattr"]

_Class = TypeVar("_Class", bound=type)

_ADVICE = {
    "layers": "A layer of your own needs only `call`: see refnet.layers.Layer.",
    "losses": "A loss may be any function (y_true, y_pred) made of refnet.ops.",
    "metrics": "A metric may be any function (y_true, y_pred) made of refnet.ops.",
    "activations": "An activation may be any function made of refnet.ops.",
    "callbacks": "Write it as a refnet.callbacks.Callback.",
    "ops": "refnet.custom_gradient makes an op of a NumPy function and its gradient.",
}
_KEEPING = (
    "Weights are kept by numpy.savez('w.npz', *model.get_weights()) and put back by "
    "model.set_weights(numpy.load('w.npz').values()), the architecture by model.to_json() and models.model_from_json."
)
_KEEP = {"save", "save_model", "load_model", "save_weights", "load_weights", "saving", "ModelCheckpoint", "export"}
_EVERYWHERE = {"deserialize", "get", "serialize"}  # the same name means something else in each module


def _module(path: str) -> Any:
    try:
        return importlib.import_module(f"refnet.{path}" if path else "refnet")
    except ModuleNotFoundError:
        return None


def _lacks(path: str, name: str) -> bool:
    """Whether refnet's module lacks the name; asked without its `__getattr__`, which would ask here again."""
    module = _module(path)
    return module is None or (name not in vars(module) and name not in getattr(module, "__all__", ()))


def advice(path: str, name: str) -> str:
    """What may be done instead: a sentence, or nothing.

    Args:
        path: a module of Keras, or a class.
        name: what it has and refnet has not.
    """
    from refnet.keras_names import METHODS, NAMES

    if name not in _EVERYWHERE and path not in METHODS:
        for other, names in NAMES.items():
            if other != path and not _lacks(other, name) and name in names.split():
                return f"What is there: refnet.{other + '.' if other else ''}{name}."
    if name in _KEEP or path == "saving":
        return _KEEPING
    if path in METHODS:
        return ""
    return _ADVICE.get(path, f"dir(refnet{'.' + path if path and _module(path) else ''}) lists what there is.")


def _message(path: str, name: str) -> str:
    return f"Keras has {path + '.' if path else ''}{name}; refnet does not have it yet. {advice(path, name)}"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def in_keras(path: str, name: Any) -> str | None:
    """The message for a name that Keras knows in a module and refnet does not; None if it is not such a name.

    Args:
        path: Keras' module without the "keras.", such as "losses".
        name: as in an attribute or as a string: "huber" means Huber, "log_softmax" itself.
    """
    from refnet.keras_names import NAMES

    names = NAMES.get(path, "").split()
    if name in names:
        return _message(path, name) if _lacks(path, name) else None
    alike = [known for known in names if _plain(known) == _plain(str(name)) and _lacks(path, known)]
    return _message(path, alike[0]) if alike else None


def module_getattr(module: str, present: Iterable[str], inner: Callable[[str], Any] | None = None) -> Callable[[str], Any]:
    """A `__getattr__` for a module of refnet or of its twin.

    Args:
        module: its name.
        present: its public names, for "did you mean".
        inner: a `__getattr__` that it has already; it is asked first.
    """
    path = module.partition(".")[2]

    def __getattr__(name: str) -> Any:
        if inner is not None:
            try:
                return inner(name)
            except AttributeError:
                pass
        from refnet.keras_names import NAMES

        importing = _is_import(sys._getframe(1), f"{module}.{name}")
        if name in NAMES.get(path, "").split() and not name.startswith("_"):
            text = _message(path, name)
            if importing:
                raise ImportError(text, name=module)
            raise AttributeError(text, name=name)  # without obj: Python would suggest some other name
        text = f"module {module!r} has no attribute {name!r}."
        if not name.startswith("_"):  # Python itself asks for many of those, and wants a quick answer
            from refnet.utils.naming import did_you_mean

            text += did_you_mean(name, [*present, *NAMES.get(path, "").split()])
            if importing == "from":
                raise ImportError(text, name=module)
        raise AttributeError(text, name=name)

    return __getattr__


def _is_import(frame: Any, full_name: str) -> str | None:
    """Whether a missing attribute was asked for by `from module import name`, which drops an AttributeError's text.

    Returns:
        "list" where Python looks whether it must import a submodule of that name, "from" where it has done so and
        wants the attribute, None for anything else.
    """
    code = frame.f_code
    if code.co_name == "_handle_fromlist" and "importlib" in code.co_filename:
        return "list"
    from opcode import opmap

    asked = code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]
    return "from" if asked and full_name not in sys.modules else None


class _Absent:
    """In the place of a method that Keras' class has and refnet's has not."""

    def __init__(self, home: type, name: str):
        self.home = home
        self.name = name
        self.__doc__ = f"Keras has {home.__name__}.{name}; refnet does not have it yet."

    def __get__(self, instance: Any, owner: type) -> Any:
        for base in owner.__mro__[owner.__mro__.index(self.home) + 1 :]:  # another base of a user's class may have it
            if self.name in vars(base):
                found = vars(base)[self.name]
                return found.__get__(instance, owner) if hasattr(type(found), "__get__") else found
        raise AttributeError(f"{self.__doc__} {advice(self.home.__name__, self.name)}".rstrip(), name=self.name)


def _directory(self: Any) -> list[str]:
    """`dir` of an object, without what it has not."""
    absent = {name for base in type(self).__mro__ for name, value in vars(base).items() if isinstance(value, _Absent)}
    return [name for name in object.__dir__(self) if name not in absent]


def methods(cls: _Class) -> _Class:
    """A decorator for the classes of `keras_names.METHODS`: what they lack of Keras' methods says so."""
    from refnet.keras_names import METHODS

    for name in METHODS[cls.__name__].split():
        if not any(name in vars(base) for base in cls.__mro__):
            setattr(cls, name, _Absent(cls, name))
    if cls.__dir__ is object.__dir__:
        cls.__dir__ = _directory  # type: ignore[assignment,method-assign]
    return cls
