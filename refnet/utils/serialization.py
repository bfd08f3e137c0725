"""Objects to configurations and back, in Keras' format.

    {"module": "keras.layers", "class_name": "Dense", "config": {...}, "registered_name": None}

Built-in classes are found by name in the public modules of refnet, nowhere else: a configuration cannot make Python
import or run anything. A user's classes are found where the user put them: `custom_objects`, a `CustomObjectScope`,
or `register_keras_serializable`.
"""

import importlib
import inspect
import json
import threading
from collections.abc import Mapping

import numpy as np

from refnet import backend
from refnet.utils.naming import unknown_name

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
    "serialize_keras_object",
]

# Keras' public module of a class  ->  the module of refnet that has it
_MODULES = {
    "keras.layers": "refnet.layers",
    "keras.initializers": "refnet.initializers",
    "keras.regularizers": "refnet.regularizers",
    "keras.constraints": "refnet.constraints",
    "keras.losses": "refnet.losses",
    "keras.metrics": "refnet.metrics",
    "keras.optimizers": "refnet.optimizers",
    "keras.optimizers.schedules": "refnet.optimizers.schedules",
    "keras.activations": "refnet.activations",
    "keras.random": "refnet.random",
    "keras": "refnet.models",
    "keras.models": "refnet.models",
}
_PLAIN = (str, int, float, bool, type(None))

_registered: dict[str, object] = {}
_registered_names: dict[object, str] = {}
_scope = threading.local()


def get_custom_objects() -> dict:
    """The dictionary of globally registered objects; it may be changed."""
    return _registered


def register_keras_serializable(package: str = "Custom", name: str | None = None):
    """A decorator that makes a class or function known to `deserialize_keras_object` as `package>name`.

    Example:
        >>> @refnet.utils.register_keras_serializable("my_package")
        ... class MyDense(refnet.layers.Dense):
        ...     pass
    """

    def decorate(obj):
        registered_name = f"{package}>{name or obj.__name__}"
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"Cannot register {obj.__name__}: a serialisable class needs a `get_config()` method.")
        _registered[registered_name] = obj
        _registered_names[obj] = registered_name
        return obj

    return decorate


def get_registered_name(obj) -> str:
    """The name an object was registered under, or its own."""
    return _registered_names.get(obj, getattr(obj, "__name__", str(obj)))


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None):
    """The object of that name among the scope's, the given, and the registered ones; None if there is none."""
    for known in (*reversed(_scope.__dict__.get("stack", [])), custom_objects, _registered, module_objects):
        if known and name in known:
            return known[name]
    return None


class CustomObjectScope:
    """Within it, names in configurations are looked up in `custom_objects` first.

    Example:
        >>> with refnet.utils.CustomObjectScope({"MyLayer": MyLayer}):
        ...     model = refnet.models.model_from_json(text)
    """

    def __init__(self, custom_objects: dict | None):
        self.custom_objects = custom_objects or {}

    def __enter__(self):
        _scope.__dict__.setdefault("stack", []).append(self.custom_objects)
        return self

    def __exit__(self, *exc_info):
        _scope.stack.pop()


custom_object_scope = CustomObjectScope


def _public_module(cls) -> str:
    """Keras' public module for a class of refnet (or of its twin); the class's own module for a user's."""
    for base in cls.__mro__:
        name = base.__module__
        if name.startswith("refnet.") and base.__name__ == cls.__name__:
            parts = name.split(".")
            if parts[1] == "models":
                return "keras"
            public = "keras." + ".".join(parts[1:3] if parts[1:3] == ["optimizers", "schedules"] else parts[1:2])
            return public if public in _MODULES else name
    return cls.__module__


def serialize_keras_object(obj):
    """A configuration of plain Python values from which `deserialize_keras_object` makes an equal object.

    Raises:
        TypeError: for an object without `get_config()`.
    """
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if isinstance(obj, tuple):  # JSON has no tuples: see `to_json`
        return tuple(serialize_keras_object(item) for item in obj)
    if isinstance(obj, list):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if inspect.isfunction(obj) or inspect.isbuiltin(obj):
        return {
            "module": "builtins",
            "class_name": "function",
            "config": obj.__name__,
            "registered_name": get_registered_name(obj) if obj in _registered_names else obj.__name__,
        }
    if not hasattr(obj, "get_config"):
        raise TypeError(f"Cannot serialise {obj!r} of type {type(obj).__name__}: it has no `get_config()` method.")
    cls = type(obj)
    module = _public_module(cls)
    config = {
        "module": module,
        "class_name": getattr(obj, "_config_class_name", None) or cls.__name__,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": None if module in _MODULES else get_registered_name(cls),
    }
    build_config = getattr(obj, "get_build_config", lambda: None)()
    if build_config:
        config["build_config"] = _plain_shapes(build_config)
    compile_config = getattr(obj, "get_compile_config", lambda: None)()
    if compile_config:
        config["compile_config"] = compile_config
    return config


def to_json(config, **kwargs) -> str:
    """A configuration as text, tuples marked as such.

    Args:
        config: what `serialize_keras_object` gave.
        **kwargs: of `json.dumps`.
    """
    return json.dumps(_marked(config), **kwargs)


def _marked(structure):
    if isinstance(structure, dict):
        return {key: _marked(value) for key, value in structure.items()}
    if isinstance(structure, tuple):
        return {"class_name": "__tuple__", "items": [_marked(item) for item in structure]}
    return [_marked(item) for item in structure] if isinstance(structure, list) else structure


def _plain_shapes(structure):
    """Shapes as lists, as Keras writes them: its layers read them as they are."""
    if isinstance(structure, dict):
        return {key: _plain_shapes(value) for key, value in structure.items()}
    return [_plain_shapes(item) for item in structure] if isinstance(structure, (list, tuple)) else structure


def find_class(config: dict, custom_objects: dict | None = None):
    """The class (or function) that a configuration names.

    Raises:
        ValueError: when nobody knows it, with the nearest match.
    """
    name = config["class_name"]
    registered_name = config.get("registered_name") or name
    for candidate in (registered_name, name):
        found = get_registered_object(candidate, custom_objects)
        if found is not None:
            return found
    module = _MODULES.get(config.get("module") or "")
    if module is None and str(config.get("module") or "").startswith("keras.src.models"):
        module = "refnet.models"
    if module is not None:
        public = importlib.import_module(module)
        if module == "refnet.models" and name == "Functional":
            name = "Model"
        found = getattr(public, name, None) if name in public.__all__ else None
        if inspect.isclass(found):
            return backend.localise(found)
        raise unknown_name(f"class in {config['module']}", name, public.__all__)
    raise ValueError(
        f"Unknown class {name!r} (module {config.get('module')!r}). If it is your own, pass "
        f"custom_objects={{{name!r}: {name}}}, or decorate it with `refnet.utils.register_keras_serializable()`."
    )


def deserialize_keras_object(config, custom_objects: dict | None = None, safe_mode: bool = True, **kwargs):
    """The object that a configuration describes.

    Args:
        config: what `serialize_keras_object` gave (or Keras did).
        custom_objects: names and classes of your own.
        safe_mode: accepted for Keras' sake: nothing is ever executed from a configuration.

    Raises:
        ValueError: for an unknown name.
    """
    del safe_mode, kwargs
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(item, custom_objects) for item in config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: deserialize_keras_object(value, custom_objects) for key, value in config.items()}
    kind = config["class_name"]
    if kind == "__tuple__":
        return tuple(deserialize_keras_object(item, custom_objects) for item in config["items"])
    if kind == "__numpy__":
        return np.array(config["config"]["value"], dtype=config["config"]["dtype"])
    if kind == "function":
        found = get_registered_object(config.get("registered_name") or "", custom_objects)
        found = found or get_registered_object(config["config"], custom_objects)
        if found is None:
            raise ValueError(
                f"Unknown function {config['config']!r}. Pass custom_objects={{{config['config']!r}: ...}}."
            )
        return found
    if kind == "DTypePolicy":
        return config["config"]["name"]
    if "config" not in config:
        return {key: deserialize_keras_object(value, custom_objects) for key, value in config.items()}
    cls = find_class(config, custom_objects)
    with CustomObjectScope(custom_objects):
        obj = cls.from_config({key: _with_tuples(value) for key, value in config["config"].items()})
    build_config = config.get("build_config")
    if build_config and not getattr(obj, "built", True):
        obj.build_from_config(deserialize_keras_object(build_config, custom_objects))
    if config.get("compile_config") and hasattr(obj, "compile_from_config"):
        with CustomObjectScope(custom_objects):
            obj.compile_from_config(config["compile_config"])
    return obj


def _with_tuples(value):
    """The tuples among a constructor's arguments, such as a kernel's size; configurations in it are left to their
    owner."""
    if isinstance(value, list):
        return [_with_tuples(item) for item in value]
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return tuple(_with_tuples(item) for item in value["items"])
    return value


def get_by_identifier(identifier, kind: str, module: str, aliases: Mapping, base: type, also=()):
    """What every `get(identifier)` does: None, an object, a name, a class, or a configuration.

    Args:
        identifier: the user's argument.
        kind: for messages, e.g. `"initializer"`.
        module: the Keras module a bare class name belongs to, e.g. `"keras.initializers"`.
        aliases: names and what they stand for (classes or functions).
        base: the base class of the objects.
        also: further names for the error of an unknown one.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    if identifier is None or isinstance(identifier, base):
        return identifier
    if isinstance(identifier, dict):
        if identifier.get("class_name") == "function" and identifier.get("config") in aliases:
            return aliases[identifier["config"]]
        return deserialize_keras_object({"module": module, **identifier})
    if isinstance(identifier, str):
        found = get_registered_object(identifier) or aliases.get(identifier) or aliases.get(identifier.lower())
        if found is None:
            raise unknown_name(kind, identifier, [*aliases, *also])
        return backend.localise(found)() if inspect.isclass(found) else found
    if inspect.isclass(identifier):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret {identifier!r} as {kind}: expected a name, a configuration or an object.")
