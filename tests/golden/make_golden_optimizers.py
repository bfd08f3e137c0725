"""Make optimizers_keras.npz in this directory with the real Keras.

    python tests/golden/make_golden_optimizers.py         needs keras

    <case>/{class, w (S, ...), <option>...}: a parameter after each of S updates; all/{w0, gradients (S, ...)}: of all cases

In float64, on Keras' NumPy backend: on TensorFlow Keras rounds some numbers to float32 on the way (Nadam's 0.96), and its
ScheduleFreeAdamW reads an average that it has overwritten.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "numpy"

import keras
import numpy as np
from keras.src.backend.common import dtypes

# On NumPy Keras turns every float64 that it computes with into float32, by this table; on TensorFlow it keeps them.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal numbers that float32 holds exactly."""
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def optimizers() -> dict[str, dict[str, Any]]:
    """A parameter under fixed gradients, some of them tiny, so that the place of epsilon shows."""
    o = keras.optimizers
    betas = {"beta_1": 0.875, "beta_2": 1.0 - 2.0**-10}
    cases = {
        "sgd": (o.SGD, {"learning_rate": 0.01}),
        "sgd_momentum": (o.SGD, {"learning_rate": 0.01, "momentum": 0.875}),
        "sgd_nesterov": (o.SGD, {"learning_rate": 0.01, "momentum": 0.875, "nesterov": True}),
        "sgd_weight_decay": (o.SGD, {"learning_rate": 0.01, "weight_decay": 0.125}),
        "sgd_clipnorm": (o.SGD, {"learning_rate": 0.01, "clipnorm": 0.5}),
        "sgd_clipvalue": (o.SGD, {"learning_rate": 0.01, "clipvalue": 0.25}),
        "sgd_global_clipnorm": (o.SGD, {"learning_rate": 0.01, "global_clipnorm": 0.5}),
        "rmsprop": (o.RMSprop, {"learning_rate": 0.001}),
        "rmsprop_momentum": (o.RMSprop, {"learning_rate": 0.001, "rho": 0.75, "momentum": 0.875}),
        "rmsprop_centered": (o.RMSprop, {"learning_rate": 0.001, "centered": True}),
        "rmsprop_all": (o.RMSprop, {"learning_rate": 0.001, "momentum": 0.875, "centered": True, "epsilon": 2.0**-10}),
        "adam": (o.Adam, {"learning_rate": 0.001, **betas}),
        "adam_amsgrad": (o.Adam, {"learning_rate": 0.001, "beta_1": 0.75, "beta_2": 0.9375, "amsgrad": True}),
        "adam_epsilon": (o.Adam, {"learning_rate": 0.01, **betas, "epsilon": 2.0**-7}),
        "adamw": (o.AdamW, {"learning_rate": 0.01, **betas, "weight_decay": 0.125}),
        "adagrad": (o.Adagrad, {"learning_rate": 0.125}),
        "adagrad_epsilon": (o.Adagrad, {"learning_rate": 0.125, "initial_accumulator_value": 0.0, "epsilon": 2.0**-7}),
        "adadelta": (o.Adadelta, {"learning_rate": 1.0, "rho": 0.875, "epsilon": 2.0**-10}),
        "adamax": (o.Adamax, {"learning_rate": 0.01, "beta_1": 0.875, "beta_2": 0.75, "epsilon": 2.0**-7}),
        "nadam": (o.Nadam, {"learning_rate": 0.01, **betas, "epsilon": 2.0**-7}),
        "ftrl": (o.Ftrl, {"learning_rate": 0.125}),
        "ftrl_all": (o.Ftrl, {"learning_rate": 0.125, "learning_rate_power": -0.75, "l1_regularization_strength": 0.5,
                              "l2_regularization_strength": 0.25, "l2_shrinkage_regularization_strength": 0.125, "beta": 0.5}),
        "lion": (o.Lion, {"learning_rate": 0.01, "beta_1": 0.875, "beta_2": 0.9375}),
        "lamb": (o.Lamb, {"learning_rate": 0.01, **betas, "epsilon": 2.0**-7}),
        "adafactor": (o.Adafactor, {"learning_rate": 0.125}),
        "adafactor_all": (o.Adafactor, {"learning_rate": 0.125, "beta_2_decay": -0.5, "epsilon_1": 2.0**-20, "epsilon_2": 0.125,
                                        "clip_threshold": 0.5}),
        "muon": (o.Muon, {"learning_rate": 0.01}),
        "muon_all": (o.Muon, {"learning_rate": 0.01, "momentum": 0.875, "ns_steps": 3, "nesterov": False, "muon_a": 1.5,
                              "muon_b": -0.5, "muon_c": 0.0, "rms_rate": 0.5, "weight_decay": 0.125}),
        "schedule_free": (o.ScheduleFreeAdamW, {"learning_rate": 0.01, **betas, "epsilon": 2.0**-7, "warmup_steps": 4}),
    }  # fmt: skip
    rng = np.random.default_rng(2026)
    w0, gradients = draw(rng, 3, 5), draw(rng, 8, 3, 5)
    gradients *= np.float64(2.0) ** rng.integers(-20, 2, gradients.shape)  # exact in float32
    results: dict[str, dict[str, Any]] = {"all": {"w0": w0, "gradients": gradients}}
    for name, (cls, options) in cases.items():
        variable = keras.Variable(w0, dtype="float64")
        optimizer = cls(**options)
        states = []
        for gradient in gradients:
            optimizer.apply([gradient], [variable])
            states.append(np.array(variable.value))
        results[name] = {"class": np.array(cls.__name__), "w": np.array(states), **options}
    return results


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    arrays = {f"{case}/{key}": np.asarray(value) for case, group in optimizers().items() for key, value in group.items()}
    arrays["versions"] = np.array([f"keras {keras.__version__}", f"numpy {np.__version__}"])
    np.savez_compressed(Path(__file__).resolve().parent / "optimizers_keras.npz", **arrays)
