"""SpatialLayer: what layers of images (and of sequences and volumes) share. Layouts, sizes, and errors that name the
layer."""

from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.ops.windows import data_format_of, tuple_of

__all__ = ["SpatialLayer", "SpatialSpec"]


class SpatialSpec(InputSpec):
    """An input with a batch, some spatial axes and channels; says what to do where one is missing."""

    def problem(self, shape, dtype):
        found = super().problem(shape, dtype)
        if found is None or self.ndim is None or len(shape) == self.ndim:
            return found
        spatial = "1 spatial axis" if self.ndim == 3 else f"{self.ndim - 2} spatial axes"
        remedy = ""
        if len(shape) == self.ndim - 1:
            remedy = ". Add what is missing: x[..., np.newaxis] for one channel, x[np.newaxis] for a single sample"
        return f"{found}: the batch, {spatial} and the channels{remedy}"


class SpatialLayer(Layer):
    """Base of layers that work on (N, *S, C), or (N, C, *S) with `channels_first`.

    Args:
        rank: the number of spatial axes.
        data_format: `"channels_last"`, `"channels_first"`, or None: `refnet.config.image_data_format()`.
        **kwargs: see `Layer`.
    """

    def __init__(self, rank, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.data_format = self._checked(data_format_of, data_format)
        self.input_spec = SpatialSpec(ndim=rank + 2)

    # --- errors ----------------------------------------------------------------------------------------------------

    def _error(self, message):
        """A ValueError that names the layer."""
        return ValueError(f"{type(self).__name__} '{self.name}': {message}")

    def _checked(self, function, *args, **kwargs):
        """function(...), its ValueErrors with the layer's name."""
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise self._error(error) from None

    def _tuple(self, value, name, minimum=1):
        return self._checked(tuple_of, value, self.rank, name, minimum)

    # --- layouts ---------------------------------------------------------------------------------------------------

    @property
    def _channel_axis(self):
        return -1 if self.data_format == "channels_last" else 1

    def _sizes(self, shape):
        """The spatial sizes in a shape."""
        return tuple(shape[1:-1] if self.data_format == "channels_last" else shape[2:])

    def _shape(self, input_shape, sizes, channels=None):
        """An output shape with these spatial sizes; channels None: those of the input."""
        channels = input_shape[self._channel_axis] if channels is None else channels
        last = self.data_format == "channels_last"
        return (input_shape[0], *sizes, channels) if last else (input_shape[0], channels, *sizes)

    def _input_channels(self, input_shape):
        """The channels of the input, which must be known; from now on the layer takes no others."""
        problem = SpatialSpec(ndim=self.rank + 2).problem(input_shape, self.compute_dtype)
        if problem:
            raise self._error(f"{problem}. Full shape received: {tuple(input_shape)}")
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise self._error(
                f"the number of channels must be known to make the weights. Received: input shape {tuple(input_shape)}"
            )
        self.input_spec = SpatialSpec(ndim=self.rank + 2, axes={self._channel_axis: channels})
        return channels

    def compute_output_spec(self, inputs, *args, **kwargs):
        """The symbolic output: its shape is computed, its type is the layer's."""
        from refnet.graph import KerasTensor

        return KerasTensor(self.compute_output_shape(tuple(inputs.shape)), self.compute_dtype)
