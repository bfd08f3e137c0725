"""How a layer knows its parts, and when what it knows about them is stale.

A layer looks for its weights and sub-layers in its own attributes (lists and dicts included). Walking a model for
each training step would cost more than a small model's arithmetic, so the result is cached together with the value of
one process-wide counter, the structure version. Whatever could change the answer advances it: setting
such an attribute, changing `trainable`, building a layer, and changing a tracked list or dict in place.
"""

from refnet import autodiff

__all__ = ["TrackedDict", "TrackedList"]

_version = 0


def structure_version() -> int:
    """The current value of the counter."""
    return _version


def structure_changed() -> None:
    """Advance the counter: every cached list of weights is computed anew when next asked for."""
    global _version
    _version += 1


autodiff.TRAINABLE_LISTENERS.append(structure_changed)


def _changing(method):
    def changing(self, *args, **kwargs):
        structure_changed()
        return method(self, *args, **kwargs)

    changing.__name__ = method.__name__
    changing.__doc__ = method.__doc__
    return changing


class TrackedList(list):
    """A list that reports when it changes. What a layer makes of a list assigned to one of its attributes."""

    for _name in ("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse",
                  "__setitem__", "__delitem__", "__iadd__", "__imul__"):  # fmt: skip
        locals()[_name] = _changing(getattr(list, _name))
    del _name


class TrackedDict(dict):
    """A dict that reports when it changes. What a layer makes of a dict assigned to one of its attributes."""

    for _name in ("pop", "popitem", "clear", "update", "setdefault", "__setitem__", "__delitem__", "__ior__"):
        locals()[_name] = _changing(getattr(dict, _name))
    del _name


def tracked(value):
    """`value`, or the tracked version of it if it is a plain list or dict (nested ones as well)."""
    if type(value) is list:
        return TrackedList(tracked(item) for item in value)
    if type(value) is dict:
        return TrackedDict({key: tracked(item) for key, item in value.items()})
    return value


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
