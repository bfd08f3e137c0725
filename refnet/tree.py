"""Nested structures (lists, tuples, dicts) of arrays, with keras.tree's names: inputs and outputs of models, arguments, states.

A dict is walked in the order of its sorted keys, an OrderedDict in its own, as Keras does; anything that is not a list, tuple or
dict is a leaf, None included.
"""

import collections

from refnet import public

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in the place of something."""


def is_nested(structure) -> bool:
    """Whether `structure` is a container rather than a leaf."""
    return isinstance(structure, (list, tuple, dict))


def sorted_keys(mapping: dict) -> list:
    """The keys in the order in which a dict is walked."""
    if isinstance(mapping, collections.OrderedDict):
        return list(mapping)
    try:
        return sorted(mapping)
    except TypeError:  # keys of several types: their own order
        return list(mapping)


def flatten(structure) -> list:
    """The leaves, in order.

    Example:
        >>> flatten({"b": 2, "a": [0, 1]})
        [0, 1, 2]
    """
    if isinstance(structure, dict):
        return [leaf for key in sorted_keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def rebuild(structure, items):
    """A container like `structure` (a namedtuple stays one) that holds `items`."""
    if isinstance(structure, tuple):
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    return list(items)


def flatten_with_path(structure) -> list:
    """(path, leaf) of every leaf, in order; a path is the tuple of keys and positions that leads to it.

    Example:
        >>> flatten_with_path([{"foo": 42}])
        [((0, 'foo'), 42)]
    """
    if isinstance(structure, dict):
        inside = [(key, structure[key]) for key in sorted_keys(structure)]
    elif isinstance(structure, (list, tuple)):
        inside = list(enumerate(structure))
    else:
        return [((), structure)]
    return [((key, *path), leaf) for key, item in inside for path, leaf in flatten_with_path(item)]


def map_structure(func, *structures, none_is_leaf=True):
    """Apply `func` to corresponding leaves, in the order of `flatten`; the result has the structure of the first.

    Args:
        func: a function of as many leaves as there are structures.
        *structures: of one structure.
        none_is_leaf: whether None is given to `func`; False: it stays None.

    Raises:
        TypeError: when there is no structure, or `func` is no function.
        ValueError: when they differ.
    """
    if not callable(func):
        raise TypeError(f"map_structure: func must be a function. Received: {func!r}")
    if not structures:
        raise TypeError("map_structure: pass at least one structure.")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _mapped(func, structures, none_is_leaf)


def _mapped(func, structures, none_is_leaf):
    first = structures[0]
    if isinstance(first, dict):
        done = {key: _mapped(func, [s[key] for s in structures], none_is_leaf) for key in sorted_keys(first)}
        return _like_dict(first, done)
    if isinstance(first, (list, tuple)):
        return rebuild(first, [_mapped(func, items, none_is_leaf) for items in zip(*structures, strict=True)])
    return None if first is None and not none_is_leaf else func(*structures)


def _like_dict(mapping, done):
    """A dict of the kind of `mapping`, its keys in the same order."""
    ordered = {key: done[key] for key in mapping}
    if isinstance(mapping, collections.defaultdict):
        return collections.defaultdict(mapping.default_factory, ordered)
    return collections.OrderedDict(ordered) if isinstance(mapping, collections.OrderedDict) else ordered


def map_structure_up_to(shallow_structure, func, *structures):
    """`map_structure` where the leaves are those of a shallower structure: `func` gets what stands in their places.

    Example:
        >>> map_structure_up_to([None, None], len, [[1, 1], [2]])
        [2, 1]
    """
    if not structures:
        raise TypeError("map_structure_up_to: pass at least one structure.")
    if isinstance(shallow_structure, dict):
        keys = sorted_keys(shallow_structure)
        for structure in structures:
            if not isinstance(structure, dict) or structure.keys() != shallow_structure.keys():
                raise ValueError(_different(shallow_structure, structure))
        return _like_dict(shallow_structure, {
            key: map_structure_up_to(shallow_structure[key], func, *(s[key] for s in structures)) for key in keys
        })  # fmt: skip
    if isinstance(shallow_structure, (list, tuple)):
        for structure in structures:
            if type(structure) is not type(shallow_structure) or len(structure) != len(shallow_structure):
                raise ValueError(_different(shallow_structure, structure))
        return rebuild(shallow_structure, [map_structure_up_to(*items[:1], func, *items[1:])
                                           for items in zip(shallow_structure, *structures, strict=True)])  # fmt: skip
    return func(*structures)


def map_shape_structure(func, structure):
    """`map_structure` whose leaves are shapes: a list or tuple of numbers and None is one."""
    if isinstance(structure, (list, tuple)) and all(isinstance(n, (int, type(None))) for n in structure):
        return func(tuple(structure))
    if isinstance(structure, (list, tuple)):
        return rebuild(structure, [map_shape_structure(func, item) for item in structure])
    if isinstance(structure, dict):
        return {key: map_shape_structure(func, value) for key, value in structure.items()}
    raise ValueError(f"map_shape_structure: a shape, or lists and dicts of them, were expected. Received: {structure!r}")


def lists_to_tuples(structure):
    """The same with tuples in the place of lists."""
    if isinstance(structure, dict):
        return _like_dict(structure, {key: lists_to_tuples(value) for key, value in structure.items()})
    if isinstance(structure, (list, tuple)):
        items = [lists_to_tuples(item) for item in structure]
        return tuple(items) if isinstance(structure, list) else rebuild(structure, items)
    return structure


def traverse(func, structure, top_down=True):
    """Visit every part of a structure, containers and leaves, and replace those for which `func` returns something.

    Args:
        func: a function of a part: None leaves it as it is (and, going down, goes on inside it), MAP_TO_NONE replaces it by None.
        structure: lists, tuples and dicts.
        top_down: containers before what is in them; False: after.
    """
    if not callable(func):
        raise TypeError(f"traverse: func must be a function. Received: {func!r}")
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    if isinstance(structure, dict):
        done = {key: traverse(func, structure[key], top_down) for key in sorted_keys(structure)}
        whole = _like_dict(structure, done)
    elif isinstance(structure, (list, tuple)):
        whole = rebuild(structure, [traverse(func, item, top_down) for item in structure])
    else:
        whole = structure
    if top_down:
        return whole
    found = func(structure) if not is_nested(structure) else func(whole)
    return whole if found is None else None if found is MAP_TO_NONE else found


def _different(a, b) -> str:
    return f"The two structures don't have the same nested structure: {str(a)[:200]} and {str(b)[:200]}."


def assert_same_structure(a, b):
    """Raise a ValueError unless two structures differ in their leaves only; a list and a tuple are different."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            raise ValueError(_different(a, b))
        for key in a:
            assert_same_structure(a[key], b[key])
    elif is_nested(a) or is_nested(b):
        if type(a) is not type(b) or len(a) != len(b):
            raise ValueError(_different(a, b))
        for x, y in zip(a, b, strict=True):
            assert_same_structure(x, y)


def assert_same_paths(a, b):
    """Raise a ValueError unless the leaves of two structures are reached by the same keys and positions."""
    paths_a, paths_b = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if paths_a != paths_b:
        raise ValueError(
            f"`a` and `b` don't have the same paths: only in a: {sorted(map(str, paths_a - paths_b))}, only in b: "
            f"{sorted(map(str, paths_b - paths_a))}."
        )


def same_structure(a, b) -> bool:
    """Whether two structures differ in their leaves only; a list and a tuple are alike."""
    if isinstance(a, dict) or isinstance(b, dict):
        both = isinstance(a, dict) and isinstance(b, dict)
        return both and a.keys() == b.keys() and all(same_structure(value, b[key]) for key, value in a.items())
    if is_nested(a) or is_nested(b):
        return is_nested(a) and is_nested(b) and len(a) == len(b) and all(map(same_structure, a, b))
    return True


def pack_sequence_as(structure, leaves):
    """The inverse of `flatten`: `leaves` arranged as `structure`.

    Raises:
        ValueError: when the number of leaves differs.
    """
    leaves = list(leaves)
    expected = len(flatten(structure))
    if len(leaves) != expected:
        raise ValueError(f"The structure has {expected} leaves, {len(leaves)} were given.")
    remaining = iter(leaves)

    def pack(node):
        if isinstance(node, dict):
            return _like_dict(node, {key: pack(node[key]) for key in sorted_keys(node)})
        if isinstance(node, (list, tuple)):
            return rebuild(node, [pack(item) for item in node])
        return next(remaining)

    return pack(structure)


public.finish(__name__)
