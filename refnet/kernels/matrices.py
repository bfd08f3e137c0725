"""Matrices: inverses, determinants, equations, factors.

Where many numbers hang together, a matrix says how: the spread of data, a system of equations, the steps of a filter. Layers rarely
ask for more than products; losses of Gaussians (a determinant and an inverse), whitening (a factor) and least squares do.

Forward, of each matrix x (..., N, N)
    inverse     y = x⁻¹
    solved      y with a y = b                  without making a⁻¹
    determinant y = det x;    slogdet: its sign s and l = log |det x|
    cholesky    y lower triangular with y yᵀ = x                         x symmetric, positive
    symmetric   x = q diag(w) qᵀ: its eigenvalues w, ascending, and eigenvectors, the columns of q

Derivation
    Let x move by a small ẋ, and y by ẏ. (Dots are small changes here; <a, b> = Σ a_ij b_ij.) The gradient dx is what fits
    <dy, ẏ> = <dx, ẋ> for every ẋ; and <a, b c> = <bᵀ a, c> = <a cᵀ, b>.
    inverse     x y = 1   =>   ẋ y + x ẏ = 0   =>   ẏ = -y ẋ y          =>   dx = -yᵀ dy yᵀ
    solved      a y = b   =>   ȧ y + a ẏ = ḃ   =>   ẏ = a⁻¹(ḃ - ȧ y)    =>   db solves aᵀ db = dy,   da = -db yᵀ
    determinant Jacobi: ẏ = y Σ (x⁻¹)_ji ẋ_ij                           =>   dx = dy y x⁻ᵀ;   l = log|y|   =>   dx = dl x⁻ᵀ
    cholesky    y yᵀ = x   =>   ẋ = ẏ yᵀ + y ẏᵀ. Multiply by y⁻¹ from the left and y⁻ᵀ from the right: y⁻¹ ẋ y⁻ᵀ = m + mᵀ with
                m = y⁻¹ ẏ lower triangular. So m = Φ(y⁻¹ ẋ y⁻ᵀ), where Φ takes the lower triangle and halves the diagonal, and
                ẏ = y m. Backwards the same steps: dm = yᵀ dy, p = Φ(dm), dx = y⁻ᵀ p y⁻¹; and since only symmetric ẋ can come,
                the symmetric half of it, (dx + dxᵀ)/2.
    symmetric   w_k = q_kᵀ x q_k, and q_k turns at right angles to itself: ẇ_k = q_kᵀ ẋ q_k, q̇ = q (F ∘ qᵀ ẋ q) with
                F_ik = 1/(w_k - w_i), 0 on the diagonal   =>   dx = q (diag(dw) + F ∘ (qᵀ dq)) qᵀ, its symmetric half.

By hand
    x = [[2, 0], [1, 4]]
        determinant   y = 2·4 - 0·1 = 8
        inverse       y = [[4/8, -0/8], [-1/8, 2/8]] = [[0.5, 0], [-0.125, 0.25]]
        determinant   back, dy = 1:    dx = 8 x⁻ᵀ = [[8·0.5, -8·0.125], [8·0, 8·0.25]] = [[4, -1], [0, 2]]
    solved, a = x, b = (2, 9)
        2 y_1 = 2 and y_1 + 4 y_2 = 9:    y = (2/2, (9 - 1)/4) = (1, 2)
        back, dy = (0, 4):    4 db_2 = 4 and 2 db_1 + db_2 = 0, so db = (-1/2, 4/4) = (-0.5, 1)
        and da = -db yᵀ = [[0.5·1, 0.5·2], [-1·1, -1·2]] = [[0.5, 1], [-1, -2]]
    cholesky, x = [[4, 2], [2, 5]]
        y = [[2, 0], [1, 2]], for y yᵀ = [[2·2, 2·1], [1·2, 1·1 + 2·2]] = [[4, 2], [2, 5]]

    >>> x = np.array([[2.0, 0.0], [1.0, 4.0]])
    >>> y, saved = determinant_forward(x)
    >>> print(y, determinant_backward(np.array(1.0), saved).tolist())
    8.0 [[4.0, -1.0], [0.0, 2.0]]
    >>> inverse_forward(x)[0]
    array([[ 0.5  ,  0.   ],
           [-0.125,  0.25 ]])
    >>> y, saved = solved_forward(x, np.array([[2.0], [9.0]]))
    >>> da, db = solved_backward(np.array([[0.0], [4.0]]), saved)
    >>> print(y.ravel(), da.tolist(), db.ravel())
    [1. 2.] [[0.5, 1.0], [-1.0, -2.0]] [-0.5  1. ]
    >>> cholesky_forward(np.array([[4.0, 2.0], [2.0, 5.0]]))[0]
    array([[2., 0.],
           [1., 2.]])

Ties and kinks
    Equal eigenvalues have no single set of eigenvectors: there F is infinite, and here 0. The determinant of a singular matrix
    has a gradient, but not by way of its inverse: it comes out as NaN or infinite.

What is saved
    What the gradients need: y, or x.

Without a derivative here
    Least squares, factors by qr and lu, singular vectors, eigenvalues of matrices that are not symmetric.

References
    Giles (2008), An extended collection of matrix derivative results for forward and reverse mode algorithmic differentiation;
    Murray (2016), Differentiation of the Cholesky decomposition.
"""
import numpy as np

__all__ = ["cholesky_backward", "cholesky_forward", "determinant_backward", "determinant_forward", "inverse_backward",
           "inverse_forward", "least_squares", "lu_factored", "matrix_rank", "pseudo_inverse", "qr_factored", "singular_vectors",
           "slogdet_backward", "slogdet_forward", "solved_backward", "solved_forward", "symmetric_eigen_backward",
           "symmetric_eigen_forward"]


def _t(x):
    return np.swapaxes(x, -1, -2)


def _symmetric(x):
    return (x + _t(x)) * x.dtype.type(0.5)


def _half_lower(x):
    """Φ: the lower triangle, its diagonal halved."""
    return np.tril(x) - x.dtype.type(0.5) * np.tril(np.triu(x))


def inverse_forward(x, save=True):
    """x (..., N, N)   ->   y (..., N, N)"""
    y = np.linalg.inv(x)
    return y, (y if save else None)


def inverse_backward(dy, saved):
    y = saved
    return -(_t(y) @ dy @ _t(y))                                  # ẏ = -y ẋ y


def solved_forward(a, b, save=True):
    """a (..., N, N)   b (..., N, M), the same leading axes   ->   y (..., N, M) with a y = b"""
    y = np.linalg.solve(a, b)
    return y, ((a, y) if save else None)


def solved_backward(dy, saved, needs=(True, True)):
    a, y = saved
    db = np.linalg.solve(_t(a), dy)                               # ẏ = a⁻¹ ḃ
    da = -(db @ _t(y)) if needs[0] else None                      # ẏ = -a⁻¹ ȧ y
    return da, db if needs[1] else None


def determinant_forward(x, save=True):
    """x (..., N, N)   ->   y (...)"""
    y = np.asarray(np.linalg.det(x))
    return y, ((x, y) if save else None)


def determinant_backward(dy, saved):
    x, y = saved
    return np.asarray((dy * y)[..., None, None] * _t(np.linalg.inv(x)), x.dtype)     # ẏ = y Σ (x⁻¹)_ji ẋ_ij


def slogdet_forward(x, save=True):
    """x (..., N, N)   ->   the sign s (...) and l = log |det x| (...)"""
    s, l = map(np.asarray, np.linalg.slogdet(x))
    return (s, l), (x if save else None)


def slogdet_backward(dy, saved):
    x, dl = saved, dy[1]
    if dl is None:                                                # the sign is flat
        return np.zeros_like(x)
    return np.asarray(dl[..., None, None] * _t(np.linalg.inv(x)), x.dtype)


def cholesky_forward(x, save=True):
    """x (..., N, N), symmetric: of its two triangles the lower one is read   ->   y (..., N, N), lower triangular"""
    y = np.linalg.cholesky(x)
    return y, (y if save else None)


def cholesky_backward(dy, saved):
    y = saved
    p = _half_lower(_t(y) @ dy)                                   # ẏ = y Φ(y⁻¹ ẋ y⁻ᵀ)
    dx = np.linalg.solve(_t(y), _t(np.linalg.solve(_t(y), _t(p))))                   # y⁻ᵀ p y⁻¹
    return _symmetric(dx)


def symmetric_eigen_forward(x, save=True):
    """x (..., N, N), symmetric   ->   w (..., N) ascending, q (..., N, N)"""
    w, q = np.linalg.eigh(x)
    return (w, q), ((w, q) if save else None)


def symmetric_eigen_backward(dy, saved):
    (dw, dq), (w, q) = dy, saved
    middle = np.zeros_like(q)
    if dw is not None:
        middle += dw[..., None] * np.eye(w.shape[-1], dtype=q.dtype)                 # ẇ_k = q_kᵀ ẋ q_k
    if dq is not None:
        apart = w[..., None, :] - w[..., :, None]                 # F_ik = 1 / (w_k - w_i)
        middle += np.where(apart == 0, 0, 1 / np.where(apart == 0, 1, apart)) * (_t(q) @ dq)
    return _symmetric(q @ middle @ _t(q)).astype(q.dtype)


def least_squares(a, b, rcond=None):
    """The y of least |a y - b|, and of least |y| among those: a (M, N), b (M,) or (M, K)."""
    return np.linalg.lstsq(a, b, rcond=rcond)[0]


def matrix_rank(x, tol=None):
    """How many singular values of x (..., M, N) are above `tol`, int32."""
    return np.asarray(np.linalg.matrix_rank(x, tol=tol), np.int32)


def pseudo_inverse(x, rcond=None):
    """The inverse of Moore and Penrose of x (..., M, N)."""
    return np.linalg.pinv(x) if rcond is None else np.linalg.pinv(x, rcond=rcond)


def qr_factored(x, mode="reduced"):
    """x (..., M, N) = q r, q with orthonormal columns, r upper triangular."""
    return tuple(np.linalg.qr(x, mode=mode))


def lu_factored(x):
    """x (N, N) = p l u with rows exchanged: l (ones on the diagonal left out) and u in one matrix, and for each row the one it
    was exchanged with, int32. Gaussian elimination, the largest entry of each column as its pivot."""
    lu, pivots = np.array(x), np.arange(len(x), dtype=np.int32)
    for k in range(len(lu)):
        pivots[k] = best = k + int(np.argmax(np.abs(lu[k:, k])))
        lu[[k, best]] = lu[[best, k]]
        if lu[k, k] != 0:
            lu[k + 1 :, k] /= lu[k, k]
            lu[k + 1 :, k + 1 :] -= np.outer(lu[k + 1 :, k], lu[k, k + 1 :])
    return lu, pivots


def singular_vectors(x, full_matrices=True):
    """x (..., M, N) = u diag(s) vᵀ: u, s (largest first), vᵀ."""
    return tuple(np.linalg.svd(x, full_matrices=full_matrices))
