"""ScaleAndOffset: the learned gamma and beta that most normalizations end with."""

from refnet import constraints, initializers, regularizers
from refnet.layers.layer import Layer

__all__ = ["ScaleAndOffset"]


class ScaleAndOffset(Layer):
    """Base of normalization layers with a learned scale (gamma) and offset (beta).

    Args:
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: where they start.
        beta_regularizer, gamma_regularizer: penalties on them.
        beta_constraint, gamma_constraint: what they are projected onto after each update.
        **kwargs: see `Layer`.
    """

    def __init__(self, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                 beta_constraint, gamma_constraint, **kwargs):  # fmt: skip
        super().__init__(**kwargs)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None
        self.supports_masking = True

    def _error(self, message):
        return ValueError(f"{type(self).__name__} '{self.name}': {message}")

    def _checked(self, value, name, allowed):
        return allowed.check(value, name, f"{type(self).__name__} '{self.name}'")

    def _size_along(self, input_shape, axis):
        """The size of one axis, which must exist and be known."""
        if not -len(input_shape) <= axis < len(input_shape):
            raise self._error(f"axis {axis} is out of range for the input shape {tuple(input_shape)}.")
        size = input_shape[axis]
        if size is None:
            raise self._error(
                f"the size of axis {axis} must be known to make the weights. Received: input shape {tuple(input_shape)}"
            )
        return size

    def _add_scale_and_offset(self, shape):
        if self.scale:
            self.gamma = self.add_weight(
                shape=shape, initializer=self.gamma_initializer, regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint, name="gamma",
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape=shape, initializer=self.beta_initializer, regularizer=self.beta_regularizer,
                constraint=self.beta_constraint, name="beta",
            )  # fmt: skip

    def compute_output_shape(self, input_shape):
        axes = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        for axis in axes:
            if not -len(input_shape) <= axis < len(input_shape):
                raise self._error(f"axis {axis} is out of range for the input shape {tuple(input_shape)}.")
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
