"""Reshape, Permute, RepeatVector: the same numbers under another shape."""

import math
from typing import Any

from refnet import ops
from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.utils.checks import Range

__all__ = ["Permute", "RepeatVector", "Reshape"]


class Reshape(Layer):
    """The entries of each sample under another shape.

    Args:
        target_shape: without the batch; one -1 is found from the rest.
        **kwargs: see `Layer`.

    Input (N, ...), output (N, *target_shape).

    Raises:
        ValueError: when the entries do not fill the shape.

    Example:
        >>> refnet.layers.Reshape((2, -1))(np.zeros((5, 6))).shape
        (5, 2, 3)
    """

    def __init__(self, target_shape: Any, **kwargs):
        super().__init__(**kwargs)
        sizes = tuple(target_shape) if hasattr(target_shape, "__iter__") else None
        if sizes is None or any(isinstance(n, bool) or not hasattr(n, "__index__") or n < -1 for n in sizes) or sizes.count(-1) > 1:
            raise ValueError(
                f"Reshape '{self.name}': `target_shape` must be a tuple of sizes, at most one of them -1, without the batch. "
                f"Received: target_shape={target_shape!r}"
            )
        self.target_shape = sizes
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape: Any):
        given, wanted = tuple(input_shape)[1:], self.target_shape
        if None in given:
            return (input_shape[0], *(None if n == -1 else n for n in wanted))
        entries, known = math.prod(given), math.prod(n for n in wanted if n != -1)
        if entries != known if -1 not in wanted else known == 0 or entries % known:
            hint = f"It must be a multiple of {known}." if -1 in wanted else "Write -1 for one of its sizes to have it found."
            raise ValueError(
                f"Reshape '{self.name}': samples of shape {given} have {entries} entries, which do not fill "
                f"target_shape={wanted}. {hint}"
            )
        return (input_shape[0], *(entries // known if n == -1 else n for n in wanted))

    def call(self, inputs):
        return ops.reshape(inputs, (inputs.shape[0], *self.compute_output_shape(inputs.shape)[1:]))

    def get_config(self):
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: the order, counted from 1 (0 is the batch): (2, 1) exchanges two axes.
        **kwargs: see `Layer`.

    Input (N, ...), output (N, ...) of as many axes.

    Example:
        >>> refnet.layers.Permute((2, 1))(np.zeros((5, 10, 64))).shape
        (5, 64, 10)
    """

    def __init__(self, dims: Any, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"Permute '{self.name}': `dims` must hold each of 1, ..., {len(self.dims)} once; the batch, axis 0, stays where it "
                f"is. Received: dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape: Any):
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self):
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Each sample n times, along a new axis behind the batch.

    Args:
        n: how many times.
        **kwargs: see `Layer`.

    Input (N, C), output (N, n, C).
    """

    def __init__(self, n: int, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"RepeatVector '{self.name}': `n` must be an integer. Received: n={n!r} of type {type(n).__name__}")
        self.n = Range(1, integer=True).check(n, "n", f"RepeatVector '{self.name}'")
        self.input_spec = InputSpec(ndim=2)
        self.built = self._needs_no_build()

    def compute_output_shape(self, input_shape: Any):
        return (input_shape[0], self.n, input_shape[1])

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def get_config(self):
        return {**super().get_config(), "n": self.n}
