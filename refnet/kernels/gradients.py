"""Gradients, before they are applied: clipped, accumulated, and weights decayed.

One batch with an exploding gradient can undo an epoch: clipping bounds the step, by entry or by length, and keeps the
direction in the latter case. A batch too large for memory is the sum of smaller ones: accumulation. Weights that the data do
not ask for should shrink: decay, taken from the weight itself and not from the gradient, which Adam would rescale
(Loshchilov and Hutter, 2019). Gradients too small for their number type become 0: multiply the loss by a large number, divide the
gradients by it, and find that number by trying.

Forward (g_1 ... g_n are the gradients of n variables)
    by value          g' = min(max(g, -c), c)                                       elementwise
    by norm           g' = s g,   s = c / max(|g|, c)                               |g| the root of the sum of squares
    by global norm    the same with |g| taken over all entries of g_1 ... g_n
    decay             w ← w (1 - λ η)                                               λ the decay, η the learning rate
    accumulation      A ← A + g in all steps but every k-th; in that one  g' = (A + g)/k, then A ← 0
    loss scale        all entries finite: g' = g/S, and after K such steps in a row S ← 2 S; otherwise S ← S/2, and no step
    c is the limit that clipping enforces, k the number of steps whose gradients are averaged, S the factor of the loss.

AdamW is decay, then Adam (adam.py). An L2 penalty ½λ|w|² instead would add λ w to g, and Adam would divide it by √v along with the
rest: weights with large gradients would hardly shrink. Decay shrinks all alike.

Ties and kinks
    A norm that is NaN or infinite gives s = NaN: what has gone wrong shall be seen.

By hand
    g_1 = [3] and g_2 = [4] together are longer than c = 1:
        √(3² + 4²) = 5,  s = 1/max(5, 1) = 0.2
        0.2·3 = 0.6,  0.2·4 = 0.8      the clipped gradients
    Decay with λ = 0.5 and η = 0.25 of a weight of 8:
        8·(1 - 0.5·0.25) = 7

    A loss scale of S = 8 that grows after K = 2 steps, with gradients 16, 16, infinity:
        16/8 = 2,  16/8 = 2      two finite steps: 2·8 = 16
        16/2 = 8                 the third is no step, and S is 8 again

    >>> s = shrink_factor(1, np.array([3.0]), np.array([4.0]))
    >>> s, scale_gradient(np.array([10.0]), s), clip_gradient(np.array([-3.0, 0.5]), 1)
    (array(0.2), array([2.]), array([-1. ,  0.5]))
    >>> w = np.array([8.0])
    >>> decay_update(w, 0.25, 0.5)
    >>> w
    array([7.])
    >>> accumulated_mean(np.array([5.0]), np.array([1.0]), 3)
    array([2.])
    >>> scale, count = np.array(8.0), np.array(0)
    >>> for g in (np.array([16.0]), np.array([16.0]), np.array([np.inf])):
    ...     finite = all_finite(g)
    ...     print(unscaled_gradient(g, scale, finite), finite, end=" ")
    ...     loss_scale_update(scale, count, finite, growth_steps=2)
    ...     print(scale, count)
    [2.] True 8.0 1
    [2.] True 16.0 0
    [0.] False 8.0 0
"""
import numpy as np

__all__ = ["accumulate_update", "accumulated_mean", "add_gradients", "all_finite", "assign_update", "clip_gradient", "decay_update",
           "loss_scale_update", "revert_update", "scale_gradient", "shrink_factor", "unscale_gradient", "unscaled_gradient"]


def clip_gradient(g, limit):
    """g with every entry between -limit and limit."""
    return np.asarray(np.clip(g, -limit, limit))


def shrink_factor(limit, *gradients):
    """s, 0-d float64: times s, the gradients together are at most `limit` long."""
    norm = np.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in gradients))
    return np.asarray(limit / max(norm, limit) if np.isfinite(norm) else np.nan)


def scale_gradient(g, factor):
    """factor · g, factor a number or a 0-d array, in g's type."""
    return np.asarray(g * float(factor))


def unscale_gradient(g, scale):
    """g / scale: the gradient of a loss that was multiplied by `scale`."""
    return np.asarray(g / scale)


def all_finite(*gradients):
    """Whether no entry of any of them is NaN or infinite: a 0-d array of bool."""
    return np.asarray(all(np.isfinite(g).all() for g in gradients))


def unscaled_gradient(g, scale, finite):
    """g / scale, in g's type; zeros where the gradients are not all finite: then there will be no step."""
    return np.asarray(g / float(scale)) if finite else np.zeros_like(g)


def loss_scale_update(scale, count, finite, growth_steps):
    """Doubles `scale` after `growth_steps` finite steps in a row, which `count` counts (both 0-d); halves it after another."""
    grows = finite and count + 1 == growth_steps
    scale *= 2.0 if grows else 1.0 if finite else 0.5
    count[...] = count + 1 if finite and not grows else 0


def revert_update(target, kept, finite):
    """target ← kept, in place, unless all gradients were finite: takes a step back."""
    if not finite:
        target[...] = kept


def decay_update(w, learning_rate, decay):
    """w ← w (1 - decay · learning_rate), in place."""
    w *= 1.0 - decay * float(learning_rate)


def accumulate_update(total, value):
    """total ← total + value, in place; value broadcasts to total's shape."""
    total += value


def add_gradients(a, b):
    """a + b: what a value receives that was used twice."""
    return np.asarray(a + b)


def accumulated_mean(total, g, count):
    """(g + total) / count: the mean of the gradients of `count` steps, of which `total` is the sum without the last."""
    return np.asarray((g + total) / count)


def assign_update(target, value):
    """target ← value, in place; value broadcasts to target's shape and is cast to its type."""
    target[...] = value
