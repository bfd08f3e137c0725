"""Convolution and maximum pooling in one.

Forward
    y = P f(x * W + b)      x (N, H, W, C)     W (U, V, C/G, F)     b (F,)     y (N, ⌊I/2⌋, ⌊J/2⌋, F)
    x * W is the convolution of convolution.py, f an elementwise activation, P the maximum over windows of 2x2 that do not overlap
    (pooling.py). An odd last row or column belongs to no window.

Why in one
    The two stand behind each other in most networks for images, and what lies between them is the largest array of the whole
    network: four times what the pool leaves. Whoever computes both at once need not store it. Here nothing is gained, the
    two chapters are called; the twin does it.

Derivation
    A chain of two functions goes back through their gradients in reverse order:
        a = f(x * W + b),  y = P a      =>      da = Pᵀ dy  (dy at the winner of each window, 0 elsewhere),  then convolution.py
    At a winner a = y, so where f' can be written in the result (relu, sigmoid, tanh) it can be written in y:
        dz = Pᵀ (dy f'(y))
    and a, the large array, is needed no more. That is why gelu and silu, which need z, are not allowed.

What is saved
    x, W, the winners, and y for f'. (Here: what the two chapters keep.)

Ties and kinks
    Those of the two: the first of equal maxima wins; relu at 0 has gradient 0.
"""
from refnet.kernels.convolution import conv_backward, conv_forward
from refnet.kernels.pooling import max_pool_backward, max_pool_forward

__all__ = ["conv_max_pool_backward", "conv_max_pool_forward"]


def conv_max_pool_forward(x, w, b=None, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation="linear",
                          save=True):
    """y = 2x2 maxima of f(x * w + b).    x (N, H, W, C)   w (U, V, C/groups, F)   b (F,) or None   ->   y (N, I//2, J//2, F)

    activation: linear, relu, sigmoid or tanh.
    """
    if activation not in ("linear", "relu", "sigmoid", "tanh"):
        raise ValueError("conv_max_pool_forward: activation must be linear, relu, sigmoid or tanh, whose derivative follows "
                         f"from y; got {activation!r}. Use conv_forward and max_pool_forward.")
    a, conv_saved = conv_forward(x, w, b, strides, padding, dilation, groups, activation, save)
    y, pool_saved = max_pool_forward(a, save=save)
    return y, ((conv_saved, pool_saved) if save else None)


def conv_max_pool_backward(dy, saved, needs=(True, True, True)):
    """dy (N, I//2, J//2, F)   ->   dx (N, H, W, C), dw (U, V, C/groups, F), db (F,); None where not needed"""
    conv_saved, pool_saved = saved
    da = max_pool_backward(dy, pool_saved)                        # y = P a                         (N, I, J, F)
    return conv_backward(da, conv_saved, needs)                   # a = f(x * w + b)
