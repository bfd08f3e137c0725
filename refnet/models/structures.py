"""Which target, loss, weight and metrics belong to which output, whatever structure of lists and dicts they come in.

Outputs have an order, that of `tree.flatten` (a dict by its sorted keys), and names. What a user gives is brought into that
order by structure, by names or by position. Keras takes a list for a dict of outputs by the alphabet of its keys, which is
seldom the order in which somebody wrote them: here that is an error, unless the two are the same.
"""

from refnet.utils import tree

__all__ = ["as_written", "is_ambiguous", "loss_names_of", "match", "output_names_of", "spread"]


def output_names_of(y_pred, names):
    """A name for each leaf of the outputs: the keys of a dict, the model's names, or `output_0`, `output_1`, ..."""
    leaves = tree.flatten(y_pred)
    if isinstance(y_pred, dict) and _is_flat(y_pred):
        return [str(key) for key in tree.sorted_keys(y_pred)]
    if names and len(names) == len(leaves):
        return list(names)
    return [f"output_{index}" for index in range(len(leaves))]


def _is_flat(structure) -> bool:
    """Whether a container holds no other container."""
    return not any(map(tree.is_nested, structure.values() if isinstance(structure, dict) else structure))


def loss_names_of(y_pred, names):
    """The names of the outputs' losses in the logs: where outputs are nested, paths such as `decoder/mean`."""
    paths: list = []

    def walk(structure, path):
        if isinstance(structure, dict):
            for key in tree.sorted_keys(structure):
                walk(structure[key], (*path, key))
        elif isinstance(structure, (list, tuple)):
            for index, item in enumerate(structure):
                walk(item, (*path, index))
        else:
            paths.append(path)

    walk(y_pred, ())
    return [
        "/".join(map(str, path if path and not isinstance(path[-1], int) else (*path[:-1], name)))
        for path, name in zip(paths, names, strict=True)
    ]


def is_ambiguous(structure) -> bool:
    """Whether a list could mean two orders: a dict is walked by its sorted keys, and is written in another order."""
    if isinstance(structure, dict):
        return list(structure) != tree.sorted_keys(structure) or any(map(is_ambiguous, structure.values()))
    return isinstance(structure, (list, tuple)) and any(map(is_ambiguous, structure))


def _ambiguous(what, y_pred):
    return ValueError(
        f"`{what}` is a list, but the model's outputs are a dict {_shape_of(y_pred)}: a list does not say which is "
        "which. Pass a dict with the same keys."
    )


def _shape_of(structure):
    return tree.map_structure(lambda _: "*", structure)


def _leaf(setting) -> bool:
    return not isinstance(setting, (list, tuple, dict))


def _bare(entry):
    """An entry for one output without the list around it that Keras allows: `["mse"]` means `"mse"`."""
    alone = isinstance(entry, (list, tuple)) and len(entry) == 1 and _leaf(entry[0])
    return entry[0] if alone else entry


def spread(setting, y_pred, names, what, lists=False):
    """One entry of a setting (loss, weight, metrics) for each leaf of the outputs.

    Args:
        setting: a structure like that of the outputs, or a list with one entry per output, a dict by output names
            (missing: None), or one entry for all.
        y_pred: the outputs.
        names: their names.
        what: the name of the setting, for messages.
        lists: whether an entry may be a list itself, as it may for metrics.

    Raises:
        ValueError: when it fits none of these, or when a list could mean two orders.
    """
    count = len(names)
    if _leaf(setting):
        return [setting] * count
    nested = isinstance(y_pred, (list, tuple, dict)) and not _is_flat(y_pred)
    if isinstance(setting, dict):
        if set(map(str, setting)) <= set(names):
            by_name = {str(key): value for key, value in setting.items()}
            return [by_name.get(name) if lists else _bare(by_name.get(name)) for name in names]
        if isinstance(y_pred, dict) and set(setting) <= set(y_pred):
            return _spread_inside(
                [(setting.get(key), y_pred[key]) for key in tree.sorted_keys(y_pred)], names, what, lists
            )
        known = [*names, *(y_pred if isinstance(y_pred, dict) else ())]
        unknown = [key for key in setting if str(key) not in known]
        raise ValueError(
            f"`{what}` has the key {(unknown or list(setting))[0]!r}, but the model's outputs are named "
            f"{list(dict.fromkeys(known))}."
        )
    if (
        nested
        and not (lists and len(y_pred) == count)  # one output in each part
        and isinstance(y_pred, (list, tuple))
        and len(setting) == len(y_pred)
        and all(lists or tree.is_nested(inner) or _leaf(entry) for entry, inner in zip(setting, y_pred, strict=True))
    ):
        return _spread_inside(list(zip(setting, y_pred, strict=True)), names, what, lists)
    if not lists:
        setting = [_bare(entry) for entry in setting]
    if len(setting) == count and (len(y_pred) == count if lists else all(map(_leaf, setting))):
        if count > 1 and is_ambiguous(y_pred):
            raise _ambiguous(what, y_pred)
        return list(setting)
    raise ValueError(
        f"`{what}` has {len(setting)} entries, but the model has {count} output(s) {names}. Pass one entry per output, "
        f"in their structure or as a dict by output names{', each a list of metrics' if lists else ''}."
    )


def _spread_inside(pairs, names, what, lists):
    """`spread` for each part of nested outputs."""
    found: list = []
    for setting, inner in pairs:
        inner_names = names[len(found) : len(found) + len(tree.flatten(inner))]
        found += spread(setting, inner, inner_names, what, lists) if tree.is_nested(inner) else [setting]
    return found


def match(y, y_pred, names, wanted, what):
    """Targets or weights as a flat list beside the outputs; None for outputs that need none.

    Args:
        y: a structure like that of the outputs, a list in their order, a dict by their names, or one array.
        y_pred: the outputs.
        names: their names.
        wanted: for each output whether it has a loss or metric.
        what: what `y` is, for messages.

    Raises:
        ValueError: when their structures differ, or when a list could mean two orders.
    """
    count = len(names)
    if y is None:
        return [None] * count
    if isinstance(y, dict):
        if set(y) <= set(names):
            return [y.get(name) for name in names]
        if not isinstance(y_pred, dict) or not set(y) <= set(y_pred):
            known = list(dict.fromkeys([*names, *(y_pred if isinstance(y_pred, dict) else ())]))
            unknown = [key for key in y if key not in known]
            raise ValueError(
                f"The {what} have the key {(unknown or list(y))[0]!r}, but the model's outputs are named {known}. Pass "
                "one array per output, as a list or as a dict by output names."
            )
        y = [
            leaf
            for key in tree.sorted_keys(y_pred)
            for leaf in (tree.flatten(y[key]) if key in y else [None] * len(tree.flatten(y_pred[key])))
        ]
    elif tree.is_nested(y) and count > 1 and is_ambiguous(y_pred) and not tree.same_structure(y, y_pred):
        raise _ambiguous(what, y_pred)
    leaves = tree.flatten(y)
    if len(leaves) == count:
        return leaves
    if len(leaves) == sum(wanted):
        remaining = iter(leaves)
        return [next(remaining) if want else None for want in wanted]
    raise ValueError(
        f"The {what} have {len(leaves)} array(s), but the model has {count} output(s) {names}. Pass one array per "
        "output, as a list or as a dict by output names."
    )


def as_written(setting, positions):
    """Positions of outputs in the order in which a dict by the outputs' keys was written, as Keras names them."""
    if isinstance(setting, dict) and isinstance(positions, dict) and set(setting) <= set(positions):
        return [index for key, inner in setting.items() for index in as_written(inner, positions[key])]
    return tree.flatten(positions)
