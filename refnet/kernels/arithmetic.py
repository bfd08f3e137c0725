"""Arithmetic: elementwise functions of one and of two arrays, with broadcasting.

Whoever writes a layer or a loss writes formulas: a sum, a quotient, a root. For each of these to be differentiable it
takes no more than its slope, one line; and one rule for what happens when a small array meets a large one.

Forward
    one array     y_i = f(x_i)
    two arrays    y_i = f(a_i, b_i), where NumPy's broadcasting repeats the smaller one

Derivation
    one array     dx_i = dy_i f'(x_i)
    two arrays    da_i = dy_i ∂f/∂a,  db_i = dy_i ∂f/∂b    on the broadcast shape; then, wherever an array was repeated,
                  one entry fed many outputs, and its gradient is their sum (`unbroadcast`).

    The tables below hold one line per function: its value and its partial derivatives. That is all there is to know.

By hand
    square at x = 3:    y = 3² = 9      back, dy = 2:    dx = 2·2·3 = 12
    multiply, a = (2, 3), b = (5), repeated to (5, 5):    y = (2·5, 3·5) = (10, 15)
        back, dy = (1, 10):    da = (1·5, 10·5) = (5, 50)      db = 1·2 + 10·3 = 32, the sum over both its uses

    >>> y, saved = unary_forward(np.array([3.0]), "square")
    >>> y, unary_backward(np.array([2.0]), saved)
    (array([9.]), array([12.]))
    >>> y, saved = binary_forward(np.array([2.0, 3.0]), np.array([5.0]), "multiply")
    >>> y, *binary_backward(np.array([1.0, 10.0]), saved)
    (array([10., 15.]), array([5., 50.]), array([32.]))

Ties and kinks
    abs and hypot at 0: slope 0. maximum/minimum at a tie: one half to each, as Keras has it on JAX (on TensorFlow the first
    takes all). clip: slope 1 on the closed interval. sqrt at 0 has an infinite slope, and says so (inf).

Flat functions
    Comparisons, logic and rounding are constant between their jumps: the derivative is 0 wherever there is one. They have no
    backward (`unary_flat`, `binary_flat`, `rounded`, `isclose`); to the tape their results are constants.

What is saved
    The inputs, and y where the derivative can use it.
"""
import numpy as np

__all__ = ["binary_backward", "binary_flat", "binary_forward", "clip_backward", "clip_forward", "isclose", "rounded",
           "unary_backward", "unary_flat", "unary_forward", "where_backward", "where_forward"]

# name: (y = f(x), f'(x) written with x and y)
UNARY = {
    "negative": (np.negative, lambda x, y: -1),
    "abs": (np.abs, lambda x, y: np.sign(x)),
    "square": (np.square, lambda x, y: 2 * x),
    "sqrt": (np.sqrt, lambda x, y: 0.5 / y),
    "rsqrt": (lambda x: 1 / np.sqrt(x), lambda x, y: -0.5 * y * y * y),
    "reciprocal": (lambda x: 1 / x, lambda x, y: -y * y),
    "expm1": (np.expm1, lambda x, y: y + 1),
    "log1p": (np.log1p, lambda x, y: 1 / (1 + x)),
    "log2": (np.log2, lambda x, y: 1 / (x * np.log(2.0).astype(x.dtype))),
    "log10": (np.log10, lambda x, y: 1 / (x * np.log(10.0).astype(x.dtype))),
    "sin": (np.sin, lambda x, y: np.cos(x)),
    "cos": (np.cos, lambda x, y: -np.sin(x)),
    "tan": (np.tan, lambda x, y: 1 + y * y),
    "arcsin": (np.arcsin, lambda x, y: 1 / np.sqrt(1 - x * x)),
    "arccos": (np.arccos, lambda x, y: -1 / np.sqrt(1 - x * x)),
    "arctan": (np.arctan, lambda x, y: 1 / (1 + x * x)),
    "sinh": (np.sinh, lambda x, y: np.cosh(x)),
    "cosh": (np.cosh, lambda x, y: np.sinh(x)),
    "arcsinh": (np.arcsinh, lambda x, y: 1 / np.sqrt(x * x + 1)),
    "arccosh": (np.arccosh, lambda x, y: 1 / np.sqrt(x * x - 1)),
    "arctanh": (np.arctanh, lambda x, y: 1 / (1 - x * x)),
    "cbrt": (np.cbrt, lambda x, y: 1 / (3 * y * y)),
    "exp2": (np.exp2, lambda x, y: y * np.log(2.0).astype(x.dtype)),
    "sinc": (np.sinc, lambda x, y: np.where(x == 0, 0, (np.cos(np.pi * x) - y) / np.where(x == 0, 1, x))),  # sin(πx) / (πx)
}

# name: (y = f(a, b), ∂f/∂a, ∂f/∂b written with a, b and y)
BINARY = {
    "add": (np.add, lambda a, b, y: 1, lambda a, b, y: 1),
    "subtract": (np.subtract, lambda a, b, y: 1, lambda a, b, y: -1),
    "multiply": (np.multiply, lambda a, b, y: b, lambda a, b, y: a),
    "divide": (np.divide, lambda a, b, y: 1 / b, lambda a, b, y: -y / b),
    "power": (np.power, lambda a, b, y: b * np.power(a, b - 1),
              lambda a, b, y: np.where(a == 0, 0, y * np.log(np.where(a == 0, 1, a)))),   # 0^b is flat in b > 0
    "maximum": (np.maximum, lambda a, b, y: 0.5 * ((a > b) * 1.0 + (a >= b)),
                lambda a, b, y: 0.5 * ((b > a) * 1.0 + (b >= a))),
    "minimum": (np.minimum, lambda a, b, y: 0.5 * ((a < b) * 1.0 + (a <= b)),
                lambda a, b, y: 0.5 * ((b < a) * 1.0 + (b <= a))),
    "mod": (np.mod, lambda a, b, y: 1, lambda a, b, y: -np.floor(a / b)),                   # a - b floor(a / b)
    "arctan2": (np.arctan2, lambda a, b, y: b / (a * a + b * b), lambda a, b, y: -a / (a * a + b * b)),
    "logaddexp": (np.logaddexp, lambda a, b, y: np.exp(a - y), lambda a, b, y: np.exp(b - y)),
    "logaddexp2": (np.logaddexp2, lambda a, b, y: np.exp2(a - y), lambda a, b, y: np.exp2(b - y)),
    "hypot": (np.hypot, lambda a, b, y: a / np.where(y == 0, 1, y), lambda a, b, y: b / np.where(y == 0, 1, y)),
    "fmod": (np.fmod, lambda a, b, y: 1, lambda a, b, y: -np.trunc(a / b)),                 # a - b trunc(a / b)
    "heaviside": (np.heaviside, lambda a, b, y: 0, lambda a, b, y: (a == 0) * 1.0),         # 0, b at 0, 1
    "divide_no_nan": (lambda a, b: np.where(b == 0, 0, a / np.where(b == 0, 1, b)).astype(a.dtype),
                      lambda a, b, y: np.where(b == 0, 0, 1 / np.where(b == 0, 1, b)),
                      lambda a, b, y: np.where(b == 0, 0, -y / np.where(b == 0, 1, b))),
}

# name: f, a function whose derivative is 0 wherever it has one
UNARY_FLAT = {"bitwise_not": np.invert, "ceil": np.ceil, "floor": np.floor, "isfinite": np.isfinite, "isinf": np.isinf,
              "isnan": np.isnan, "isneginf": np.isneginf, "isposinf": np.isposinf, "logical_not": np.logical_not, "sign": np.sign,
              "signbit": np.signbit, "trunc": np.trunc}
BINARY_FLAT = {"bitwise_and": np.bitwise_and, "bitwise_left_shift": np.left_shift, "bitwise_or": np.bitwise_or,
               "bitwise_right_shift": np.right_shift, "bitwise_xor": np.bitwise_xor, "equal": np.equal,
               "floor_divide": np.floor_divide, "gcd": np.gcd, "greater": np.greater, "greater_equal": np.greater_equal,
               "lcm": np.lcm, "less": np.less, "less_equal": np.less_equal, "logical_and": np.logical_and,
               "logical_or": np.logical_or, "logical_xor": np.logical_xor, "nextafter": np.nextafter, "not_equal": np.not_equal}


def unbroadcast(dy, like):
    """The gradient of broadcasting `like` to dy's shape: sum over every axis along which it was repeated."""
    shape = np.shape(like)
    if dy.shape != shape:
        lead = dy.ndim - len(shape)
        repeated = tuple(range(lead)) + tuple(
            lead + axis for axis, size in enumerate(shape) if size == 1 and dy.shape[lead + axis] != 1)
        dy = dy.sum(axis=repeated, keepdims=True, dtype=np.float64).reshape(shape)
    return np.asarray(dy, dtype=np.asarray(like).dtype)


def unary_forward(x, name, save=True):
    """y = f(x), f a name in UNARY; any shape."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        y = np.asarray(UNARY[name][0](x))
    return y, ((name, x, y) if save else None)


def unary_backward(dy, saved):
    name, x, y = saved
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(dy * UNARY[name][1](x, y), dtype=x.dtype)         # y = f(x)


def binary_forward(a, b, name, save=True):
    """y = f(a, b), f a name in BINARY; shapes broadcast."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        y = np.asarray(BINARY[name][0](a, b))
    return y, ((name, a, b, y) if save else None)


def binary_backward(dy, saved, needs=(True, True)):
    name, a, b, y = saved
    _, by_a, by_b = BINARY[name]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        da = unbroadcast(dy * by_a(a, b, y), a) if needs[0] else None       # y = f(a, b), through a
        db = unbroadcast(dy * by_b(a, b, y), b) if needs[1] else None       # y = f(a, b), through b
    return da, db


def clip_forward(x, low, high, save=True):
    """y = min(max(x, low), high); low and high are constants (or None)."""
    inside = np.ones(x.shape, bool)
    if low is not None:
        inside = inside & (x >= low)
    if high is not None:
        inside = inside & (x <= high)
    return np.asarray(np.clip(x, low, high), dtype=x.dtype), (inside if save else None)


def clip_backward(dy, saved):
    return np.asarray(np.where(saved, dy, dy.dtype.type(0)))                # slope 1 inside, 0 outside


def where_forward(a, b, condition, save=True):
    """y = a where condition, else b; shapes broadcast."""
    return np.where(condition, a, b), ((condition, a, b) if save else None)


def where_backward(dy, saved, needs=(True, True)):
    condition, a, b = saved
    zero = dy.dtype.type(0)
    da = unbroadcast(np.where(condition, dy, zero), a) if needs[0] else None
    db = unbroadcast(np.where(condition, zero, dy), b) if needs[1] else None
    return da, db


def unary_flat(x, name):
    """y = f(x), f a name in UNARY_FLAT."""
    return np.asarray(UNARY_FLAT[name](x))


def binary_flat(a, b, name):
    """y = f(a, b), f a name in BINARY_FLAT; shapes broadcast."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(BINARY_FLAT[name](a, b))


def rounded(x, decimals=0):
    """y = x rounded to so many decimals, halves to the even neighbour."""
    return np.asarray(np.round(x, decimals))


def isclose(a, b, relative=1e-5, absolute=1e-8, equal_nan=False):
    """y = whether |a - b| <= absolute + relative |b|."""
    return np.asarray(np.isclose(a, b, relative, absolute, equal_nan))
