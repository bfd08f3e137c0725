"""Rule: an optimizer whose update is one kernel.

What there is to say of such an optimizer is said once, as data: which kernel, which slots, which settings. How the kernel is
called follows from its own signature, `X_update(w, dw, ..., learning_rate, ...)`.
"""

import inspect
from typing import Any, NamedTuple

from refnet import backend, initializers, kernels
from refnet.optimizers.optimizer import Optimizer

__all__ = ["Rule", "Slot"]


class Slot(NamedTuple):
    """State that the rule keeps for each variable, an array of the variable's shape.

    Args:
        argument: the kernel's name for it.
        name: Keras' name for it.
        given: a setting without which there is no such slot; "": it is always there.
        start: the setting that holds what it starts from; "": zero.
    """

    argument: str
    name: str
    given: str = ""
    start: str = ""


class Rule(Optimizer):
    """Base class of refnet's own optimizers.

    Attributes:
        _KERNEL: the name of the kernel. Its arguments are found by their names: `w`, `dw`, `learning_rate`, `step` (the number
            of this update, from 1), slots, settings, and `_shared`: variables of which there is one for all.
        _SLOTS: the slots in the order of Keras' variables. Those that are always there are made variable by variable, the
            others in lists of their own.
        _SETTINGS: the constructor's own arguments, in the order of Keras' configuration.
    """

    _KERNEL = ""
    _SLOTS: tuple[Slot, ...] = ()
    _SETTINGS: tuple[str, ...] = ()
    _PARAMETERS: tuple[str, ...] = ()  # the kernel's, by their names: w, dw, ...

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "_KERNEL" in vars(cls):
            cls._PARAMETERS = tuple(inspect.signature(getattr(kernels, cls._KERNEL)).parameters)

    def __setattr__(self, name, value):
        if not (vars(self).get("built") and name in self._SETTINGS):
            super().__setattr__(name, value)
            return
        before = getattr(self, name)
        super().__setattr__(name, value)
        if any(slot.given == name and slot.argument not in self._slots and value for slot in self._SLOTS):
            super().__setattr__(name, before)
            raise self._too_late(name, value)

    def build(self, variables: Any):
        if self.built:
            return
        super().build(variables)
        self._slots: dict[str, list] = {}
        self._shared: dict[str, Any] = {}
        always = [slot for slot in self._SLOTS if not slot.given]
        for group in (always, *([slot] for slot in self._SLOTS if slot.given and getattr(self, slot.given))):
            starts = [initializers.Constant(getattr(self, slot.start)) if slot.start else "zeros" for slot in group]
            made = self.add_optimizer_variables(self._trainable_variables, [slot.name for slot in group], starts)
            self._slots.update(zip([slot.argument for slot in group], made, strict=True))

    def update_steps(self, gradients, variables: Any, learning_rate: Any):
        if type(self).update_step is Rule.update_step or backend.of_library(type(self).update_step):
            self._run(gradients, variables, learning_rate)
        else:
            super().update_steps(gradients, variables, learning_rate)  # a user's subclass has a step of its own

    def update_step(self, gradient, variable, learning_rate: Any):
        self._run([gradient], [variable], learning_rate)

    def _run(self, gradients, variables, learning_rate):
        active, index, slots = backend.active(), self._index, self._slots
        own = {slot.argument for slot in self._SLOTS}
        arguments: list[Any] = []
        places = []
        for place, name in enumerate(self._PARAMETERS):
            if name == "learning_rate":
                value = learning_rate
            elif name == "step":
                value = active.step_number(self._iterations.value, self.gradient_accumulation_steps or 1)
            elif name in self._shared:
                value = self._shared[name].value
            elif name in own or name in slots or place < 2:
                value = None
                if name in slots:
                    places.append((place, slots[name]))
            else:
                value = getattr(self, name)
            arguments.append(value)
        update = getattr(active, self._KERNEL)
        for gradient, variable in zip(gradients, variables, strict=True):
            i = index[id(variable)]
            arguments[0], arguments[1] = variable.value, gradient
            for place, slot in places:
                arguments[place] = None if slot[i] is None else slot[i].value
            update(*arguments)
            variable.touch()

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self._SETTINGS}}
