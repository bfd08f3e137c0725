"""Optimizer: what all update rules share. The rules themselves are kernels.

One call of `apply` is: unscale the gradients, accumulate them (if asked for), clip them, decay the weights, update
each variable, average (if asked for), apply constraints, count the step. Without options only the update remains.
"""

import math
import warnings

import numpy as np

from refnet import absent, autodiff, backend, initializers, ops
from refnet.autodiff import Variable
from refnet.optimizers.options import UpdateOptions, unknown_arguments
from refnet.optimizers.schedules import LearningRateSchedule
from refnet.utils import serialization, tracking
from refnet.utils.checks import Range
from refnet.utils.naming import auto_name

__all__ = ["Optimizer"]


@absent.methods
class Optimizer(UpdateOptions):
    """Base class of optimizers.

    Subclasses define `update_step(gradient, variable, learning_rate)`, and `build(variables)` if they keep slots.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments.
        weight_decay: each step subtracts this fraction (times the learning rate) of every weight.
        clipnorm: the greatest norm of one variable's gradient.
        clipvalue: the greatest absolute value of a gradient's entry.
        global_clipnorm: the greatest norm of all gradients together.
        use_ema: keep an exponential moving average of the weights, which replaces them at the end of `fit`.
        ema_momentum: average = ema_momentum * average + (1 - ema_momentum) * weights.
        ema_overwrite_frequency: also replace the weights every so many steps.
        loss_scale_factor: the loss is multiplied and the gradients divided by it.
        gradient_accumulation_steps: update only every so many steps, with the mean of their gradients.
        name: for people.

    Raises:
        ValueError: for arguments outside these.

    Example:
        >>> class Descent(refnet.optimizers.Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * gradient)
    """

    _backend = None

    _RATE = Range(0, hint="To maximise, negate the loss.")
    # What the options may be, checked whenever they are set. Subclasses add their own.
    _RANGES = {
        "weight_decay": Range(0, optional=True),
        "clipnorm": Range(0, open_low=True, optional=True, hint="None does not clip."),
        "clipvalue": Range(0, open_low=True, optional=True, hint="None does not clip."),
        "global_clipnorm": Range(0, open_low=True, optional=True, hint="None does not clip."),
        "ema_momentum": Range(0, 1),
        "ema_overwrite_frequency": Range(1, integer=True, optional=True),
        "loss_scale_factor": Range(0, open_low=True, optional=True),
        "gradient_accumulation_steps": Range(2, integer=True, optional=True),
    }

    def __setattr__(self, name, value):
        allowed = self._RANGES.get(name)
        if allowed is not None:
            value = allowed.check(value, name, type(self).__name__)
        built = vars(self).get("built")
        if built and name in ("gradient_accumulation_steps", "use_ema") and value and not getattr(self, name):
            raise self._too_late(name, value)
        super().__setattr__(name, value)  # notes that a setting changed
        if built and name in self._RANGES:
            object.__setattr__(self, "_plain", self._is_plain())

    def _too_late(self, name, value) -> ValueError:
        kind = type(self).__name__
        return ValueError(
            f"{kind}: `{name}` needs variables of its own, so it cannot be turned on after the optimizer is built. "
            f"Make a new one: {kind}({name}={value})."
        )

    def __init__(
        self,
        learning_rate,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **kwargs,
    ):
        kind = type(self).__name__
        decay = kwargs.pop("decay", None)
        if decay is not None:
            warnings.warn(
                f"{kind}: `decay` is ignored, as in Keras 3. What it did in Keras 2 does "
                f"learning_rate=schedules.InverseTimeDecay(rate, 1, {decay}).",
                stacklevel=3,
            )
        if kwargs:
            raise unknown_arguments(type(self), kwargs)
        if sum(value is not None for value in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                f"{kind}: only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"clipnorm={clipnorm}, "
                f"clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.name = name or auto_name(kind)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._known = (
            None  # the list last found to consist of known variables: the same list object is not checked again
        )
        self._excluded: list[Variable] = []  # kept, so that the ids stay theirs
        self._excluded_ids: set[int] = set()
        self._excluded_names = None
        self._iterations = self.add_variable((), dtype="int64", name="iteration")
        if isinstance(learning_rate, LearningRateSchedule) or callable(learning_rate):
            self._learning_rate = learning_rate
        else:
            if isinstance(learning_rate, dict):
                raise ValueError(f"{kind}: `learning_rate` is a configuration; use {kind}.from_config().")
            learning_rate = self._checked_rate(learning_rate)
            self._learning_rate = self.add_variable(
                (), initializers.Constant(learning_rate), "float64", "learning_rate"
            )

    # --- state ------------------------------------------------------------------------------------

    def add_variable(self, shape, initializer="zeros", dtype=None, name=None) -> Variable:
        """A variable of the optimizer's state."""
        value = initializers.get(initializer)(tuple(shape), dtype=dtype)
        variable = Variable(value, trainable=False, name=name or "variable")
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros") -> Variable:
        """A slot: a variable of the shape and type of a model's variable."""
        path = getattr(reference_variable, "path", reference_variable.name)
        name = f"{path.replace('/', '_')}_{name or 'var'}"
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype.name, name)

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """One slot for each variable, or, for a list of names, a list of slots for each name."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        several = [initializer] * len(name) if not isinstance(initializer, (list, tuple)) else initializer
        slots = [[] for _ in name]
        for variable in trainable_variables:
            for found, slot_name, slot_initializer in zip(slots, name, several, strict=True):
                found.append(self.add_variable_from_reference(variable, slot_name, slot_initializer))
        return slots

    def build(self, variables) -> None:
        """Make the slots for a list of variables. Called by the first `apply`."""
        variables = list(variables)
        for position, variable in enumerate(variables):
            if not isinstance(variable, Variable):
                raise ValueError(
                    f"{type(self).__name__}: variables must be refnet.Variable objects. Received at position {position}: "
                    f"{type(variable).__name__}. Pass model.trainable_variables, or make a variable of an array: "
                    "refnet.Variable(array)."
                )
        self._trainable_variables = variables
        self._index = {id(variable): index for index, variable in enumerate(variables)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._constrained = [v for v in variables if getattr(v, "constraint", None) is not None]
        self._plain = self._is_plain()
        self.built = True

    def _is_plain(self) -> bool:
        """Whether an update is the rule alone, without options around it."""
        return not (
            self.weight_decay is not None
            or self.clipnorm
            or self.clipvalue
            or self.global_clipnorm
            or self.use_ema
            or self.loss_scale_factor is not None
            or self.gradient_accumulation_steps
        )

    @property
    def variables(self) -> list:
        """The optimizer's state: the step count, the learning rate (if it is a number), the slots."""
        return list(self._variables)

    def _parts(self) -> list:
        """The optimizers that this one consists of: itself, and those it wraps."""
        return [self]

    @property
    def iterations(self):
        """The number of steps taken (of updates, with gradient accumulation)."""
        if self.gradient_accumulation_steps:
            return np.asarray(self._iterations.value // self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self):
        """The current learning rate. Setting it changes it at once; a schedule can be replaced, but not by a number."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        return rate(int(self._iterations.value)) if isinstance(rate, LearningRateSchedule) else rate()

    @learning_rate.setter
    def learning_rate(self, value):
        if isinstance(value, LearningRateSchedule) or (callable(value) and not autodiff.is_tensor(value)):
            if isinstance(self._learning_rate, Variable):
                self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
            tracking.settings_changed(self)
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(self._checked_rate(value))
        else:
            raise TypeError(
                f"{type(self).__name__} was made with a learning-rate schedule, so the learning rate cannot be set to "
                "a number. "
                "Make the optimizer with a number, or set another schedule."
            )

    def _checked_rate(self, value) -> float:
        kind = type(self).__name__
        value = autodiff.value_of(value)
        if not isinstance(value, (int, float, np.ndarray, np.generic)) or np.ndim(value):
            raise ValueError(
                f"{kind}: `learning_rate` must be a number, a LearningRateSchedule or a function. Received: {value!r}"
            )
        return float(self._RATE.check(value, "learning_rate", kind))

    def _current_learning_rate(self) -> np.ndarray:
        """The learning rate of this step as a 0-d float64 array."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate.value
        return backend.active().called_rate(self._rate_at, self._iterations.value)

    def _rate_at(self, step: int) -> float:
        """What the schedule, or the function, says of a step; checked."""
        rate = self._learning_rate
        rate = float(autodiff.value_of(rate(step) if isinstance(rate, LearningRateSchedule) else rate()))
        if not 0 < rate < math.inf:
            self._RATE.check(rate, f"learning_rate (of step {step})", type(self).__name__)
        return rate

    # --- the update -------------------------------------------------------------------------------

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable in place.

        Args:
            gradient: an array of the variable's shape.
            variable: the variable.
            learning_rate: a float.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `update_step(self, gradient, variable, learning_rate)`."
        )

    def update_steps(self, gradients, variables, learning_rate):
        """Update several variables in place: `update_step` for each.

        refnet's own optimizers define this loop themselves, so that a small model's step does not spend its time on
        calls. `learning_rate` is a 0-d array here.
        """
        learning_rate = float(learning_rate)
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def apply_gradients(self, grads_and_vars):
        """`apply` for pairs of gradients and variables; returns the step count."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    @backend.entry_point
    def apply(self, grads, trainable_variables=None) -> None:
        """Update variables by their gradients.

        Args:
            grads: arrays (or Tensors), one for each variable; None for variables the loss does not depend on.
            trainable_variables: the variables; None: those the optimizer was built with.

        Raises:
            ValueError: for unknown variables, a wrong number of gradients, one of another shape, or no gradient at all.
        """
        variables = trainable_variables
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"{type(self).__name__}.apply: pass `trainable_variables`, or call `build(variables)` first."
                )
            variables = self._trainable_variables
        elif variables is not self._known:
            variables = list(variables)
            if not self.built:
                self.build(variables)
            self._check_known(variables)
            if type(trainable_variables) is list:
                self._known = trainable_variables
        if len(grads) != len(variables):
            raise ValueError(f"{type(self).__name__}.apply: {len(grads)} gradients for {len(variables)} variables.")
        if not variables:
            return
        for gradient, variable in zip(grads, variables, strict=True):
            value = variable.value
            if (
                type(gradient) is not np.ndarray
                or gradient.shape != value.shape
                or gradient.dtype != value.dtype
                or not gradient.flags.c_contiguous
            ):
                grads, variables = self._filtered(grads, variables)
                break
        if self._plain:
            self.update_steps(grads, variables, self._current_learning_rate())
        else:
            self._apply_with_options(grads, variables)
        for variable in self._constrained:
            variable.assign(variable.constraint(variable))
        backend.active().count_update(self._iterations.value)

    def _filtered(self, grads, variables):
        """Gradients as arrays like their variables, those that are None left out together with theirs."""
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        pairs = [(autodiff.value_of(g), v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not pairs:
            raise ValueError(
                f"{type(self).__name__}: there is no gradient for any variable: the loss does not depend on "
                f"{missing}. Compute the "
                "loss from the model's output, inside the GradientTape."
            )
        if missing:
            warnings.warn(f"The loss does not depend on the variables {missing}: they are not updated.", stacklevel=3)
        for gradient, variable in pairs:
            if np.shape(gradient) != variable.shape:
                raise ValueError(
                    f"{type(self).__name__}.apply: the gradient of {variable.path!r} must have the variable's shape "
                    f"{variable.shape}. Received shape {np.shape(gradient)}. Gradients and variables must come in the same order."
                )
        return [self._like(np.asarray(g), v.value) for g, v in pairs], [v for _, v in pairs]

    def _check_known(self, variables):
        for variable in variables:
            if id(variable) not in self._index:
                raise ValueError(
                    f"{type(self).__name__} does not know the variable {getattr(variable, 'path', variable)!r}: it "
                    "was built for other "
                    "variables. After changing which weights are trainable, compile the model again (or make a new "
                    "optimizer)."
                )

    def _get_variable_index(self, variable) -> int:
        return self._index[id(variable)]

    def assign(self, variable, value) -> None:
        """Set a variable, of the model or of this optimizer."""
        variable.assign(value)

    def assign_add(self, variable, value) -> None:
        """Add to a variable."""
        variable.assign(variable.value + autodiff.value_of(value))

    def assign_sub(self, variable, value) -> None:
        """Subtract from a variable."""
        variable.assign(variable.value - autodiff.value_of(value))

    def scale_loss(self, loss):
        """The loss to differentiate: times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)

    # --- saving -----------------------------------------------------------------------------------

    def set_weights(self, weights) -> None:
        """Set the state, in the order of `variables`."""
        if not self.built:
            raise ValueError(
                f"{type(self).__name__}.set_weights: build the optimizer first, with `build(trainable_variables)`."
            )
        for variable, value in zip(self.variables, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"{type(self).__name__}.set_weights: {variable.path} has shape {variable.shape}, received "
                    f"{np.shape(value)}."
                )
            variable.assign(value)

    def save_own_variables(self, store) -> None:
        """Write the state into a mapping of names to arrays."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Read the state from what `save_own_variables` wrote.

        Raises:
            ValueError: when the number of variables differs.
        """
        if len(store.keys()) != len(self.variables):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has {len(self.variables)} variables, {len(store.keys())} were "
                "saved. Build it "
                "for the same model, with the same options, first."
            )
        for index, variable in enumerate(self.variables):
            variable.assign(store[str(index)])

    def get_config(self) -> dict:
        """The arguments of the constructor as plain values."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.value)
        else:
            rate = serialization.serialize_keras_object(rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    @backend.entry_point
    def from_config(cls, config: dict, custom_objects: dict | None = None):
        """An optimizer like the one that gave the configuration, without its state."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = serialization.deserialize_keras_object(config["learning_rate"], custom_objects)
        return cls(**config)

    def __getstate__(self):
        # ids mean nothing in another process or in a copy
        return {k: v for k, v in vars(self).items() if k not in ("_index", "_excluded_ids", "_known")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._known = None
        self._excluded_ids = {id(v) for v in self._excluded}
        if self.built:
            self._index = {id(variable): index for index, variable in enumerate(self._trainable_variables)}

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
