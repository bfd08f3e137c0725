"""Initializers: where weights start.

Random ones keep the variance of activations and gradients the same from layer to layer (Glorot and Bengio, 2010; He et
al., 2015): a kernel with `fan_in` inputs and `fan_out` outputs is drawn with variance scale / n, where n is one of
the two or their mean. Numbers are drawn in float64 and cast, so both float types and both backends start alike.
An initializer object called twice with one shape gives the same numbers twice, as in Keras.
"""

import math
from typing import Any

import numpy as np

from refnet import config as settings
from refnet import public, random
from refnet.utils import serialization
from refnet.utils.naming import to_snake_case

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


class Initializer:
    """Base class. Subclasses define `__call__(shape, dtype=None)` and, with arguments, `get_config()`.

    Example:
        >>> class Halves(refnet.initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 0.5, dtype)
    """

    _backend = None

    def __call__(self, shape, dtype=None):
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, shape, dtype=None)`.")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def clone(self):
        return self.__class__.from_config(self.get_config())


def _dtype(initializer, dtype):
    return settings.float_dtype(dtype, type(initializer).__name__)


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape, dtype=None):
        return np.zeros(shape, dtype or settings.floatx())


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape, dtype=None):
        return np.ones(shape, dtype or settings.floatx())


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or an array that has (or broadcasts to) the shape.
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        values = np.asarray(self.value, dtype or settings.floatx())
        return np.broadcast_to(values, shape).copy()

    def get_config(self):
        return {"value": serialization.serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config):
        return cls(serialization.deserialize_keras_object(config["value"]))


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, zero elsewhere.

    Args:
        gain: the value on the diagonal.

    Raises:
        ValueError: when the shape is not that of a matrix.
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices only. Received: shape={tuple(shape)}")
        return self.gain * np.eye(*shape, dtype=dtype or settings.floatx())

    def get_config(self):
        return {"gain": self.gain}


class _RandomInitializer(Initializer):
    def __init__(self, seed=None):
        self._init_seed = seed
        self.seed = random.next_seed() if seed is None else seed
        if isinstance(self.seed, dict):
            self.seed = serialization.deserialize_keras_object(self.seed)
        if not isinstance(self.seed, (int, np.integer, random.SeedGenerator)):
            raise ValueError(
                f"`seed` of {type(self).__name__} must be an integer, a SeedGenerator or None. Received: {seed!r}"
            )

    def get_config(self):
        return {"seed": serialization.serialize_keras_object(self._init_seed)}


class RandomNormal(_RandomInitializer):
    """Normal numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: an integer, a `SeedGenerator`, or None: drawn from the global generator.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape, dtype=None):
        return random.normal(shape, self.mean, self.stddev, _dtype(self, dtype), self.seed)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normal numbers, those beyond two standard deviations drawn again. Arguments as `RandomNormal`."""

    def __call__(self, shape, dtype=None):
        return random.truncated_normal(shape, self.mean, self.stddev, _dtype(self, dtype), self.seed)


class RandomUniform(_RandomInitializer):
    """Uniform numbers from [minval, maxval).

    Args:
        minval: the lower bound.
        maxval: the upper bound.
        seed: an integer, a `SeedGenerator`, or None: drawn from the global generator.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape, dtype=None):
        return random.uniform(shape, self.minval, self.maxval, _dtype(self, dtype), self.seed)

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class VarianceScaling(_RandomInitializer):
    """Random numbers of variance scale / n, n counted from the shape.

    Args:
        scale: a positive number.
        mode: what n is: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (also `"normal"`), `"untruncated_normal"` or `"uniform"`.
        seed: an integer, a `SeedGenerator`, or None: drawn from the global generator.
        input_axes: the axes that count as inputs (default: the last but one).
        output_axes: the axes that count as outputs (default: the last).

    Raises:
        ValueError: for arguments outside these.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes=None,
        output_axes=None,
    ):
        super().__init__(seed)
        if not scale > 0:
            raise ValueError(f"`scale` must be positive. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"`mode` must be 'fan_in', 'fan_out' or 'fan_avg'. Received: mode={mode!r}")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                "`distribution` must be 'uniform', 'truncated_normal' or 'untruncated_normal'. "
                f"Received: distribution={distribution!r}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape, dtype=None):
        dtype = _dtype(self, dtype)
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)  # the variance of uniform(-a, a) is a^2 / 3
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "truncated_normal":
            # the standard deviation of the normal distribution cut off at two standard deviations
            return random.truncated_normal(shape, 0.0, math.sqrt(variance) / 0.87962566103423978, dtype, self.seed)
        return random.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)

    def get_config(self):
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **super().get_config(),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


def compute_fans(shape, input_axes=None, output_axes=None) -> tuple[int, int]:
    """The number of inputs and of outputs of a kernel.

    A dense kernel is (inputs, outputs); a convolution's (..., inputs, outputs), every position of its window counting.
    """
    shape = tuple(shape)
    if input_axes is not None or output_axes is not None:
        if input_axes is None or output_axes is None:
            raise ValueError("`input_axes` and `output_axes` must be given together.")
        rank = len(shape)
        inputs = {a % rank for a in np.atleast_1d(input_axes)}
        outputs = {a % rank for a in np.atleast_1d(output_axes)}
        window = math.prod(n for axis, n in enumerate(shape) if axis not in inputs | outputs)
        return (
            window * math.prod(shape[a] for a in inputs),
            window * math.prod(shape[a] for a in outputs),
        )
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _scaled(name, scale, mode, distribution, doc):
    """One of the six named cases of `VarianceScaling`."""

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        VarianceScaling.__init__(self, scale, mode, distribution, seed, input_axes, output_axes)

    def get_config(self):
        return {
            "seed": serialization.serialize_keras_object(self._init_seed),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }

    body = {"__init__": __init__, "get_config": get_config, "__doc__": doc, "__module__": __name__}
    return type(name, (VarianceScaling,), body)


GlorotUniform = _scaled(
    "GlorotUniform", 1.0, "fan_avg", "uniform", "Uniform, variance 2 / (fan_in + fan_out): Keras' default for kernels."
)
GlorotNormal = _scaled(
    "GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Truncated normal, variance 2 / (fan_in + fan_out)."
)
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "Uniform, variance 2 / fan_in: for relu.")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "Truncated normal, variance 2 / fan_in: for relu.")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "Uniform, variance 1 / fan_in.")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal", "Truncated normal, variance 1 / fan_in: selu.")


class Orthogonal(_RandomInitializer):
    """A matrix with orthonormal rows or columns (whichever are fewer), from the QR decomposition of a random one.

    Shapes of more than two axes are treated as matrices of shape (product of the leading axes, last axis).

    Args:
        gain: a factor.
        seed: an integer, a `SeedGenerator`, or None: drawn from the global generator.

    Raises:
        ValueError: for shapes of fewer than two axes.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        shape = tuple(shape)
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of at least two axes. Received: shape={shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        values = random.normal((max(rows, columns), min(rows, columns)), dtype="float64", seed=self.seed)
        q, r = np.linalg.qr(values)
        q *= np.sign(np.diag(r))  # makes the distribution uniform over the orthogonal matrices (Mezzadri, 2007)
        if rows < columns:
            q = q.T
        return np.ascontiguousarray(self.gain * q.reshape(shape), dtype=_dtype(self, dtype))

    def get_config(self):
        return {"gain": self.gain, **super().get_config()}


# Keras' other names for the same classes
IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_NAMES = public.Names(
    __name__,
    spelling=to_snake_case,
    more={"normal": "RandomNormal", "uniform": "RandomUniform", "zero": "Zeros", "one": "Ones"},
    without=["Initializer"],
)


def serialize(initializer):
    """The configuration of an initializer."""
    return serialization.serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer that `serialize` described."""
    return serialization.deserialize_keras_object({"module": "keras.initializers", **config}, custom_objects)


def get(identifier):
    """An initializer from None, a name, an array (a constant), a configuration or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    if isinstance(identifier, np.ndarray):
        return Constant(identifier)
    return serialization.get_by_identifier(identifier, "initializer", "keras.initializers", _NAMES, Initializer)


public.finish(__name__)
