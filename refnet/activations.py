"""Activation functions, named as in `keras.activations`.

For those in `FUSED_ACTIVATIONS` there is a name under which a dense kernel computes them together with the product
(`fused_name`); all others are ops applied afterwards.
"""

from refnet import backend, ops, public
from refnet.utils import serialization
from refnet.utils.naming import unknown_name

__all__ = [
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]


_FUSED_NAMES: dict = {}  # not an attribute of the function: functools.wraps would copy it to a function that does more


def _fused(name):
    def mark(function):
        _FUSED_NAMES[function] = name
        return function

    return mark


@_fused("linear")
def linear(x):
    """x itself."""
    return x


@_fused("relu")
def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0), or its general form.

    Args:
        x: an array or tensor.
        negative_slope: the slope below `threshold`.
        max_value: an upper bound of the result, or None.
        threshold: where the function leaves `negative_slope * (x - threshold)`.
    """
    if negative_slope == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    below = negative_slope * (x - threshold) if negative_slope != 0.0 else ops.multiply(x, 0.0)
    y = ops.where(ops.greater(x, threshold) if threshold != 0.0 else ops.greater_equal(x, 0.0), x, below)
    return y if max_value is None else ops.minimum(y, max_value)


def relu6(x):
    """min(max(x, 0), 6)."""
    return ops.relu6(x)


def leaky_relu(x, negative_slope=0.2):
    """x where positive, negative_slope x elsewhere."""
    return ops.leaky_relu(x, negative_slope)


def elu(x, alpha=1.0):
    """x where positive, alpha (e^x - 1) elsewhere."""
    return ops.elu(x, alpha)


def selu(x):
    """Scaled ELU, whose constants keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return ops.selu(x)


def exponential(x):
    """e^x."""
    return ops.exp(x)


def softplus(x):
    """log(1 + e^x)."""
    return ops.softplus(x)


def softsign(x):
    """x / (1 + |x|)."""
    return ops.softsign(x)


@_fused("sigmoid")
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return ops.sigmoid(x)


def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return ops.hard_sigmoid(x)


def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x)."""
    return -ops.softplus(-x)


@_fused("tanh")
def tanh(x):
    """The hyperbolic tangent."""
    return ops.tanh(x)


def hard_tanh(x):
    """x clipped to [-1, 1]."""
    return ops.clip(x, -1.0, 1.0)


@_fused("gelu")
def gelu(x, approximate=False):
    """x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016).

    Args:
        x: an array or tensor.
        approximate: use the tanh approximation.
    """
    return ops.gelu(x, approximate=approximate)


@_fused("silu")
def silu(x):
    """x sigmoid(x)."""
    return ops.silu(x)


swish = silu


def hard_silu(x):
    """x hard_sigmoid(x)."""
    return x * ops.hard_sigmoid(x)


hard_swish = hard_silu


def mish(x):
    """x tanh(softplus(x)) (Misra, 2019)."""
    return x * ops.tanh(ops.softplus(x))


def softmax(x, axis=-1):
    """e^x over the sum of e^x along `axis`."""
    return ops.softmax(x, axis=axis)


def log_softmax(x, axis=-1):
    """log(softmax(x)), computed without overflow."""
    return ops.log_softmax(x, axis=axis)


_NAMES = public.Names(__name__)


def fused_name(activation) -> str | None:
    """The kernel's name of `activation` if a dense kernel computes it itself, else None."""
    try:
        return _FUSED_NAMES.get(backend.original(activation))
    except TypeError:  # a callable that cannot be hashed is the user's own
        return None


def serialize(activation):
    """The name of a built-in function, or the configuration of anything else."""
    name = getattr(activation, "__name__", None)
    if _NAMES.get(name) is not None and getattr(activation, "__module__", "").startswith("refnet"):
        return name
    return serialization.serialize_keras_object(activation)


def deserialize(config, custom_objects=None):
    """The function that `serialize` named."""
    if isinstance(config, str):
        with serialization.CustomObjectScope(custom_objects):
            return get(config)
    return serialization.deserialize_keras_object({"module": "keras.activations", **config}, custom_objects)


def get(identifier):
    """An activation function from None (linear), a name, a configuration or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest match.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        found = serialization.get_registered_object(identifier) or _NAMES.get(identifier)
        if found is None:
            raise unknown_name("activation", identifier, _NAMES)
        return found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret activation {identifier!r}: expected a name, a function or None.")


public.finish(__name__)
