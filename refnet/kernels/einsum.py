"""Einsum: any sum of products, written by its indices.

Products of arrays with many axes (samples, heads, times, features) end in a thicket of transpositions and reshapes.
Whoever writes down which indices are multiplied and which are summed has said it all, and its gradient can be read
off the same letters.

Forward
    "ni,io->no" reads: y_no = Σ_i a_ni b_io. A label that is missing on the right is summed over.
    Operands of any number and rank; `->` is explicit, and no operand repeats a label (no traces).

Derivation
    y = Σ (product of operands), so y is linear in each operand by itself. The derivative with respect to operand p is
    the product of the others, and the chain rule sums over every label that p does not have:
        dp = einsum(labels of y, labels of the others -> labels of p)       with dy in place of y
    A label that only p carries (it was summed away at once: "ni->n") appears neither in dy nor in the others. Then
    every entry along it received the same gradient: dp is broadcast along that label.

By hand
    "ni,i->n" with a = [[1, 2], [3, 4]], b = (10, 1):      y = (1·10 + 2·1, 3·10 + 4·1) = (12, 34)
    Back, dy = (1, 2):
        "n,i->ni" with dy and b    da = [[1·10, 1·1], [2·10, 2·1]] = [[10, 1], [20, 2]]
        "n,ni->i" with dy and a    db = (1·1 + 2·3, 1·2 + 2·4) = (7, 10)
    "ni->n", a alone:    y = (1 + 2, 3 + 4) = (3, 7)    and back each row is filled with its dy: [[1, 1], [2, 2]].

    >>> a, b, dy = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 1.0]), np.array([1.0, 2.0])
    >>> y, saved = einsum_forward("ni,i->n", a, b)
    >>> y, *einsum_backward(dy, saved, (True, True))
    (array([12., 34.]), array([[10., 1.], [20., 2.]]), array([7., 10.]))
    >>> y, saved = einsum_forward("ni->n", a)
    >>> y, *einsum_backward(dy, saved, (True,))
    (array([3., 7.]), array([[1., 1.], [2., 2.]]))

What is saved
    The equation and the operands.

References
    Laue, Mitterreiter, Giesen (2020), A simple and efficient tensor calculus, section 3.
"""
import numpy as np

__all__ = ["einsum_backward", "einsum_forward"]


def _einsum(equation, *operands):
    """In its own type, unless some label belongs to one operand only and is summed away: a plain sum, done in float64."""
    inputs, output = equation.split("->")
    letters = inputs.replace(",", "")
    sums = any(letters.count(label) == 1 and label not in output for label in letters)
    dtype = np.float64 if sums and operands[0].dtype.kind == "f" else None
    return np.einsum(equation, *operands, dtype=dtype)


def einsum_forward(equation, *operands, save=True):
    """y of an explicit einsum equation such as "ni,io->no"."""
    y = np.asarray(_einsum(equation, *operands), dtype=operands[0].dtype, order="C")
    return y, ((equation, operands) if save else None)


def einsum_backward(dy, saved, needs):
    """dy (shape of y)   ->   one gradient per operand; None where not needed"""
    equation, operands = saved
    inputs, output = equation.split("->")
    inputs = inputs.split(",")
    grads = []
    for p, labels in enumerate(inputs):
        if not needs[p]:
            grads.append(None)
            continue
        others = [i for i in range(len(inputs)) if i != p]
        known = set(output).union(*(inputs[i] for i in others))
        reached = "".join(label for label in labels if label in known)
        sources = ",".join([output] + [inputs[i] for i in others])
        dp = _einsum(f"{sources}->{reached}", dy, *(operands[i] for i in others))
        alone = tuple(axis for axis, label in enumerate(labels) if label not in known)
        dp = np.broadcast_to(np.expand_dims(dp, alone), operands[p].shape)      # summed away: broadcast back
        grads.append(np.array(dp, dtype=dy.dtype, order="C"))
    return tuple(grads)
