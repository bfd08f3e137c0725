"""LossScaleOptimizer: a factor of the loss that is found by trying, around another optimizer."""

from typing import Any

from refnet import autodiff, backend, ops
from refnet.optimizers.optimizer import Optimizer
from refnet.utils import serialization
from refnet.utils.checks import Range

__all__ = ["LossScaleOptimizer"]

# What configurations of older versions of Keras have, and what it must be.
_OPTIONS = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a factor, divides the gradients by it, and lets another optimizer update.

    Where a gradient is not finite there is no update and the factor is halved; after `dynamic_growth_steps` finite ones it is
    doubled. It is meant for float16, whose smallest numbers gradients fall below. (How: `refnet/kernels/gradients.py`.)

    The update runs in any case, on zeros where a gradient is not finite, and is taken back then: so a step is the same list of
    kernels whatever the gradients are, and can be written down. It costs a copy of the weights and the state.

    Args:
        inner_optimizer: the optimizer that updates. All options (clipping, decay, ...) are its.
        initial_scale: > 0: the first factor. It is halved soon if it is too large, and doubled late if it is too small.
        dynamic_growth_steps: >= 1.
        name: for people.

    Raises:
        ValueError: for anything but an optimizer, and for options that belong to it.
    """

    _RANGES = {
        **Optimizer._RANGES,
        "initial_scale": Range(0, open_low=True),
        "dynamic_growth_steps": Range(1, integer=True),
    }

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs,
    ):
        if not isinstance(inner_optimizer, Optimizer):
            raise ValueError(
                "LossScaleOptimizer: `inner_optimizer` must be an optimizer. Received: "
                f"{inner_optimizer!r}. For a name: LossScaleOptimizer(optimizers.get(name))."
            )
        if isinstance(inner_optimizer, LossScaleOptimizer):
            raise ValueError("LossScaleOptimizer: `inner_optimizer` scales the loss itself. Use it as it is.")
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer has no dynamic=False. For a factor that stays, use the inner optimizer alone: "
                f"{type(inner_optimizer).__name__}(loss_scale_factor=...)."
            )
        for option, default in _OPTIONS.items():
            if kwargs.pop(option, default) != default:
                raise ValueError(f"LossScaleOptimizer does not support `{option}`. Set it on the inner optimizer.")
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # or gradients would be divided twice

    def build(self, variables: Any):
        if self.built:
            return
        self.step_counter = self.add_variable((), "zeros", "int64", "step_counter")
        self.dynamic_scale = self.add_variable((), "ones", "float32", "dynamic_scale")
        self.dynamic_scale.assign(self.initial_scale)
        self.inner_optimizer.build(variables)
        super().build(variables)

    def _parts(self) -> list:
        return [self, *self.inner_optimizer._parts()]

    def _step_kind(self):
        return self.inner_optimizer._step_kind()

    @property
    def variables(self) -> list:
        """The factor and the count of finite steps, then the inner optimizer's variables."""
        return self._variables + self.inner_optimizer.variables

    @property
    def iterations(self):
        """Of the inner optimizer: updates that were made."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self):
        """Of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss):
        """The loss times the current factor."""
        return ops.multiply(loss, self.dynamic_scale if self.built else self.initial_scale)

    @backend.entry_point
    def apply(self, grads, trainable_variables=None) -> None:
        """Update, if all gradients are finite; arguments as `Optimizer.apply`, gradients of the scaled loss."""
        if not self.built:
            if trainable_variables is None:
                raise ValueError("LossScaleOptimizer.apply: pass `trainable_variables`, or call `build(variables)` first.")
            self.build(trainable_variables)
        kernels, scale = backend.active(), self.dynamic_scale.value
        grads = [None if g is None else autodiff.value_of(g) for g in grads]
        finite = kernels.all_finite(*[g for g in grads if g is not None])
        state = [*self._trainable_variables, *self.inner_optimizer.variables]
        before = [kernels.reshape_forward(v.value, v.shape, True, False)[0] for v in state]  # copies
        grads = [None if g is None else kernels.unscaled_gradient(g, scale, finite) for g in grads]
        self.inner_optimizer.apply(grads, trainable_variables)
        for variable, kept in zip(state, before, strict=True):
            kernels.revert_update(variable.value, kept, finite)
        kernels.loss_scale_update(scale, self.step_counter.value, finite, self.dynamic_growth_steps)
        for variable in (*self._trainable_variables, self.dynamic_scale, self.step_counter):
            variable.touch()

    def finalize_variable_values(self, var_list) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def get_config(self) -> dict:
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    @backend.entry_point
    def from_config(cls, config: dict, custom_objects: dict | None = None):
        config = dict(config)
        inner = config.pop("inner_optimizer")
        return cls(serialization.deserialize_keras_object(inner, custom_objects), **config)
