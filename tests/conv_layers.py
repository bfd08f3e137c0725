"""One case of conv_grid.py run by refnet, and its comparison with what Keras found."""

from __future__ import annotations

from typing import Any

import conv_grid
import numpy as np

__all__ = ["check"]

# Masked moments: Keras divides by (count + 1e-7), refnet by the count.
LOOSE = {"BatchNormalization-4x6x3-mask": 1e-6}


def run(rn: Any, id: str, dtype: str) -> dict[str, np.ndarray]:
    """The same arrays that golden/by_keras.py finds."""
    name, config, shape, _ = conv_grid.GRID[id]
    call = conv_grid.call_arguments(id)
    layer = getattr(rn.layers, name)(**config, dtype=dtype)
    layer.build(shape)
    assert layer.compute_output_shape((None, *shape[1:]))[1:] == layer.compute_output_shape(shape)[1:]
    x, weights, dy = conv_grid.arrays_for(id, [w.shape for w in layer.weights], layer.compute_output_shape(shape))
    layer.set_weights(weights)
    plain = layer(x.astype(dtype), **{**call, "training": False} if "training" in call else call)
    assert isinstance(plain, np.ndarray) and plain.dtype == dtype and plain.shape == dy.shape
    with rn.GradientTape() as tape:
        tensor = rn.ops.convert_to_tensor(x.astype(dtype))
        tape.watch(tensor)
        y = layer(tensor, **call)
    if not call.get("training"):
        np.testing.assert_array_equal(plain, y.value)
    trainable = layer.trainable_variables
    dx, *gradients = tape.gradient(y, [tensor, *trainable], output_gradients=dy.astype(dtype))
    position = {v.path: i for i, v in enumerate(layer.weights)}
    found = {"y": y.value, "dx": dx}
    found.update({f"dw{position[v.path]}": g for v, g in zip(trainable, gradients, strict=True)})
    found.update({f"new{position[v.path]}": v.numpy() for v in layer.non_trainable_variables})
    return found


def check(rn: Any, id: str, dtype: str, expected: dict[str, np.ndarray]) -> None:
    """Compare every array: to rounding, relative to the largest entry."""
    found = run(rn, id, dtype)
    keys = {k for k in expected if k in ("y", "dx") or k.startswith(("dw", "new"))}
    assert set(found) == keys
    for key, value in found.items():
        want = expected[key]
        assert value.shape == want.shape and value.dtype == dtype, key
        scale = np.abs(want).max(initial=0)
        tolerance = max(LOOSE.get(id, 0), 1e-11 if dtype == "float64" else 2e-5)
        np.testing.assert_allclose(value, want, rtol=tolerance, atol=tolerance * max(scale, 1), err_msg=f"{id}: {key}")
