"""RMSprop: each weight's step is divided by the root of the mean of its squared gradients."""

from typing import Any

from refnet import backend
from refnet.optimizers.optimizer import Optimizer
from refnet.utils.checks import Range

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """w -= learning_rate * dw / sqrt(mean of dw^2 + epsilon).

    The rule, and its variants with momentum and centred, is in `refnet/kernels/rmsprop.py`.

    Args:
        learning_rate: a number, a schedule, or a function.
        rho: how slowly the mean of squares forgets.
        momentum: how much of the last step is kept.
        epsilon: keeps the division finite.
        centered: subtract the squared mean of the gradients: divide by their standard deviation.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...
    """

    _RANGES = {**Optimizer._RANGES, "rho": Range(0, 1), "momentum": Range(0, 1), "epsilon": Range(0)}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "rmsprop",
        **kwargs,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        variables = self._trainable_variables
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum > 0 else []
        self._average_gradients = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_steps(self, gradients, variables: Any, learning_rate: Any):
        update, index = backend.active().rmsprop_update, self._index
        rho, epsilon, momentum = self.rho, self.epsilon, self.momentum
        squares, velocities, means = self._velocities, self._momentums, self._average_gradients
        for gradient, variable in zip(gradients, variables, strict=True):
            i = index[id(variable)]
            velocity = velocities[i].value if velocities else None
            mean = means[i].value if means else None
            update(variable.value, gradient, squares[i].value, learning_rate, rho, epsilon, momentum, velocity, mean)
            variable.touch()

    def update_step(self, gradient, variable, learning_rate: Any):
        self.update_steps([gradient], [variable], learning_rate)

    def get_config(self):
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
