"""Activation functions, named as in `keras.activations`.

For those in `FUSED_ACTIVATIONS` there is a name under which a dense kernel computes them together with the product
(`fused_name`); all others are ops applied afterwards.
"""

from refnet import backend, ops, public
from refnet.utils import serialization
from refnet.utils.naming import unknown_name

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
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
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
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
    if max_value is None and threshold == 0.0:
        return ops.relu(x) if negative_slope == 0.0 else ops.leaky_relu(x, negative_slope)
    if threshold != 0.0:
        y = ops.threshold(x, threshold, 0.0)
    else:
        y = ops.relu6(x) if max_value == 6 else ops.relu(x)
    if max_value is not None and (threshold != 0.0 or max_value != 6):
        y = ops.minimum(y, max_value)
    if negative_slope == 0.0:
        return y
    return ops.subtract(y, ops.multiply(negative_slope, ops.relu(ops.subtract(threshold, x))))


def relu6(x):
    """min(max(x, 0), 6)."""
    return ops.relu6(x)


def leaky_relu(x, negative_slope=0.2):
    """x where positive, negative_slope x elsewhere."""
    return ops.leaky_relu(x, negative_slope)


def elu(x, alpha=1.0):
    """x where positive, alpha (e^x - 1) elsewhere."""
    return ops.elu(x, alpha)


def celu(x, alpha=1.0):
    """x where positive, alpha (e^(x / alpha) - 1) elsewhere (Barron, 2017); alpha > 0."""
    return ops.celu(x, alpha)


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


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2 (Barron, 2021); b >= 0."""
    return ops.squareplus(x, b)


def sparse_plus(x):
    """0 where x <= -1, x where x >= 1, (x + 1)^2 / 4 between."""
    return ops.sparse_plus(x)


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, 0 elsewhere."""
    return ops.hard_shrink(x, threshold)


def soft_shrink(x, threshold=0.5):
    """x drawn towards 0 by threshold, and 0 where |x| <= threshold."""
    return ops.soft_shrink(x, threshold)


def threshold(x, threshold, default_value):
    """x where x > threshold, default_value elsewhere.

    Args:
        x: an array or tensor.
        threshold: a number.
        default_value: what stands where x is not larger.
    """
    return ops.threshold(x, threshold, default_value)


@_fused("sigmoid")
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return ops.sigmoid(x)


def sparse_sigmoid(x):
    """(x + 1) / 2 clipped to [0, 1]: the slope of `sparse_plus`."""
    return ops.sparse_sigmoid(x)


def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return ops.hard_sigmoid(x)


def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x)."""
    return ops.log_sigmoid(x)


@_fused("tanh")
def tanh(x):
    """The hyperbolic tangent."""
    return ops.tanh(x)


def hard_tanh(x):
    """x clipped to [-1, 1]."""
    return ops.hard_tanh(x)


def tanh_shrink(x):
    """x - tanh(x)."""
    return ops.tanh_shrink(x)


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
    return ops.hard_silu(x)


hard_swish = hard_silu


def mish(x):
    """x tanh(softplus(x)) (Misra, 2019)."""
    return ops.mish(x)


def softmax(x, axis=-1):
    """e^x over the sum of e^x along `axis`."""
    return ops.softmax(x, axis=axis)


def log_softmax(x, axis=-1):
    """log(softmax(x)), computed without overflow."""
    return ops.log_softmax(x, axis=axis)


def sparsemax(x, axis=-1):
    """The nearest point of the probability simplex along `axis` (Martins and Astudillo, 2016): like softmax, but with zeros.

    Keras 3.15.1 adds up all partial sums where the last one is meant: its result sums to 1 only where one entry is left.
    """
    return ops.sparsemax(x, axis)


def glu(x, axis=-1):
    """a sigmoid(b), where a and b are the two halves of x along `axis` (Dauphin et al., 2016)."""
    return ops.glu(x, axis)


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
