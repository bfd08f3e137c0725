"""FTRL: follow the regularized leader."""

from typing import Any

from refnet.optimizers.rule import Rule, Slot
from refnet.utils.checks import Range

__all__ = ["Ftrl"]


class Ftrl(Rule):
    """Follow the regularized leader: the weights that would have been best so far; with L1 many of them are exactly 0.

    The rule is in `refnet/kernels/ftrl.py`.

    Args:
        learning_rate: a number > 0, a schedule, or a function.
        learning_rate_power: <= 0: the power of the sum of squares by which the learning rate falls; 0: it does not fall.
        initial_accumulator_value: >= 0: what the sum of squares starts from.
        l1_regularization_strength: >= 0: weights for which little speaks are exactly 0.
        l2_regularization_strength: >= 0: large weights are smaller.
        l2_shrinkage_regularization_strength: >= 0: a penalty on the size of the weights, as part of the gradient.
        beta: >= 0: "beta" of the paper, a start for the root of the sum of squares.
        **kwargs: see `Optimizer`: weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ...

    Raises:
        ValueError: for arguments outside these; for a learning rate of 0, by which the rule divides.

    References:
        McMahan et al. (2013), Ad click prediction: a view from the trenches.
    """

    _KERNEL = "ftrl_update"
    _SLOTS = (Slot("accumulator", "accumulator", start="initial_accumulator_value"), Slot("linear", "linear"))
    _SETTINGS = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )
    _RANGES = {
        **Rule._RANGES,
        "learning_rate_power": Range(high=0),
        "initial_accumulator_value": Range(0),
        "l1_regularization_strength": Range(0),
        "l2_regularization_strength": Range(0),
        "l2_shrinkage_regularization_strength": Range(0),
        "beta": Range(0),
    }
    _RATE = Range(0, open_low=True, hint="Ftrl divides by the learning rate.")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
