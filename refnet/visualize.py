"""To look at what a convolutional network has learned: filters, feature maps, saliency, Grad-CAM.

    >>> refnet.visualize.filters(model.layers[0]).save("filters.png")
    >>> refnet.visualize.feature_maps(model, image).save("maps.png")
    >>> refnet.visualize.grad_cam(model, image)            # in a notebook, the last line of a cell shows the picture

Each function is one call and returns a `Picture`: the numbers (`values`) and how to draw them. The numbers need NumPy
only; drawing needs matplotlib (`pip install 'refnet[plot]'`).

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

from refnet import activations, backend, ops
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
        """
        from refnet.plotting import new_figure

        columns = columns or math.ceil(math.sqrt(len(self._panels)))
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


def _drawable(image: np.ndarray, channels_first: bool = False) -> np.ndarray:
    """(H, W, C) as gray (one channel, or the mean of many) or colour (three)."""
    image = np.moveaxis(image, 0, -1) if channels_first else image
    if image.shape[-1] == 3:
        return _scaled(image)
    return _scaled(image[..., 0] if image.shape[-1] == 1 else image.mean(axis=-1))


def _in_scope_of_model(function: Any) -> Any:
    """What such a function computes runs on the kernels of the model that it is given."""

    @functools.wraps(function)
    def entered(model, *args, **kwargs):
        if not isinstance(model, Model):
            raise TypeError(
                f"{function.__name__}: the first argument must be a model. Received: {model!r} of "
                f"type {type(model).__name__}"
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
        ValueError: for a layer without such a kernel.
    """
    kernel = getattr(layer, "kernel", None)
    kernel = getattr(layer, "depthwise_kernel", None) if kernel is None else kernel
    if kernel is None or len(kernel.shape) != 4:
        found = "is not built yet: call it on data" if not layer.built else "has no kernel of two spatial axes"
        raise ValueError(
            f"filters: layer '{layer.name}' ({type(layer).__name__}) {found}. Pass a Conv2D layer, "
            "such as "
            f"model.layers[0]."
        )
    values = kernel.numpy()
    if type(layer).__name__.endswith("Transpose"):
        values = values.swapaxes(-1, -2)  # (*K, F, C) there
    values = np.moveaxis(values, -1, 0)
    panels = [(f"{i}", _drawable(values[i]), None) for i in range(min(limit, len(values)))]
    return Picture(values, panels, f"filters of {layer.name}: {len(values)} of {values.shape[1]}x{values.shape[2]}")


def _one_image(name: str, model: Model, image: Any) -> np.ndarray:
    """A single image as a batch of one, in the type of the model's input."""
    if model._network is None and not model.built:
        raise ValueError(f"{name}: model '{model.name}' is not built yet. Call it on data, or begin it with an Input.")
    inputs = model.inputs
    if len(inputs) != 1:
        raise ValueError(
            f"{name}: model '{model.name}' has {len(inputs)} inputs; only models with one image as "
            "input can be looked at."
        )
    wanted = tuple(inputs[0].shape)
    image = np.asarray(value_of(image), dtype=inputs[0].dtype)
    image = image[None] if image.ndim == len(wanted) - 1 else image
    if (
        len(image) != 1
        or image.ndim != len(wanted)
        or any(w is not None and w != n for w, n in zip(wanted[1:], image.shape[1:], strict=True))
    ):
        raise ValueError(
            f"{name}: model '{model.name}' takes a single image of shape {wanted[1:]}. Received shape: {image.shape}"
        )
    return image


def _layer_of(name: str, model: Model, layer: Layer | str | None, choices: list[Layer]) -> Layer:
    """A layer, by itself or by its name; None: the last one that gives feature maps."""
    if layer is None:
        if not choices:
            raise ValueError(f"{name}: model '{model.name}' has no layer with feature maps (N, H, W, C).")
        return choices[-1]
    found = [candidate for candidate in model.layers if candidate is layer or candidate.name == layer]
    if not found:
        names = ", ".join(candidate.name for candidate in model.layers)
        wanted = layer if isinstance(layer, str) else layer.name
        raise ValueError(f"{name}: model '{model.name}' has no layer '{wanted}'. Its layers: {names}")
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
def feature_maps(model: Model, image: Any, layers: list | None = None, limit: int = 16) -> Picture:
    """What the channels of a model's layers say to an image.

    Args:
        model: a Sequential or functional model with one image as input.
        image: (H, W, C), or a batch of one.
        layers: layers or their names; None: all that give feature maps (N, H, W, C).
        limit: draw at most this many channels of each layer.

    Returns:
        A picture whose `values` are those of the last of these layers, (H, W, C).

    Raises:
        ValueError: for an image that does not fit, or unknown layers.
    """
    image = _one_image("feature_maps", model, image)
    every = _with_maps(model)
    chosen = every if layers is None else [_layer_of("feature_maps", model, layer, every) for layer in layers]
    if not chosen:
        raise ValueError(f"feature_maps: model '{model.name}' has no layer with feature maps (N, H, W, C).")
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
                f"{name}: model '{model.name}' gives {tuple(scores.shape)}; scores (N, classes) are needed."
            )
        classes = scores.shape[1]
        index = int(np.argmax(value_of(scores)[0])) if index is None else index
        if not 0 <= index < classes:
            raise ValueError(f"{name}: class {index} is out of range; model '{model.name}' has {classes} classes.")
        score = scores[0, index]
    target = maps[0] if maps else x
    return index, tape.gradient(score, target, unconnected_gradients="zero"), value_of(target)


@_in_scope_of_model
def saliency(model: Model, image: Any, index: int | None = None) -> Picture:
    """Which pixels the score of a class depends on most: |∂score/∂pixel|, the greatest over the channels.

    Args:
        model: a Sequential or functional model with one image as input and scores (N, classes) as output.
        image: (H, W, C), or a batch of one.
        index: the class; None: the one with the highest score.

    Returns:
        A picture whose `values` are (H, W).

    Raises:
        ValueError: for an image or class that does not fit.
    """
    image = _one_image("saliency", model, image)
    index, gradient, _ = _watched_score("saliency", model, image, index, None)
    first = any(_is_first(layer) for layer in model.layers)
    values = np.abs(gradient[0]).max(axis=0 if first else -1)
    shown = _drawable(image[0], first)
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
        image: (H, W, C), or a batch of one.
        layer: a layer with feature maps, or its name; None: the last one.
        index: the class; None: the one with the highest score.

    Returns:
        A picture whose `values` are (H, W), from 0 to 1.

    Raises:
        ValueError: for an image, layer or class that does not fit.
    """
    image = _one_image("grad_cam", model, image)
    layer = _layer_of("grad_cam", model, layer, _with_maps(model))
    if len(getattr(layer.output, "shape", ())) != 4:
        raise ValueError(
            f"grad_cam: layer '{layer.name}' gives {tuple(layer.output.shape)}; feature maps (N, H, W, C) are needed."
        )
    index, gradient, maps = _watched_score("grad_cam", model, image, index, layer)
    first = _is_first(layer)
    places = (1, 2) if first else (0, 1)
    weights = gradient[0].mean(axis=places, keepdims=True)  # α
    heat = np.maximum((weights * maps[0]).sum(axis=0 if first else -1), 0)
    shown = _drawable(image[0], first)
    values = np.maximum(
        value_of(ops.image.resize(heat[..., None], shown.shape[:2], data_format="channels_last"))[..., 0], 0
    )
    values = values / values.max() if values.max() > 0 else values
    panels = [("image", shown, None), (f"class {index}, by {layer.name}", shown, values)]
    return Picture(values, panels, f"Grad-CAM of {model.name}")
