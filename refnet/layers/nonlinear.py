"""Activations as layers of their own: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from typing import Any

from refnet import activations, constraints, initializers, ops, regularizers
from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.ops.rules import axes_in
from refnet.utils.checks import Range

__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"]

_MASKED_OUT = -1e9  # the logit of an entry that does not count


class _Elementwise(Layer):
    """A layer without weights whose output has the shape of its input, and its mask."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = self._needs_no_build()

    def _checked(self, value, name, allowed):
        return allowed.check(value, name, f"{type(self).__name__} '{self.name}'")

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)


class ReLU(_Elementwise):
    """max(x, 0), or its general form: x above `threshold`, at most `max_value`; below, negative_slope (x - threshold).

    Args:
        max_value: an upper bound of the output, or None.
        negative_slope: the slope below the threshold.
        threshold: where the input begins to count.
        **kwargs: see `Layer`.

    Input of any shape, output of the same.

    Raises:
        ValueError: for a negative argument.

    Example:
        >>> refnet.layers.ReLU(max_value=10)(np.array([-3.0, -1.0, 0.0, 12.0], "float32"))
        array([ 0.,  0.,  0., 10.], dtype=float32)
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.max_value = self._checked(max_value, "max_value", Range(0, optional=True))
        self.negative_slope = self._checked(negative_slope, "negative_slope", Range(0))
        self.threshold = self._checked(threshold, "threshold", Range(0))

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self):
        own = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return {**super().get_config(), **own}


class LeakyReLU(_Elementwise):
    """x where positive, negative_slope x elsewhere: no unit stands still for ever.

    Args:
        negative_slope: the slope below 0.
        **kwargs: see `Layer`; `alpha`, the name of `negative_slope` in Keras 2.

    Input of any shape, output of the same.

    References:
        Maas, Hannun, Ng (2013), Rectifier nonlinearities improve neural network acoustic models.

    Example:
        >>> refnet.layers.LeakyReLU(negative_slope=0.5)(np.array([-3.0, -1.0, 0.0, 2.0], "float32"))
        array([-1.5, -0.5,  0. ,  2. ], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs):
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = self._checked(negative_slope, "negative_slope", Range(0))

    def call(self, inputs):
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(_Elementwise):
    """x where positive, alpha (e^x - 1) elsewhere.

    Args:
        alpha: minus the limit far below 0.
        **kwargs: see `Layer`.

    Input of any shape, output of the same.

    References:
        Clevert, Unterthiner, Hochreiter (2016), Fast and accurate deep network learning by exponential linear units,
        arXiv:1511.07289.
    """

    def __init__(self, alpha: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = self._checked(alpha, "alpha", Range())

    def call(self, inputs):
        return activations.elu(inputs, self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


class Softmax(_Elementwise):
    """e^x over the sum of e^x along an axis.

    Args:
        axis: an axis, or several that are taken together.
        **kwargs: see `Layer`.

    Called as `layer(x, mask=None)`: what the mask (booleans that broadcast to x) leaves out gets the probability 0.

    Input of any shape, output of the same.

    Example:
        >>> refnet.layers.Softmax()(np.array([1.0, 2.0, 1.0], "float32")).round(4)
        array([0.2119, 0.5761, 0.2119], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs, mask=None):
        if mask is not None:
            inputs = ops.where(self._whole(mask, inputs), inputs, _MASKED_OUT)
        if isinstance(self.axis, (tuple, list)) and len(self.axis) > 1:
            outputs = ops.exp(ops.subtract(inputs, ops.logsumexp(inputs, axis=tuple(self.axis), keepdims=True)))
        else:
            outputs = activations.softmax(inputs, self.axis[0] if isinstance(self.axis, (tuple, list)) else self.axis)
        return outputs if mask is None else ops.where(self._whole(mask, inputs), outputs, 0.0)

    def _whole(self, mask, inputs):
        """The mask as booleans.

        Raises:
            ValueError: when it does not broadcast to the inputs.
        """
        shape, wanted = tuple(mask.shape), tuple(inputs.shape)
        fits = len(shape) <= len(wanted) and all(
            m is None or n is None or m in (1, n) for m, n in zip(shape[::-1], wanted[::-1], strict=False)
        )
        if not fits:
            raise ValueError(
                f"Softmax '{self.name}': a mask of shape {shape} does not broadcast to inputs of shape {wanted}. Give it an axis "
                "of size 1 where it is to be repeated: mask[:, np.newaxis]."
            )
        return mask if ops.dtype(mask) == "bool" else ops.greater(mask, 0.5)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class PReLU(Layer):
    """x where positive, alpha x elsewhere, with slopes alpha that are learned.

    Args:
        alpha_initializer: where the slopes start.
        alpha_regularizer: a penalty on them.
        alpha_constraint: what they are projected onto after each update.
        shared_axes: axes along which all entries share one slope, such as [1, 2] for the places of images.
        **kwargs: see `Layer`.

    Input (N, ...), output of the same shape; alpha has the shape of one sample, 1 along the shared axes.

    References:
        He, Zhang, Ren, Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = shared_axes
        self.alpha: Any = None

    def build(self, input_shape: Any):
        shared = axes_in(f"PReLU '{self.name}', shared_axes", tuple(self.shared_axes or ()), len(input_shape))
        if 0 in shared:
            raise ValueError(f"PReLU '{self.name}': samples share their slopes in any case; leave 0 out of shared_axes.")
        shape = [1 if axis in shared else n for axis, n in enumerate(input_shape)][1:]
        if None in shape:
            unknown = [axis + 1 for axis, n in enumerate(shape) if n is None]
            raise ValueError(
                f"PReLU '{self.name}': the sizes of axes {unknown} of the input {tuple(input_shape)} are not known. Share one "
                f"slope along them: shared_axes={sorted({*shared, *unknown})}."
            )
        self.alpha = self.add_weight(
            shape=tuple(shape),
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        axes = {axis: n for axis, n in enumerate(input_shape) if axis > 0 and axis not in shared} if shared else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs):
        below = ops.multiply(self.alpha, ops.relu(ops.negative(inputs)))
        return ops.subtract(ops.relu(inputs), below)

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
