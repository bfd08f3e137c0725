"""Learning-rate schedules: the learning rate as a function of the step, named as in `keras.optimizers.schedules`."""

import itertools
import math

from refnet import public
from refnet.utils import serialization
from refnet.utils.checks import Range

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


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


class PolynomialDecay(LearningRateSchedule):
    """From initial_learning_rate to end_learning_rate: their difference times (1 - step / decay_steps) ^ power.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: after how many steps the rate is `end_learning_rate`; it stays there.
        end_learning_rate: the last rate.
        power: 1 is a straight line; larger ones fall faster at first.
        cycle: begin again: take the next multiple of `decay_steps` for it.
        name: for configurations.

    Raises:
        ValueError: for `decay_steps` that is not positive, a negative rate or power.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        owner = "PolynomialDecay"
        self.initial_learning_rate = Range(0).check(initial_learning_rate, "initial_learning_rate", owner)
        self.decay_steps = Range(0, open_low=True).check(decay_steps, "decay_steps", owner)
        self.end_learning_rate = Range(0).check(end_learning_rate, "end_learning_rate", owner)
        self.power = Range(0).check(power, "power", owner)
        self.cycle = cycle
        self.name = name

    def __call__(self, step):
        step, over = float(step), float(self.decay_steps)
        if self.cycle:
            over *= max(1, math.ceil(step / over))
        left = 1 - min(step, over) / over
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: how many steps count as one.
        decay_rate: with 1 the rate is half after `decay_steps` steps, a third after twice as many.
        staircase: whole multiples of `decay_steps` only.
        name: for configurations.

    Raises:
        ValueError: for `decay_steps` that is not positive, and a negative rate or factor.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        owner = "InverseTimeDecay"
        self.initial_learning_rate = Range(0).check(initial_learning_rate, "initial_learning_rate", owner)
        self.decay_steps = Range(0, open_low=True).check(decay_steps, "decay_steps", owner)
        self.decay_rate = Range(0).check(decay_rate, "decay_rate", owner)
        self.staircase = staircase
        self.name = name

    def __call__(self, step):
        times = float(step) / self.decay_steps
        if self.staircase:
            times = math.floor(times)
        return self.initial_learning_rate / (1 + self.decay_rate * times)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """Down half a wave of a cosine, after a straight line up.

    For `warmup_steps` steps from `initial_learning_rate` to `warmup_target`, then for `decay_steps` steps from there to the
    fraction `alpha` of it: (1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha. Without `warmup_target` the wave
    begins at once, at `initial_learning_rate`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: the length of the wave.
        alpha: the last rate, as a fraction of the greatest.
        name: for configurations.
        warmup_target: where the line leads; None: there is none.
        warmup_steps: the length of the line; counts only with `warmup_target`.

    Raises:
        ValueError: for `decay_steps` that is not positive, a negative rate, fraction or number of steps.

    References:
        Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts, equation 5.
        Goyal et al. (2017), Accurate, large minibatch SGD (the warm-up).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        owner = "CosineDecay"
        self.initial_learning_rate = Range(0).check(initial_learning_rate, "initial_learning_rate", owner)
        self.decay_steps = Range(0, open_low=True).check(decay_steps, "decay_steps", owner)
        self.alpha = Range(0).check(alpha, "alpha", owner)
        self.warmup_target = Range(0, optional=True).check(warmup_target, "warmup_target", owner)
        self.warmup_steps = Range(0).check(warmup_steps, "warmup_steps", owner)
        self.name = name

    def __call__(self, step):
        step, start = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            step, start = step - self.warmup_steps, self.warmup_target
        return start * ((1 - self.alpha) * _half_wave(min(step, self.decay_steps) / self.decay_steps) + self.alpha)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


def _half_wave(fraction):
    """From 1 at 0 to 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * fraction))


class CosineDecayRestarts(LearningRateSchedule):
    """Half waves of a cosine, each `t_mul` times as long and `m_mul` times as high as the one before.

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: the length of the first wave.
        t_mul: >= 1: how much longer the next wave is.
        m_mul: how much higher.
        alpha: the lowest rate, as a fraction of `initial_learning_rate`.
        name: for configurations.

    Raises:
        ValueError: for `first_decay_steps` that is not positive, a negative rate, factor or fraction; for `t_mul` below 1, for
            which all waves together would end.

    References:
        Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        owner = "CosineDecayRestarts"
        self.initial_learning_rate = Range(0).check(initial_learning_rate, "initial_learning_rate", owner)
        self.first_decay_steps = Range(0, open_low=True).check(first_decay_steps, "first_decay_steps", owner)
        self._t_mul = Range(1, hint="Waves that get shorter end.").check(t_mul, "t_mul", owner)
        self._m_mul = Range(0).check(m_mul, "m_mul", owner)
        self.alpha = Range(0).check(alpha, "alpha", owner)
        self.name = name

    def __call__(self, step):
        done, t_mul = float(step) / self.first_decay_steps, self._t_mul  # in first waves
        if t_mul == 1:
            wave = math.floor(done)
            fraction = done - wave
        else:
            # k waves take (t_mul^k - 1) / (t_mul - 1); a logarithm says how many are over, up to its rounding.
            def length(k):
                return (t_mul**k - 1) / (t_mul - 1)

            wave = math.floor(math.log(1 + done * (t_mul - 1)) / math.log(t_mul))
            wave += length(wave + 1) <= done
            wave -= length(wave) > done
            fraction = (done - length(wave)) / t_mul**wave
        height = self._m_mul**wave * _half_wave(fraction)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


def serialize(learning_rate_schedule):
    """The configuration of a schedule."""
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that `serialize` described."""
    return serialization.deserialize_keras_object({"module": "keras.optimizers.schedules", **config}, custom_objects)


public.finish(__name__)
