"""A layer of your own, and the proof that its gradient is right."""

import numpy as np

import refnet
from refnet import ops


class Scaled(refnet.layers.Layer):
    """y = tanh(x) * scale, one learned scale for each feature."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones", name="scale")

    def call(self, x):
        return ops.tanh(x) * self.scale  # no backward to write: the tape derives it


if __name__ == "__main__":
    layer = Scaled()
    report = refnet.gradcheck.check(layer, np.random.default_rng(0).normal(size=(4, 8)))
    print(report)
    report.raise_if_failed()
