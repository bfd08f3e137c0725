"""Ops of matrices: gradients where entries cannot move one by one, what is refused, and the numbers of NumPy."""
import numpy as np
import pytest

import refnet
from refnet import ops
from refnet.autodiff import value_and_grad

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 3))
POSITIVE = X @ np.swapaxes(X, -1, -2) + 0.5 * np.eye(3)
WEIGHTS = RNG.normal(size=(2, 3, 3))


def symmetric(x):
    return (x + ops.swapaxes(x, -1, -2)) * 0.5


def numeric(f, x, h=1e-6):
    slope = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        slope[i] = (f(up) - f(down)) / (2 * h)
    return slope


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("name, function", {
    "cholesky": lambda x: ops.sum(ops.cholesky(symmetric(x)) * WEIGHTS),
    "cholesky upper": lambda x: ops.sum(ops.cholesky(symmetric(x), upper=True) * WEIGHTS),
    "cholesky of a product": lambda x: ops.sum(ops.cholesky(ops.matmul(x, ops.swapaxes(x, -1, -2))) * WEIGHTS),
    "cholesky_inverse": lambda x: ops.sum(ops.cholesky_inverse(ops.cholesky(symmetric(x))) * WEIGHTS),
    "eigenvalues": lambda x: ops.sum(ops.eigh(symmetric(x))[0] * WEIGHTS[..., 0]),
    "eigenvectors": lambda x: ops.sum(ops.square(ops.eigh(symmetric(x))[1]) * WEIGHTS),     # their signs are arbitrary
    "both": lambda x: ops.sum(ops.square(ops.eigh(symmetric(x))[1]) * ops.eigh(symmetric(x))[0][..., None, :] * WEIGHTS),
    "logdet": lambda x: ops.sum(ops.logdet(symmetric(x)) * WEIGHTS[:, 0, 0]),
    "the sign of a determinant": lambda x: ops.sum(ops.slogdet(x)[0]) + ops.sum(0.0 * x),
    "solve_triangular": lambda x: ops.sum(ops.solve_triangular(x, WEIGHTS) * WEIGHTS),
    "solve_triangular lower": lambda x: ops.sum(ops.solve_triangular(x, WEIGHTS[..., :1], lower=True) * WEIGHTS[..., 1:2]),
    "solve with one right side": lambda x: ops.sum(ops.solve(x, WEIGHTS[0, :, 0]) * WEIGHTS[..., 1]),
    "a Gaussian": lambda x: ops.sum(ops.logdet(symmetric(x))) + ops.sum(WEIGHTS * ops.solve(x, WEIGHTS)),
    "svd": lambda x: ops.sum(ops.svd(x, compute_uv=False) * WEIGHTS[..., 0]),
}.items())  # fmt: skip
def test_gradients(name, function, backend, request):
    if backend == "fast":
        request.getfixturevalue("fast")
    with refnet.use_backend(backend):
        value, slope = value_and_grad(function)(POSITIVE)
        assert value == pytest.approx(float(refnet.stop_gradient(function(POSITIVE))))
        want = numeric(lambda x: float(refnet.stop_gradient(function(x))), POSITIVE)
        np.testing.assert_allclose(slope, want, rtol=2e-5, atol=2e-6)


def test_numbers():
    np.testing.assert_allclose(ops.inv(POSITIVE) @ POSITIVE, [np.eye(3)] * 2, atol=1e-12)
    l = ops.cholesky(POSITIVE)
    np.testing.assert_allclose(l @ np.swapaxes(l, -1, -2), POSITIVE, atol=1e-12)
    np.testing.assert_allclose(ops.cholesky_inverse(l), np.linalg.inv(POSITIVE), rtol=1e-9)
    np.testing.assert_allclose(ops.cholesky_inverse(np.swapaxes(l, -1, -2), upper=True), np.linalg.inv(POSITIVE), rtol=1e-9)
    sign, logarithm = ops.slogdet(X)
    np.testing.assert_allclose(sign * np.exp(logarithm), np.linalg.det(X))
    lu, pivots = ops.lu_factor(X[0])
    rows = np.arange(3)
    for k, p in enumerate(pivots):
        rows[[k, p]] = rows[[p, k]]
    np.testing.assert_allclose((np.tril(lu, -1) + np.eye(3)) @ np.triu(lu), X[0][rows], atol=1e-12)
    np.testing.assert_allclose(ops.lstsq(X[0][:, :2], X[0][:, 2]), np.linalg.lstsq(X[0][:, :2], X[0][:, 2], rcond=None)[0])
    np.testing.assert_allclose(ops.pinv(X[..., :2]), np.linalg.pinv(X[..., :2]))
    assert ops.matrix_rank(X).tolist() == [3, 3] and ops.matrix_rank(np.ones((3, 3))) == 1
    q, r = ops.qr(X)
    np.testing.assert_allclose(q @ r, X, atol=1e-12)
    u, s, vt = ops.svd(X, full_matrices=False)
    np.testing.assert_allclose(u * s[..., None, :] @ vt, X, atol=1e-12)
    np.testing.assert_allclose(ops.cross(X[0], X[1]), np.cross(X[0], X[1]))
    np.testing.assert_allclose(ops.kron(X[0], X[1][:2]), np.kron(X[0], X[1][:2]))
    np.testing.assert_allclose(ops.cdist(X[0], X[1]), np.linalg.norm(X[0][:, None] - X[1], axis=-1))
    assert ops.det([[1, 2], [3, 4]]).dtype == np.float32 and ops.det([[1, 2], [3, 4]]) == pytest.approx(-2)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ops.inv(np.ones((2, 3))), r"inv: x must be square matrices \(\.\.\., N, N\)\. Received: shape \(2, 3\)"),
    (lambda: ops.inv(np.ones((2, 2))), "inv: Singular matrix.*multiple of the identity"),
    (lambda: ops.solve(np.zeros((2, 2)), np.ones(2)), "solve: Singular matrix"),
    (lambda: ops.solve(np.eye(2), np.ones(3)), r"solve: matrices of shape \(2, 2\) and right sides of shape \(3,\) do not fit"),
    (lambda: ops.cholesky(-np.eye(2)), "cholesky: Matrix is not positive definite"),
    (lambda: ops.det(np.ones(3)), "det: x must be square"),
    (lambda: ops.qr(np.ones(3)), "qr: x must be matrices"),
    (lambda: ops.qr(np.ones((3, 3)), mode="raw"), "`mode` must be 'reduced' or 'complete'"),
    (lambda: ops.lu_factor(np.ones((2, 3, 3))), "one matrix"),
    (lambda: ops.cross(np.ones(4), np.ones(4)), "2 or 3 entries"),
    (lambda: ops.cdist(np.ones((2, 3)), np.ones((2, 4))), "rows of one length"),
    (lambda: ops.lstsq(np.ones((2, 2)), np.ones(3)), "lstsq: a must be a matrix"),
])  # fmt: skip
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
