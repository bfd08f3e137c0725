"""Nadam: Adam with Nesterov's momentum."""

from typing import Any

from refnet import backend
from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["Nadam"]


class Nadam(Rule):
    """Adam, with the mean of gradients carried one step further.

    The rule, and the momentum that grows to `beta_1`, is in `refnet/kernels/adamax.py`.

    Args:
        learning_rate: a number, a schedule, or a function.
        beta_1: in [0, 1): how slowly the mean of gradients forgets.
        beta_2: in [0, 1): how slowly the mean of squares forgets.
        epsilon: >= 0: keeps the division finite.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Dozat (2016), Incorporating Nesterov momentum into Adam.
    """

    _KERNEL = "nadam_update"
    _SLOTS = (Slot("m", "momentum"), Slot("v", "velocity"))
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

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        dtype = self._trainable_variables[0].dtype.name if self._trainable_variables else None
        self._shared["product"] = self.add_variable((), "ones", dtype)  # of all momenta so far

    def update_steps(self, gradients, variables: Any, learning_rate: Any):
        active = backend.active()
        step = active.step_number(self._iterations.value, self.gradient_accumulation_steps or 1)
        active.momentum_product_update(self._shared["product"].value, step, self.beta_1)
        super().update_steps(gradients, variables, learning_rate)
