"""How a layer knows its parts, and when what it knows about them is stale.

A layer looks for its weights and sub-layers in its own attributes (lists and dicts included). Walking a model for
each training step would cost more than a small model's arithmetic, so the result is cached together with the value of
one process-wide counter, the structure version. Whatever could change the answer advances it: setting
such an attribute, changing `trainable`, building a layer, and changing a tracked list or dict in place.
"""

import collections
import functools

from refnet import autodiff

__all__ = ["CONTAINERS", "TrackedDict", "TrackedList"]

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


autodiff.TRAINABLE_LISTENERS.append(structure_changed)


def _changing(method):
    @functools.wraps(method)
    def changing(self, *args, **kwargs):
        structure_changed()
        return method(self, *args, **kwargs)

    return changing


def _reporting(cls, kind, names):
    """Make methods of `cls`, which `kind` defines, report a change."""
    for name in names.split():
        setattr(cls, name, _changing(getattr(kind, name)))


class TrackedList(list):
    """A list that reports when it changes. What a layer makes of a list assigned to one of its attributes."""


class TrackedDict(dict):
    """A dict that reports when it changes. What a layer makes of a dict assigned to one of its attributes."""


class TrackedOrderedDict(collections.OrderedDict):
    """The same for an OrderedDict."""


class TrackedDefaultDict(collections.defaultdict):
    """The same for a defaultdict."""

    def __missing__(self, key):
        value = self[key] = tracked(super().__missing__(key))  # a list that the factory made reports, too
        return value


class TrackedSet(set):
    """The same for a set."""


class TrackedDeque(collections.deque):
    """The same for a deque."""


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


def tracked(value):
    """`value`, or the tracked version of it if it is a plain container that can change (nested ones as well)."""
    kind = type(value)
    if kind is list:
        return TrackedList(tracked(item) for item in value)
    if kind is dict:
        return TrackedDict({key: tracked(item) for key, item in value.items()})
    if kind is collections.OrderedDict:
        return TrackedOrderedDict((key, tracked(item)) for key, item in value.items())
    if kind is collections.defaultdict:
        return TrackedDefaultDict(value.default_factory, {key: tracked(item) for key, item in value.items()})
    if kind is set:
        return TrackedSet(value)
    if kind is collections.deque:
        return TrackedDeque((tracked(item) for item in value), value.maxlen)
    return value


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
