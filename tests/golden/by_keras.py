"""A case of conv_grid.py computed by the real Keras on JAX: output, gradients, and the weights after the call."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_ENABLE_X64", "1")  # before the import: Keras remembers types it has seen

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src.backend.common import dtypes

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conv_grid

__all__ = ["run"]

# On JAX Keras turns every float64 that it computes with into float32, by this table; on TensorFlow it keeps them.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def run(id: str) -> dict[str, np.ndarray]:
    """{"x", "dy", "y", "dx", "w0" ..., "dw0" ... (trainable ones), "new0" ...} of one case, in float64."""
    if keras.backend.backend() != "jax" or not jax.config.jax_enable_x64:
        raise RuntimeError("Set KERAS_BACKEND=jax and JAX_ENABLE_X64=1 before keras and jax are imported.")
    name, config, shape, _ = conv_grid.GRID[id]
    call = conv_grid.call_arguments(id)
    layer = getattr(keras.layers, name)(**config, dtype="float64")
    layer.build(shape)
    output_shape = tuple(layer.compute_output_shape(shape))
    x, weights, dy = conv_grid.arrays_for(id, [tuple(w.shape) for w in layer.weights], output_shape)
    for variable, value in zip(layer.weights, weights, strict=True):
        variable.assign(value)
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def forward(x, trainable):
        y, new = layer.stateless_call(trainable, fixed, x, **call)
        return y, new

    y, pull, new = jax.vjp(forward, jnp.asarray(x), trainable, has_aux=True)
    dx, dweights = pull(jnp.asarray(dy))
    found = {"x": x, "dy": dy, "y": y, "dx": dx}
    position = {id_: i for i, id_ in enumerate(v.path for v in layer.weights)}
    found.update({f"w{i}": w for i, w in enumerate(weights)})
    found.update({f"dw{position[v.path]}": g for v, g in zip(layer.trainable_variables, dweights, strict=True)})
    found.update({f"new{position[v.path]}": n for v, n in zip(layer.non_trainable_variables, new, strict=True)})
    return {key: np.asarray(value) for key, value in found.items()}
