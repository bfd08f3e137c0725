"""Convolution and maximum pooling in one.

The two stand behind each other in many networks for images, and what lies between them is often the largest array of
the whole network: four times what the pool leaves. Whoever computes both at once need not store it. Here nothing is
gained, the two chapters are called; the twin does it.

Forward
    y = pool(f(x * w + b))      x (N, H, W, C)     w (U, V, C/G, F)     b (F,)     y (N, ⌊I/2⌋, ⌊J/2⌋, F)
    x * w is the convolution of convolution.py, f an elementwise activation, pool the maximum over windows of 2x2 that do
    not overlap (pooling.py). An odd last row or column belongs to no window.

Derivation
    A chain of two functions goes back through their gradients in reverse order:
        z = x * w + b,  a = f(z),  y = pool(a)      =>      da = poolᵀ dy  (dy at the winner of each window, 0 elsewhere),
                                                        dz = f'(z) da,  then convolution.py
    dz is 0 but at the winners, and there a = y. Where f'(z) can be written in its result (relu, sigmoid, tanh;
    activation.py has the lines) it can be written in y: for the sigmoid, f'(z) = a (1 - a) = y (1 - y) at a winner,
    so
        dz = poolᵀ (dy f'(z)),  f'(z) taken at the winners and written in y
    and a, the large array, is needed no more. That is why gelu and silu, which need z, are not allowed.

By hand
    An image of four places, x = [[0, -1], [1, -2]], a kernel of one weight, w = log 3, b = 0, sigmoid.
    z is largest at the place (1, 0), where z = log 3 and exp(-z) is 1/3, so y = 1/(1 + 1/3) = 0.75.
    Back, dy = 2, all at that place:
        dz = 2·0.75·(1 - 0.75) = 0.375      db = 0.375
        dw = 1·0.375 = 0.375                dx = log(3)·0.375 = 0.4120, at the winner, 0 elsewhere

    >>> x, w, b = np.array([[0.0, -1.0], [1.0, -2.0]]).reshape(1, 2, 2, 1), np.log([[[[3.0]]]]), np.array([0.0])
    >>> y, saved = conv_max_pool_forward(x, w, b, activation="sigmoid")
    >>> dx, dw, db = conv_max_pool_backward(np.array([[[[2.0]]]]), saved)
    >>> y.ravel(), dx[0, :, :, 0], dw.ravel(), db
    (array([0.75]), array([[0., 0.], [0.4120, 0.]]), array([0.375]), array([0.375]))

What is saved
    x, w, the winners, and y for f'. (Here: what the two chapters keep.)

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
    da = max_pool_backward(dy, pool_saved)                        # y = pool(a)                     (N, I, J, F)
    return conv_backward(da, conv_saved, needs)                   # a = f(x * w + b)
