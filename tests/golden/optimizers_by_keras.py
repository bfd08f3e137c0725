"""The cases of optimizer_grid.py computed by the real Keras on NumPy, in float64: weights, state and its names.

    python tests/golden/optimizers_by_keras.py file.npz         a process of its own, for Keras has one backend in each
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "numpy"

import sys
from pathlib import Path

import keras
import numpy as np
from keras.src.backend.common import dtypes

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import optimizer_grid as grid

# On NumPy Keras turns every float64 that it computes with into float32, by this table; on TensorFlow it keeps them.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def run(name, options):
    starts, gradients = grid.data()
    variables = [keras.Variable(start, name=f"k{i}", dtype="float64") for i, start in enumerate(starts)]
    optimizer = getattr(keras.optimizers, name)(**grid.arguments(name, options))
    found = {}
    for step, grads in enumerate(gradients):
        optimizer.apply(grads, variables)
        if step in (0, 1, 11, grid.STEPS - 1):
            found.update({f"w{i}_{step}": np.array(v.value) for i, v in enumerate(variables)})
    found.update({f"state{i}": np.array(v.value) for i, v in enumerate(optimizer.variables)})
    found["names"] = np.array([v.name for v in optimizer.variables])
    optimizer.finalize_variable_values(variables)
    found.update({f"final{i}": np.array(v.value) for i, v in enumerate(variables)})
    return found


def run_wrapped(name):
    variables = [keras.Variable(start, name=f"k{i}", dtype="float64") for i, start in enumerate(grid.data()[0])]
    optimizer = grid.WRAPPED[name](keras.optimizers)
    for grads in grid.wrapped_gradients(name):
        optimizer.apply(grads, variables)
    found = {str(i): np.array(v.value) for i, v in enumerate((*variables, *optimizer.variables))}
    return {**found, "names": np.array([v.name for v in optimizer.variables])}


def main():
    keras.config.set_floatx("float64")
    arrays = {}
    for name, options in grid.CASES:
        arrays.update({f"{grid.case_id(name, options)}/{key}": value for key, value in run(name, options).items()})
    for name, config in grid.SCHEDULES:
        schedule = getattr(keras.optimizers.schedules, name)(**config)
        arrays[grid.schedule_id(name, config)] = np.array([float(schedule(step)) for step in range(grid.STEPS)])
    for name in grid.WRAPPED:
        arrays.update({f"{name}/{key}": value for key, value in run_wrapped(name).items()})
    np.savez(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
