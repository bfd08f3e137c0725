"""LayerNormalization, GroupNormalization, RMSNormalization, UnitNormalization: each sample by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from refnet import ops
from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.layers.normalization.base import ScaleAndOffset
from refnet.utils.checks import Range

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


def _axes(layer, axis):
    """An integer, or a list of integers."""
    if isinstance(axis, (list, tuple)) and axis and all(isinstance(a, int) for a in axis):
        return list(axis)
    if isinstance(axis, int):
        return axis
    raise TypeError(
        f"{type(layer).__name__} '{layer.name}': `axis` must be an integer or a list of integers. "
        f"Received: axis={axis!r}"
    )


class LayerNormalization(ScaleAndOffset):
    """Mean 0 and variance 1 over some axes of each sample, then scaled and moved.

    The mathematics, forward and backward, is in `refnet/kernels/layer_norm.py`.

    Args:
        axis: the axis or axes to normalise over; gamma and beta have their sizes.
        epsilon: added to the variance.
        center: whether there is a learned offset, beta.
        scale: whether there is a learned scale, gamma.
        beta_initializer: where beta starts.
        gamma_initializer: where gamma starts.
        beta_regularizer: a penalty on beta.
        gamma_regularizer: a penalty on gamma.
        beta_constraint: what beta is projected onto after each update.
        gamma_constraint: what gamma is projected onto after each update.
        **kwargs: see `Layer`.

    Raises:
        ValueError: for an axis that the input does not have, or whose size is not known.
        TypeError: for an axis that is no integer.

    Example:
        >>> refnet.layers.LayerNormalization()(np.array([[0.0, 10.0], [20.0, 30.0]]))
        array([[-0.99998, 0.99998], [-0.99998, 0.99998]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 0.001, center: bool = True,
                 scale: bool = True, beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
                 beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any):  # fmt: skip
        rms_scaling = kwargs.pop("rms_scaling", False)  # in configurations that Keras wrote
        super().__init__(center, scale, beta_initializer, gamma_initializer, beta_regularizer,
                         gamma_regularizer, beta_constraint, gamma_constraint, **kwargs)  # fmt: skip
        if rms_scaling:
            raise self._error(
                "rms_scaling=True, which divided by the variance, is not supported. Use `RMSNormalization`."
            )
        self.axis = _axes(self, axis)
        self.epsilon = self._checked(epsilon, "epsilon", Range(0))

    def build(self, input_shape):
        axes = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self._add_scale_and_offset(tuple(self._size_along(input_shape, axis) for axis in axes))
        # axes as given: those counted from the end fit inputs of any rank
        self.input_spec = InputSpec(axes={axis: input_shape[axis] for axis in axes})

    def call(self, inputs):
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class GroupNormalization(ScaleAndOffset):
    """Mean 0 and variance 1 over each group of channels and all places of a sample, then scaled and moved.

    The mathematics, forward and backward, is in `refnet/kernels/layer_norm.py`.

    Args:
        groups: how many groups the channels are cut into; -1: each channel by itself (instance normalization).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether there is a learned offset, beta.
        scale: whether there is a learned scale, gamma.
        beta_initializer: where beta starts.
        gamma_initializer: where gamma starts.
        beta_regularizer: a penalty on beta.
        gamma_regularizer: a penalty on gamma.
        beta_constraint: what beta is projected onto after each update.
        gamma_constraint: what gamma is projected onto after each update.
        **kwargs: see `Layer`.

    Raises:
        ValueError: for a number of groups that does not divide the channels.
    """

    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 0.001, center: bool = True,
                 scale: bool = True, beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
                 beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(center, scale, beta_initializer, gamma_initializer, beta_regularizer,
                         gamma_regularizer, beta_constraint, gamma_constraint, **kwargs)  # fmt: skip
        if not isinstance(groups, int) or isinstance(groups, bool) or (groups <= 0 and groups != -1):
            raise self._error(
                f"`groups` must be a positive integer, or -1 for one group per channel. Received: groups={groups!r}"
            )
        self.groups = groups
        self.axis = axis
        self.epsilon = self._checked(epsilon, "epsilon", Range(0))

    def build(self, input_shape):
        channels = self._size_along(input_shape, self.axis)
        if self.axis % len(input_shape) == 0:
            raise self._error("the first axis is the batch; `axis` must name that of the channels.")
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            divisors = [d for d in range(1, channels + 1) if channels % d == 0]
            raise self._error(
                f"the channels must be divisible by `groups`. Received: {channels} channels (axis {self.axis} of input "
                f"shape {tuple(input_shape)}), groups={self.groups}. Use one of {divisors}, or groups=-1."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale_and_offset((channels,))

    def call(self, inputs):
        return ops.group_normalization(inputs, self.groups, self.gamma, self.beta, self.axis, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "axis": self.axis, "epsilon": self.epsilon}


class RMSNormalization(Layer):
    """Divided by the root mean square over some axes of each sample, then scaled.

    The mathematics, forward and backward, is in `refnet/kernels/layer_norm.py`.

    Args:
        axis: the axis or axes to normalise over; the scale has their sizes.
        epsilon: added to the mean square.
        **kwargs: see `Layer`.
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-06, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = _axes(self, axis)
        self.epsilon = Range(0).check(epsilon, "epsilon", f"{type(self).__name__} '{self.name}'")
        self.scale = None

    _error = ScaleAndOffset._error
    _size_along = ScaleAndOffset._size_along
    compute_output_shape = ScaleAndOffset.compute_output_shape

    def build(self, input_shape):
        axes = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = tuple(self._size_along(input_shape, axis) for axis in axes)
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        # axes as given: those counted from the end fit inputs of any rank
        self.input_spec = InputSpec(axes={axis: input_shape[axis] for axis in axes})

    def call(self, inputs):
        return ops.rms_normalization(inputs, self.scale, self.axis, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Divided by the Euclidean norm over some axes of each sample.

    Args:
        axis: the axis or axes to normalise over.
        **kwargs: see `Layer`.

    Example:
        >>> refnet.layers.UnitNormalization()(np.array([[3.0, 4.0]]))
        array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = _axes(self, axis)
        self.supports_masking = True
        self.built = self._needs_no_build()

    _error = ScaleAndOffset._error
    compute_output_shape = ScaleAndOffset.compute_output_shape

    def call(self, inputs):
        if math.prod(inputs.shape) == 0:
            return inputs
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
