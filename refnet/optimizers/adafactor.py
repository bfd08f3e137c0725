"""Adafactor: of a matrix's squared gradients only the means of rows and columns."""

from typing import Any

from refnet.optimizers.rule import Rule
from refnet.utils.checks import Range

__all__ = ["Adafactor"]


class Adafactor(Rule):
    """RMSprop with a factored mean of squares and steps relative to the size of the weights.

    The rule is in `refnet/kernels/adafactor.py`. The last two axes of a variable are its rows and columns; a vector keeps a mean
    of squares for each entry.

    Args:
        learning_rate: a number, a schedule, or a function. Step t uses at most 1/sqrt(t).
        beta_2_decay: <= 0: the mean of squares keeps 1 - t**beta_2_decay of itself in step t.
        epsilon_1: >= 0: added to squared gradients; keeps the division finite.
        epsilon_2: >= 0: the least size of the weights that steps are relative to.
        clip_threshold: > 0: the greatest root mean square of a step, before it is scaled.
        relative_step: accepted as in Keras, where it changes nothing: the bound 1/sqrt(t) holds either way.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost.
    """

    _KERNEL = "adafactor_update"
    _SETTINGS = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
    _RANGES = {
        **Rule._RANGES,
        "beta_2_decay": Range(high=0),
        "epsilon_1": Range(0),
        "epsilon_2": Range(0),
        "clip_threshold": Range(0, open_low=True),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        self._slots = {"r": [], "c": [], "v": []}
        for variable in self._trainable_variables:
            shape, dtype, factored = variable.shape, variable.dtype.name, len(variable.shape) > 1
            for argument, means in (("r", shape[:-1]), ("c", (*shape[:-2], *shape[-1:]))):
                # Of a vector Keras keeps an integer in the place of each: so that states can be exchanged, here too.
                slot = self.add_variable(means if factored else (), dtype=dtype if factored else "int32", name=variable.name)
                self._slots[argument].append(slot if factored else None)
            self._slots["v"].append(self.add_variable_from_reference(variable, "velocity"))
