"""Conv1D, Conv2D, Conv3D: a dense layer that slides."""

from __future__ import annotations

from typing import Any

from refnet import absent, ops
from refnet.layers.convolution.base import ConvolutionLayer
from refnet.ops.windows import Size, output_sizes

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


class BaseConv(ConvolutionLayer):
    """Convolution over `rank` spatial axes: `activation(conv(x, kernel) + bias)`. See Conv1D, Conv2D, Conv3D."""

    def __init__(self, rank, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation,
                 use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                 activity_regularizer, kernel_constraint, bias_constraint, **kwargs):  # fmt: skip
        super().__init__(rank, kernel_size, strides, padding, data_format, dilation_rate, activation,
                         use_bias, bias_initializer, bias_regularizer, bias_constraint, causal=rank == 1,
                         activity_regularizer=activity_regularizer, **kwargs)  # fmt: skip
        self.filters = self._positive(filters, "filters")
        self.groups = self._positive(groups, "groups")
        if self.filters % self.groups:
            raise self._error(
                f"`filters` must be divisible by `groups`. Received: filters={self.filters}, groups={self.groups}. Use "
                f"filters={self.groups * -(-self.filters // self.groups)}, or other groups."
            )
        self._keep("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self.kernel = None

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        if channels % self.groups:
            raise self._error(
                f"the input's channels must be divisible by `groups`. Received: {channels} channels, "
                f"groups={self.groups} (input shape {tuple(input_shape)}). Use a number of groups that divides "
                f"{channels}, or data_format="
                f"{'channels_first' if self.data_format == 'channels_last' else 'channels_last'!r} if the channels are "
                "elsewhere."
            )
        self.compute_output_shape(input_shape)  # for its errors
        self.kernel = self._add_kernel("kernel", "kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self._add_bias(self.filters)

    def call(self, inputs):
        return self._run(ops.conv, inputs, self.kernel, self.strides, self.padding)

    def compute_output_shape(self, input_shape):
        sizes = self._checked(
            output_sizes, self._sizes(input_shape), self.kernel_size, self.strides, self.padding, self.dilation_rate
        )
        return self._shape(input_shape, sizes, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}


class Conv1D(BaseConv):
    """Convolution of sequences: a dense layer that slides over the input.

    The mathematics, forward and backward, is in `refnet/kernels/convolution.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window, an integer or a tuple of one.
        strides: how far it moves at a time.
        padding: `"valid"` (none), `"same"` (an output for every step), or `"causal"` (all zeros before: no output sees
            later inputs).
        data_format: `"channels_last"`: (N, T, C), `"channels_first"`: (N, C, T); None:
            `refnet.config.image_data_format()`.
        dilation_rate: how far apart the window's entries are; above 1 only with strides of 1.
        groups: cut channels and filters into this many parts that do not see each other.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (*kernel_size, C / groups, filters) starts.
        bias_initializer: where the bias (filters,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, T', filters).

    Raises:
        ValueError: for wrong arguments; channels that `groups` does not divide; an input that is smaller than the
            window.

    Example:
        >>> refnet.layers.Conv1D(32, 3, activation="relu")(np.zeros((4, 10, 128), "float32")).shape
        (4, 8, 32)
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = 1, padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Size = 1, groups: int = 1,
                 activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip


@absent.methods
class Conv2D(BaseConv):
    """Convolution of images: a dense layer that slides over the input.

    The mathematics, forward and backward, is in `refnet/kernels/convolution.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window, an integer or a tuple of two.
        strides: how far it moves at a time.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides).
        data_format: `"channels_last"`: (N, H, W, C), `"channels_first"`: (N, C, H, W); None:
            `refnet.config.image_data_format()`.
        dilation_rate: how far apart the window's entries are; above 1 only with strides of 1.
        groups: cut channels and filters into this many parts that do not see each other.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (*kernel_size, C / groups, filters) starts.
        bias_initializer: where the bias (filters,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, H', W', filters).

    Raises:
        ValueError: for wrong arguments; channels that `groups` does not divide; an input that is smaller than the
            window.

    Example:
        >>> refnet.layers.Conv2D(32, 3, activation="relu")(np.zeros((4, 28, 28, 1), "float32")).shape
        (4, 26, 26, 32)
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = (1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Size = (1, 1), groups: int = 1,
                 activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip


class Conv3D(BaseConv):
    """Convolution of volumes: a dense layer that slides over the input.

    The mathematics, forward and backward, is in `refnet/kernels/convolution.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window, an integer or a tuple of three.
        strides: how far it moves at a time.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides).
        data_format: `"channels_last"`: (N, D, H, W, C), `"channels_first"`: (N, C, D, H, W); None:
            `refnet.config.image_data_format()`.
        dilation_rate: how far apart the window's entries are; above 1 only with strides of 1.
        groups: cut channels and filters into this many parts that do not see each other.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (*kernel_size, C / groups, filters) starts.
        bias_initializer: where the bias (filters,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output (N, D', H', W', filters).

    Raises:
        ValueError: for wrong arguments; channels that `groups` does not divide; an input that is smaller than the
            window.

    Example:
        >>> refnet.layers.Conv3D(2, 3)(np.zeros((4, 9, 9, 9, 1), "float32")).shape
        (4, 7, 7, 7, 2)
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = (1, 1, 1),
                 padding: str = "valid", data_format: str | None = None,
                 dilation_rate: Size = (1, 1, 1), groups: int = 1, activation: Any = None,
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(3, filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip
