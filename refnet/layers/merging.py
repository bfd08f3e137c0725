"""Merging: several inputs become one. Each layer has a function of its lower-case name: `add([a, b])` is `Add()([a, b])`."""

from __future__ import annotations

from typing import Any

from refnet import backend, ops
from refnet.layers.layer import Layer
from refnet.ops.rules import axes_in, broadcast

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Merge(Layer):
    """Base class: elementwise functions of a list of inputs.

    Inputs of fewer axes get axes of size 1 behind the batch; sizes broadcast. The mask of the output counts what any input counts,
    if all have one. What is masked out in an input is left out of products, maxima and minima; sums and means take it as it is.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def _error(self, text):
        return ValueError(f"{type(self).__name__} '{self.name}': {text}")

    def _listed(self, shapes) -> list:
        """The shapes of several inputs.

        Raises:
            ValueError: for one input that is not in a list.
        """
        if not isinstance(shapes, (list, tuple)) or not shapes or not all(isinstance(s, (list, tuple)) for s in shapes):
            raise self._error(
                f"it merges a list of inputs. Received one of shape {shapes}. Call it as {type(self).__name__}()([a, b])."
            )
        return [tuple(shape) for shape in shapes]

    def build(self, input_shape: Any):
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any):
        shapes = self._listed(input_shape)
        batches = {shape[0] for shape in shapes if shape} - {None}
        if len(batches) > 1:
            raise self._error(f"inputs of different batch sizes, {sorted(batches)}, cannot be merged. Shapes: {shapes}.")
        try:
            rest = broadcast("", *(shape[1:] for shape in shapes))
        except ValueError:
            raise self._error(
                f"inputs of the shapes {shapes} do not fit: sizes must be equal, or 1. Bring them to one shape first, by a Dense "
                "or Conv layer for instance; Concatenate puts them side by side."
            ) from None
        return (batches.pop() if batches else None, *rest)

    def call(self, inputs, mask=None):
        self.compute_output_shape(_shapes(inputs))  # for its errors
        axes = max(len(x.shape) for x in inputs)
        return self._merged([_with_axes(x, axes) for x in inputs], [None] * len(inputs) if mask is None else mask)

    def _merged(self, inputs, masks):
        """The inputs merged one after the other."""
        merged = inputs[0]
        for x in inputs[1:]:
            merged = self._two(merged, x)
        return merged

    def _two(self, a, b):
        raise NotImplementedError

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        if not isinstance(mask, (list, tuple)) or not isinstance(inputs, (list, tuple)) or len(mask) != len(inputs):
            raise self._error(f"there must be one mask for each input, or None. Received: mask={mask!r}")
        if any(m is None for m in mask):
            return None
        together = mask[0]
        for m in mask[1:]:
            together = ops.logical_or(together, m)
        return together


def _shapes(inputs):
    """The shapes of a list of inputs; of a single one its shape."""
    return [tuple(x.shape) for x in inputs] if isinstance(inputs, (list, tuple)) else tuple(inputs.shape)


def _with_axes(x, axes):
    """x with so many axes, the new ones of size 1 behind the batch."""
    missing = axes - len(x.shape)
    if not missing:
        return x
    return ops.expand_dims(x, tuple(range(1, 1 + missing)))


def _over(mask, x):
    """A mask with the axes of x."""
    missing = len(x.shape) - len(mask.shape)
    return ops.expand_dims(mask, tuple(range(-missing, 0))) if missing else mask


class Add(Merge):
    """The sum of a list of inputs.

    Args:
        **kwargs: see `Layer`.

    Example:
        >>> refnet.layers.Add()([np.ones((1, 2), "float32"), np.ones((1, 2), "float32")])
        array([[2., 2.]], dtype=float32)
    """

    def _two(self, a, b):
        return ops.add(a, b)


class Multiply(Merge):
    """The product of a list of inputs, entry by entry.

    Args:
        **kwargs: see `Layer`.
    """

    def _two(self, a, b):
        return ops.multiply(a, b)

    def _merged(self, inputs, masks):
        """A factor that is masked out is 1; where all are, the product is 0."""
        factors = [
            x if mask is None else ops.where(_over(mask, x), x, ops.cast(1, x.dtype))
            for x, mask in zip(inputs, masks, strict=True)
        ]
        product = super()._merged(factors, masks)
        if any(mask is None for mask in masks):
            return product
        counts = self.compute_mask(inputs, masks)
        return ops.where(_over(counts, product), product, ops.cast(0, product.dtype))


class Average(Merge):
    """The mean of a list of inputs, entry by entry.

    Args:
        **kwargs: see `Layer`.
    """

    def _two(self, a, b):
        return ops.add(a, b)

    def _merged(self, inputs, masks):
        return ops.divide(super()._merged(inputs, masks), float(len(inputs)))


class _Extremum(Merge):
    def _merged(self, inputs, masks):
        """What is masked out in one is replaced by what it is compared with."""
        merged, mask = inputs[0], masks[0]
        for x, its in zip(inputs[1:], masks[1:], strict=True):
            if its is not None:
                x = ops.where(_over(its, x), x, merged)
            if mask is not None:
                merged = ops.where(_over(mask, merged), merged, x)
            mask = ops.logical_or(mask, its) if mask is not None and its is not None else None
            merged = self._two(merged, x)
        return merged


class Maximum(_Extremum):
    """The largest of a list of inputs, entry by entry.

    Args:
        **kwargs: see `Layer`.
    """

    def _two(self, a, b):
        return ops.maximum(a, b)


class Minimum(_Extremum):
    """The smallest of a list of inputs, entry by entry.

    Args:
        **kwargs: see `Layer`.
    """

    def _two(self, a, b):
        return ops.minimum(a, b)


class Subtract(Merge):
    """The first of two inputs less the second.

    Args:
        **kwargs: see `Layer`.
    """

    def compute_output_shape(self, input_shape: Any):
        if len(self._listed(input_shape)) != 2:
            raise self._error(f"it subtracts the second of two inputs from the first. Received {len(input_shape)} inputs.")
        return super().compute_output_shape(input_shape)

    def _merged(self, inputs, masks):
        return ops.subtract(*inputs)


class Concatenate(Merge):
    """Inputs one behind the other along an axis; on all other axes their sizes are equal.

    Args:
        axis: along which.
        **kwargs: see `Layer`.

    Example:
        >>> refnet.layers.Concatenate(axis=1)([np.zeros((2, 3)), np.ones((2, 1))]).shape
        (2, 4)
    """

    def __init__(self, axis: int = -1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def compute_output_shape(self, input_shape: Any):
        shapes = self._listed(input_shape)
        first = shapes[0]
        (axis,) = axes_in(f"Concatenate '{self.name}'", self.axis, len(first))
        for shape in shapes[1:]:
            fits = len(shape) == len(first) and all(
                a == axis or m is None or n is None or m == n for a, (m, n) in enumerate(zip(shape, first, strict=False))
            )
            if not fits:
                raise self._error(
                    f"inputs of the shapes {shapes} must have equal sizes on every axis but {axis}, along which they are joined. "
                    "Another `axis` may be meant, or a Flatten or Reshape layer be missing."
                )
        joined = [shape[axis] for shape in shapes]
        known = [next((s[a] for s in shapes if s[a] is not None), None) for a in range(len(first))]
        known[axis] = None if None in joined else sum(joined)
        return tuple(known)

    def call(self, inputs):
        self.compute_output_shape(_shapes(inputs))  # for its errors
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs, mask=None):
        if mask is None or all(m is None for m in mask):
            return None
        whole = []
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                whole.append(ops.ones_like(x, dtype="bool"))
            elif len(m.shape) < len(x.shape):
                whole.append(ops.logical_and(_over(m, x), ops.ones_like(x, dtype="bool")))
            else:
                whole.append(m)
        return ops.any(ops.concatenate(whole, axis=self.axis), axis=-1)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class Dot(Merge):
    """Sums of products of two inputs along one axis of each, sample by sample.

    Args:
        axes: an axis of both, or one of each.
        normalize: divide by both norms first, which gives the cosine of the angle between them.
        **kwargs: see `Layer`.

    Example:
        >>> x = np.arange(10.0).reshape(1, 5, 2)
        >>> y = np.arange(10.0, 20.0).reshape(1, 2, 5)
        >>> refnet.layers.Dot(axes=(1, 2))([x, y])
        array([[[260., 360.],
                [320., 445.]]])
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs):
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes) if isinstance(axes, (list, tuple)) else ()
        if len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
            raise self._error(f"`axes` must be an integer or two of them, one for each input. Received: axes={axes!r}")
        if 0 in pair:
            raise self._error(f"`axes` must not be 0, the axis of the samples: each is taken by itself. Received: {axes}")
        self.axes = axes
        self.normalize = normalize

    def _axes(self, shapes):
        """The axis of each input, counted from 0.

        Raises:
            ValueError: when there are not two inputs, or their sizes there differ.
        """
        if len(shapes) != 2:
            raise self._error(f"it takes two inputs. Received {len(shapes)}.")
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        axes = [axes_in(f"Dot '{self.name}'", axis, len(shape))[0] for axis, shape in zip(pair, shapes, strict=True)]
        a, b = (shape[axis] for axis, shape in zip(axes, shapes, strict=True))
        if min(len(shape) for shape in shapes) < 2 or (a != b and None not in (a, b)):
            raise self._error(
                f"inputs of the shapes {shapes} do not fit: axis {axes[0]} of the first has the size {a}, axis {axes[1]} of the "
                f"second {b}; they must be equal."
            )
        return axes

    def compute_output_shape(self, input_shape: Any):
        shapes = self._listed(input_shape)
        i, j = self._axes(shapes)
        first, second = ([n for a, n in enumerate(shape) if a != axis] for axis, shape in zip((i, j), shapes, strict=True))
        shape = (first[0] if first[0] is not None else second[0], *first[1:], *second[1:])
        return shape if len(shape) > 1 else (*shape, 1)

    def call(self, inputs):
        self._listed(_shapes(inputs))
        i, j = self._axes([tuple(x.shape) for x in inputs])
        x, y = inputs
        if self.normalize:
            x, y = ops.normalize(x, axis=i), ops.normalize(y, axis=j)
        letters = iter("acdefghijklmnopqrstuvwxyz")
        left = ["b" if a == 0 else "S" if a == i else next(letters) for a in range(len(x.shape))]
        right = ["b" if a == 0 else "S" if a == j else next(letters) for a in range(len(y.shape))]
        out = [name for name in left + right[1:] if name != "S"]
        z = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)
        return z if len(out) > 1 else ops.expand_dims(z, -1)

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def add(inputs, **kwargs):
    """The sum of a list of inputs: see `Add`."""
    return backend.localise(Add)(**kwargs)(inputs)


def average(inputs, **kwargs):
    """The mean of a list of inputs: see `Average`."""
    return backend.localise(Average)(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """Inputs one behind the other along an axis: see `Concatenate`."""
    return backend.localise(Concatenate)(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """Sums of products of two inputs along one axis of each: see `Dot`."""
    return backend.localise(Dot)(axes=axes, **kwargs)(inputs)


def maximum(inputs, **kwargs):
    """The largest of a list of inputs: see `Maximum`."""
    return backend.localise(Maximum)(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """The smallest of a list of inputs: see `Minimum`."""
    return backend.localise(Minimum)(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """The product of a list of inputs: see `Multiply`."""
    return backend.localise(Multiply)(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """The first of two inputs less the second: see `Subtract`."""
    return backend.localise(Subtract)(**kwargs)(inputs)
