"""Adagrad: each weight's step is divided by the root of the sum of all its squared gradients."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["Adagrad"]


class Adagrad(Rule):
    """w -= learning_rate * dw / sqrt(sum of dw^2 so far + epsilon).

    The rule is in `refnet/kernels/adagrad.py`.

    Args:
        learning_rate: a number, a schedule, or a function. The paper takes a larger one than this default, about 1e-2.
        initial_accumulator_value: >= 0: what the sum starts from.
        epsilon: >= 0: keeps the division finite.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization.
    """

    _KERNEL = "adagrad_update"
    _SLOTS = (Slot("accumulator", "accumulator", start="initial_accumulator_value"),)
    _SETTINGS = ("initial_accumulator_value", "epsilon")
    _RANGES = {
        **Rule._RANGES,
        "initial_accumulator_value": Range(0),
        "epsilon": Range(0),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon
