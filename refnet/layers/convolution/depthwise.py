"""DepthwiseConv1D, DepthwiseConv2D: every channel by itself."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.convolution.base import ConvolutionLayer
from refnet.ops.windows import Size, output_sizes

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class BaseDepthwiseConv(ConvolutionLayer):
    """Depthwise convolution over `rank` spatial axes. See DepthwiseConv1D, DepthwiseConv2D."""

    _roles = ("depthwise",)

    def __init__(self, rank, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                 use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
                 activity_regularizer, depthwise_constraint, bias_constraint, **kwargs):  # fmt: skip
        super().__init__(rank, kernel_size, strides, padding, data_format, dilation_rate, activation,
                         use_bias, bias_initializer, bias_regularizer, bias_constraint,
                         strided_dilation=True, activity_regularizer=activity_regularizer, **kwargs)  # fmt: skip
        self.depth_multiplier = self._positive(depth_multiplier, "depth_multiplier")
        self._keep("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self.kernel = None

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # for its errors
        self.kernel = self._add_kernel("depthwise", "kernel", (*self.kernel_size, channels, self.depth_multiplier))
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs):
        return self._run(ops.depthwise_conv, inputs, self.kernel, self.strides, self.padding)

    def compute_output_shape(self, input_shape):
        sizes = self._checked(
            output_sizes, self._sizes(input_shape), self.kernel_size, self.strides, self.padding, self.dilation_rate
        )
        return self._shape(input_shape, sizes, input_shape[self._channel_axis] * self.depth_multiplier)

    def get_config(self):
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise convolution of sequences: every channel is convolved with filters of its own.

    The mathematics, forward and backward, is in `refnet/kernels/depthwise.py`.

    Args:
        kernel_size: the size of the window, an integer or a tuple of one.
        strides: how far it moves at a time.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides).
        depth_multiplier: how many filters each channel gets.
        data_format: see `Conv1D`.
        dilation_rate: how far apart the window's entries are.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        depthwise_initializer: where the kernel (*kernel_size, C, depth_multiplier) starts.
        bias_initializer: where the bias (C depth_multiplier,) starts.
        depthwise_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        depthwise_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, T', C depth_multiplier).

    Raises:
        ValueError: for wrong arguments, or an input that is smaller than the window.
    """

    def __init__(self, kernel_size: Size, strides: Size = 1, padding: str = "valid",
                 depth_multiplier: int = 1, data_format: str | None = None, dilation_rate: Size = 1,
                 activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate,
                         activation, use_bias, depthwise_initializer, bias_initializer,
                         depthwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, bias_constraint, **kwargs)  # fmt: skip


class DepthwiseConv2D(BaseDepthwiseConv):
    """Depthwise convolution of images: every channel is convolved with filters of its own.

    The mathematics, forward and backward, is in `refnet/kernels/depthwise.py`.

    Args:
        kernel_size: the size of the window, an integer or a tuple of two.
        strides: how far it moves at a time.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides).
        depth_multiplier: how many filters each channel gets.
        data_format: see `Conv2D`.
        dilation_rate: how far apart the window's entries are.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        depthwise_initializer: where the kernel (*kernel_size, C, depth_multiplier) starts.
        bias_initializer: where the bias (C depth_multiplier,) starts.
        depthwise_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        depthwise_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, H', W', C depth_multiplier).

    Raises:
        ValueError: for wrong arguments, or an input that is smaller than the window.
    """

    def __init__(self, kernel_size: Size, strides: Size = (1, 1), padding: str = "valid",
                 depth_multiplier: int = 1, data_format: str | None = None,
                 dilation_rate: Size = (1, 1), activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(2, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate,
                         activation, use_bias, depthwise_initializer, bias_initializer,
                         depthwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, bias_constraint, **kwargs)  # fmt: skip
