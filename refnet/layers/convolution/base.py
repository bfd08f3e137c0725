"""What all convolution layers share: sizes, strides, padding, bias, activation, and the weights they describe."""

from refnet import activations, constraints, initializers, regularizers
from refnet.layers.spatial import SpatialLayer
from refnet.ops.windows import LARGEST

__all__ = ["ConvolutionLayer"]

# What is said of each kernel, and who writes it into a configuration
_DESCRIPTIONS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class ConvolutionLayer(SpatialLayer):
    """Base of convolution layers. Subclasses make the weights and name the op.

    Args:
        rank: the number of spatial axes.
        kernel_size: an integer or one per spatial axis.
        strides: the same.
        padding: `"valid"` or `"same"` (`"causal"` where `causal` allows it).
        data_format: see `SpatialLayer`.
        dilation_rate: an integer or one per spatial axis.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        bias_initializer, bias_regularizer, bias_constraint: of the bias.
        causal: whether padding may be `"causal"`.
        strided_dilation: whether strides and dilation may both exceed 1.
        **kwargs: see `Layer`.
    """

    # The roles of the kernels, in Keras' vocabulary: `<role>_initializer` and so on are constructor arguments.
    _roles: tuple[str, ...] = ("kernel",)

    def __init__(self, rank, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                 bias_initializer, bias_regularizer, bias_constraint, causal=False, strided_dilation=False,
                 **kwargs):  # fmt: skip
        super().__init__(rank, data_format, **kwargs)
        self.kernel_size = self._tuple(kernel_size, "kernel_size")
        self.strides = self._tuple(strides, "strides")
        self.dilation_rate = self._tuple(dilation_rate, "dilation_rate")
        allowed = ("valid", "same", "causal") if causal else ("valid", "same")
        self.padding = str(padding).lower()
        if self.padding not in allowed:
            raise self._error(
                f"`padding` must be one of {', '.join(map(repr, allowed))}. Received: padding={padding!r}"
            )
        if not strided_dilation and max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise self._error(
                f"strides > 1 cannot be combined with dilation_rate > 1. Received: strides={self.strides}, "
                f"dilation_rate={self.dilation_rate}. Use one of them, or two layers."
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None

    def _keep(self, role, initializer, regularizer, constraint):
        """Remember how one kernel starts, is penalised and constrained."""
        setattr(self, f"{role}_initializer", initializers.get(initializer))
        setattr(self, f"{role}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{role}_constraint", constraints.get(constraint))

    def _positive(self, value, name):
        if isinstance(value, bool) or not hasattr(value, "__index__") or value <= 0:
            raise self._error(f"`{name}` must be a positive integer. Received: {name}={value!r}")
        if value > LARGEST:
            raise self._error(f"`{name}` must be at most 2**31 - 1. Received: {name}={value!r}. Use a smaller one.")
        return int(value)

    def _add_kernel(self, role, name, shape):
        return self.add_weight(
            shape=shape, initializer=getattr(self, f"{role}_initializer"), name=name,
            regularizer=getattr(self, f"{role}_regularizer"), constraint=getattr(self, f"{role}_constraint"),
        )  # fmt: skip

    def _add_bias(self, size):
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(size,), initializer=self.bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip

    def _run(self, op, *args):
        """The op with bias and activation in one kernel; an activation that no kernel fuses comes after it."""
        activation = self.activation
        fused = activations.fused_name(activation)
        try:
            y = op(*args, data_format=self.data_format, dilation_rate=self.dilation_rate, bias=self.bias,
                   activation=fused or "linear")  # fmt: skip
        except ValueError as error:
            raise self._error(error) from None
        return y if fused is not None else activation(y)

    def get_config(self):
        kernels = {
            f"{role}_{what}": module.serialize(getattr(self, f"{role}_{what}"))
            for role in self._roles
            for what, module in _DESCRIPTIONS.items()
        }
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **kernels,
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
