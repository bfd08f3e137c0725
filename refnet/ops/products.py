"""Linear algebra: products of matrices and of arrays by index labels, with keras.ops' names and arguments."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from refnet import backend
from refnet.autodiff import apply
from refnet.graph import KerasTensor
from refnet.ops._op import array_of, as_type, float_input, op, plain, promoted
from refnet.ops.dtypes import kernel_float, promote
from refnet.ops.elementwise import multiply
from refnet.ops.rules import Shape, axes_in, broadcast, same_size, shape_of, type_of
from refnet.ops.selection import get_item
from refnet.ops.shaping import broadcast_to, reshape, squeeze, transpose

__all__ = ["dot", "einsum", "matmul", "tensordot"]


def _product_type(*kinds: Any) -> np.dtype:
    """The type of a matrix product: two int8 are summed in int32."""
    dtype = promote(*kinds)
    return (
        np.dtype(np.int32) if builtins.all(kind == np.int8 for kind in kinds if not isinstance(kind, type)) else dtype
    )


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    """The shape of a matrix product.

    Raises:
        ValueError: naming both shapes.
    """
    if not a or not b:
        raise ValueError(f"matmul: operands of shapes {a} and {b}; a scalar has no matrix product, use multiply.")
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    if not same_size(left[-1], right[-2]):
        raise ValueError(
            f"matmul: shapes {a} and {b} do not fit: the last axis of the first ({left[-1]}) must equal the second to "
            f"last axis of the second ({right[-2]})."
        )
    lead = broadcast("matmul", left[:-2], right[:-2])
    return (*lead, *(left[-2:-1] if len(a) > 1 else ()), *(right[-1:] if len(b) > 1 else ()))


def _matmul_rule(x1, x2):
    return KerasTensor(_matmul_shape(shape_of(x1), shape_of(x2)), _product_type(type_of(x1), type_of(x2)))


@op(_matmul_rule)
def matmul(x1, x2):
    """The matrix product over the last two axes; leading axes broadcast; 1-D operands as in NumPy. Integers are exact."""
    a, b = array_of(x1), array_of(x2)
    if a.dtype != b.dtype or a.dtype.kind != "f":
        dtype = _product_type(a.dtype, b.dtype)
        a, b = as_type(a, dtype), as_type(b, dtype)
    result = a.dtype
    _matmul_shape(a.shape, b.shape)
    if result.kind != "f":
        return plain("integer_matmul", a, b)
    drop = []
    if a.ndim == 1:
        a, drop = reshape(a, (1, -1)), [-2]
    if b.ndim == 1:
        b, drop = reshape(b, (-1, 1)), [*drop, -1]
    lead = ()
    if b.ndim == 2 and a.ndim > 2:  # one matrix for the whole batch: a single large product
        lead = a.shape[:-1]
        a = reshape(a, (int(np.prod(lead)), a.shape[-1]))
    elif a.ndim > 2 or b.ndim > 2:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = a if a.shape[:-2] == batch else broadcast_to(a, batch + a.shape[-2:])
        b = b if b.shape[:-2] == batch else broadcast_to(b, batch + b.shape[-2:])
    kernels = backend.active()
    y = apply(kernels.matmul_forward, kernels.matmul_backward, (float_input(a), float_input(b)))
    if lead:
        y = reshape(y, lead + (y.shape[-1],))
    y = squeeze(y, axis=tuple(drop)) if drop else y
    return as_type(y, result) if y.dtype != result else y


def _dot_rule(x1, x2):
    a, b = shape_of(x1), shape_of(x2)
    if not a or not b:
        return KerasTensor(a or b, promote(type_of(x1), type_of(x2)))
    if len(b) <= 2:
        shape = (*a[:-1], *_matmul_shape(a[-1:], b))
    else:
        shape = _tensordot_shape(a, b, ((len(a) - 1,), (len(b) - 2,)), "dot")
    return KerasTensor(shape, promote(type_of(x1), type_of(x2)))


@op(_dot_rule)
def dot(x1, x2):
    """NumPy's dot: matrix product, scalar product, or scaling by a 0-d operand."""
    a, b = array_of(x1), array_of(x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(x1, x2)
    a, b = promoted(a, b)
    if b.ndim <= 2 and a.dtype != np.int8:
        return matmul(a, b)
    return tensordot(a, b, axes=([a.ndim - 1], [builtins.max(b.ndim - 2, 0)]))


def _contracted(name: str, axes: Any, a: int, b: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(axes, (int, np.integer)):
        axes = (list(range(a - axes, a)), list(range(axes)))
    first, second = axes
    first, second = axes_in(name, first, a), axes_in(name, second, b)
    if len(first) != len(second):
        raise ValueError(f"{name}: axes={axes} must name as many axes of each array.")
    return first, second


def _tensordot_shape(a: Shape, b: Shape, axes: Any, name: str = "tensordot") -> Shape:
    first, second = _contracted(name, axes, len(a), len(b))
    for i, j in zip(first, second, strict=True):
        if not same_size(a[i], b[j]):
            raise ValueError(
                f"{name}: arrays of shapes {a} and {b} do not fit: axis {i} of the first and axis {j} of the second must "
                f"have the same size."
            )
    return (*(n for i, n in enumerate(a) if i not in first), *(n for j, n in enumerate(b) if j not in second))


def _tensordot_rule(x1, x2, axes=2):
    return KerasTensor(_tensordot_shape(shape_of(x1), shape_of(x2), axes), promote(type_of(x1), type_of(x2)))


@op(_tensordot_rule)
def tensordot(x1, x2, axes=2):
    """Sum of products over `axes`: a number (last of x1 with first of x2), or a pair of lists."""
    a, b = promoted(x1, x2)
    _tensordot_shape(a.shape, b.shape, axes)
    axes_a, axes_b = _contracted("tensordot", axes, a.ndim, b.ndim)
    labels = [chr(ord("A") + i) for i in range(a.ndim)], [chr(ord("a") + i) for i in range(b.ndim)]
    for i, j in zip(axes_a, axes_b, strict=True):
        labels[1][j] = labels[0][i]
    out = [l for i, l in enumerate(labels[0]) if i not in axes_a] + [
        l for j, l in enumerate(labels[1]) if j not in axes_b
    ]
    return _einsum(f"{''.join(labels[0])},{''.join(labels[1])}->{''.join(out)}", (a, b))


# --- einsum ------------------------------------------------------------------------------------------------------------------


def _einsum_rule(subscripts, *operands):
    shapes = [shape_of(x) for x in operands]
    equation = _explicit(subscripts, shapes)
    sizes = _label_sizes(subscripts, equation, shapes)
    return KerasTensor([sizes[label] for label in equation.split("->")[1]], _product_type(*map(type_of, operands)))


@op(_einsum_rule)
def einsum(subscripts, *operands):
    """Sum of products by index labels, as numpy.einsum; ellipsis, implicit output and diagonals ("ii->i") are understood."""
    operands = tuple(map(array_of, operands))
    shapes = [x.shape for x in operands]
    equation = _explicit(subscripts, shapes)
    sizes = _label_sizes(subscripts, equation, shapes)
    wide = [tuple(sizes[label] for label in term) for term in equation.split("->")[0].split(",")]
    dtype = _product_type(*(x.dtype for x in operands))
    operands = tuple(x if x.shape == shape else broadcast_to(x, shape) for x, shape in zip(operands, wide, strict=True))
    return _einsum(equation, tuple(as_type(x, dtype) for x in operands))


def _einsum(equation: str, operands: tuple) -> Any:
    """An explicit equation on arrays of one type."""
    dtype = operands[0].dtype
    left, output = equation.split("->")
    terms = left.split(",")
    if dtype.kind != "f":
        return plain("integer_einsum", equation, *operands)
    if builtins.any(len(set(term)) < len(term) for term in terms):
        diagonals = list(map(_diagonal, terms, operands))
        terms, operands = [term for term, _ in diagonals], tuple(x for _, x in diagonals)
        equation = f"{','.join(terms)}->{output}"
    inputs = tuple(float_input(x, kernel_float(dtype)) for x in operands)
    kernels = backend.active()
    if len(inputs) == 1:  # a kernel of one input returns one array, an einsum always a tuple
        y = apply(
            lambda x, save=True: kernels.einsum_forward(equation, x, save=save),
            lambda dy, saved: kernels.einsum_backward(dy, saved, (True,))[0],
            inputs,
        )
    else:
        y = apply(
            lambda *xs, save=True: kernels.einsum_forward(equation, *xs, save=save), kernels.einsum_backward, inputs
        )
    return as_type(y, dtype) if y.dtype != dtype else y


def _diagonal(term: str, x: Any) -> tuple[str, Any]:
    """The entries of x whose indices agree where a label is repeated, with that label once."""
    for label in dict.fromkeys(term):
        places = [i for i, l in enumerate(term) if l == label]
        if len(places) > 1:
            rest = [i for i in range(len(term)) if i not in places]
            along = backend.active().constant_array(np.arange(x.shape[places[0]]))
            x = get_item(transpose(x, (*places, *rest)), (along,) * len(places))
            term = label + "".join(term[i] for i in rest)
    return term, x


def _label_sizes(subscripts: str, equation: str, shapes: Sequence[Shape]) -> dict[str, int | None]:
    """The size of every label; 1 broadcasts.

    Raises:
        ValueError: when an equation and its operands do not fit.
    """
    terms, output = equation.split("->")
    sizes: dict[str, int | None] = {}
    for term, shape in zip(terms.split(","), shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            other = sizes.get(label, 1)
            if size not in (1, None) and other not in (1, None) and size != other:
                raise ValueError(
                    f"einsum: {subscripts!r} with operands of shapes {', '.join(map(str, shapes))}: label {label!r} has the "
                    f"size {other} in one place and {size} in another."
                )
            sizes[label] = broadcast("einsum", (other,), (size,))[0] if label in sizes else size
    for label in output:
        if label not in sizes:
            raise ValueError(
                f"einsum: the output of {subscripts!r} has the label {label!r}, which is in none of the operands "
                f"({terms})."
            )
    if len(set(output)) < len(output):
        raise ValueError(f"einsum: the output of {subscripts!r} has a label twice; each may be there once.")
    return sizes


def _explicit(subscripts: str, shapes: Sequence[Shape]) -> str:
    """The equation with `->` written out and ellipses replaced by labels."""
    ranks = list(map(len, shapes))
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
            raise ValueError(
                f"einsum: {term!r} in {subscripts!r} names {len(term.replace('...', ''))} axes, but its operand has "
                f"{rank}."
            )
    dots = "".join(spare[: builtins.max(widths)])
    terms = [term.replace("...", dots[len(dots) - width :]) for term, width in zip(terms, widths, strict=True)]
    if not arrow:
        joined = "".join(terms)
        right = dots + "".join(sorted(l for l in set(joined) if joined.count(l) == 1 and l not in dots))
    return f"{','.join(terms)}->{right.replace('...', dots)}"
