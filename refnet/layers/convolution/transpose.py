"""Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: from few places back to many."""

from __future__ import annotations

from typing import Any

from refnet import ops
from refnet.layers.convolution.base import ConvolutionLayer
from refnet.ops.windows import Size, transpose_geometry

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


class BaseConvTranspose(ConvolutionLayer):
    """Transposed convolution over `rank` spatial axes. See Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

    def __init__(self, rank, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
                 activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                 activity_regularizer, kernel_constraint, bias_constraint, **kwargs):  # fmt: skip
        super().__init__(rank, kernel_size, strides, padding, data_format, dilation_rate, activation,
                         use_bias, bias_initializer, bias_regularizer, bias_constraint,
                         activity_regularizer=activity_regularizer, **kwargs)  # fmt: skip
        self.filters = self._positive(filters, "filters")
        self.output_padding = (
            None if output_padding is None else self._tuple(output_padding, "output_padding", minimum=0)
        )
        if self.output_padding is not None and any(
            p >= s for p, s in zip(self.output_padding, self.strides, strict=True)
        ):
            raise self._error(
                "`output_padding` must be less than `strides` along every axis. Received: "
                f"output_padding={self.output_padding}, strides={self.strides}"
            )
        self._keep("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self.kernel = None

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # for its errors
        self.kernel = self._add_kernel("kernel", "kernel", (*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)

    def call(self, inputs):
        return self._run(ops.conv_transpose, inputs, self.kernel, self.strides, self.padding, self.output_padding)

    def compute_output_shape(self, input_shape):
        _, sizes = self._checked(
            transpose_geometry, self._sizes(input_shape), self.kernel_size, self.strides, self.padding,
            self.output_padding, self.dilation_rate,
        )  # fmt: skip
        return self._shape(input_shape, sizes, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "output_padding": self.output_padding}


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of sequences: the way back through the shapes of a convolution, as decoders need it.

    The mathematics, forward and backward, is in `refnet/kernels/convolution_transpose.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window that each input is stamped with, an integer or a tuple of one.
        strides: how far the stamp moves at a time: about how many times larger the output is.
        padding: `"same"`: the output is `strides` times as large as the input; `"valid"`: everything that was stamped.
        output_padding: what to keep at the end beyond the least; below `strides`. None: what `padding` says.
        data_format: see `Conv1D`.
        dilation_rate: how far apart the stamp's entries are; above 1 only with strides of 1.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (*kernel_size, filters, C) starts.
        bias_initializer: where the bias (filters,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, T, C), output (N, T', filters).

    Raises:
        ValueError: for wrong arguments.

    Example:
        >>> refnet.layers.Conv1DTranspose(3, 3, strides=2, padding="same")(np.zeros((4, 7, 8), "float32")).shape
        (4, 14, 3)
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = 1, padding: str = "valid",
                 output_padding: Size | None = None, data_format: str | None = None,
                 dilation_rate: Size = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, filters, kernel_size, strides, padding, output_padding, data_format,
                         dilation_rate, activation, use_bias, kernel_initializer, bias_initializer,
                         kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                         bias_constraint, **kwargs)  # fmt: skip


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of images: the way back through the shapes of a convolution, as decoders need it.

    The mathematics, forward and backward, is in `refnet/kernels/convolution_transpose.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window that each input is stamped with, an integer or a tuple of two.
        strides: how far the stamp moves at a time: about how many times larger the output is.
        padding: `"same"`: the output is `strides` times as large as the input; `"valid"`: everything that was stamped.
        output_padding: what to keep at the end beyond the least; below `strides`. None: what `padding` says.
        data_format: see `Conv2D`.
        dilation_rate: how far apart the stamp's entries are; above 1 only with strides of 1.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (*kernel_size, filters, C) starts.
        bias_initializer: where the bias (filters,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, H, W, C), output (N, H', W', filters).

    Raises:
        ValueError: for wrong arguments.

    Example:
        >>> refnet.layers.Conv2DTranspose(3, 3, strides=2, padding="same")(np.zeros((4, 7, 7, 8), "float32")).shape
        (4, 14, 14, 3)
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = (1, 1), padding: str = "valid",
                 output_padding: Size | None = None, data_format: str | None = None,
                 dilation_rate: Size = (1, 1), activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(2, filters, kernel_size, strides, padding, output_padding, data_format,
                         dilation_rate, activation, use_bias, kernel_initializer, bias_initializer,
                         kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                         bias_constraint, **kwargs)  # fmt: skip


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes: the way back through the shapes of a convolution, as decoders need it.

    The mathematics, forward and backward, is in `refnet/kernels/convolution_transpose.py`.

    Args:
        filters: the number of outputs at each place.
        kernel_size: the size of the window that each input is stamped with, an integer or a tuple of three.
        strides: how far the stamp moves at a time: about how many times larger the output is.
        padding: `"same"`: the output is `strides` times as large as the input; `"valid"`: everything that was stamped.
        data_format: see `Conv3D`.
        output_padding: what to keep at the end beyond the least; below `strides`. None: what `padding` says.
        dilation_rate: how far apart the stamp's entries are; above 1 only with strides of 1.
        activation: a function, its name, or None (linear).
        use_bias: whether there is a bias.
        kernel_initializer: where the kernel (*kernel_size, filters, C) starts.
        bias_initializer: where the bias (filters,) starts.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is projected onto after each update.
        bias_constraint: what the bias is projected onto after each update.
        **kwargs: see `Layer`.

    Input (N, D, H, W, C), output (N, D', H', W', filters).

    Raises:
        ValueError: for wrong arguments.

    Example:
        >>> refnet.layers.Conv3DTranspose(3, 3, strides=2, padding="same")(np.zeros((4, 7, 7, 7, 8), "float32")).shape
        (4, 14, 14, 14, 3)
    """

    def __init__(self, filters: int, kernel_size: Size, strides: Size = (1, 1, 1),
                 padding: str = "valid", data_format: str | None = None,
                 output_padding: Size | None = None, dilation_rate: Size = (1, 1, 1),
                 activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(3, filters, kernel_size, strides, padding, output_padding, data_format,
                         dilation_rate, activation, use_bias, kernel_initializer, bias_initializer,
                         kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                         bias_constraint, **kwargs)  # fmt: skip
