"""To look at what a convolutional network has learned: filters, feature maps, saliency, Grad-CAM.

    >>> refnet.visualize.filters(model.layers[0]).save("filters.png")
    >>> refnet.visualize.feature_maps(model, image).save("maps.png")
    >>> refnet.visualize.grad_cam(model, image)            # in a notebook, the last line of a cell shows the picture

Each function is one call and returns a `Picture`: the numbers (`values`) and how to draw them. The numbers need NumPy
only; drawing needs matplotlib (`pip install matplotlib`).

An image is what one sample of the model's input is: (H, W, C), (C, H, W) for a model that stores channels first, or
(H, W) for one without a channel axis, such as a Flatten with Dense layers behind it.

The score. Saliency and Grad-CAM ask what moves the score of a class. A softmax saturates: once a class is certain,
nothing moves its probability. So where a model ends in a softmax, the score is the number that goes into it.

References
    Simonyan, Vedaldi, Zisserman (2014), Deep inside convolutional networks: visualising image classification models and
    saliency maps, arXiv:1312.6034.
    Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra (2017), Grad-CAM: visual explanations from deep networks via
    gradient-based localization, arXiv:1610.02391.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from refnet import activations, backend, ops, public
from refnet.autodiff import GradientTape, value_of
from refnet.layers import Activation, Dense, Layer
from refnet.models import Model
from refnet.utils import tree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "feature_maps", "filters", "grad_cam", "saliency"]


class Picture:
    """Images with captions: numbers first, a drawing when asked for.

    Args:
        values: what was found.
        panels: the images to draw: (caption, (H, W) or (H, W, 3), overlay (H, W) or None).
        title: above them.

    Attributes:
        values: an ndarray; what it holds, the function that made it says.
    """

    def __init__(self, values: np.ndarray, panels: Sequence[tuple[str, np.ndarray, np.ndarray | None]], title: str):
        self.values = values
        self._panels = list(panels)
        self._title = title

    def figure(self, columns: int | None = None) -> Figure:
        """A matplotlib Figure of all panels.

        Args:
            columns: panels side by side; None: about as many as there are rows.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: for a number of columns below 1.
        """
        from refnet.plotting import new_figure

        columns = math.ceil(math.sqrt(len(self._panels))) if columns is None else _at_least_1("figure", "columns", columns)
        rows = math.ceil(len(self._panels) / columns)
        size = min(max(12 / columns, 1.0), 3.0)
        figure = new_figure(size * columns, size * rows + 0.4)
        axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, (caption, image, overlay) in zip(axes, self._panels, strict=False):
            axis.imshow(image, cmap="gray" if image.ndim == 2 else None, interpolation="nearest")
            if overlay is not None:
                axis.imshow(overlay, cmap="jet", alpha=0.45, interpolation="bilinear")
            if caption:
                axis.set_title(caption, fontsize=8)
        figure.suptitle(self._title)
        return figure

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the figure to a file; the ending (.png, .svg, .pdf) says the format.

        Args:
            path: the file.
            **options: for matplotlib's `Figure.savefig`, such as `dpi`.

        Returns:
            The path.
        """
        self.figure().savefig(path, **options)
        return Path(path)

    def _repr_png_(self) -> bytes:
        """How a notebook shows it."""
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png")
        return buffer.getvalue()

    def __repr__(self) -> str:
        return f"<Picture '{self._title}', {len(self._panels)} panels, values {self.values.shape}>"


def _scaled(image: np.ndarray) -> np.ndarray:
    """An image on [0, 1]: its least entry black, its greatest white."""
    low, high = np.min(image), np.max(image)
    return (image - low) / (high - low) if high > low else np.zeros_like(image)


def _drawable(image: np.ndarray, channels: int | None) -> np.ndarray:
    """An image as gray (no channel axis, one channel, or the mean of many) or colour (three channels)."""
    if channels is None:
        return _scaled(image)
    image = np.moveaxis(image, channels, -1)
    if image.shape[-1] == 3:
        return _scaled(image)
    return _scaled(image[..., 0] if image.shape[-1] == 1 else image.mean(axis=-1))


def _at_least_1(function: str, argument: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{function}: `{argument}` must be an integer of at least 1. Received: {value!r}")
    return int(value)


def _in_scope_of_model(function: Any) -> Any:
    """What such a function computes runs on the kernels of the model that it is given."""

    @functools.wraps(function)
    def entered(model, *args, **kwargs):
        if not isinstance(model, Model):
            raise TypeError(
                f"{function.__name__}: the first argument, `model`, must be a Sequential or functional model. "
                f"Received: {model!r} of type {type(model).__name__}"
            )
        token = backend.enter(model._backend)
        try:
            return function(model, *args, **kwargs)
        finally:
            backend.leave(token)

    return entered


def filters(layer: Layer, limit: int = 64) -> Picture:
    """The filters of a convolution layer, as images.

    Args:
        layer: a built layer with a kernel (*K, C, F) of two spatial axes, or a separable one (its depthwise kernel is
            shown).
        limit: draw at most this many.

    Returns:
        A picture whose `values` are (F, K, K, C). Filters of 1 or 3 channels are drawn as gray or colour images; of
        others, the mean over their channels.

    Raises:
        TypeError: for what is not a layer.
        ValueError: for a layer without such a kernel.
    """
    if not isinstance(layer, Layer):
        raise TypeError(
            f"filters: `layer` must be a layer, such as model.layers[0] or model.get_layer('conv2d'). "
            f"Received: {layer!r} of type {type(layer).__name__}"
        )
    limit = _at_least_1("filters", "limit", limit)
    kernel = getattr(layer, "kernel", None)
    kernel = getattr(layer, "depthwise_kernel", None) if kernel is None else kernel
    if kernel is None or len(kernel.shape) != 4:
        found = "is not built yet: call it on data" if not layer.built else "has no kernel of two spatial axes"
        raise ValueError(
            f"filters: `layer`, '{layer.name}' ({type(layer).__name__}), {found}. Pass a Conv2D layer, such as "
            "model.layers[0] of a model that begins with one."
        )
    values = kernel.numpy()
    if type(layer).__name__.endswith("Transpose"):
        values = values.swapaxes(-1, -2)  # (*K, F, C) there
    values = np.moveaxis(values, -1, 0)
    panels = [(f"{i}", _drawable(values[i], -1), None) for i in range(min(limit, len(values)))]
    return Picture(values, panels, f"filters of {layer.name}: {len(values)} of {values.shape[1]}x{values.shape[2]}")


def _channel_axis(model: Model) -> int | None:
    """Of one sample of the model's input: 0 or -1; None for images (H, W).

    The first layer that cares about it decides: what comes later may have been permuted.
    """
    if len(model.inputs[0].shape) == 3:
        return None
    formats = [layer.data_format for layer in model.layers if hasattr(layer, "data_format")]
    return 0 if formats and formats[0] == "channels_first" else -1


def _one_image(name: str, model: Model, image: Any) -> np.ndarray:
    """A single image as a batch of one, in the type of the model's input."""
    if model._network is None:
        remedy = (
            "A subclassed model's layers cannot be seen from outside: make it of Input and layers, as "
            "refnet.Model(inputs, outputs) or Sequential."
            if model.built or type(model).__name__ != "Sequential"
            else "Call it on data, or begin it with an Input."
        )
        raise ValueError(f"{name}: `model`, '{model.name}', has no graph of layers to look at. {remedy}")
    inputs = model.inputs
    if len(inputs) != 1:
        raise ValueError(
            f"{name}: `model`, '{model.name}', has {len(inputs)} inputs; only models with one image as input can be "
            "looked at."
        )
    wanted = tuple(inputs[0].shape)
    if len(wanted) not in (3, 4):
        raise ValueError(
            f"{name}: `model`, '{model.name}', takes samples of shape {wanted[1:]}, which are not images: (H, W) or "
            "(H, W, C). Begin the model with Input((H, W)) and a Flatten or Reshape layer."
        )
    try:
        if image is None:
            raise TypeError("not an array")
        given = np.asarray(value_of(image), dtype=inputs[0].dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name}: `image` must be an array of numbers. Received: {type(image).__name__} ({error})"
        ) from None
    channels = _channel_axis(model)
    forms = [given, given[None]]  # a batch of one, or the image itself
    if channels is not None and wanted[1:][channels] == 1:  # a gray image needs no axis for its one channel
        forms += [np.expand_dims(form, -1 if channels else 1) for form in forms]
    fitting = [form for form in forms if form.ndim == len(wanted)
               and all(w in (None, n) for w, n in zip(wanted[1:], form.shape[1:], strict=True))]  # fmt: skip
    for form in fitting:
        if len(form) == 1:
            return form
    raise ValueError(
        f"{name}: `image` must be a single image of shape {wanted[1:]}, as model '{model.name}' takes it. Received "
        f"shape: {given.shape}." + (" That is a batch: pass one of it, such as images[0]." if fitting else "")
    )


def _layer_of(name: str, argument: str, model: Model, layer: Any) -> Layer:
    """A layer with feature maps, by itself or by its name; None: the last one."""
    choices = _with_maps(model)
    if not choices:
        raise ValueError(
            f"{name}: `model`, '{model.name}', has no layer with feature maps (N, H, W, C). They come from layers such "
            "as Conv2D; for other models there is refnet.visualize.saliency."
        )
    names = ", ".join(candidate.name for candidate in choices)
    if layer is None:
        return choices[-1]
    if not isinstance(layer, (Layer, str)):
        raise TypeError(
            f"{name}: `{argument}` takes layers and their names. Received: {layer!r} of type {type(layer).__name__}. "
            f"Layers with feature maps: {names}"
        )
    wanted = layer if isinstance(layer, str) else layer.name
    found = [candidate for candidate in model.layers if candidate is layer or candidate.name == layer]
    if not found:
        raise ValueError(
            f"{name}: `{argument}`: model '{model.name}' has no layer '{wanted}'. Its layers with feature maps: {names}"
        )
    if found[0] not in choices:
        uses = len(found[0]._inbound_nodes)
        gives = f"is called {uses} times" if uses != 1 else f"gives {getattr(found[0].output, 'shape', 'several arrays')}"
        raise ValueError(
            f"{name}: `{argument}`: layer '{wanted}' {gives}; feature maps (N, H, W, C), made once, are needed. Layers "
            f"with such: {names}"
        )
    return found[0]


def _with_maps(model: Model) -> list[Layer]:
    """The layers whose output is a batch of feature maps, first to last."""
    return [
        layer
        for layer in model.layers
        if len(layer._inbound_nodes) == 1 and len(getattr(layer.output, "shape", ())) == 4
    ]


def _is_first(layer: Layer) -> bool:
    return getattr(layer, "data_format", "channels_last") == "channels_first"


@_in_scope_of_model
def feature_maps(
    model: Model, image: Any, layers: Layer | str | Sequence[Layer | str] | None = None, limit: int = 16
) -> Picture:
    """What the channels of a model's layers say to an image.

    Args:
        model: a Sequential or functional model with one image as input.
        image: one sample of the model's input, or a batch of one.
        layers: a layer or its name, or several; None: all that give feature maps (N, H, W, C).
        limit: draw at most this many channels of each layer.

    Returns:
        A picture whose `values` are those of the last of these layers, (H, W, C).

    Raises:
        ValueError: for an image that does not fit, or layers that are unknown or give no feature maps.
    """
    image = _one_image("feature_maps", model, image)
    limit = _at_least_1("feature_maps", "limit", limit)
    if layers is None:
        _layer_of("feature_maps", "model", model, None)
        chosen = _with_maps(model)
    else:
        wanted = list(layers) if isinstance(layers, (list, tuple)) else [layers]
        if not wanted:
            raise ValueError("feature_maps: `layers` is empty. Name some, or leave it out: then all are shown.")
        chosen = [_layer_of("feature_maps", "layers", model, layer) for layer in wanted]
    found = tree.flatten(backend.localise(Model)(model.inputs[0], [layer.output for layer in chosen])(image))
    panels, values = [], np.empty(0)
    for layer, maps in zip(chosen, found, strict=True):
        values = np.moveaxis(maps[0], 0, -1) if _is_first(layer) else maps[0]
        panels += [(f"{layer.name} {c}", _scaled(values[..., c]), None) for c in range(min(limit, values.shape[-1]))]
    return Picture(values, panels, f"feature maps of {model.name}")


def _score_source(model: Model) -> tuple[Any, Any]:
    """The symbolic tensor from which the score follows, and how: the model's output, or what goes into its softmax."""
    output = model.outputs[0]
    last = output.node.operation
    if isinstance(last, (Dense, Activation)) and activations.serialize(last.activation) == "softmax":
        if isinstance(last, Activation):
            return last.input, lambda h: h
        return last.input, lambda h: ops.dense(h, last.kernel, last.bias)
    return output, lambda h: h


def _watched_score(
    name: str, model: Model, image: np.ndarray, index: int | None, layer: Layer | None
) -> tuple[int, Any, Any]:
    """(class, gradient of its score with respect to the image or to layer's output, that output)."""
    if len(model.outputs) != 1:
        raise ValueError(
            f"{name}: `model`, '{model.name}', has {len(model.outputs)} outputs; one is needed: pass "
            "refnet.Model(model.inputs, model.outputs[0])."
        )
    source, to_scores = _score_source(model)
    outputs = [source] if layer is None else [layer.output, source]
    inner = backend.localise(Model)(model.inputs[0], outputs)
    with backend.localise(GradientTape)() as tape:
        x = ops.convert_to_tensor(image)
        tape.watch(x)
        *maps, hidden = tree.flatten(inner(x, training=False))
        scores = to_scores(hidden)
        if len(scores.shape) != 2:
            raise ValueError(
                f"{name}: `model`, '{model.name}', gives {tuple(scores.shape)}; scores (N, classes) are needed. End it in "
                "a pooling or Flatten layer and a Dense."
            )
        classes = scores.shape[1]
        index = int(np.argmax(value_of(scores)[0])) if index is None else index
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise TypeError(
                f"{name}: `index`, the class, must be an integer from 0 to {classes - 1}, or None for the likeliest. "
                f"Received: {index!r} of type {type(index).__name__}"
            )
        if not 0 <= index < classes:
            raise ValueError(
                f"{name}: `index`: class {index} is out of range; model '{model.name}' has {classes} classes, 0 to "
                f"{classes - 1}."
            )
        score = scores[0, index]
    target = maps[0] if maps else x
    return index, tape.gradient(score, target, unconnected_gradients="zero"), value_of(target)


@_in_scope_of_model
def saliency(model: Model, image: Any, index: int | None = None) -> Picture:
    """Which pixels the score of a class depends on most: |∂score/∂pixel|, the greatest over the channels.

    Args:
        model: a Sequential or functional model with one image as input and scores (N, classes) as output.
        image: one sample of the model's input, or a batch of one.
        index: the class; None: the one with the highest score.

    Returns:
        A picture whose `values` are (H, W).

    Raises:
        ValueError: for an image or class that does not fit.
    """
    image = _one_image("saliency", model, image)
    index, gradient, _ = _watched_score("saliency", model, image, index, None)
    channels = _channel_axis(model)
    values = np.abs(gradient[0])
    values = values if channels is None else values.max(axis=channels)
    shown = _drawable(image[0], channels)
    return Picture(
        values,
        [("image", shown, None), (f"saliency for class {index}", _scaled(values), None)],
        f"saliency of {model.name}",
    )


@_in_scope_of_model
def grad_cam(model: Model, image: Any, layer: Layer | str | None = None, index: int | None = None) -> Picture:
    """Where in the image the evidence for a class is.

    The feature maps A of a layer are weighted by how much the score depends on each, α_c = mean over places of
    ∂score/∂A_c, and summed; what speaks against the class is dropped: relu(Σ_c α_c A_c). The result is enlarged to
    the image.

    Args:
        model: a Sequential or functional model with one image as input and scores (N, classes) as output.
        image: one sample of the model's input, or a batch of one.
        layer: a layer with feature maps, or its name; None: the last one.
        index: the class; None: the one with the highest score.

    Returns:
        A picture whose `values` are (H, W), from 0 to 1.

    Raises:
        ValueError: for an image, layer or class that does not fit.
    """
    image = _one_image("grad_cam", model, image)
    layer = _layer_of("grad_cam", "layer", model, layer)
    index, gradient, maps = _watched_score("grad_cam", model, image, index, layer)
    first = _is_first(layer)
    places = (1, 2) if first else (0, 1)
    weights = gradient[0].mean(axis=places, keepdims=True)  # α
    heat = np.maximum((weights * maps[0]).sum(axis=0 if first else -1), 0)
    shown = _drawable(image[0], _channel_axis(model))
    values = np.maximum(
        value_of(ops.image.resize(heat[..., None], shown.shape[:2], data_format="channels_last"))[..., 0], 0
    )
    values = values / values.max() if values.max() > 0 else values
    panels = [("image", shown, None), (f"class {index}, by {layer.name}", shown, values)]
    return Picture(values, panels, f"Grad-CAM of {model.name}")


public.finish(__name__)
