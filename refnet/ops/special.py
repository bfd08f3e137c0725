"""Functions of entries that are asked for less often: roots, angles, remainders, what to do with NaN, bits; keras.ops' names."""

from __future__ import annotations

from typing import Any

import numpy as np

from refnet.graph import KerasTensor
from refnet.ops._op import array_of, as_type, op, plain, promoted, shared, snapshot
from refnet.ops.creation import zeros_like
from refnet.ops.dtypes import floating, promote
from refnet.ops.elementwise import abs, isnan, maximum, minimum, multiply
from refnet.ops.rules import binary, broadcast, elementwise, like, shape_of, spec, type_of
from refnet.ops.selection import where

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "cbrt",
    "conj",
    "conjugate",
    "deg2rad",
    "divide_no_nan",
    "exp2",
    "fabs",
    "fmax",
    "fmin",
    "fmod",
    "gcd",
    "heaviside",
    "hypot",
    "imag",
    "isneginf",
    "isposinf",
    "isreal",
    "lcm",
    "ldexp",
    "left_shift",
    "logaddexp2",
    "nan_to_num",
    "nextafter",
    "rad2deg",
    "real",
    "right_shift",
    "signbit",
    "sinc",
    "trunc",
]

_BOOL = np.dtype(bool)


def _boolean(dtype: Any) -> np.dtype:
    return _BOOL


# --- one array -----------------------------------------------------------------------------------------------------------


def _unary(name: str, x: Any) -> Any:
    x = array_of(x)
    return shared("unary", (as_type(x, floating(x.dtype)),), name)


@op(elementwise(floating))
def cbrt(x):
    """The cube root, of negative numbers too."""
    return _unary("cbrt", x)


@op(elementwise(floating))
def exp2(x):
    """2^x."""
    return _unary("exp2", x)


@op(elementwise(floating))
def sinc(x):
    """sin(πx) / (πx), 1 at 0."""
    return _unary("sinc", x)


@op(elementwise(floating))
def deg2rad(x):
    """Degrees in radians."""
    x = array_of(x)
    return multiply(as_type(x, floating(x.dtype)), np.pi / 180)


@op(elementwise(floating))
def rad2deg(x):
    """Radians in degrees."""
    x = array_of(x)
    return multiply(as_type(x, floating(x.dtype)), 180 / np.pi)


@op(elementwise(floating))
def fabs(x):
    """|x| as a float."""
    x = array_of(x)
    return abs(as_type(x, floating(x.dtype)))


@op(elementwise())
def trunc(x):
    """x without what is behind the point."""
    x = array_of(x)
    return snapshot(x) if x.dtype.kind in "iub" else plain("unary_flat", x, "trunc")


@op(elementwise(_boolean))
def signbit(x):
    """Whether x is below 0, or -0.0."""
    x = array_of(x)
    if x.dtype.kind in "ub":
        return zeros_like(x, dtype="bool")
    return plain("unary_flat", x, "signbit")


def _infinite(x: Any, name: str) -> Any:
    x = array_of(x)
    return plain("unary_flat", x, name) if x.dtype.kind == "f" else zeros_like(x, dtype="bool")


@op(elementwise(_boolean))
def isneginf(x):
    """Whether x is -inf."""
    return _infinite(x, "isneginf")


@op(elementwise(_boolean))
def isposinf(x):
    """Whether x is +inf."""
    return _infinite(x, "isposinf")


@op(elementwise(_boolean))
def isreal(x):
    """True for every entry: there are no complex numbers here."""
    x = array_of(x)
    return plain("fill_like", x, True, _BOOL)


@op(elementwise())
def real(x):
    """x itself: there are no complex numbers here."""
    return snapshot(array_of(x))


@op(elementwise())
def conjugate(x):
    """x itself: there are no complex numbers here."""
    return snapshot(array_of(x))


conj = conjugate


@op(elementwise())
def imag(x):
    """Zeros: there are no complex numbers here."""
    return zeros_like(x)


@op(elementwise())
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """x with numbers in the place of NaN and of infinities (None: the largest and smallest of the type). They have no gradient."""
    x = array_of(x)
    if x.dtype.kind != "f":
        return snapshot(x)
    limits = np.finfo(x.dtype)
    y = where(isnan(x), nan, x)
    y = where(plain("unary_flat", x, "isposinf"), float(limits.max) if posinf is None else posinf, y)
    return where(plain("unary_flat", x, "isneginf"), float(limits.min) if neginf is None else neginf, y)


# --- two arrays ----------------------------------------------------------------------------------------------------------


def _real(*kinds: Any) -> np.dtype:
    """The type of a quotient and the like: integers become floats."""
    return promote(*kinds, float)


def _real_strong(*kinds: Any) -> np.dtype:
    """The same where Keras makes an array of a Python number before it looks: beside float16 a Python float gives float32."""
    return promote(*(floating(np.bool_) if kind is float else kind for kind in kinds), float)


def _reals(name: str, x1: Any, x2: Any) -> Any:
    return shared("binary", tuple(promoted(x1, x2, real=True)), name)


@op(binary("hypot", _real))
def hypot(x1, x2):
    """√(x1² + x2²), without overflow."""
    return _reals("hypot", x1, x2)


@op(binary("logaddexp2", _real_strong))
def logaddexp2(x1, x2):
    """log2(2^x1 + 2^x2) without overflow."""
    return _reals("logaddexp2", array_of(x1), array_of(x2))


@op(binary("heaviside", _real))
def heaviside(x1, x2):
    """0 where x1 < 0, x2 where x1 = 0, 1 where x1 > 0."""
    return _reals("heaviside", x1, x2)


@op(binary("divide_no_nan", _real))
def divide_no_nan(x1, x2):
    """x1 / x2, 0 where x2 is 0."""
    return _reals("divide_no_nan", x1, x2)


def _counts(*kinds: Any) -> np.dtype:
    dtype = promote(*kinds)
    return np.dtype(np.int32) if dtype.kind == "b" else dtype


@op(binary("fmod", _counts))
def fmod(x1, x2):
    """Remainder, with the sign of x1: x1 - x2 trunc(x1 / x2)."""
    a, b = promoted(x1, x2)
    dtype = _counts(a.dtype, b.dtype)
    return shared("binary", (as_type(a, dtype), as_type(b, dtype)), "fmod")


def _other_where_nan(x1: Any, x2: Any, choose: Any) -> Any:
    a, b = promoted(x1, x2)
    if a.dtype.kind != "f":
        return choose(a, b)
    return where(isnan(a), b, where(isnan(b), a, choose(a, b)))


@op(binary("fmax"))
def fmax(x1, x2):
    """The larger of two; where one is NaN the other."""
    return _other_where_nan(x1, x2, maximum)


@op(binary("fmin"))
def fmin(x1, x2):
    """The smaller of two; where one is NaN the other."""
    return _other_where_nan(x1, x2, minimum)


def _ldexp_rule(x1, x2):
    return KerasTensor(broadcast("ldexp", shape_of(x1), shape_of(x2)), floating(spec(x1).dtype))


@op(_ldexp_rule)
def ldexp(x1, x2):
    """x1 2^x2, x2 integers."""
    a, b = array_of(x1), array_of(x2)
    if b.dtype.kind not in "iub":
        raise TypeError(f"ldexp: x2 must be integers, but it has the type {b.dtype}. Cast it, or write x1 * exp2(x2).")
    dtype = floating(a.dtype)
    return multiply(as_type(a, dtype), shared("unary", (as_type(b, dtype),), "exp2"))


@op(binary("nextafter", _real))
def nextafter(x1, x2):
    """The next number after x1 in the direction of x2. Not differentiable: a constant to the tape."""
    return plain("binary_flat", *promoted(x1, x2, real=True), "nextafter")


# --- integers and their bits ---------------------------------------------------------------------------------------------


def _whole(name: str, *dtypes: Any) -> None:
    for dtype in dtypes:
        if np.dtype(dtype).kind not in "iub":
            raise TypeError(
                f"{name} is of integers, but an argument has the type {np.dtype(dtype)}. refnet.ops.cast makes integers."
            )


def _bits_rule(name: str) -> Any:
    def rule(x, y):
        dtype = promote(type_of(x), type_of(y))
        _whole(name, dtype)
        return KerasTensor(broadcast(name, shape_of(x), shape_of(y)), _shifted(name, dtype))

    return rule


def _shifted(name: str, dtype: np.dtype) -> np.dtype:
    return np.dtype(np.int32) if name not in ("bitwise_and", "bitwise_or", "bitwise_xor") and dtype.kind == "b" else dtype


def _bits(name: str, x: Any, y: Any) -> Any:
    a, b = promoted(x, y)
    _whole(name, a.dtype, b.dtype)
    dtype = _shifted(name, a.dtype)
    return plain("binary_flat", as_type(a, dtype), as_type(b, dtype), name)


@op(_bits_rule("bitwise_and"))
def bitwise_and(x, y):
    """1 in every bit that is 1 in both."""
    return _bits("bitwise_and", x, y)


@op(_bits_rule("bitwise_or"))
def bitwise_or(x, y):
    """1 in every bit that is 1 in one of them."""
    return _bits("bitwise_or", x, y)


@op(_bits_rule("bitwise_xor"))
def bitwise_xor(x, y):
    """1 in every bit in which they differ."""
    return _bits("bitwise_xor", x, y)


@op(_bits_rule("bitwise_left_shift"))
def bitwise_left_shift(x, y):
    """x 2^y: the bits moved up."""
    return _bits("bitwise_left_shift", x, y)


@op(_bits_rule("bitwise_right_shift"))
def bitwise_right_shift(x, y):
    """x / 2^y, rounded down: the bits moved down."""
    return _bits("bitwise_right_shift", x, y)


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


@op(_bits_rule("gcd"))
def gcd(x1, x2):
    """The greatest common divisor."""
    return _bits("gcd", x1, x2)


@op(_bits_rule("lcm"))
def lcm(x1, x2):
    """The least common multiple."""
    return _bits("lcm", x1, x2)


def _not_rule(x):
    _whole("bitwise_not", spec(x).dtype)
    return like(x)


@op(_not_rule)
def bitwise_not(x):
    """Every bit turned over."""
    x = array_of(x)
    _whole("bitwise_not", x.dtype)
    return plain("unary_flat", x, "bitwise_not")


bitwise_invert = bitwise_not
