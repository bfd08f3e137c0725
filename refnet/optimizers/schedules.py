"""Learning-rate schedules: the learning rate as a function of the step, named as in `keras.optimizers.schedules`."""

import itertools
import math

from refnet import public
from refnet.utils import serialization
from refnet.utils.checks import Range

__all__ = ["ExponentialDecay", "LearningRateSchedule", "PiecewiseConstantDecay", "deserialize", "serialize"]


class LearningRateSchedule:
    """Base class. Subclasses define `__call__(step)` and `get_config()`.

    Example:
        >>> class Halving(refnet.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * 0.5 ** (step // 1000)
    """

    _backend = None

    def __call__(self, step):
        """The learning rate of a step (counted from 0)."""
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, step)`.")

    def get_config(self) -> dict:
        raise NotImplementedError(f"{type(self).__name__} must define `get_config()` to be serialised.")

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate ^ (step / decay_steps).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: after how many steps the rate has been multiplied by `decay_rate` once.
        decay_rate: the factor.
        staircase: multiply at whole multiples of `decay_steps` only.
        name: for configurations.

    Raises:
        ValueError: for `decay_steps` that is not positive, and a negative rate or factor.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        owner = "ExponentialDecay"
        self.initial_learning_rate = Range(0).check(initial_learning_rate, "initial_learning_rate", owner)
        self.decay_steps = Range(0, open_low=True).check(decay_steps, "decay_steps", owner)
        self.decay_rate = Range(0).check(decay_rate, "decay_rate", owner)
        self.staircase = staircase
        self.name = name

    def __call__(self, step):
        exponent = float(step) / self.decay_steps
        if self.staircase:
            exponent = math.floor(exponent)
        return self.initial_learning_rate * self.decay_rate**exponent

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and including step boundaries[0], then values[1], and so on.

    Args:
        boundaries: increasing steps.
        values: the rates, one more than boundaries.
        name: for configurations.

    Raises:
        ValueError: when the numbers of boundaries and values do not fit, boundaries decrease, or a rate is
            negative.
    """

    def __init__(self, boundaries: list, values: list, name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay: there must be one more value than boundaries. Received: "
                f"boundaries={boundaries} of "
                f"length {len(boundaries)}, values={values} of length {len(values)}"
            )
        owner = "PiecewiseConstantDecay"
        self.boundaries = [Range().check(b, f"boundaries[{i}]", owner) for i, b in enumerate(boundaries)]
        self.values = [Range(0).check(v, f"values[{i}]", owner) for i, v in enumerate(values)]
        if any(b < a for a, b in itertools.pairwise(self.boundaries)):
            raise ValueError(f"{owner}: `boundaries` must not decrease. Received: boundaries={self.boundaries}. Sort them.")
        self.name = name

    def __call__(self, step):
        for boundary, value in zip(self.boundaries, self.values, strict=False):
            if step <= boundary:
                return value
        return self.values[-1]

    def get_config(self):
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


def serialize(learning_rate_schedule):
    """The configuration of a schedule."""
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that `serialize` described."""
    return serialization.deserialize_keras_object({"module": "keras.optimizers.schedules", **config}, custom_objects)


public.finish(__name__)
