"""How a layer knows its parts, and when what it knows about them is stale.

A layer looks for its weights and sub-layers in its own attributes (lists and dicts included). Walking a model for
each training step would cost more than a small model's arithmetic, so the result is cached together with the value of
one process-wide counter, the structure version. Whatever could change the answer advances it: setting
such an attribute, changing `trainable`, building a layer, and changing a tracked list or dict in place. A second counter, the
settings version, does the same for plain numbers and functions among the attributes: a step that was written down has
them in it.
"""

import collections
import functools

from refnet import autodiff, config

__all__ = ["CONTAINERS", "Settings", "TrackedDict", "TrackedList"]

# What a layer looks into for its parts.
CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque)

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
    @functools.wraps(method)
    def changing(self, *args, **kwargs):
        structure_changed()
        if self.owner is not None:
            settings_changed(self.owner)
        return method(self, *args, **kwargs)

    return changing


def _reporting(cls, kind, names):
    """Make methods of `cls`, which `kind` defines, report a change."""
    for name in names.split():
        setattr(cls, name, _changing(getattr(kind, name)))


class TrackedList(list):
    """A list that reports when it changes. What a layer makes of a list assigned to one of its attributes."""

    owner = None  # the layer of whose public attributes it is one


class TrackedDict(dict):
    """A dict that reports when it changes. What a layer makes of a dict assigned to one of its attributes."""

    owner = None


class TrackedOrderedDict(collections.OrderedDict):
    """The same for an OrderedDict."""

    owner = None


class TrackedDefaultDict(collections.defaultdict):
    """The same for a defaultdict."""

    owner = None

    def __missing__(self, key):
        value = self[key] = tracked(super().__missing__(key), self.owner)  # a list that the factory made reports, too
        return value


class TrackedSet(set):
    """The same for a set."""

    owner = None


class TrackedDeque(collections.deque):
    """The same for a deque."""

    owner = None


_LIST = "append extend insert pop remove clear reverse __setitem__ __delitem__ __iadd__ __imul__"
_DICT = "pop popitem clear update setdefault __setitem__ __delitem__ __ior__"
_reporting(TrackedList, list, _LIST + " sort")
_reporting(TrackedDict, dict, _DICT)
_reporting(TrackedOrderedDict, collections.OrderedDict, _DICT + " move_to_end")
_reporting(TrackedDefaultDict, collections.defaultdict, _DICT)
_reporting(
    TrackedSet,
    set,
    "add remove discard pop clear update difference_update intersection_update symmetric_difference_update "
    "__ior__ __iand__ __ixor__ __isub__",
)
_reporting(TrackedDeque, collections.deque, _LIST + " appendleft extendleft popleft rotate")


def tracked(value, owner=None):
    """`value`, or the tracked version of it if it is a plain container that can change (nested ones as well).

    Args:
        value: anything.
        owner: the layer of whose public attributes it is one: a change in it is a change of its settings.
    """
    kind = type(value)
    if kind is list:
        found = TrackedList(tracked(item, owner) for item in value)
    elif kind is dict:
        found = TrackedDict({key: tracked(item, owner) for key, item in value.items()})
    elif kind is collections.OrderedDict:
        found = TrackedOrderedDict((key, tracked(item, owner)) for key, item in value.items())
    elif kind is collections.defaultdict:
        found = TrackedDefaultDict(value.default_factory, {key: tracked(item, owner) for key, item in value.items()})
    elif kind is set:
        found = TrackedSet(value)
    elif kind is collections.deque:
        found = TrackedDeque((tracked(item, owner) for item in value), value.maxlen)
    else:
        return value
    if owner is not None:
        found.owner = owner
    return found


def walk(value, kinds):
    """Every object of one of the classes `kinds` in `value`, looking into lists, tuples, dicts, sets and deques."""
    if isinstance(value, kinds):
        yield value
    elif isinstance(value, (set, frozenset)):
        for item in sorted(value, key=_name_order):
            yield from walk(item, kinds)
    elif isinstance(value, (list, tuple, collections.deque)):
        for item in value:
            yield from walk(item, kinds)
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item, kinds)


def _name_order(part):
    """A set has no order that another process would find again: by names, `dense_2` before `dense_10`."""
    name = str(getattr(part, "name", ""))
    return len(name), name
