"""RMSprop: each weight's step is divided by the root of the mean of its squared gradients."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["RMSprop"]


class RMSprop(Rule):
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

    _KERNEL = "rmsprop_update"
    _SLOTS = (
        Slot("v", "velocity"),
        Slot("velocity", "momentum", given="momentum"),
        Slot("mean_gradient", "average_gradient", given="centered"),
    )
    _SETTINGS = ("rho", "momentum", "epsilon", "centered")
    _RANGES = {**Rule._RANGES, "rho": Range(0, 1), "momentum": Range(0, 1), "epsilon": Range(0)}

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
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
