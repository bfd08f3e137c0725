"""class_weight: the weight of a sample is that of its class."""

from collections.abc import Mapping

import numpy as np

from refnet.utils import tree
from refnet.utils.checks import Range
from refnet.utils.data_utils import to_array

__all__ = ["checked_class_weight", "class_weights"]


def checked_class_weight(class_weight):
    """Weights of classes as `{integer label: float}`, None for None.

    Raises:
        ValueError: for anything else than a dict of labels and finite numbers.
    """
    if class_weight is None:
        return None
    if not isinstance(class_weight, Mapping):
        if isinstance(class_weight, str):
            remedy = "count the labels: {label: len(y) / (classes * count), ...} balances them"
        else:
            remedy = "write dict(enumerate(class_weight)) for a list of weights"
        raise ValueError(
            f"`class_weight` must be a dict {{label: weight}}. Received: class_weight={class_weight!r}; {remedy}."
        )
    if any(isinstance(weight, Mapping) for weight in class_weight.values()):
        raise ValueError(
            "`class_weight` is only supported for models with a single output, so it has no names of outputs. Pass "
            "`sample_weight` for each output instead."
        )
    found = {}
    for label, weight in class_weight.items():
        if not isinstance(label, (int, float, np.integer, np.floating, np.bool_)) or label != np.round(label):
            raise ValueError(
                f"`class_weight` has the key {label!r} of type {type(label).__name__}, which no label equals: labels are "
                f"whole numbers. Write the label's number" + (f", {int(label)}." if _is_number(label) else ".")
            )
        found[int(label)] = Range().check(weight, f"class_weight[{label!r}]", "fit")
    return found


def _is_number(text) -> bool:
    return isinstance(text, str) and text.strip().lstrip("-").isdecimal()


def class_weights(y, class_weight, sample_weight=None):
    """Sample weights from weights of classes.

    Args:
        y: labels (N,) or (N, 1) of any type (floats are rounded), or rows (N, C), one-hot or probabilities, whose
            largest entry is the label.
        class_weight: `{label: weight}`; labels that are missing weigh 1.
        sample_weight: must be None.

    Returns:
        (N,) of float64.

    Raises:
        ValueError: with sample weights as well; for several outputs; without targets; for labels in other layouts.
    """
    if sample_weight is not None:
        raise ValueError("`class_weight` and `sample_weight` cannot be used at the same time: multiply them into one.")
    if y is None:
        raise ValueError("`class_weight` needs targets `y`.")
    if isinstance(y, dict) or (isinstance(y, (list, tuple)) and any(hasattr(v, "shape") for v in tree.flatten(y))):
        raise ValueError(
            "`class_weight` is only supported for models with a single output. Pass `sample_weight` for each output."
        )
    labels = to_array(y, "y")
    if labels.ndim not in (1, 2):
        raise ValueError(
            f"`class_weight` needs labels `y` of shape (N,), (N, 1) or one-hot rows (N, C). Received: y of shape "
            f"{labels.shape}. Pass `sample_weight` instead, one weight per label."
        )
    if not np.isfinite(labels).all():
        raise ValueError("`class_weight` needs labels, but `y` has NaN or infinite entries.")
    if labels.ndim == 2 and labels.shape[-1] != 1:
        if labels.size and (labels.min() < 0 or labels.max() > 1):
            raise ValueError(
                f"`class_weight` needs one label per sample, but `y` of shape {labels.shape} has entries outside "
                "[0, 1], so that its rows are not one-hot. Pass `sample_weight` instead: an array of y's shape."
            )
        labels = labels.argmax(-1)
    values, where = np.unique(np.round(labels.reshape(-1).astype(np.float64)), return_inverse=True)
    return np.array([class_weight.get(int(v), 1.0) for v in values], dtype=np.float64)[where.reshape(-1)]
