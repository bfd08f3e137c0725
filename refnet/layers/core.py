"""Dense, Activation, Flatten: the layers of a multi-layer perceptron."""

import math
from typing import Any

from refnet import absent, activations, constraints, initializers, ops, regularizers
from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.ops.windows import LARGEST

__all__ = ["Activation", "Dense", "Flatten"]


@absent.methods
class Dense(Layer):
    """Every output sees every input: `activation(x @ kernel + bias)`, over the last axis of x.

    The mathematics, forward and backward, is in `refnet/kernels/dense.py`.

    Args:
        units: the number of outputs.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (D, units) starts.
        bias_initializer: where the bias (units,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (..., D), output (..., units).

    Raises:
        ValueError: for `units` that is not a positive integer; for inputs of fewer than two axes; when the last axis
            of an input has not the size the layer was built for.

    Example:
        >>> refnet.layers.Dense(3)(np.zeros((2, 5), "float32")).shape
        (2, 3)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if isinstance(units, bool) or (not isinstance(units, int) and not hasattr(units, "__index__")) or units <= 0:
            raise ValueError(f"Dense '{self.name}': `units` must be a positive integer. Received: units={units!r}")
        if units > LARGEST:
            raise ValueError(
                f"Dense '{self.name}': `units` must be at most 2**31 - 1. Received: units={units!r}. Use a smaller number."
            )
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Any = None
        self.bias: Any = None
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any):
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"Dense '{self.name}': the size of the input's last axis must be known to make the kernel. Received: "
                f"input shape {tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            shape=(features, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs):
        activation = self.activation
        fused = activations.fused_name(activation)
        if fused is not None:  # product, bias and activation in one kernel
            return ops.dense(inputs, self.kernel, self.bias, fused)
        outputs = ops.dense(inputs, self.kernel, self.bias)
        return outputs if activation is None else activation(outputs)  # None: set after construction

    def compute_output_shape(self, input_shape: Any):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: a function or its name.
        **kwargs: see `Layer`.

    Input of any shape, output of the same.
    """

    def __init__(self, activation: Any, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs):
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class Flatten(Layer):
    """All axes but the first become one.

    Args:
        data_format: `"channels_last"` (the default) or `"channels_first"`, whose channels are moved last, so that both
            give the same order.
        **kwargs: see `Layer`.

    Input (N, ...), output (N, product of the rest).
    """

    def __init__(self, data_format: str | None = None, **kwargs):
        super().__init__(**kwargs)
        from refnet import config

        self.data_format = data_format or config.image_data_format()
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                f"Flatten '{self.name}': `data_format` must be 'channels_last' or 'channels_first'. Received: "
                f"{data_format!r}"
            )
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        shape = inputs.shape
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def compute_output_shape(self, input_shape: Any):
        rest = tuple(input_shape)[1:]
        return (input_shape[0], None if None in rest else math.prod(rest))

    def compute_output_spec(self, inputs: Any):
        from refnet.graph import KerasTensor

        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}
