"""Matrix product: the sum over a shared index.

Forward
    y_mn = Σ_k a_mk b_kn             a (..., M, K)   b (..., K, N)        y (..., M, N)
    Leading dimensions are a batch of independent products; they are equal in a and b.

Derivation
    a_mk appears in y_mn for every n  =>  da_mk = Σ_n dy_mn b_kn         da = dy bᵀ
    b_kn appears in y_mn for every m  =>  db_kn = Σ_m a_mk dy_mn         db = aᵀ dy
    The shapes leave no other choice: (M, N) and (K, N) can only make (M, K) by summing over N.

What is saved
    a and b.
"""
import numpy as np

__all__ = ["matmul_backward", "matmul_forward"]


def matmul_forward(a, b, save=True):
    """y = a b.    a (..., M, K)   b (..., K, N), the same leading dimensions   ->   y (..., M, N)"""
    return a @ b, ((a, b) if save else None)


def matmul_backward(dy, saved, needs=(True, True)):
    a, b = saved
    da = dy @ np.swapaxes(b, -1, -2) if needs[0] else None        # y = a b, through a    (..., M, K)
    db = np.swapaxes(a, -1, -2) @ dy if needs[1] else None        # y = a b, through b    (..., K, N)
    return da, db
