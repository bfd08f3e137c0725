"""SGD: gradient descent, with momentum or Nesterov's."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["SGD"]


class SGD(Rule):
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

    _KERNEL = "sgd_update"
    _SLOTS = (Slot("velocity", "momentum", given="momentum"),)
    _SETTINGS = ("momentum", "nesterov")
    _RANGES = {**Rule._RANGES, "momentum": Range(0, 1)}

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
        name: str | None = None,
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
