"""How a layer knows its parts, and when what it knows about them is stale.

A layer looks for its weights and sub-layers in its own attributes (lists and dicts included). Walking a model for
each training step would cost more than a small model's arithmetic, so the result is cached together with the value of
one process-wide counter, the structure version. Whatever could change the answer advances it: setting
such an attribute, changing `trainable`, building a layer, and changing a tracked list or dict in place. A second counter, the
settings version, does the same for plain numbers and functions among the attributes: a step that was written down has
them in it.
"""

from refnet import autodiff, config

__all__ = ["Settings", "TrackedDict", "TrackedList"]

_version = 0


def structure_version() -> int:
    """The current value of the counter."""
    return _version


def structure_changed() -> None:
    """Advance the counter: every cached list of weights is computed anew when next asked for."""
    global _version
    _version += 1


autodiff.VARIABLE_LISTENERS.append(structure_changed)

_settings = 0


def settings_version() -> int:
    """How often a setting of a layer, optimizer, loss, metric, regularizer or constraint, or of `config`, was changed."""
    return _settings + config._changes[0]


def settings_changed(owner) -> None:
    """Advance the counter, and remember in `owner` that it was one of its settings."""
    global _settings
    _settings += 1
    object.__setattr__(owner, "_settings_version", _settings)


def settings_of(owners) -> tuple:
    """Something that differs from what it was before if a setting of one of these objects has changed since."""
    return (config._changes[0], *[getattr(owner, "_settings_version", 0) for owner in owners])


class Settings:
    """Base of objects whose public attributes are settings: setting one is noticed."""

    _state_attributes: tuple[str, ...] = ()  # public attributes that are no settings: setting them writes into an array

    def __setattr__(self, name, value):
        if name[0] != "_" and name not in self._state_attributes:
            settings_changed(self)
        object.__setattr__(self, name, value)


def _changing(method):
    def changing(self, *args, **kwargs):
        structure_changed()
        if self.owner is not None:
            settings_changed(self.owner)
        return method(self, *args, **kwargs)

    changing.__name__ = method.__name__
    changing.__doc__ = method.__doc__
    return changing


class TrackedList(list):
    """A list that reports when it changes. What a layer makes of a list assigned to one of its attributes."""

    owner = None  # the layer of whose public attributes it is one

    for _name in ("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse",
                  "__setitem__", "__delitem__", "__iadd__", "__imul__"):  # fmt: skip
        locals()[_name] = _changing(getattr(list, _name))
    del _name


class TrackedDict(dict):
    """A dict that reports when it changes. What a layer makes of a dict assigned to one of its attributes."""

    owner = None

    for _name in ("pop", "popitem", "clear", "update", "setdefault", "__setitem__", "__delitem__", "__ior__"):
        locals()[_name] = _changing(getattr(dict, _name))
    del _name


def tracked(value, owner=None):
    """`value`, or the tracked version of it if it is a plain list or dict (nested ones as well); see `TrackedList.owner`."""
    if type(value) is list:
        found = TrackedList(tracked(item, owner) for item in value)
    elif type(value) is dict:
        found = TrackedDict({key: tracked(item, owner) for key, item in value.items()})
    else:
        return value
    if owner is not None:
        found.owner = owner
    return found


def walk(value, kinds):
    """Every object of one of the classes `kinds` in `value`, looking into lists, tuples and dicts."""
    if isinstance(value, kinds):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from walk(item, kinds)
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item, kinds)
