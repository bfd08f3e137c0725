"""SGD: gradient descent, with momentum or Nesterov's."""

from typing import Any

from refnet import backend
from refnet.optimizers.optimizer import Optimizer
from refnet.utils.checks import Range

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

    _RANGES = {**Optimizer._RANGES, "momentum": Range(0, 1)}

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "SGD",
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
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(self._trainable_variables, "momentum") if self.momentum else []

    def update_steps(self, gradients, variables: Any, learning_rate: Any):
        update, index = backend.active().sgd_update, self._index
        momentum, nesterov, slots = self.momentum, self.nesterov, self.momentums
        for gradient, variable in zip(gradients, variables, strict=True):
            velocity = slots[index[id(variable)]].value if momentum else None
            update(variable.value, gradient, velocity, learning_rate, momentum, nesterov)
            variable.touch()

    def update_step(self, gradient, variable, learning_rate: Any):
        self.update_steps([gradient], [variable], learning_rate)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
