"""SpectralNormalization: a layer whose kernel stretches nothing by more than a factor of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet import initializers
from refnet.layers.input_spec import InputSpec
from refnet.layers.layer import Layer
from refnet.layers.wrapper import Wrapper

__all__ = ["SpectralNormalization"]


class SpectralNormalization(Wrapper):
    """Before each training step, divide the kernel of a layer by its largest singular value.

    W as a matrix (everything else, outputs) stretches vectors by at most σ, its largest singular value. Power iteration
    finds σ without a decomposition:

        v = u Wᵀ / |u Wᵀ|,   u = v W / |v W|      turn towards the singular vectors of σ, a little in every step; then
        σ = v W uᵀ

    Only u is kept between steps: the kernel changes so little from one to the next that one iteration a step is enough.
    The division is an update of the kernel before the step, as in Keras: no gradient flows through σ.

    Args:
        layer: a built or unbuilt layer with a `kernel` (or `embeddings`), such as Conv2D or Dense.
        power_iterations: how many iterations before each training step.
        **kwargs: see `Layer`.

    Raises:
        ValueError: for a layer without kernel, or a number of iterations below 1.

    References:
        Miyato, Kataoka, Koyama, Yoshida (2018), Spectral normalization for generative adversarial networks,
        arXiv:1802.05957.
    """

    _same_every_step = False

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                f"SpectralNormalization '{self.name}': `power_iterations` must be greater than 0. Received: "
                f"power_iterations={power_iterations}"
            )
        self.power_iterations = power_iterations
        self.kernel = self.vector_u = None

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        self.kernel = kernel if kernel is not None else getattr(self.layer, "embeddings", None)
        if self.kernel is None:
            raise ValueError(
                f"SpectralNormalization '{self.name}': {type(self.layer).__name__} '{self.layer.name}' has neither "
                "`kernel` nor `embeddings`, so there is nothing to normalise."
            )
        self.vector_u = self.add_weight(
            shape=(1, self.kernel.shape[-1]), initializer=initializers.TruncatedNormal(stddev=0.02), trainable=False,
            name="vector_u", dtype=self.kernel.dtype,
        )  # fmt: skip

    def call(self, inputs, training=False):
        if training and self.kernel.value.any():  # a kernel of zeros has no direction to find
            self._normalise_kernel()
        return self.layer(inputs)

    def _normalise_kernel(self):
        w = self.kernel.value.reshape(-1, self.kernel.shape[-1])
        u = self.vector_u.value
        for _ in range(self.power_iterations):
            v = _unit(u @ w.T)
            u = _unit(v @ w)
        self.vector_u.assign(u)
        self.kernel.assign(self.kernel.value / (v @ w @ u.T).item())

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(x):
    return x / max(float(np.sqrt(np.square(x, dtype=np.float64).sum())), 1e-7)
