"""Matrices: products of vectors, inverses, equations and factors, with keras.ops' names and arguments (keras.ops.linalg)."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from refnet import public
from refnet.graph import KerasTensor, is_keras_tensor
from refnet.ops._op import array_of, float_input, op, plain, shared
from refnet.ops.arranging import tril, triu
from refnet.ops.core import cast
from refnet.ops.dtypes import kernel_float, promote
from refnet.ops.elementwise import multiply, sqrt, subtract
from refnet.ops.products import matmul, tensordot
from refnet.ops.reductions import norm, sum
from refnet.ops.rules import broadcast, like, same_size, shape_of, spec, type_of
from refnet.ops.selection import get_item
from refnet.ops.shaping import broadcast_to, expand_dims, moveaxis, ravel, reshape, squeeze, stack, swapaxes

__all__ = [
    "cdist",
    "cholesky",
    "cholesky_inverse",
    "cross",
    "det",
    "eigh",
    "inner",
    "inv",
    "kron",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "vdot",
]


# --- products of vectors -------------------------------------------------------------------------------------------------


@op(None)
def outer(x1, x2):
    """The products of every entry of x1 with every entry of x2: (M, N), both flattened."""
    return multiply(expand_dims(ravel(x1), -1), expand_dims(ravel(x2), 0))


@op(None)
def inner(x1, x2):
    """Sums of products over the last axes of both."""
    if not shape_of(x1) or not shape_of(x2):
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-1,)))


@op(None)
def vdot(x1, x2):
    """The sum of products of all entries, both flattened."""
    return sum(multiply(ravel(x1), ravel(x2)))


@op(None)
def kron(x1, x2):
    """Kronecker's product: x2 times each entry of x1, put together."""
    a, b = shape_of(x1), shape_of(x2)
    axes = builtins.max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    if None in (*a, *b):
        raise ValueError(f"kron: the sizes must be known; they are {a} and {b}.")
    left = reshape(x1, tuple(n for size in a for n in (size, 1)))
    right = reshape(x2, tuple(n for size in b for n in (1, size)))
    return reshape(multiply(left, right), tuple(m * n for m, n in zip(a, b, strict=True)))


@op(None)
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The vector at right angles to two vectors of three numbers (of two: a number)."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(_array(x1), axisa, -1), moveaxis(_array(x2), axisb, -1)
    n, m = a.shape[-1], b.shape[-1]
    if n not in (2, 3) or m not in (2, 3):
        raise ValueError(f"cross: vectors must have 2 or 3 entries; they have {n} and {m}.")

    def part(x: Any, k: int) -> Any:
        return get_item(x, (Ellipsis, k))

    last = subtract(multiply(part(a, 0), part(b, 1)), multiply(part(a, 1), part(b, 0)))
    if n == m == 2:
        return last
    zero = multiply(last, 0)
    a3, b3 = (part(a, 2) if n == 3 else zero), (part(b, 2) if m == 3 else zero)
    first = subtract(multiply(part(a, 1), b3), multiply(a3, part(b, 1)))
    second = subtract(multiply(a3, part(b, 0)), multiply(part(a, 0), b3))
    return moveaxis(stack([first, second, last], axis=-1), -1, axisc)


def _array(x: Any) -> Any:
    return x if is_keras_tensor(x) else array_of(x)


@op(None)
def cdist(x, y):
    """The distance of every row of x (..., N, D) from every row of y (..., M, D): (..., N, M)."""
    if len(shape_of(x)) < 2 or len(shape_of(y)) < 2 or not same_size(shape_of(x)[-1], shape_of(y)[-1]):
        raise ValueError(f"cdist: rows of one length are compared. Received: shapes {shape_of(x)} and {shape_of(y)}")
    dtype = promote(type_of(x), type_of(y), float)
    away = subtract(expand_dims(cast(x, dtype), -2), expand_dims(cast(y, dtype), -3))
    return sqrt(sum(multiply(away, away), axis=-1))


# --- square matrices -----------------------------------------------------------------------------------------------------


def _square(name: str, shape: tuple) -> tuple:
    """The shape of matrices with as many rows as columns.

    Raises:
        ValueError: naming the op.
    """
    if len(shape) < 2 or not same_size(shape[-1], shape[-2]):
        raise ValueError(f"{name}: x must be square matrices (..., N, N). Received: shape {shape}")
    return shape


def _numeric(name: str, function: Any, *args: Any, **kwargs: Any) -> Any:
    """A kernel, whose complaint is NumPy's LinAlgError, said with the op's name."""
    try:
        return function(*args, **kwargs)
    except np.linalg.LinAlgError as wrong:
        hint = "Look for rows that are equal or zero, or add a small multiple of the identity."
        raise ValueError(f"{name}: {wrong}. {hint}") from None


def _matrix_rule(name: str) -> Any:
    def rule(x, *args, **kwargs):
        return like(x, _square(name, shape_of(x)), kernel_float(spec(x).dtype))

    return rule


def _number_rule(name: str) -> Any:
    def rule(x):
        return like(x, _square(name, shape_of(x))[:-2], kernel_float(spec(x).dtype))

    return rule


@op(_matrix_rule("inv"))
def inv(x):
    """The inverse of each matrix x (..., N, N)."""
    x = float_input(x)
    _square("inv", x.shape)
    return _numeric("inv", shared, "inverse", (x,))


@op(_number_rule("det"))
def det(x):
    """The determinant of each matrix x (..., N, N)."""
    x = float_input(x)
    _square("det", x.shape)
    return shared("determinant", (x,))


def _slogdet_rule(x):
    y = _number_rule("slogdet")(x)
    return y, like(y)


@op(_slogdet_rule)
def slogdet(x):
    """(the sign, the logarithm of the absolute value) of the determinant of each matrix x (..., N, N)."""
    x = float_input(x)
    _square("slogdet", x.shape)
    return shared("slogdet", (x,))


@op(_number_rule("logdet"))
def logdet(x):
    """The logarithm of the determinant of each matrix x (..., N, N), which is symmetric and positive."""
    x = float_input(x)
    _square("logdet", x.shape)
    y = _numeric("logdet", shared, "slogdet", (x,))[1]
    return y


@op(_matrix_rule("cholesky"))
def cholesky(x, upper=False):
    """y, lower triangular, with y yᵀ = x, of each symmetric positive matrix x (..., N, N); `upper`: its transpose."""
    x = float_input(x)
    _square("cholesky", x.shape)
    y = _numeric("cholesky", shared, "cholesky", (x,))
    return swapaxes(y, -1, -2) if upper else y


@op(_matrix_rule("cholesky_inverse"))
def cholesky_inverse(x, upper=False):
    """The inverse of the matrix whose Cholesky factor x (..., N, N) is; its other triangle is not read."""
    x = float_input(x)
    _square("cholesky_inverse", x.shape)
    y = _numeric("cholesky_inverse", shared, "inverse", (triu(x) if upper else tril(x),))
    return matmul(y, swapaxes(y, -1, -2)) if upper else matmul(swapaxes(y, -1, -2), y)


def _eigh_rule(x):
    y = _matrix_rule("eigh")(x)
    return like(y, y.shape[:-1]), like(y)


@op(_eigh_rule)
def eigh(x):
    """(eigenvalues ascending (..., N), eigenvectors as columns (..., N, N)) of each symmetric matrix x."""
    x = float_input(x)
    _square("eigh", x.shape)
    return shared("symmetric_eigen", (x,))


# --- equations -----------------------------------------------------------------------------------------------------------


def _solve_rule(a, b, lower=False):
    square, right = _square("solve", shape_of(a)), shape_of(b)
    vector = len(right) == 1
    if not right or not same_size(right[-1 if vector else -2], square[-1]):
        raise ValueError(f"solve: matrices of shape {square} and right sides of shape {right} do not fit.")
    lead = broadcast("solve", square[:-2], right[:-1] if vector else right[:-2])
    return KerasTensor((*lead, *(right[-1:] if vector else right[-2:])), kernel_float(promote(type_of(a), type_of(b), float)))


@op(_solve_rule)
def solve(a, b):
    """y with a y = b, for matrices a (..., N, N) and b (N,) or (..., N, M)."""
    return _solved(a, b, "solve")


def _solved(a: Any, b: Any, name: str) -> Any:
    dtype = kernel_float(promote(type_of(a), type_of(b), float))
    shape = _solve_rule(a, b).shape
    a, b = float_input(a, dtype), float_input(b, dtype)
    vector = b.ndim == 1
    b = expand_dims(b, -1) if vector else b
    lead = shape[:-1] if vector else shape[:-2]
    a, b = broadcast_to(a, (*lead, *a.shape[-2:])), broadcast_to(b, (*lead, *b.shape[-2:]))
    y = _numeric(name, shared, "solved", (a, b))
    return squeeze(y, -1) if vector else y


@op(_solve_rule)
def solve_triangular(a, b, lower=False):
    """y with a y = b, reading only the upper triangle of a (`lower`: the lower one)."""
    _solve_rule(a, b)
    return _solved(tril(a) if lower else triu(a), b, "solve_triangular")


def _lstsq_rule(a, b, rcond=None):
    left, right = shape_of(a), shape_of(b)
    if len(left) != 2 or len(right) not in (1, 2) or not same_size(left[0], right[0]):
        raise ValueError(f"lstsq: a must be a matrix (M, N) and b (M,) or (M, K). Received: shapes {left} and {right}")
    return KerasTensor((left[1], *right[1:]), kernel_float(promote(type_of(a), type_of(b), float)))


@op(_lstsq_rule)
def lstsq(a, b, rcond=None):
    """The y for which |a y - b| is least: a (M, N), b (M,) or (M, K). Not differentiable; solve(aᵀ a, aᵀ b) is, if there is one."""
    dtype = _lstsq_rule(a, b, rcond).dtype
    return plain("least_squares", float_input(a, dtype), float_input(b, dtype), rcond)


# --- factors -------------------------------------------------------------------------------------------------------------


def _at_least_matrix(name: str, shape: tuple) -> tuple:
    if len(shape) < 2:
        raise ValueError(f"{name}: x must be matrices (..., M, N). Received: shape {shape}")
    return shape


def _smaller(shape: tuple) -> Any:
    return None if None in shape[-2:] else builtins.min(shape[-2:])


def _qr_rule(x, mode="reduced"):
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: `mode` must be 'reduced' or 'complete'. Received: mode={mode!r}")
    shape, dtype = _at_least_matrix("qr", shape_of(x)), kernel_float(spec(x).dtype)
    inner_size = _smaller(shape) if mode == "reduced" else shape[-2]
    return like(x, (*shape[:-1], inner_size), dtype), like(x, (*shape[:-2], inner_size, shape[-1]), dtype)


@op(_qr_rule)
def qr(x, mode="reduced"):
    """(q, r) with x = q r, q's columns orthonormal, r upper triangular. Not differentiable."""
    _qr_rule(x, mode)
    return plain("qr_factored", float_input(x), mode)


def _svd_rule(x, full_matrices=True, compute_uv=True):
    shape, dtype = _at_least_matrix("svd", shape_of(x)), kernel_float(spec(x).dtype)
    least = _smaller(shape)
    s = like(x, (*shape[:-2], least), dtype)
    if not compute_uv:
        return s
    m, n = shape[-2:] if full_matrices else (least, least)
    return like(x, (*shape[:-1], m), dtype), s, like(x, (*shape[:-2], n, shape[-1]), dtype)


@op(_svd_rule)
def svd(x, full_matrices=True, compute_uv=True):
    """(u, s, vᵀ) with x = u diag(s) vᵀ; with compute_uv=False s alone, which is differentiable."""
    _svd_rule(x, full_matrices, compute_uv)
    x = float_input(x)
    return plain("singular_vectors", x, full_matrices) if compute_uv else shared("singular_values", (x,))


def _lu_rule(x):
    shape = _square("lu_factor", shape_of(x))
    if len(shape) != 2:
        raise ValueError(f"lu_factor: x must be one matrix (N, N). Received: shape {shape}")
    return like(x, shape, kernel_float(spec(x).dtype)), like(x, shape[:1], np.int32)


@op(_lu_rule)
def lu_factor(x):
    """(l and u in one matrix, the exchanges of rows) of x (N, N). Not differentiable."""
    _lu_rule(x)
    return plain("lu_factored", float_input(x))


@op(lambda x, tol=None: like(x, _at_least_matrix("matrix_rank", shape_of(x))[:-2], np.int32))
def matrix_rank(x, tol=None):
    """How many singular values of x (..., M, N) are above `tol`. Not differentiable."""
    _at_least_matrix("matrix_rank", shape_of(x))
    return plain("matrix_rank", float_input(x), tol)


def _pinv_rule(x, rcond=None):
    shape = _at_least_matrix("pinv", shape_of(x))
    return like(x, (*shape[:-2], shape[-1], shape[-2]), kernel_float(spec(x).dtype))


@op(_pinv_rule)
def pinv(x, rcond=None):
    """The inverse of Moore and Penrose of x (..., M, N). Not differentiable."""
    _pinv_rule(x, rcond)
    return plain("pseudo_inverse", float_input(x), rcond)


public.finish(__name__)
