"""Nested structures (lists, tuples, dicts) of arrays: inputs and outputs of models with several of them.

A dict is walked in the order of its sorted keys, as Keras does; anything that is not a list, tuple or dict is a leaf,
None included.
"""

__all__ = ["flatten", "is_nested", "map_structure", "pack_sequence_as", "same_structure"]


def is_nested(structure) -> bool:
    """Whether `structure` is a container rather than a leaf."""
    return isinstance(structure, (list, tuple, dict))


def sorted_keys(mapping: dict) -> list:
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


def map_structure(function, structure, *others):
    """Apply `function` to corresponding leaves; the result has the structure of the first."""
    if isinstance(structure, dict):
        return {key: map_structure(function, value, *(o[key] for o in others)) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return rebuild(structure, [map_structure(function, *items) for items in zip(structure, *others, strict=True)])
    return function(structure, *others)


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
            packed = {key: pack(node[key]) for key in sorted_keys(node)}
            return {key: packed[key] for key in node}
        if isinstance(node, (list, tuple)):
            return rebuild(node, [pack(item) for item in node])
        return next(remaining)

    return pack(structure)
