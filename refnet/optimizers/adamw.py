"""AdamW: Adam with weight decay that is not part of the gradient."""

from typing import Any

from refnet.optimizers.adam import Adam
from refnet.utils.checks import Range

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam, after each weight was multiplied by 1 - learning_rate * weight_decay.

    An L2 penalty is part of the gradient, which Adam divides by its own size: weights with large gradients would hardly be
    penalised. Decay is taken from the weight itself. The two rules are in `refnet/kernels/gradients.py` and
    `refnet/kernels/adam.py`; `Adam(weight_decay=...)` is the same.

    Args:
        learning_rate: a number, a schedule, or a function.
        weight_decay: >= 0: the fraction (times the learning rate) by which weights shrink in each step.
        beta_1: in [0, 1): how slowly the mean of gradients forgets.
        beta_2: in [0, 1): how slowly the mean of squares forgets.
        epsilon: >= 0: keeps the division finite.
        amsgrad: divide by the greatest mean of squares so far.
        **kwargs: see `Optimizer`: clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Loshchilov and Hutter (2019), Decoupled weight decay regularization.
    """

    _RANGES = {**Adam._RANGES, "weight_decay": Range(0, hint="Adam() has none.")}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
