"""Make metrics_grid_keras.json: what the real Keras' metrics give for the calls of tests/metrics_grid.py.

    KERAS_BACKEND=jax PYTHONPATH=tests python tests/golden/make_golden_metrics.py

Beside each result stand Keras' configuration, without the name, and the names and shapes of its variables.
"""
import json
from pathlib import Path

import keras
import metrics_grid
import numpy as np


def plain(value):
    return np.asarray(value).tolist() if hasattr(value, "__array__") else value


entries = {"versions": f"keras {keras.__version__} on {keras.backend.backend()}"}
for key, metric, result in metrics_grid.results(keras.metrics):
    config = {name: plain(value) for name, value in metric.get_config().items() if name != "name"}
    if config.get("thresholds") is not None:
        config["thresholds"] = np.asarray(config["thresholds"]).tolist()
    entries[key] = {"result": result, "config": config, "variables": [[v.name, list(v.shape)] for v in metric.variables]}
lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items())
Path(__file__).with_name("metrics_grid_keras.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
