"""Matrix product: the sum over a shared index.

It is the product inside dense.py, on its own. There one factor is data and the other is weights; but two arrays that
both come out of a network are multiplied as well (attention compares every word with every other so), and often many
pairs at once.

Forward
    y_no = Σ_i a_ni b_io             a (..., N, D)   b (..., D, F)        y (..., N, F)
    Leading dimensions are a batch of independent products; they are equal in a and b.

Derivation
    a_ni appears in y_no for every o  =>  da_ni = Σ_o dy_no b_io         da = dy bᵀ
    b_io appears in y_no for every n  =>  db_io = Σ_n a_ni dy_no         db = aᵀ dy
    When the three sizes differ, the shapes leave no other choice: (N, F) and (D, F) can only make (N, D) by summing
    over F.

By hand
    a = [[1, 2]], b = [[3, 0], [4, 5]]:      y = (1·3 + 2·4, 1·0 + 2·5) = (11, 10)
    Back, dy = (1, 2):
        da = (1·3 + 2·0, 1·4 + 2·5) = (3, 14)
        db = [[1·1, 1·2], [2·1, 2·2]] = [[1, 2], [2, 4]]

    >>> y, saved = matmul_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 0.0], [4.0, 5.0]]))
    >>> y, *matmul_backward(np.array([[1.0, 2.0]]), saved)
    (array([[11., 10.]]), array([[3., 14.]]), array([[1., 2.], [2., 4.]]))

What is saved
    a and b.
"""
import numpy as np

__all__ = ["matmul_backward", "matmul_forward"]


def matmul_forward(a, b, save=True):
    """y = a b.    a (..., N, D)   b (..., D, F), the same leading dimensions   ->   y (..., N, F)"""
    return a @ b, ((a, b) if save else None)


def matmul_backward(dy, saved, needs=(True, True)):
    a, b = saved
    da = dy @ np.swapaxes(b, -1, -2) if needs[0] else None        # y = a b, through a    (..., N, D)
    db = np.swapaxes(a, -1, -2) @ dy if needs[1] else None        # y = a b, through b    (..., D, F)
    return da, db
