"""Make layer_grid_keras.npz: what the real Keras' layers give for the calls of tests/layer_grid.py, and their configurations.

    KERAS_BACKEND=jax PYTHONPATH=tests python tests/golden/make_golden_layers.py
"""
import json
from pathlib import Path

import keras
import layer_grid
import numpy as np

arrays, texts = {}, {"versions": f"keras {keras.__version__} on {keras.backend.backend()}"}
for key, layer, outputs in layer_grid.results(keras):
    arrays |= {f"{key}/{number}": output for number, output in enumerate(outputs)}
    if not key.startswith("masked"):
        texts[key] = {"layer": keras.layers.serialize(layer), "weights": [w.path for w in layer.weights]}
arrays["texts"] = np.array(json.dumps(texts))
np.savez_compressed(Path(__file__).with_name("layer_grid_keras.npz"), **arrays)
