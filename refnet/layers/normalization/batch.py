"""BatchNormalization: every feature with mean 0 and variance 1 over the batch, and what inference remembers of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet import backend, initializers, ops
from refnet.autodiff import value_of
from refnet.layers.input_spec import InputSpec
from refnet.layers.normalization.base import ScaleAndOffset
from refnet.utils.checks import Range

__all__ = ["BatchNormalization"]


class BatchNormalization(ScaleAndOffset):
    """Every feature with mean 0 and variance 1 over the batch (and all places of an image), then scaled and moved.

    In training the statistics are those of the batch, and moving averages of them are kept:
    `moving = momentum * moving + (1 - momentum) * batch`. At inference, and whenever the layer is frozen (`trainable
    = False`), the moving averages are used. The mathematics, forward and backward, is in
    `refnet/kernels/batch_norm.py`.

    Args:
        axis: the axis of the features: -1, or 1 after a convolution with `channels_first`.
        momentum: how much the moving averages keep.
        epsilon: added to the variance.
        center: whether there is a learned offset, beta.
        scale: whether there is a learned scale, gamma.
        beta_initializer: where beta starts.
        gamma_initializer: where gamma starts.
        moving_mean_initializer: where the moving mean starts.
        moving_variance_initializer: where the moving variance starts.
        beta_regularizer: a penalty on beta.
        gamma_regularizer: a penalty on gamma.
        beta_constraint: what beta is projected onto after each update.
        gamma_constraint: what gamma is projected onto after each update.
        renorm: batch renormalization (Ioffe, 2017): in training, too, the output is what the moving statistics would
            give; corrected by factors that are constants to the gradient.
        renorm_clipping: limits `{"rmin", "rmax", "dmax"}` of the correction, each optional.
        renorm_momentum: how much renorm's own moving averages keep.
        synchronized: not supported: statistics over several devices.
        **kwargs: see `Layer`.

    Call arguments:
        inputs: any shape with at least two axes.
        training: whether to use the batch's statistics.
        mask: the input's shape without the last axis: True where an entry counts in the statistics. The output is
            normalised everywhere.

    Raises:
        ValueError: for wrong arguments; a mask of another shape, or when the features are not along the last axis.

    Example:
        >>> layer = refnet.layers.BatchNormalization()
        >>> layer(np.random.rand(32, 8, 8, 3), training=True).mean(axis=(0, 1, 2))
        array([0., 0., 0.], dtype=float32)
    """

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 0.001,
                 center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
                 gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, renorm: bool = False,
                 renorm_clipping: dict[str, float] | None = None, renorm_momentum: float = 0.99,
                 synchronized: bool = False, **kwargs: Any):  # fmt: skip
        super().__init__(center, scale, beta_initializer, gamma_initializer, beta_regularizer,
                         gamma_regularizer, beta_constraint, gamma_constraint, **kwargs)  # fmt: skip
        if synchronized:
            raise self._error(
                "synchronized=True is for training on several devices, which refnet does not do. Leave it False."
            )
        if isinstance(axis, (list, tuple)) and len(axis) == 1:  # as old Keras files have it
            axis = axis[0]
        if not hasattr(axis, "__index__"):
            raise self._error(f"`axis` must be an integer. Received: axis={axis!r}")
        self.axis = int(axis)
        self.momentum = float(self._checked(momentum, "momentum", Range(0, 1)))
        self.epsilon = float(self._checked(epsilon, "epsilon", Range(0)))
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = self._checked_clipping(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = self._checked(renorm_momentum, "renorm_momentum", Range(0, 1))
        self.synchronized = synchronized
        self.moving_mean = self.moving_variance = None

    def _checked_clipping(self, clipping):
        clipping = dict(clipping or {})
        unknown = set(clipping) - {"rmin", "rmax", "dmax"}
        if unknown:
            raise self._error(
                f"`renorm_clipping` may have the keys 'rmin', 'rmax' and 'dmax'. Received: {sorted(unknown)}"
            )
        for key, value in clipping.items():
            clipping[key] = self._checked(value, f"renorm_clipping[{key!r}]", Range(0))
        if clipping.get("rmin", 0) > clipping.get("rmax", np.inf):
            raise self._error(f"`renorm_clipping` needs rmin <= rmax. Received: {clipping}")
        return clipping

    def build(self, input_shape):
        features = self._size_along(input_shape, self.axis)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: features})
        self._add_scale_and_offset((features,))

        def state(name, initializer):
            return self.add_weight(shape=(features,), initializer=initializer, trainable=False, name=name)

        self.moving_mean = state("moving_mean", self.moving_mean_initializer)
        self.moving_variance = state("moving_variance", self.moving_variance_initializer)
        if self.renorm:  # Keras averages the deviation there, not the variance, as the paper does
            self.moving_stddev = state("moving_stddev", "zeros")
            self.renorm_mean = state("renorm_mean", "zeros")
            self.renorm_stddev = state("renorm_stddev", "zeros")
            self.moving_stddev.assign(np.sqrt(self.moving_variance.value))
            self.renorm_mean.assign(self.moving_mean.value)
            self.renorm_stddev.assign(np.sqrt(self.moving_variance.value))

    def call(self, inputs, training=None, mask=None):
        return self._normalized(inputs, training, mask, "linear")

    def _normalized(self, inputs, training, mask, activation):
        """`call`, and then `activation`, "linear" or "relu", which the kernel applies on the way."""
        rows = tuple(inputs.shape[:-1])
        if mask is not None and tuple(mask.shape) != rows:
            if len(mask.shape) == len(rows) and all(m in (1, n) for m, n in zip(mask.shape, rows, strict=True)):
                mask = ops.broadcast_to(mask, rows)
            else:
                raise self._error(
                    "the mask must have the input's shape without its last axis, or 1 for some sizes. Received: mask "
                    f"shape {tuple(mask.shape)}, input shape {tuple(inputs.shape)}"
                )
        if not (training and self.trainable):
            return ops.batch_normalization(
                inputs,
                self.moving_mean.value,
                self.moving_variance.value,
                self.axis,
                self.beta,
                self.gamma,
                self.epsilon,
                activation,
            )
        weights = None
        if mask is not None:  # one weight for each row of features
            weights = value_of(ops.cast(mask, inputs.dtype))
            if self.axis not in (-1, len(inputs.shape) - 1):
                raise self._error(f"a mask needs the features along the last axis. Received: axis={self.axis}")
        if self.renorm:
            y = self._renormalized(inputs, weights)
            return ops.relu(y) if activation == "relu" else y
        y, statistics = ops.normalize_batch(inputs, self.gamma, self.beta, self.axis, self.epsilon, weights, activation)
        if value_of(inputs).size:  # an empty batch teaches nothing
            row = backend.active().index_forward
            self._move(self.moving_mean, row(statistics, 0, save=False)[0], self.momentum)
            self._move(self.moving_variance, row(statistics, 1, save=False)[0], self.momentum)
        return y

    @staticmethod
    def _move(average, value, momentum):
        backend.active().moving_average_update(average.value, value, momentum)
        average.touch()

    def _renormalized(self, inputs, weights):
        y, (mean, variance) = ops.normalize_batch(inputs, None, None, self.axis, self.epsilon, weights)
        deviation = np.sqrt(variance + self.epsilon)
        remembered = np.maximum(self.renorm_stddev.value, np.sqrt(self.epsilon))
        limits = self.renorm_clipping
        r = np.clip(deviation / remembered, limits.get("rmin"), limits.get("rmax")).astype(mean.dtype)
        d = (mean - self.renorm_mean.value) / remembered
        if limits.get("dmax") is not None:
            d = np.clip(d, -limits["dmax"], limits["dmax"])
        d = d.astype(mean.dtype)
        along = tuple(-1 if a == self.axis % len(inputs.shape) else 1 for a in range(len(inputs.shape)))
        factor = r if self.gamma is None else ops.multiply(r, self.gamma)
        offset = d if self.gamma is None else ops.multiply(d, self.gamma)
        if self.beta is not None:
            offset = ops.add(offset, self.beta)
        y = ops.add(ops.multiply(y, ops.reshape(factor, along)), ops.reshape(offset, along))
        if value_of(inputs).size:
            self._move(self.renorm_mean, mean, self.renorm_momentum)
            self._move(self.renorm_stddev, deviation, self.renorm_momentum)
            self._move(self.moving_mean, mean, self.momentum)
            self._move(self.moving_stddev, deviation, self.momentum)
            self.moving_variance.assign(np.maximum(np.square(self.moving_stddev.value) - self.epsilon, 0))
        return y

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }
