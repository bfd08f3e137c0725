"""Make ops_keras.npz: what the real Keras' ops give for calls of tests/cases_ops.py.

    KERAS_BACKEND=jax PYTHONPATH=tests:. python tests/golden/make_golden_ops.py

Keys are `<op> <number of the call> <type>/<number of the result>`; `cases_ops.numbers` makes the arguments from the key alone.
"""
from pathlib import Path

import cases_ops
import keras
import numpy as np

arrays = {"versions": np.array([f"keras {keras.__version__} on {keras.backend.backend()}"])}
for name, number, dtype, args, kwargs in cases_ops.beside_keras():
    try:
        results = getattr(keras.ops, name)(*args, **kwargs)
    except (TypeError, ValueError, NotImplementedError):  # what Keras or JAX does not take
        continue
    parts = [results] if hasattr(results, "shape") else list(results)
    for part, result in enumerate(parts):
        arrays[f"{name} {number} {dtype}/{part}"] = np.asarray(result)
np.savez_compressed(Path(__file__).with_name("ops_keras.npz"), **arrays)
