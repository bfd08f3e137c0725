"""Lion: the sign of the momentum."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["Lion"]


class Lion(Rule):
    """w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * dw), with m the mean of dw.

    The rule is in `refnet/kernels/lion.py`.

    Args:
        learning_rate: a number, a schedule, or a function. 3 to 10 times smaller than for Adam, `weight_decay` as many times
            larger.
        beta_1: in (0, 1]: the share of the mean in the direction.
        beta_2: in [0, 1]: how slowly the mean of gradients forgets.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Chen et al. (2023), Symbolic discovery of optimization algorithms.
    """

    _KERNEL = "lion_update"
    _SLOTS = (Slot("m", "momentum"),)
    _SETTINGS = ("beta_1", "beta_2")
    _RANGES = {
        **Rule._RANGES,
        "beta_1": Range(0, 1, open_low=True, hint="At 0 no momentum would be left."),
        "beta_2": Range(0, 1),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
