"""What optimizers can do besides their update rule: clipping, weight decay, accumulation, averaging."""

import inspect
import re

from refnet import autodiff, backend
from refnet.utils import tracking
from refnet.utils.naming import did_you_mean

__all__ = ["UpdateOptions", "unknown_arguments"]

# What others call it  ->  what Keras 3 calls it.
_OTHER_NAMES = {"lr": "learning_rate", "eps": "epsilon", "wd": "weight_decay"}


def unknown_arguments(cls: type, arguments: dict) -> ValueError:
    """The error for arguments that an optimizer does not have, with the names that were probably meant.

    Args:
        cls: the optimizer's class.
        arguments: names and values.
    """
    known = [name for name in inspect.signature(cls).parameters if name != "kwargs"]
    parts = []
    for name, value in arguments.items():
        meant = _OTHER_NAMES.get(name)
        if meant in known:
            parts.append(f"`{name}`, which is `{meant}` here: {cls.__name__}({meant}={value!r})")
        else:
            parts.append(f"`{name}`.{did_you_mean(name, known)}".rstrip("."))
    text = "; ".join(parts)
    end = "" if text.endswith(("?", ".")) else "."
    return ValueError(f"{cls.__name__} received an argument that it does not have: {text}{end}")


class UpdateOptions(tracking.Settings):
    """The part of `Optimizer` behind its optional arguments."""

    _state_attributes = ("learning_rate",)

    built: bool
    _plain: bool
    use_ema: bool
    weight_decay: float | None
    _index: dict
    _averages: list

    def _apply_with_options(self, grads, variables):
        kernels = backend.active()
        step = int(self._iterations.value)
        if self.loss_scale_factor is not None:
            grads = [kernels.unscale_gradient(g, self.loss_scale_factor) for g in grads]
        every = self.gradient_accumulation_steps
        if every:
            sums = [self._accumulated[self._index[id(v)]].value for v in variables]
            if (step + 1) % every:
                for total, gradient in zip(sums, grads, strict=True):
                    kernels.accumulate_update(total, gradient)
            else:
                grads = [kernels.accumulated_mean(total, g, every) for g, total in zip(grads, sums, strict=True)]
                self._update(grads, variables)
                for total in self._accumulated:
                    kernels.assign_update(total.value, 0)
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._update_averages(int(autodiff.value_of(self.iterations)))

    def _step_kind(self):
        """What differs between steps that are otherwise alike: a step is written down once for each kind."""
        if self.built and self._plain:
            return ()
        step, every = int(self._iterations.value), self.gradient_accumulation_steps or 1
        kind: tuple = ((step + 1) % every == 0,)
        if self.use_ema:
            updates = step // every
            frequency = self.ema_overwrite_frequency
            kind += (updates == 0, bool(frequency) and (updates + 1) % frequency == 0)
        return kind

    def _update(self, grads, variables):
        kernels = backend.active()
        learning_rate = self._current_learning_rate()
        if self.clipnorm:
            grads = [kernels.scale_gradient(g, kernels.shrink_factor(self.clipnorm, g)) for g in grads]
        elif self.global_clipnorm:
            factor = kernels.shrink_factor(self.global_clipnorm, *grads)
            grads = [kernels.scale_gradient(g, factor) for g in grads]
        elif self.clipvalue:
            grads = [kernels.clip_gradient(g, self.clipvalue) for g in grads]
        grads = [self._like(g, v.value) for g, v in zip(grads, variables, strict=True)]
        for variable in variables:
            decay = self._decay_of(variable)
            if decay is not None and self._use_weight_decay(variable):
                kernels.decay_update(variable.value, learning_rate, decay)
                variable.touch()
        self.update_steps(grads, variables, learning_rate)

    def _decay_of(self, variable):
        """The weight decay of a variable, or None."""
        del variable  # most optimizers have the same for all
        return self.weight_decay

    @staticmethod
    def _like(gradient, value):
        """A gradient in the type and the layout that update kernels take."""
        if gradient.dtype == value.dtype and gradient.flags.c_contiguous:
            return gradient
        kernels = backend.active()
        return kernels.contiguous_forward(kernels.cast_forward(gradient, value.dtype, save=False)[0], save=False)[0]

    def _update_averages(self, step):
        momentum = self.ema_momentum if step else 0.0  # the first average is the weights themselves
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            backend.active().moving_average_update(average.value, variable.value, momentum)
        if self.ema_overwrite_frequency and (step + 1) % self.ema_overwrite_frequency == 0:
            self.finalize_variable_values(self._trainable_variables)

    def finalize_variable_values(self, var_list) -> None:
        """With `use_ema`: replace the weights by their averages. `fit` does it at its end."""
        if not self.use_ema or not self.built:
            return
        for variable in var_list:
            if id(variable) in self._index:
                variable.assign(self._averages[self._index[id(variable)]].value)

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        """Leave some variables out of weight decay.

        Args:
            var_list: variables.
            var_names: patterns; a variable whose name contains one is left out.

        Raises:
            ValueError: when the optimizer is built already.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` must be called before the optimizer is built.")
        self._excluded = list(var_list or ())
        self._excluded_ids = {id(v) for v in self._excluded}
        self._excluded_names = re.compile("|".join(set(var_names))) if var_names else None

    def _use_weight_decay(self, variable) -> bool:
        if id(variable) in self._excluded_ids:
            return False
        return self._excluded_names is None or self._excluded_names.search(variable.name) is None
