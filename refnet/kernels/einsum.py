"""Einsum: any sum of products, written by its indices.

Forward
    "mk,kn->mn" reads: y_mn = Σ_k a_mk b_kn. A label that is missing on the right is summed over.
    Operands of any number and rank; `->` is explicit, and no operand repeats a label (no traces).

Derivation
    y = Σ (product of operands), so y is linear in each operand by itself. The derivative with respect to operand p is
    the product of the others, and the chain rule sums over every label that p does not have:
        dp = einsum(labels of y, labels of the others -> labels of p)       with dy in place of y
    A label that only p carries (it was summed away at once: "mk->m") appears neither in dy nor in the others. Then
    every entry along it received the same gradient: dp is broadcast along that label.

What is saved
    The equation and the operands.

References
    Laue, Mitterreiter, Giesen (2020), A simple and efficient tensor calculus, section 3.
"""
import numpy as np

__all__ = ["einsum_backward", "einsum_forward"]


def einsum_forward(equation, *operands, save=True):
    """y of an explicit einsum equation such as "mk,kn->mn"."""
    y = np.asarray(np.einsum(equation, *operands), dtype=operands[0].dtype, order="C")
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
        dp = np.einsum(f"{sources}->{reached}", dy, *(operands[i] for i in others))
        alone = tuple(axis for axis, label in enumerate(labels) if label not in known)
        dp = np.broadcast_to(np.expand_dims(dp, alone), operands[p].shape)      # summed away: broadcast back
        grads.append(np.array(dp, dtype=dy.dtype, order="C"))
    return tuple(grads)
