"""Optimizers with their options: what is compared with the real Keras, here and in golden/optimizers_by_keras.py."""

import numpy as np

__all__ = ["CASES", "RULES", "SCHEDULES", "SHAPES", "STEPS", "WRAPPED", "arguments", "case_id", "data", "schedule_id",
           "wrapped_gradients"]

SHAPES = ((4, 3), (3,), (2, 3, 2, 5), (1, 7), ())
STEPS = 50
RULES = {
    "SGD": {"learning_rate": 0.05},
    "RMSprop": {"learning_rate": 0.01},
    "Adam": {"learning_rate": 0.01},
    "AdamW": {"learning_rate": 0.01},
    "Adagrad": {"learning_rate": 0.1},
    "Adadelta": {"learning_rate": 1.0},
    "Adamax": {"learning_rate": 0.01},
    "Nadam": {"learning_rate": 0.01},
    "Ftrl": {"learning_rate": 0.1},
    "Lion": {"learning_rate": 0.01},
    "Lamb": {"learning_rate": 0.01},
    "Adafactor": {"learning_rate": 0.1},
    "Muon": {"learning_rate": 0.01},
    "ScheduleFreeAdamW": {"learning_rate": 0.01},
}
OPTIONS = [
    {},
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4},
    {"loss_scale_factor": 4.0},
    {"gradient_accumulation_steps": 3},
]
OWN = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "rho": 0.8}),
    ("Adam", {"amsgrad": True, "beta_1": 0.8}),
    ("AdamW", {"amsgrad": True, "weight_decay": 0.2, "epsilon": 1e-3}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-2}),
    ("Adadelta", {"rho": 0.8, "epsilon": 1e-2}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Ftrl", {"l1_regularization_strength": 0.5, "l2_regularization_strength": 0.1}),
    ("Ftrl", {"learning_rate_power": -0.7, "l2_shrinkage_regularization_strength": 0.2, "beta": 1.0}),
    ("Ftrl", {"learning_rate_power": 0.0, "initial_accumulator_value": 0.0}),
    ("Lion", {"beta_1": 0.5, "beta_2": 0.8}),
    ("Lamb", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Adafactor", {"beta_2_decay": -0.5, "epsilon_1": 1e-2, "epsilon_2": 2.0, "clip_threshold": 0.5}),
    ("Adafactor", {"relative_step": False}),
    ("Muon", {"nesterov": False, "momentum": 0.8, "ns_steps": 3, "rms_rate": None, "adam_weight_decay": None}),
    ("Muon", {"weight_decay": None, "adam_lr_ratio": 0.5, "adam_beta_1": 0.8, "adam_beta_2": 0.9, "epsilon": 1e-2}),
    ("Muon", {"exclude_layers": ["k3"], "muon_a": 1.5, "muon_b": -0.5, "muon_c": 0.0}),
    ("ScheduleFreeAdamW", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2, "warmup_steps": 7}),
]
CASES = [(name, options) for name in RULES for options in OPTIONS] + OWN
_RATE = {"initial_learning_rate": 0.1}
SCHEDULES = [
    ("ExponentialDecay", {**_RATE, "decay_steps": 7, "decay_rate": 0.5}),
    ("ExponentialDecay", {**_RATE, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 10, 11], "values": [0.5, 0.25, 1.0, 0.125]}),
    ("PolynomialDecay", {**_RATE, "decay_steps": 20}),
    ("PolynomialDecay", {**_RATE, "decay_steps": 20, "end_learning_rate": 0.01, "power": 2.5}),
    ("PolynomialDecay", {**_RATE, "decay_steps": 7, "end_learning_rate": 0.2, "cycle": True}),
    ("InverseTimeDecay", {**_RATE, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {**_RATE, "decay_steps": 7.5, "decay_rate": 2.0, "staircase": True}),
    ("CosineDecay", {**_RATE, "decay_steps": 20}),
    ("CosineDecay", {**_RATE, "decay_steps": 20, "alpha": 0.25, "warmup_steps": 9}),
    ("CosineDecay", {**_RATE, "decay_steps": 20, "alpha": 0.25, "warmup_target": 0.5, "warmup_steps": 9}),
    ("CosineDecay", {**_RATE, "decay_steps": 20, "warmup_target": 0.5}),
    ("CosineDecayRestarts", {**_RATE, "first_decay_steps": 7}),
    ("CosineDecayRestarts", {**_RATE, "first_decay_steps": 6, "t_mul": 1.5, "m_mul": 0.5, "alpha": 0.125}),
    ("CosineDecayRestarts", {**_RATE, "first_decay_steps": 7, "t_mul": 1.0, "m_mul": 2.0}),
]


WRAPPED = {
    "loss scale": lambda o: o.LossScaleOptimizer(o.Adam(0.125, name="a"), 8.0, 2, name="scale"),
    "several": lambda o: o.MultiOptimizer(
        o.OptimizerMap(o.SGD(0.125, 0.5, name="s"), {"k1": o.Adam(0.125, name="a")}), name="multi"),
    "scaled": lambda o: o.MultiOptimizer(o.OptimizerMap(o.SGD(0.125, 0.5, name="s")), 4.0, name="multi"),
}  # fmt: skip


def case_id(name, options):
    return "-".join([name, *options])


def schedule_id(name, config):
    return "-".join([name, *(f"{key}={value}" for key, value in config.items())])


def arguments(name, options):
    return {**RULES[name], **options}


def data():
    """Weights to start from, and the gradients of each step."""
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape) for shape in SHAPES]
    return starts, [[np.asarray(rng.normal(size=shape) + 0.3) for shape in SHAPES] for _ in range(STEPS)]


def wrapped_gradients(name):
    """The gradients for a case of WRAPPED; some that a loss scale is halved for."""
    for step, grads in enumerate(data()[1]):
        if name == "loss scale" and step in (3, 4, 9):
            grads[1][0] = (np.inf, np.nan)[step % 2]
        yield grads
