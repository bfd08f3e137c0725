"""Dense: every output sees every input.

The plainest question one can put to features: weigh each of them, add up, compare with a threshold. A dense layer
puts F such questions at once, and learns the weights. Two such layers with a bend between (any but a
polynomial) come as close as one likes to any continuous function on a bounded region, given enough units.

Forward
    z = x w + b          x (N, D)   w (D, F)   b (F,)        z (N, F)
    y = f(z)             f elementwise (see activation.py)   y (N, F)
    N samples; i runs over the D features that go in, o over the F that come out.

Derivation
    dA stands for ∂L/∂A, in the shape of A (chain_rule.py); a sum below is a sum over paths.
    1.  y = f(z) elementwise                    =>  dz_no = dy_no f'(z_no)
    2.  z_no = Σ_i x_ni w_io + b_o              (one entry of the product)
        w_io appears in z_no for every n        =>  dw_io = Σ_n x_ni dz_no      dw = xᵀ dz
        b_o  appears in z_no for every n        =>  db_o  = Σ_n dz_no           db = dz summed over the batch
        x_ni appears in z_no for every o        =>  dx_ni = Σ_o dz_no w_io      dx = dz wᵀ
    A sum in the forward pass is a broadcast in the backward pass, and a broadcast is a sum.

By hand
    Two samples of two features, x = [[1, 2], [3, 1]], one output: w = (2, -1)ᵀ, b = 0.5, relu.
        z = (1·2 - 2·1 + 0.5, 3·2 - 1·1 + 0.5) = (0.5, 5.5)      both positive, so y = z and f' = 1
    Back, dy = (1, 10):
        dz = (1·1, 10·1) = (1, 10)
        dw = (1·1 + 3·10, 2·1 + 1·10) = (31, 12)
        db = 1 + 10 = 11
        dx = [[1·2, 1·(-1)], [10·2, 10·(-1)]] = [[2, -1], [20, -10]]

    >>> x, w, b = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([[2.0], [-1.0]]), np.array([0.5])
    >>> y, saved = dense_forward(x, w, b, "relu")
    >>> y
    array([[0.5], [5.5]])
    >>> dx, dw, db = dense_backward(np.array([[1.0], [10.0]]), saved)
    >>> dx, dw, db
    (array([[2., -1.], [20., -10.]]), array([[31.], [12.]]), array([11.]))

What is saved
    x and w for the two products; for f' whatever activation.py keeps (y or z).

Kinks
    relu at exactly 0 has no derivative; we take 0, as Keras does.

References
    Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors, eqs. 5-7.
    Leshno, Lin, Pinkus, Schocken (1993), Multilayer feedforward networks with a nonpolynomial activation function can
    approximate any function.
"""
import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward
from refnet.kernels.gather import gather_rows

__all__ = ["dense_backward", "dense_forward", "dense_rows_backward", "dense_rows_forward"]


def dense_forward(x, w, b=None, activation="linear", save=True):
    """y = f(x w + b).    x (N, D)   w (D, F)   b (F,) or None   ->   y (N, F)"""
    z = x @ w                                                     # (N, F)
    if b is not None:
        z += b                                                    # (F,) broadcast over the batch
    y, activation_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, activation_saved) if save else None)


def dense_backward(dy, saved, needs=(True, True, True)):
    """dy (N, F) = ∂L/∂y   ->   dx (N, D), dw (D, F), db (F,); None where not needed"""
    x, w, has_bias, activation_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, activation_saved)                # y = f(z)                        (N, F)
    dx = dz @ w.T if need_x else None                             # z = x w + b, through x          (N, D)
    dw = x.T @ dz if need_w else None                             # z = x w + b, through w          (D, F)
    db = None
    if need_b and has_bias:                                       # b was broadcast over N          (F,)
        db = dz.sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db


def dense_rows_forward(w, b, x, rows, activation="linear", save=True):
    """y = f(x[rows] w + b).    w (D, F)   b (F,) or None   x (R, D)   rows (N,) int64   ->   y (N, F)

    The first layer on a batch of a data set, given by row numbers (gather.py); x is data, and has no gradient.

    Raises:
        IndexError: a row lies outside 0..R-1.
    """
    return dense_forward(gather_rows(x, rows), w, b, activation, save)


def dense_rows_backward(dy, saved, needs=(True, True)):
    """dy (N, F) = ∂L/∂y   ->   dw (D, F), db (F,); None where not needed"""
    need_w, need_b = needs
    return dense_backward(dy, saved, (False, need_w, need_b))[1:]
