"""refnet: neural networks with the Keras 3 API, in pure Python on NumPy, written to be read.

The mathematics is in `refnet.kernels`, one chapter a subject; `refnet_fast` is the compiled twin with the same names.

    >>> import refnet
    >>> model = refnet.Sequential([refnet.Input((8,)), refnet.layers.Dense(16, activation="relu"), refnet.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> model.fit(x, y, epochs=5)
"""
from refnet import (
    absent,
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    gradcheck,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    utils,
    visualize,
)
from refnet.autodiff import GradientTape, Tensor, Variable, custom_gradient, stop_gradient, value_and_grad
from refnet.backend import use_backend
from refnet.graph import KerasTensor
from refnet.initializers import Initializer
from refnet.layers import Input, InputSpec, Layer
from refnet.losses import Loss
from refnet.metrics import Metric
from refnet.models import Model, Sequential
from refnet.optimizers import Optimizer
from refnet.regularizers import Regularizer

__version__ = "0.1.0"

__all__ = [
    "GradientTape", "Initializer", "Input", "InputSpec", "KerasTensor", "Layer", "Loss", "Metric", "Model", "Optimizer",
    "Regularizer", "Sequential", "Tensor", "Variable", "activations", "backend", "callbacks", "config", "constraints",
    "custom_gradient", "datasets", "gradcheck", "initializers", "layers", "losses", "metrics", "models", "ops", "optimizers",
    "random", "regularizers", "stop_gradient", "use_backend", "utils", "value_and_grad", "visualize",
]

absent.install()  # last, when all that refnet has is there
