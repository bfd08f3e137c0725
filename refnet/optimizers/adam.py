"""Adam: momentum, divided by the root of the mean of squared gradients, both corrected for their start at zero."""

from refnet import backend
from refnet.optimizers.optimizer import Optimizer

__all__ = ["Adam"]


class Adam(Optimizer):
    """w -= learning_rate * m / (sqrt(v) + epsilon), with m and v the bias-corrected means of dw and dw^2.

    The rule, and amsgrad's, is in `refnet/kernels/adam.py`.

    Args:
        learning_rate: a number, a schedule, or a function.
        beta_1: how slowly the mean of gradients forgets.
        beta_2: how slowly the mean of squares forgets.
        epsilon: keeps the division finite ("epsilon hat" of the paper, section 2).
        amsgrad: divide by the greatest mean of squares so far.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Kingma and Ba (2014), Adam: a method for stochastic optimization.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name="adam",
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        variables = self._trainable_variables
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []

    def update_step(self, gradient, variable, learning_rate):
        index = self._index[id(variable)]
        steps = self._iterations.value if not self.gradient_accumulation_steps else self.iterations
        backend.active().adam_update(
            variable.value,
            gradient,
            self._momentums[index].value,
            self._velocities[index].value,
            int(steps) + 1,
            learning_rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            self._velocity_hats[index].value if self.amsgrad else None,
        )
        variable.version += 1

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
                "amsgrad": self.amsgrad}  # fmt: skip
