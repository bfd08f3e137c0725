"""Muon: a momentum whose directions are made equally long, for matrices; Adam for everything else."""

import re
from typing import Any

from refnet import backend
from refnet.optimizers.rule import Rule
from refnet.utils.checks import Range

__all__ = ["Muon"]


class Muon(Rule):
    """w -= learning_rate * 0.2 * sqrt(greatest size of w) * (momentum, all its singular values moved to about 1).

    The rule is in `refnet/kernels/muon.py`. It is for the matrices inside a network: variables with another number of axes than
    two, embeddings, and what `exclude_layers` names (the last layer should be among it) are updated by Adam.

    Args:
        learning_rate: a number, a schedule, or a function.
        adam_beta_1: in [0, 1): how slowly Adam's mean of gradients forgets.
        adam_beta_2: in [0, 1): how slowly Adam's mean of squares forgets.
        adam_weight_decay: >= 0 or None: weight decay of the variables that Adam updates.
        epsilon: >= 0: keeps Adam's division finite.
        weight_decay: >= 0 or None: weight decay of the matrices.
        exclude_layers: patterns; variables whose path contains one are updated by Adam.
        exclude_embeddings: whether variables with "embedding" in their path are.
        muon_a, muon_b, muon_c: the polynomial that singular values go through.
        adam_lr_ratio: >= 0: Adam's learning rate, as a multiple of `learning_rate`.
        momentum: in [0, 1].
        ns_steps: in [1, 1000]: how often they go through it.
        nesterov: look ahead along the momentum.
        rms_rate: >= 0: the root mean square of the step; None: singular values of about 1 instead.
        **kwargs: see `Optimizer`: clipnorm, clipvalue, global_clipnorm, use_ema, ...

    References:
        Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks.
        Liu et al. (2025), Muon is scalable for LLM training.
    """

    _KERNEL = "muon_update"
    _SETTINGS = (
        "adam_beta_1",
        "adam_beta_2",
        "epsilon",
        "exclude_layers",
        "muon_a",
        "muon_b",
        "muon_c",
        "adam_lr_ratio",
        "momentum",
        "ns_steps",
        "nesterov",
        "exclude_embeddings",
        "adam_weight_decay",
        "rms_rate",
    )
    _RANGES = {
        **Rule._RANGES,
        "adam_beta_1": Range(0, 1, open_high=True),
        "adam_beta_2": Range(0, 1, open_high=True),
        "adam_weight_decay": Range(0, optional=True),
        "epsilon": Range(0),
        "muon_a": Range(),
        "muon_b": Range(),
        "muon_c": Range(),
        "adam_lr_ratio": Range(0),
        "momentum": Range(0, 1),
        "ns_steps": Range(1, 1000, integer=True),
        "rms_rate": Range(0, optional=True),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: list | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
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
        if isinstance(exclude_layers, str):
            raise ValueError(
                f"Muon: `exclude_layers` must be a list of patterns. Received: {exclude_layers!r}. "
                f"Write exclude_layers=[{exclude_layers!r}]."
            )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        momenta, velocities = [], []
        for variable in self._trainable_variables:
            momenta.append(self.add_variable_from_reference(variable, "momentum"))
            velocities.append(self.add_variable_from_reference(variable, "velocity") if self._by_adam(variable) else None)
        self._slots = {"m": momenta}
        self._velocities = velocities

    def _is_plain(self) -> bool:
        return super()._is_plain() and self.adam_weight_decay is None

    def _by_adam(self, variable) -> bool:
        """Whether a variable is none of the matrices that the rule is for."""
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def _decay_of(self, variable):
        return self.adam_weight_decay if self._velocities[self._index[id(variable)]] is not None else self.weight_decay

    def _run(self, gradients, variables, learning_rate):
        active, index = backend.active(), self._index
        of_adam, matrices = [], []
        for pair in zip(gradients, variables, strict=True):
            (matrices if self._velocities[index[id(pair[1])]] is None else of_adam).append(pair)
        super()._run([g for g, _ in matrices], [v for _, v in matrices], learning_rate)
        if of_adam:
            step = active.step_number(self._iterations.value, self.gradient_accumulation_steps or 1)
            rate = learning_rate if self.adam_lr_ratio == 1 else active.scale_gradient(learning_rate, self.adam_lr_ratio)
            for gradient, variable in of_adam:
                i = index[id(variable)]
                m, v = self._slots["m"][i].value, self._velocities[i].value
                active.adam_update(variable.value, gradient, m, v, step, rate, self.adam_beta_1, self.adam_beta_2, self.epsilon)
                variable.touch()
