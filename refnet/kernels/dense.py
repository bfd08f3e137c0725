"""Dense: every output sees every input.

Forward
    z = x W + b          x (N, D)   W (D, F)   b (F,)        z (N, F)
    y = f(z)             f elementwise (see activation.py)   y (N, F)

Derivation
    Let L be any scalar that depends on y, and write dA for dL/dA (same shape as A).
    1.  y = f(z) elementwise                    =>  dz_nf = dy_nf f'(z_nf)
    2.  z_nf = sum_d x_nd W_df + b_f            (one entry of the product)
        W_df appears in z_nf for every n        =>  dW_df = sum_n x_nd dz_nf    dW = xᵀ dz
        b_f  appears in z_nf for every n        =>  db_f  = sum_n dz_nf         db = dz summed over the batch
        x_nd appears in z_nf for every f        =>  dx_nd = sum_f dz_nf W_df    dx = dz Wᵀ
    A sum in the forward pass is a broadcast in the backward pass, and a broadcast is a sum.

What is saved
    x and W for the two products; for f' whatever activation.py keeps (y or z).

Kinks
    relu at exactly 0 has no derivative; we take 0, as Keras does.

References
    Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors, eqs. 5-7.
"""
import numpy as np

from refnet.kernels.activation import activation_backward, activation_forward
from refnet.kernels.gather import gather_rows

__all__ = ["dense_backward", "dense_forward", "dense_rows_backward", "dense_rows_forward"]


def dense_forward(x, w, b=None, activation="linear", save=True):
    """y = f(x W + b).    x (N, D)   w (D, F)   b (F,) or None   ->   y (N, F)"""
    z = x @ w                                                     # (N, F)
    if b is not None:
        z += b                                                    # (F,) broadcast over the batch
    y, f_saved = activation_forward(z, activation, save)
    return y, ((x, w, b is not None, f_saved) if save else None)


def dense_backward(dy, saved, needs=(True, True, True)):
    """dy (N, F) = dL/dy   ->   dx (N, D), dw (D, F), db (F,); None where not needed"""
    x, w, has_bias, f_saved = saved
    need_x, need_w, need_b = needs
    dz = activation_backward(dy, f_saved)                         # y = f(z)                        (N, F)
    dx = dz @ w.T if need_x else None                             # z = x W + b, through x          (N, D)
    dw = x.T @ dz if need_w else None                             # z = x W + b, through W          (D, F)
    db = None
    if need_b and has_bias:                                       # b was broadcast over N          (F,)
        db = dz.sum(axis=0, dtype=np.float64).astype(dz.dtype)
    return dx, dw, db


def dense_rows_forward(w, b, x, rows, activation="linear", save=True):
    """y = f(x[rows] W + b).    w (D, F)   b (F,) or None   x (M, D)   rows (N,) int64   ->   y (N, F)

    The first layer on a batch of a data set, given by row numbers (gather.py); x is data, and has no gradient.

    Raises:
        IndexError: a row lies outside 0..M-1.
    """
    return dense_forward(gather_rows(x, rows), w, b, activation, save)


def dense_rows_backward(dy, saved, needs=(True, True)):
    """dy (N, F) = dL/dy   ->   dw (D, F), db (F,); None where not needed"""
    need_w, need_b = needs
    return dense_backward(dy, saved, (False, need_w, need_b))[1:]
