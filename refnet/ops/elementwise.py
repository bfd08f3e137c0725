"""Elementwise ops: arithmetic, functions of one array, comparison and rounding, with keras.ops' names and arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet import backend
from refnet.autodiff import apply, is_live, value_of
from refnet.graph import KerasTensor, is_keras_tensor
from refnet.ops._op import array_of, as_type, float_input, op, plain, promoted, shared, snapshot
from refnet.ops.dtypes import HALF, floating, promote
from refnet.ops.rules import binary, broadcast, elementwise, like, shape_of, spec, type_of

__all__ = [
    "abs",
    "absolute",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "divide",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "isclose",
    "allclose",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "true_divide",
]


# --- two arrays ----------------------------------------------------------------------------------------------------------


def _real(*kinds: Any) -> np.dtype:
    """The type of a quotient and the like: integers become floats."""
    return promote(*kinds, float)


def _real_strong(*kinds: Any) -> np.dtype:
    """The same where Keras makes an array of a Python number before it looks: beside float16 a Python float gives float32."""
    return promote(*(floating(np.bool_) if kind is float else kind for kind in kinds), float)


def _no_booleans(*kinds: Any) -> np.dtype:
    """The type of a power and the like: two booleans count as integers."""
    dtype = promote(*kinds)
    return np.dtype(np.int32) if dtype.kind == "b" else dtype


def _binary(name: str, x1: Any, x2: Any) -> Any:
    return shared("binary", tuple(promoted(x1, x2)), name)


@op(binary("add"))
def add(x1, x2):
    """x1 + x2."""
    return _binary("add", x1, x2)


def _subtract_type(*kinds: Any) -> np.dtype:
    dtype = promote(*kinds)
    if dtype.kind == "b":
        raise TypeError(
            "subtract: booleans have no difference; use logical_xor, or cast one of them to an integer type."
        )
    return dtype


@op(binary("subtract", _subtract_type))
def subtract(x1, x2):
    """x1 - x2."""
    a, b = promoted(x1, x2)
    if a.dtype == np.bool_:
        _subtract_type(a.dtype, b.dtype)
    return shared("binary", (a, b), "subtract")


@op(binary("multiply"))
def multiply(x1, x2):
    """x1 · x2, elementwise."""
    return _binary("multiply", x1, x2)


@op(binary("divide", _real))
def divide(x1, x2):
    """x1 / x2. Integers are divided as floats."""
    return shared("binary", tuple(promoted(x1, x2, real=True)), "divide")


def _power_rule(x1, x2):
    return KerasTensor(broadcast("power", shape_of(x1), shape_of(x2)), _no_booleans(type_of(x1), type_of(x2)))


@op(_power_rule)
def power(x1, x2):
    """x1 to the power x2."""
    a, b = _counted(x1, x2)
    if type(x2) in (int, float) and x2 == 2:
        return shared("unary", (a,), "square")
    if a.dtype.kind in "iu" and b.dtype.kind == "i" and np.any(value_of(b) < 0):
        raise ValueError(
            "power: integers have no negative powers among the integers; make x1 a float (refnet.ops.cast)."
        )
    return shared("binary", (a, b), "power")


def _counted(x1: Any, x2: Any) -> list:
    """Both in their common type, booleans as int32."""
    a, b = promoted(x1, x2)
    if value_of(a).dtype.kind == "b":
        a, b = as_type(a, np.dtype(np.int32)), as_type(b, np.dtype(np.int32))
    return [a, b]


@op(binary("maximum"))
def maximum(x1, x2):
    """The larger of two, elementwise. At a tie each gets half the gradient."""
    return _binary("maximum", x1, x2)


@op(binary("minimum"))
def minimum(x1, x2):
    """The smaller of two, elementwise. At a tie each gets half the gradient."""
    return _binary("minimum", x1, x2)


@op(binary("arctan2", _real_strong))
def arctan2(x1, x2):
    """The angle of the point (x2, x1)."""
    return shared("binary", tuple(promoted(array_of(x1), array_of(x2), real=True)), "arctan2")


@op(binary("logaddexp", _real_strong))
def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)) without overflow."""
    return shared("binary", tuple(promoted(array_of(x1), array_of(x2), real=True)), "logaddexp")


@op(binary("mod", _no_booleans))
def mod(x1, x2):
    """Remainder, with the sign of x2: x1 - x2 floor(x1 / x2)."""
    return shared("binary", tuple(_counted(x1, x2)), "mod")


# --- one array -----------------------------------------------------------------------------------------------------------


def _unary(name: str, x: Any) -> Any:
    x = array_of(x)
    return shared("unary", (as_type(x, floating(x.dtype)),), name)


@op(elementwise())
def abs(x):
    """|x|."""
    return shared("unary", (array_of(x),), "abs")


def _negative_type(dtype: Any) -> np.dtype:
    if np.dtype(dtype).kind == "b":
        raise TypeError("negative: a boolean has no negative; use logical_not, or cast it to an integer type.")
    return np.dtype(dtype)


@op(elementwise(_negative_type))
def negative(x):
    """-x."""
    x = array_of(x)
    _negative_type(x.dtype)
    return shared("unary", (x,), "negative")


@op(elementwise(_no_booleans))
def square(x):
    """x²."""
    x = array_of(x)
    return shared("unary", (as_type(x, _no_booleans(x.dtype)),), "square")


def _define_unary(name: str, doc: str):
    def function(x):
        return _unary(name, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return op(elementwise(floating))(function)


sqrt = _define_unary("sqrt", "√x.")
rsqrt = _define_unary("rsqrt", "1 / √x.")
reciprocal = _define_unary("reciprocal", "1 / x.")
expm1 = _define_unary("expm1", "exp(x) - 1, exact near 0.")
log1p = _define_unary("log1p", "log(1 + x), exact near 0.")
log2 = _define_unary("log2", "The logarithm to base 2.")
log10 = _define_unary("log10", "The logarithm to base 10.")
sin = _define_unary("sin", "The sine.")
cos = _define_unary("cos", "The cosine.")
tan = _define_unary("tan", "The tangent.")
arcsin = _define_unary("arcsin", "The inverse sine.")
arccos = _define_unary("arccos", "The inverse cosine.")
arctan = _define_unary("arctan", "The inverse tangent.")
sinh = _define_unary("sinh", "The hyperbolic sine.")
cosh = _define_unary("cosh", "The hyperbolic cosine.")
arcsinh = _define_unary("arcsinh", "The inverse hyperbolic sine.")
arccosh = _define_unary("arccosh", "The inverse hyperbolic cosine.")
arctanh = _define_unary("arctanh", "The inverse hyperbolic tangent.")


def _elementary(name: str, x: Any) -> Any:
    kernels = backend.active()
    x = array_of(x)
    y = apply(getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward"), (float_input(x),))
    return as_type(y, x.dtype) if x.dtype == HALF else y


@op(elementwise(floating))
def exp(x):
    """e to the power x."""
    return _elementary("exp", x)


@op(elementwise(floating))
def log(x):
    """The natural logarithm."""
    return _elementary("log", x)


@op(elementwise(floating))
def erf(x):
    """The error function."""
    return _elementary("erf", x)


def _clip_rule(x, x_min, x_max):
    given = [limit for limit in (x_min, x_max) if limit is not None]
    kind = np.dtype(spec(x).dtype)
    return KerasTensor(broadcast("clip", shape_of(x), *map(shape_of, given)), _no_booleans(kind, *map(type_of, given)))


@op(_clip_rule)
def clip(x, x_min, x_max):
    """x limited to [x_min, x_max]. The slope is 1 on the closed interval, 0 outside.

    Limits that are on the tape get gradients of their own, as those of `maximum` and `minimum`.
    """
    given = [limit for limit in (x_min, x_max) if limit is not None]
    x, *limits = _clip_arguments(x, given)
    if any(map(is_live, limits)):
        rest = iter(limits)
        x = x if x_min is None else maximum(x, next(rest))
        return x if x_max is None else minimum(x, next(rest))
    rest = iter(limits)
    low, high = (None if limit is None else value_of(next(rest)) for limit in (x_min, x_max))
    shape = np.broadcast_shapes(x.shape, *(limit.shape for limit in limits))
    if x.shape != shape:
        x = shared("broadcast", (x,), shape)
    return shared("clip", (snapshot(x),), low, high)


def _clip_arguments(x: Any, limits: list) -> list:
    x, *limits = promoted(array_of(x), *limits)
    return [as_type(v, np.dtype(np.int32)) for v in (x, *limits)] if x.dtype == np.bool_ else [x, *limits]


# --- flat: comparison, logic, rounding -------------------------------------------------------------------------------------


def _truth_type(*kinds: Any) -> np.dtype:
    promote(*kinds)  # for its error
    return np.dtype(np.bool_)


_WIDEST = np.dtype(np.int64)


def _define_comparison(name: str, doc: str):
    def function(x1, x2):
        try:
            a, b = promoted(x1, x2)
        except OverflowError:  # uint8 == -1: the number does not fit the type, and is compared all the same
            a, b = as_type(array_of(x1), _WIDEST), as_type(array_of(x2), _WIDEST)
        return plain("binary_flat", a, b, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} Not differentiable: a constant to the tape."
    return op(binary(name, _truth_type))(function)


def _define_flat(name: str, doc: str, dtype_rule: Any, convert: bool = False):
    def function(x):
        x = array_of(x)
        dtype = dtype_rule(x.dtype)
        return plain("unary_flat", as_type(x, dtype) if convert else x, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} Not differentiable: a constant to the tape."
    return op(elementwise(dtype_rule))(function)


def _signed_type(dtype: Any) -> np.dtype:
    if np.dtype(dtype).kind == "b":
        raise TypeError("sign and round are of numbers; cast the booleans to an integer type first.")
    return np.dtype(dtype)


equal = _define_comparison("equal", "x1 == x2.")
not_equal = _define_comparison("not_equal", "x1 != x2.")
less = _define_comparison("less", "x1 < x2.")
less_equal = _define_comparison("less_equal", "x1 <= x2.")
greater = _define_comparison("greater", "x1 > x2.")
greater_equal = _define_comparison("greater_equal", "x1 >= x2.")
logical_and = _define_comparison("logical_and", "Both.")
logical_or = _define_comparison("logical_or", "Either.")
logical_xor = _define_comparison("logical_xor", "Either, but not both.")
logical_not = _define_flat("logical_not", "Not.", _truth_type)
isnan = _define_flat("isnan", "Whether NaN.", _truth_type)
isinf = _define_flat("isinf", "Whether infinite.", _truth_type)
isfinite = _define_flat("isfinite", "Whether neither NaN nor infinite.", _truth_type)
floor = _define_flat("floor", "The next integer below.", floating, convert=True)
ceil = _define_flat("ceil", "The next integer above.", floating, convert=True)
sign = _define_flat("sign", "-1, 0 or 1.", _signed_type)


@op(elementwise(_signed_type))
def round(x, decimals=0):
    """The nearest number with so many decimals, halves to the even one. Not differentiable: a constant to the tape."""
    x = array_of(x)
    _signed_type(x.dtype)
    return plain("rounded", x, decimals)


@op(binary("floor_divide", _no_booleans))
def floor_divide(x1, x2):
    """The quotient, rounded down. Not differentiable: a constant to the tape."""
    return plain("binary_flat", *_counted(x1, x2), "floor_divide")


@op(binary("isclose", _truth_type))
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether |x1 - x2| <= atol + rtol |x2|. Not differentiable: a constant to the tape."""
    return plain("isclose", *promoted(x1, x2), rtol, atol, equal_nan)


def _allclose_rule(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    broadcast("allclose", shape_of(x1), shape_of(x2))
    return like(x1 if is_keras_tensor(x1) else x2, (), np.bool_)


@op(_allclose_rule)
def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether nearly equal everywhere. Not differentiable: a constant to the tape."""
    return plain("truth", isclose(x1, x2, rtol, atol, equal_nan), "all")


absolute, true_divide = abs, divide
