"""NumPy-like ops: arithmetic, reductions, shaping, comparison, with keras.ops' names and arguments."""
from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from refnet import backend, config
from refnet.autodiff import DISPATCH, Tensor, Variable, apply, value_of
from refnet.graph import is_keras_tensor
from refnet.ops._op import OPS, float_input, op, pair_of_floats, shared

_FLOAT_KINDS = "f"


def _operand(x: Any, other: Any) -> Any:
    """One operand of a binary op. Python numbers take the other's type; integer arrays beside floats become that float type."""
    kind = type(x)
    if kind is Tensor or isinstance(x, Variable):
        return x
    if kind in (int, float, bool):
        like = value_of(other) if not isinstance(other, (int, float, bool)) else None
        dtype: Any
        if like is not None and like.dtype.kind == _FLOAT_KINDS:
            dtype = like.dtype
        else:
            dtype = config.floatx() if kind is float else None if kind is bool or like is None else like.dtype
        return backend.active().filled((), x, dtype)
    value = value_of(x)
    if value.dtype.kind in "iub" and not isinstance(other, (int, float, bool)) and value_of(other).dtype.kind == _FLOAT_KINDS:
        return value.astype(value_of(other).dtype)
    return value


def _binary(name: str, a: Any, b: Any) -> Any:
    return shared("binary", (_operand(a, b), _operand(b, a)), name)


def _unary(name: str, x: Any) -> Any:
    return shared("unary", (x if isinstance(x, (Tensor, Variable)) else _floating(x),), name)


def _floating(x: Any) -> Any:
    value = value_of(x)
    if isinstance(x, (int, float)) or value.dtype.kind in "iub":
        return value.astype(config.floatx())
    return value


def _sign_preserving(name: str, x: Any) -> Any:
    """abs, negative, square: integers stay integers."""
    value = value_of(x)
    return getattr(np, name)(value) if value.dtype.kind in "iub" else _unary(name, x)


# --- two arrays --------------------------------------------------------------------------------------------------------

@op
def add(x1, x2):
    """x1 + x2."""
    return _binary("add", x1, x2)


@op
def subtract(x1, x2):
    """x1 - x2."""
    return _binary("subtract", x1, x2)


@op
def multiply(x1, x2):
    """x1 · x2, elementwise."""
    return _binary("multiply", x1, x2)


@op
def divide(x1, x2):
    """x1 / x2. Integers are divided as floats."""
    if value_of(x1).dtype.kind in "iub" and value_of(x2).dtype.kind in "iub":
        x1, x2 = _floating(x1), _floating(x2)
    return _binary("divide", x1, x2)


@op
def power(x1, x2):
    """x1 to the power x2."""
    if isinstance(x2, (int, float)) and x2 == 2:
        return square(x1)
    return _binary("power", x1, x2)


@op
def maximum(x1, x2):
    """The larger of two, elementwise. At a tie each gets half the gradient."""
    return _binary("maximum", x1, x2)


@op
def minimum(x1, x2):
    """The smaller of two, elementwise. At a tie each gets half the gradient."""
    return _binary("minimum", x1, x2)


@op
def arctan2(x1, x2):
    """The angle of the point (x2, x1)."""
    return _binary("arctan2", x1, x2)


@op
def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)) without overflow."""
    return _binary("logaddexp", x1, x2)


@op
def mod(x1, x2):
    """Remainder, with the sign of x2: x1 - x2 floor(x1 / x2)."""
    return subtract(x1, multiply(x2, np.floor(np.divide(value_of(x1), value_of(x2)))))


@op
def where(condition, x1=None, x2=None):
    """x1 where condition, else x2. With one argument: the indices where it is true."""
    condition = value_of(condition)
    if x1 is None and x2 is None:
        return np.where(condition)
    return shared("where", (_operand(x1, x2), _operand(x2, x1)), condition)


# --- one array ---------------------------------------------------------------------------------------------------------

@op
def abs(x):
    """|x|."""
    return _sign_preserving("abs", x)


@op
def negative(x):
    """-x."""
    return _sign_preserving("negative", x)


@op
def square(x):
    """x²."""
    return _sign_preserving("square", x)


def _define_unary(name: str, doc: str):
    def function(x):
        return _unary(name, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return op(function)


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
    return apply(getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward"), (float_input(x),))


@op
def exp(x):
    """e to the power x."""
    return _elementary("exp", x)


@op
def log(x):
    """The natural logarithm."""
    return _elementary("log", x)


@op
def erf(x):
    """The error function."""
    return _elementary("erf", x)


@op
def clip(x, x_min, x_max):
    """x limited to [x_min, x_max] (constants). The slope is 1 on the closed interval, 0 outside."""
    bounds = [None if limit is None else value_of(limit) for limit in (x_min, x_max)]
    return shared("clip", (x,), *(None if b is None else b.astype(value_of(x).dtype) for b in bounds))


# --- reductions --------------------------------------------------------------------------------------------------------

def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@op
def sum(x, axis=None, keepdims=False):
    """The sum over `axis` (all when None), accumulated in float64."""
    value = value_of(x)
    if value.dtype.kind in "iub":
        return np.asarray(np.sum(value, axis=_axis(axis), keepdims=keepdims))
    return shared("sum", (x,), _axis(axis), keepdims)


@op
def mean(x, axis=None, keepdims=False):
    """The mean over `axis` (all when None), accumulated in float64."""
    return shared("mean", (x if isinstance(x, (Tensor, Variable)) else _floating(x),), _axis(axis), keepdims)


@op
def max(x, axis=None, keepdims=False, initial=None):
    """The largest entry over `axis`. Ties share the gradient equally."""
    return _extremum("max", x, axis, keepdims, initial)


@op
def min(x, axis=None, keepdims=False, initial=None):
    """The smallest entry over `axis`. Ties share the gradient equally."""
    return _extremum("min", x, axis, keepdims, initial)


def _extremum(name, x, axis, keepdims, initial):
    y = shared("extremum", (x,), name, _axis(axis), keepdims)
    return y if initial is None else DISPATCH["maximum" if name == "max" else "minimum"](y, initial)


@op
def prod(x, axis=None, keepdims=False):
    """The product over `axis`."""
    return shared("prod", (x,), _axis(axis), keepdims)


@op
def cumsum(x, axis=None):
    """Running sums along `axis` (of the flattened x when None)."""
    return shared("cumsum", (reshape(x, -1) if axis is None else x,), -1 if axis is None else axis)


@op
def var(x, axis=None, keepdims=False):
    """The variance (divided by n), in two passes."""
    return mean(square(subtract(x, mean(x, axis=axis, keepdims=True))), axis=axis, keepdims=keepdims)


@op
def std(x, axis=None, keepdims=False):
    """The standard deviation (divided by n)."""
    return sqrt(var(x, axis=axis, keepdims=keepdims))


@op
def logsumexp(x, axis=None, keepdims=False):
    """log Σ exp(x), the maximum taken out first."""
    top = np.max(value_of(x), axis=_axis(axis), keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(top.dtype)
    total = log(sum(exp(subtract(x, top)), axis=axis, keepdims=keepdims))
    return add(total, top if keepdims else top.reshape(total.shape))


@op
def norm(x, ord=None, axis=None, keepdims=False):
    """The Euclidean norm over `axis` (ord None or 2), Σ|x| (1) or max|x| (inf)."""
    if ord in (None, 2, "fro"):
        return sqrt(sum(square(x), axis=axis, keepdims=keepdims))
    if ord == 1:
        return sum(abs(x), axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return max(abs(x), axis=axis, keepdims=keepdims)
    raise ValueError(f"norm: ord={ord!r} is not supported; it must be None, 1, 2 or inf.")


# --- products ----------------------------------------------------------------------------------------------------------

@op
def matmul(x1, x2):
    """The matrix product over the last two axes; leading axes broadcast; 1-D operands as in NumPy."""
    a, b = pair_of_floats(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: operands of shapes {a.shape} and {b.shape}; a scalar has no matrix product, use multiply.")
    drop = []
    if a.ndim == 1:
        a, drop = reshape(a, (1, -1)), [-2]
    if b.ndim == 1:
        b, drop = reshape(b, (-1, 1)), [*drop, -1]
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: shapes {np.shape(value_of(x1))} and {np.shape(value_of(x2))} do not fit: the last axis of the "
                         f"first ({a.shape[-1]}) must equal the second to last axis of the second ({b.shape[-2]}).")
    lead = ()
    if b.ndim == 2 and a.ndim > 2:                       # one matrix for the whole batch: a single large product
        lead = a.shape[:-1]
        a = reshape(a, (-1, a.shape[-1]))
    elif a.ndim > 2 or b.ndim > 2:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = a if a.shape[:-2] == batch else broadcast_to(a, batch + a.shape[-2:])
        b = b if b.shape[:-2] == batch else broadcast_to(b, batch + b.shape[-2:])
    kernels = backend.active()
    y = apply(kernels.matmul_forward, kernels.matmul_backward, (float_input(a), float_input(b)))
    if lead:
        y = reshape(y, lead + (y.shape[-1],))
    return squeeze(y, axis=tuple(drop)) if drop else y


@op
def dot(x1, x2):
    """NumPy's dot: matrix product, scalar product, or scaling by a 0-d operand."""
    if np.ndim(value_of(x1)) == 0 or np.ndim(value_of(x2)) == 0:
        return multiply(x1, x2)
    if np.ndim(value_of(x2)) <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, axes=([-1], [-2]))


@op
def tensordot(x1, x2, axes=2):
    """Sum of products over `axes`: a number (last of x1 with first of x2), or a pair of lists."""
    a, b = pair_of_floats(x1, x2)
    if isinstance(axes, int):
        axes = (list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    axes_a, axes_b = ([i] if isinstance(i, int) else list(i) for i in axes)
    axes_a, axes_b = [i % a.ndim for i in axes_a], [i % b.ndim for i in axes_b]
    labels = [chr(ord("A") + i) for i in range(a.ndim)], [chr(ord("a") + i) for i in range(b.ndim)]
    for i, j in zip(axes_a, axes_b, strict=True):
        labels[1][j] = labels[0][i]
    out = [l for i, l in enumerate(labels[0]) if i not in axes_a] + [l for j, l in enumerate(labels[1]) if j not in axes_b]
    return einsum(f"{''.join(labels[0])},{''.join(labels[1])}->{''.join(out)}", a, b)


@op
def einsum(subscripts, *operands):
    """Sum of products by index labels, as numpy.einsum; ellipsis and implicit output are understood."""
    dtype = np.result_type(*(value_of(o).dtype for o in operands))
    if dtype.kind != "f":
        dtype = np.dtype(config.floatx())
    operands = tuple(float_input(o, dtype) for o in operands)
    equation = _explicit(subscripts, [o.ndim for o in operands])
    for labels in equation.split("->")[0].split(","):
        if len(set(labels)) != len(labels):
            raise ValueError(f"einsum: operand {labels!r} of {subscripts!r} repeats a label (a diagonal); take the diagonal first.")
    kernels = backend.active()
    if len(operands) == 1:                               # a kernel of one input returns one array, an einsum always a tuple
        return apply(lambda x, save=True: kernels.einsum_forward(equation, x, save=save),
                     lambda dy, saved: kernels.einsum_backward(dy, saved, (True,))[0], operands)
    return apply(lambda *xs, save=True: kernels.einsum_forward(equation, *xs, save=save), kernels.einsum_backward, operands)


def _explicit(subscripts: str, ranks: Sequence[int]) -> str:
    """The equation with `->` written out and ellipses replaced by labels."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, but {len(ranks)} were given.")
    used = set(text)
    spare = [c for c in map(chr, [*range(65, 91), *range(97, 123)]) if c not in used]
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    for term, width, rank in zip(terms, widths, ranks, strict=True):
        if width < 0 or (width and "..." not in term):
            raise ValueError(f"einsum: {term!r} in {subscripts!r} names {len(term.replace('...', ''))} axes, but its operand has "
                             f"{rank}.")
    dots = "".join(spare[:builtins.max(widths)])
    terms = [term.replace("...", dots[len(dots) - width:]) for term, width in zip(terms, widths, strict=True)]
    if not arrow:
        joined = "".join(terms)
        right = dots + "".join(sorted(l for l in set(joined) if joined.count(l) == 1 and l not in dots))
    return f"{','.join(terms)}->{right.replace('...', dots)}"


# --- shaping -----------------------------------------------------------------------------------------------------------

@op
def reshape(x, newshape):
    """x under another shape; one size may be -1."""
    newshape = (newshape,) if isinstance(newshape, (int, np.integer)) else tuple(-1 if n is None else n for n in newshape)
    return shared("reshape", (x,), newshape)


@op
def transpose(x, axes=None):
    """x with its axes permuted (reversed when None)."""
    return shared("transpose", (x,), axes)


@op
def swapaxes(x, axis1, axis2):
    """x with two axes exchanged."""
    axes = list(range(value_of(x).ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, axes)


@op
def moveaxis(x, source, destination):
    """x with axes moved to other places, the rest in their order."""
    n = value_of(x).ndim
    source, destination = ([a % n for a in np.atleast_1d(axes)] for axes in (source, destination))
    order = [axis for axis in range(n) if axis not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


@op
def expand_dims(x, axis):
    """x with an axis of length 1 put in at `axis`."""
    return reshape(x, np.expand_dims(value_of(x), _axis(axis)).shape)


@op
def squeeze(x, axis=None):
    """x without axes of length 1 (all, or those named)."""
    return reshape(x, np.squeeze(value_of(x), axis=_axis(axis)).shape)


@op
def ravel(x):
    """x as one axis."""
    return reshape(x, (-1,))


@op
def broadcast_to(x, shape):
    """x repeated to `shape` by NumPy's rules."""
    return shared("broadcast", (x,), tuple(shape))


@op
def concatenate(xs, axis=-1):
    """The arrays one after the other along `axis`."""
    xs = tuple(x if isinstance(x, (Tensor, Variable)) else value_of(x) for x in xs)
    if len(xs) == 1:
        return xs[0]
    return shared("concatenate", xs, axis=axis)


@op
def stack(x, axis=0):
    """The arrays side by side along a new axis."""
    return concatenate([expand_dims(item, axis) for item in x], axis=axis)


@op
def split(x, indices_or_sections, axis=0):
    """x cut along `axis`: into equal sections (a number), or before the given indices."""
    size = value_of(x).shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if size % indices_or_sections:
            raise ValueError(f"split: an axis of length {size} cannot be cut into {indices_or_sections} equal parts.")
        bounds = list(range(0, size + 1, size // indices_or_sections)) if size else [0] * (indices_or_sections + 1)
    else:
        bounds = [0, *(int(i) for i in indices_or_sections), size]
    lead = (slice(None),) * (axis % value_of(x).ndim)
    return [get_item(x, (*lead, slice(a, b))) for a, b in itertools.pairwise(bounds)]


@op
def tile(x, repeats):
    """x repeated as a whole along each axis."""
    repeats = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    value = value_of(x)
    repeats = (1,) * (value.ndim - len(repeats)) + repeats
    shape = (1,) * (len(repeats) - value.ndim) + value.shape
    index = np.ix_(*(np.tile(np.arange(n), r) for n, r in zip(shape, repeats, strict=True)))
    return get_item(reshape(x, shape), index)


@op
def repeat(x, repeats, axis=None):
    """Each entry repeated along `axis` (of the flattened x when None)."""
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return take(x, np.repeat(np.arange(value_of(x).shape[axis]), repeats), axis=axis)


@op
def pad(x, pad_width, mode="constant", constant_values=None):
    """x with a border. pad_width as in NumPy; modes other than "constant" repeat or mirror entries."""
    value = value_of(x)
    widths = tuple(tuple(int(w) for w in pair) for pair in np.broadcast_to(np.asarray(pad_width), (value.ndim, 2)))
    if mode == "constant":
        return shared("pad", (x,), widths, 0.0 if constant_values is None else constant_values)
    if constant_values is not None:
        raise ValueError(f"pad: constant_values belongs to mode='constant', but mode is {mode!r}.")
    index = np.ix_(*(np.pad(np.arange(n), width, mode=mode) for n, width in zip(value.shape, widths, strict=True)))
    return get_item(x, index)


@op
def flip(x, axis=None):
    """x read backwards along `axis` (all axes when None)."""
    return shared("flip", (x,), _axis(axis))


@op
def roll(x, shift, axis=None):
    """Entries moved along `axis`, those pushed off the end put in at the start."""
    if axis is None:
        return reshape(roll(reshape(x, (-1,)), shift, 0), value_of(x).shape)
    return take(x, np.roll(np.arange(value_of(x).shape[axis]), shift), axis=axis)


@op
def get_item(x, key):
    """x[key], any NumPy index; an entry read twice receives both gradients."""
    def plain(k):
        return value_of(k) if isinstance(k, (Tensor, Variable)) else k
    key = tuple(plain(k) for k in key) if isinstance(key, tuple) else plain(key)
    if builtins.any(is_keras_tensor(k) for k in (key if isinstance(key, tuple) else (key,))):
        value_of(next(k for k in (key if isinstance(key, tuple) else (key,)) if is_keras_tensor(k)))
    return shared("index", (x,), key)


@op
def take(x, indices, axis=None):
    """Entries of x at `indices` along `axis` (of the flattened x when None)."""
    indices = value_of(indices).astype(np.int64)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return get_item(x, (slice(None),) * (axis % value_of(x).ndim) + (indices,))


@op
def take_along_axis(x, indices, axis=None):
    """Entries of x at `indices` along `axis`, one index per entry (numpy.take_along_axis)."""
    indices = value_of(indices).astype(np.int64)
    if axis is None:
        x, indices, axis = reshape(x, (-1,)), indices.reshape(-1), 0
    return shared("take_along_axis", (x,), indices, axis)


# --- not differentiable: comparison, rounding, positions ------------------------------------------------------------------

def _define_plain(name: str, doc: str, numpy_name: str | None = None):
    numpy_function = getattr(np, numpy_name or name)

    def function(*args, **kwargs):
        return np.asarray(numpy_function(*(value_of(a) if isinstance(a, (Tensor, Variable, np.ndarray)) or is_keras_tensor(a) else a
                                           for a in args), **kwargs))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} Not differentiable: a constant to the tape."
    return op(function)


equal = _define_plain("equal", "x1 == x2.")
not_equal = _define_plain("not_equal", "x1 != x2.")
less = _define_plain("less", "x1 < x2.")
less_equal = _define_plain("less_equal", "x1 <= x2.")
greater = _define_plain("greater", "x1 > x2.")
greater_equal = _define_plain("greater_equal", "x1 >= x2.")
logical_and = _define_plain("logical_and", "Both.")
logical_or = _define_plain("logical_or", "Either.")
logical_not = _define_plain("logical_not", "Not.")
logical_xor = _define_plain("logical_xor", "Either, but not both.")
isnan = _define_plain("isnan", "Whether NaN.")
isinf = _define_plain("isinf", "Whether infinite.")
isfinite = _define_plain("isfinite", "Whether neither NaN nor infinite.")
any = _define_plain("any", "Whether any entry over `axis` is true.")
all = _define_plain("all", "Whether all entries over `axis` are true.")
argmax = _define_plain("argmax", "The position of the largest entry over `axis`.")
argmin = _define_plain("argmin", "The position of the smallest entry over `axis`.")
argsort = _define_plain("argsort", "The positions that sort x along `axis`.")
floor = _define_plain("floor", "The next integer below.")
ceil = _define_plain("ceil", "The next integer above.")
round = _define_plain("round", "The nearest integer.")
sign = _define_plain("sign", "-1, 0 or 1.")
floor_divide = _define_plain("floor_divide", "The quotient, rounded down.")
count_nonzero = _define_plain("count_nonzero", "How many entries are not 0.")
isclose = _define_plain("isclose", "Whether nearly equal, elementwise.")
allclose = _define_plain("allclose", "Whether nearly equal everywhere.")


@op
def sort(x, axis=-1):
    """x in ascending order along `axis`; gradients go back to where the entries came from."""
    return take_along_axis(x, np.argsort(value_of(x), axis=axis, kind="stable"), axis)


# --- new arrays --------------------------------------------------------------------------------------------------------

def zeros(shape, dtype=None):
    """An array of zeros; dtype defaults to `refnet.config.floatx()`."""
    return np.zeros(shape, dtype or config.floatx())


def ones(shape, dtype=None):
    """An array of ones; dtype defaults to `refnet.config.floatx()`."""
    return np.ones(shape, dtype or config.floatx())


def full(shape, fill_value, dtype=None):
    """An array of one value; dtype defaults to `refnet.config.floatx()`."""
    return np.full(shape, fill_value, dtype or config.floatx())


def eye(N, M=None, k=0, dtype=None):
    """Ones on the k-th diagonal; dtype defaults to `refnet.config.floatx()`."""
    return np.eye(N, M, k, dtype=dtype or config.floatx())


def arange(start, stop=None, step=1, dtype=None):
    """Evenly spaced values, as numpy.arange; integers are int32, floats `refnet.config.floatx()`, as in Keras."""
    values = np.arange(0, start, step) if stop is None else np.arange(start, stop, step)
    return values.astype(dtype or ("int32" if values.dtype.kind == "i" else config.floatx()))


def linspace(start, stop, num=50, endpoint=True, dtype=None):
    """`num` evenly spaced values from start to stop."""
    return np.linspace(start, stop, num, endpoint).astype(dtype or config.floatx())


@op
def zeros_like(x, dtype=None):
    """Zeros in the shape and type of x."""
    return np.zeros_like(value_of(x), dtype=dtype)


@op
def ones_like(x, dtype=None):
    """Ones in the shape and type of x."""
    return np.ones_like(value_of(x), dtype=dtype)


@op
def full_like(x, fill_value, dtype=None):
    """One value in the shape and type of x."""
    return np.full_like(value_of(x), fill_value, dtype=dtype)


# NumPy's own names for the same functions, so that np.amax(tensor) and the like find their op.
for _numpy_name, _ours in {"absolute": "abs", "amax": "max", "amin": "min", "true_divide": "divide", "pow": "power",
                           "acos": "arccos", "asin": "arcsin", "atan": "arctan", "permute_dims": "transpose",
                           "remainder": "mod", "concat": "concatenate", "bitwise_and": "logical_and",
                           "bitwise_or": "logical_or", "invert": "logical_not"}.items():
    DISPATCH[_numpy_name] = OPS[_ours]

absolute, amax, amin, true_divide = abs, max, min, divide

__all__ = sorted([*(name for name, value in list(globals().items()) if getattr(value, "is_op", False)),
                  "arange", "eye", "full", "linspace", "ones", "zeros"])
