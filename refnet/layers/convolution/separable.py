"""SeparableConv1D, SeparableConv2D: first every channel by itself, then every place by itself."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.convolution.base import ConvolutionLayer
from refnet.ops.windows import Size, output_sizes

__all__ = ["SeparableConv1D", "SeparableConv2D"]


class BaseSeparableConv(ConvolutionLayer):
    """Separable convolution over `rank` spatial axes. See SeparableConv1D, SeparableConv2D."""

    _roles = ("depthwise", "pointwise")

    def __init__(self, rank, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                 activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                 depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                 depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs):  # fmt: skip
        super().__init__(rank, kernel_size, strides, padding, data_format, dilation_rate, activation,
                         use_bias, bias_initializer, bias_regularizer, bias_constraint,
                         strided_dilation=True, activity_regularizer=activity_regularizer, **kwargs)  # fmt: skip
        self.filters = self._positive(filters, "filters")
        self.depth_multiplier = self._positive(depth_multiplier, "depth_multiplier")
        self._keep("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._keep("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self.depthwise_kernel = self.pointwise_kernel = None

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # for its errors
        wide = channels * self.depth_multiplier
        self.depthwise_kernel = self._add_kernel(
            "depthwise", "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier)
        )
        self.pointwise_kernel = self._add_kernel(
            "pointwise", "pointwise_kernel", (*((1,) * self.rank), wide, self.filters)
        )
        self._add_bias(self.filters)

    def call(self, inputs):
        return self._run(
            ops.separable_conv, inputs, self.depthwise_kernel, self.pointwise_kernel, self.strides, self.padding
        )

    def compute_output_shape(self, input_shape):
        sizes = self._checked(
            output_sizes, self._sizes(input_shape), self.kernel_size, self.strides, self.padding, self.dilation_rate
        )
        return self._shape(input_shape, sizes, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "depth_multiplier": self.depth_multiplier}


class SeparableConv1D(BaseSeparableConv):
    """Separable convolution of sequences: a depthwise convolution, then a 1x1 convolution that mixes the channels.

    It has K C M + C M F weights (K window entries, M the depth multiplier) where a convolution has K C F.
    The mathematics, forward and backward, is in `refnet/kernels/depthwise.py` and `convolution.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window, an integer or a tuple of one.
        strides: how far it moves at a time.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides).
        data_format: see `Conv1D`.
        dilation_rate: how far apart the window's entries are.
        depth_multiplier: how many filters each channel gets in the first step.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        depthwise_initializer: where the first kernel (*kernel_size, C, depth_multiplier) starts.
        pointwise_initializer: where the second kernel (1, ..., C depth_multiplier, filters) starts.
        bias_initializer: where the bias (filters,) starts.
        depthwise_regularizer: a penalty on the first kernel.
        pointwise_regularizer: a penalty on the second kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        depthwise_constraint: what the first kernel is projected onto after each update.
        pointwise_constraint: what the second kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, T', filters).

    Raises:
        ValueError: for wrong arguments, or an input that is smaller than the window.
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = 1, padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Size = 1, depth_multiplier: int = 1,
                 activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform",
                 pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, pointwise_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate,
                         depth_multiplier, activation, use_bias, depthwise_initializer,
                         pointwise_initializer, bias_initializer, depthwise_regularizer,
                         pointwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)  # fmt: skip


class SeparableConv2D(BaseSeparableConv):
    """Separable convolution of images: a depthwise convolution, then a 1x1 convolution that mixes the channels.

    It has K C M + C M F weights (K window entries, M the depth multiplier) where a convolution has K C F.
    The mathematics, forward and backward, is in `refnet/kernels/depthwise.py` and `convolution.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window, an integer or a tuple of two.
        strides: how far it moves at a time.
        padding: `"valid"` (none) or `"same"` (an output for every step of the strides).
        data_format: see `Conv2D`.
        dilation_rate: how far apart the window's entries are.
        depth_multiplier: how many filters each channel gets in the first step.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        depthwise_initializer: where the first kernel (*kernel_size, C, depth_multiplier) starts.
        pointwise_initializer: where the second kernel (1, ..., C depth_multiplier, filters) starts.
        bias_initializer: where the bias (filters,) starts.
        depthwise_regularizer: a penalty on the first kernel.
        pointwise_regularizer: a penalty on the second kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        depthwise_constraint: what the first kernel is projected onto after each update.
        pointwise_constraint: what the second kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, H', W', filters).

    Raises:
        ValueError: for wrong arguments, or an input that is smaller than the window.
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = (1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Size = (1, 1),
                 depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform",
                 pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, pointwise_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate,
                         depth_multiplier, activation, use_bias, depthwise_initializer,
                         pointwise_initializer, bias_initializer, depthwise_regularizer,
                         pointwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)  # fmt: skip
