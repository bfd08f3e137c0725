"""SGD: gradient descent, with momentum or Nesterov's."""

from refnet import backend
from refnet.optimizers.optimizer import Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """w -= learning_rate * dw, or with momentum: velocity = momentum * velocity - learning_rate * dw; w += velocity.

    The rule, and Nesterov's variant, is in `refnet/kernels/sgd.py`.

    Args:
        learning_rate: a number, a schedule, or a function.
        momentum: in [0, 1]: how much of the last step is kept.
        nesterov: look ahead along the velocity.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    Raises:
        ValueError: for a momentum outside [0, 1].
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name="SGD", **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(f"SGD: `momentum` must be a number in [0, 1]. Received: momentum={momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(self._trainable_variables, "momentum") if self.momentum else []

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.momentums[self._index[id(variable)]].value if self.momentum else None
        backend.active().sgd_update(variable.value, gradient, velocity, learning_rate, self.momentum, self.nesterov)
        variable.version += 1

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
