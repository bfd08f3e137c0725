"""Make layers_keras.npz in this directory: the layers of conv_grid.py, computed by the real Keras on JAX in float64.

    python tests/golden/make_golden_conv.py         needs keras and jax

Keys are `<case>/<array>`: y, dx, dw<i> (the gradient of trainable weight i of `layer.weights`), new<i> (non-trainable
weight i after the call). Inputs, weights and cotangents are not stored: `conv_grid.arrays_for` draws them from a seed
that the case's name gives.
"""

from __future__ import annotations

from pathlib import Path

import by_keras
import conv_grid
import jax
import keras
import numpy as np

if __name__ == "__main__":
    arrays = {}
    for case in conv_grid.golden_ids():
        found = by_keras.run(case)
        arrays.update(
            {
                f"{case}/{key}": value
                for key, value in found.items()
                if key in ("y", "dx") or key.startswith(("dw", "new"))
            }
        )
    arrays["versions"] = np.array([f"keras {keras.__version__}", f"jax {jax.__version__}"])
    file = Path(__file__).resolve().parent / "layers_keras.npz"
    np.savez_compressed(file, **arrays)
    print(f"{file.name}: {len(conv_grid.golden_ids())} cases, {file.stat().st_size} bytes")
