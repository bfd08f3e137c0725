"""ScheduleFreeAdamW: an average of the weights in place of a falling learning rate."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Rule):
    """Adam without momentum, whose weights are averaged over all steps; no schedule is needed.

    The rule is in `refnet/kernels/schedule_free.py`. The model holds the point between the average and the newest weights at
    which gradients are taken, in training and afterwards, as in Keras.

    Args:
        learning_rate: a number, a schedule, or a function.
        beta_1: in [0, 1]: how near that point is to the average.
        beta_2: in [0, 1): how slowly the mean of squares forgets.
        epsilon: >= 0: keeps the division finite.
        warmup_steps: >= 0: in so many steps the learning rate rises to its value.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Defazio et al. (2024), The road less scheduled.
    """

    _KERNEL = "schedule_free_update"
    _SLOTS = (Slot("z", "momentum"), Slot("v", "velocity"))
    _SETTINGS = ("beta_1", "beta_2", "epsilon", "warmup_steps")
    _RANGES = {
        **Rule._RANGES,
        "beta_1": Range(0, 1),
        "beta_2": Range(0, 1, open_high=True),
        "epsilon": Range(0),
        "warmup_steps": Range(0, integer=True),
    }

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.warmup_steps = warmup_steps

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        for start, variable in zip(self._slots["z"], self._trainable_variables, strict=True):
            start.assign(variable.value)  # the steps begin where the model is
