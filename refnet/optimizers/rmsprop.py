"""RMSprop: each weight's step is divided by the root of the mean of its squared gradients."""

from refnet import backend
from refnet.optimizers.optimizer import Optimizer

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

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name="rmsprop",
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        variables = self._trainable_variables
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum > 0 else []
        self._average_gradients = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient, variable, learning_rate):
        index = self._index[id(variable)]
        backend.active().rmsprop_update(
            variable.value,
            gradient,
            self._velocities[index].value,
            learning_rate,
            self.rho,
            self.epsilon,
            self.momentum,
            self._momentums[index].value if self.momentum > 0 else None,
            self._average_gradients[index].value if self.centered else None,
        )
        variable.version += 1

    def get_config(self):
        return {**super().get_config(), "rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon,
                "centered": self.centered}  # fmt: skip
