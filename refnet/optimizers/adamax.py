"""Adamax: Adam divided by the largest gradient of late, not by the root of a mean of squares."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["Adamax"]


class Adamax(Rule):
    """w -= learning_rate * m / (u + epsilon), with m the bias-corrected mean of dw and u = max(beta_2 * u, |dw|).

    The rule is in `refnet/kernels/adamax.py`.

    Args:
        learning_rate: a number, a schedule, or a function.
        beta_1: in [0, 1): how slowly the mean of gradients forgets.
        beta_2: in [0, 1): how slowly the largest gradient fades.
        epsilon: >= 0: keeps the division finite.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Kingma and Ba (2014), Adam: a method for stochastic optimization, section 7.1.
    """

    _KERNEL = "adamax_update"
    _SLOTS = (Slot("m", "momentum"), Slot("u", "norm"))
    _SETTINGS = ("beta_1", "beta_2", "epsilon")
    _RANGES = {
        **Rule._RANGES,
        "beta_1": Range(0, 1, open_high=True),
        "beta_2": Range(0, 1, open_high=True),
        "epsilon": Range(0),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
