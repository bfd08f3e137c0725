"""Masks: which steps of a sequence, or which samples, count. They travel beside the values, from layer to layer.

A mask is an array of booleans for the leading axes of a value, True where an entry counts. A layer that makes one (or changes
or ends one) defines `compute_mask`; a layer that only hands it on says `supports_masking = True`; a layer that uses
it has a parameter `mask` in its `call`, or, with several inputs, `query_mask` for its parameter `query`, and so on. Losses and
metrics read the mask of what they are given.

Values carry their mask with them (`autodiff.mask_of`): a Tensor in an attribute, an array in the thin subclass
`autodiff.Masked`. So masks pass through models in models and subclassed models like values do. In a graph it is known
beforehand where a mask can be (`mark_symbolic`): everywhere else a model calls its layers without looking for one.
"""

import warnings

from refnet import autodiff, graph
from refnet.utils import tree

__all__ = ["any_in", "call_with_masks", "mark_symbolic", "masks_of"]

_NO_INPUTS = ("mask", "training")


def masks_of(structure):
    """The masks of a structure of arrays, in the same structure (None where there is none)."""
    return tree.map_structure(autodiff.mask_of, structure)


def any_in(args, kwargs):
    """Whether a mask comes with any argument of a call."""
    for x in args:
        kind = type(x)
        if kind is autodiff.ndarray:
            continue
        if kind in (list, tuple, dict):
            if any(autodiff.mask_of(leaf) is not None for leaf in tree.flatten(x)):
                return True
        elif autodiff.mask_of(x) is not None:
            return True
    if not kwargs:
        return False
    return kwargs.get("mask") is not None or any(
        autodiff.mask_of(leaf) is not None for value in kwargs.values() for leaf in tree.flatten(value)
    )


def call_with_masks(layer, args, kwargs):
    """Call a layer whose inputs have masks, or that makes one: hand masks to `call`, and the outgoing ones to its outputs."""
    parameters = layer._call_parameters
    named = {**dict(zip(parameters, args, strict=False)), **kwargs}
    inputs = {
        name: value
        for name, value in named.items()
        if name not in _NO_INPUTS and not name.endswith("_mask") and any(map(_is_array, tree.flatten(value)))
    }
    if len(inputs) == 1:
        if "mask" in parameters and named.get("mask") is None:
            found = masks_of(next(iter(inputs.values())))
            if any(m is not None for m in tree.flatten(found)):
                kwargs = {**kwargs, "mask": found}
    else:
        for name, value in inputs.items():
            if f"{name}_mask" in parameters and named.get(f"{name}_mask") is None:
                kwargs = {**kwargs, f"{name}_mask": masks_of(value)}
    first = args[0] if args else next(iter(inputs.values()), None)
    previous = kwargs.get("mask")
    if previous is None:
        previous = masks_of(first)
    outputs = layer._call_in_context(args, kwargs)
    if layer.supports_masking:
        return _handed_on(layer, first, outputs, previous)
    if any(m is not None for m in tree.flatten(previous)) and not layer._handles_masks_inside:
        warnings.warn(
            f"Layer '{layer.name}' ({type(layer).__name__}) was given an input with a mask, but does not support masking: the "
            "layers behind it will not see the mask. If its output has the same steps as its input, set "
            "`self.supports_masking = True` in its constructor.",
            stacklevel=4,
        )
    return outputs


def _is_array(x):
    return isinstance(x, autodiff.ndarray) or autodiff.is_tensor(x)


def _handed_on(layer, first, outputs, previous):
    flat = tree.flatten(outputs)
    if all(autodiff.mask_of(y) is not None for y in flat):
        return outputs
    masks = layer.compute_mask(first, previous)
    if masks is None:
        return outputs
    flat_masks = tree.flatten(masks)
    if len(flat_masks) == 1 and len(flat) == 1:
        return tree.pack_sequence_as(outputs, [_with(flat[0], flat_masks[0])])
    pairs = zip(flat, [*flat_masks, *[None] * len(flat)], strict=False)
    return tree.pack_sequence_as(outputs, [_with(y, mask) for y, mask in pairs])


def _with(y, mask):
    return y if mask is None or autodiff.mask_of(y) is not None else autodiff.with_mask(y, autodiff.value_of(mask))


def mark_symbolic(layer, args, kwargs, outputs):
    """Note on the symbolic outputs of a call whether values that take their place may have a mask."""
    incoming = kwargs.get("mask") is not None or any(
        getattr(x, "masked", False) for x in graph.flatten((args, kwargs)) if graph.is_keras_tensor(x)
    )
    if layer._may_output_masks or (incoming and (layer.supports_masking or layer._handles_masks_inside)):
        for tensor in tree.flatten(outputs):
            tensor.masked = True
