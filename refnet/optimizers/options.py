"""What optimizers can do besides their update rule: clipping, weight decay, accumulation, averaging."""

import re

import numpy as np

from refnet import autodiff
from refnet.ops._op import kernel_array

__all__ = ["UpdateOptions"]


class UpdateOptions:
    """The part of `Optimizer` behind its optional arguments."""

    built: bool
    use_ema: bool
    _index: dict
    _averages: list

    def _apply_with_options(self, grads, variables):
        step = int(self._iterations.value)
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        every = self.gradient_accumulation_steps
        if every:
            sums = [self._accumulated[self._index[id(v)]] for v in variables]
            if (step + 1) % every:
                for total, gradient in zip(sums, grads, strict=True):
                    total.assign(total.value + gradient)
            else:
                grads = [(g + total.value) / every for g, total in zip(grads, sums, strict=True)]
                self._update(grads, variables)
                for total in self._accumulated:
                    total.assign(np.zeros(total.shape, total.dtype))
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._update_averages(int(autodiff.value_of(self.iterations)))

    def _update(self, grads, variables):
        learning_rate = self._current_learning_rate()
        if self.clipnorm:
            grads = [g * _shrink(_norm([g]), self.clipnorm) for g in grads]
        elif self.global_clipnorm:
            factor = _shrink(_norm(grads), self.global_clipnorm)
            grads = [g * factor for g in grads]
        elif self.clipvalue:
            grads = [np.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        grads = [kernel_array(g, v.dtype) for g, v in zip(grads, variables, strict=True)]
        if self.weight_decay is not None:
            for variable in variables:
                if self._use_weight_decay(variable):
                    variable.assign(variable.value * (1.0 - self.weight_decay * learning_rate))
        self.update_steps(grads, variables, learning_rate)

    def _update_averages(self, step):
        momentum = self.ema_momentum if step else 0.0  # the first average is the weights themselves
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            average.assign(momentum * average.value + (1.0 - momentum) * variable.value)
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


def _norm(grads) -> float:
    return float(np.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in grads)))


def _shrink(norm, greatest) -> float:
    """The factor that brings a norm down to `greatest`: NaN for a norm that is not finite, so that it is not hidden."""
    if not np.isfinite(norm):
        return float("nan")
    return greatest / max(norm, greatest)
