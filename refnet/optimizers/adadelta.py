"""Adadelta: the ratio of the steps made lately to the gradients seen lately, times the gradient."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["Adadelta"]


class Adadelta(Rule):
    """w -= learning_rate * dw * sqrt(mean of steps^2 + epsilon) / sqrt(mean of dw^2 + epsilon).

    The rule is in `refnet/kernels/adagrad.py`.

    Args:
        learning_rate: a number, a schedule, or a function. The paper has 1.0.
        rho: in [0, 1]: how slowly both means forget.
        epsilon: >= 0: keeps the division finite, and sets the length of the first steps.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Zeiler (2012), ADADELTA: an adaptive learning rate method.
    """

    _KERNEL = "adadelta_update"
    _SLOTS = (Slot("v", "accumulated_grad"), Slot("u", "accumulated_delta_var"))
    _SETTINGS = ("rho", "epsilon")
    _RANGES = {
        **Rule._RANGES,
        "rho": Range(0, 1),
        "epsilon": Range(0),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon
