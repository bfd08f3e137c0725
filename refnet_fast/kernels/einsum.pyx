"""Einsum, fast: a contraction of two operands is a batch of matrix products, once its axes are in order.

How it is fast: labels fall into four groups (in both operands and in y: batch; in both but not in y: summed; in one and
in y: rows or columns); the operands are transposed so that each group is contiguous and matmul's register tile does
the rest. More than two operands are contracted from left to right. One operand is summed and transposed by NumPy. The
plan of an equation is kept.
What is saved: the equation and the operands, as in the reference.
Why it is right: refnet/kernels/einsum.py.
"""
cimport numpy as cnp

from refnet_fast cimport _runtime as rt

import math
from functools import lru_cache

import numpy as np

from .matmul import matmul_forward

cnp.import_array()

__all__ = ["einsum_backward", "einsum_forward"]


@lru_cache(maxsize=512)
def _plan(left, right, output):
    """Groups of labels of a contraction of two operands, and how to get them in order."""
    batch = [c for c in left if c in right and c in output]
    summed = [c for c in left if c in right and c not in output]
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    made = batch + rows + columns
    return (len(batch), len(summed), len(rows),
            tuple(left.index(c) for c in batch + rows + summed),
            tuple(right.index(c) for c in batch + summed + columns),
            tuple(made.index(c) for c in output))


def _alone(labels, array, known):
    """Sum an operand over the labels that nobody else knows, in float64."""
    axes = tuple(i for i, c in enumerate(labels) if c not in known)
    if not axes:
        return labels, array
    return "".join(c for c in labels if c in known), array.sum(axis=axes, dtype=np.float64).astype(array.dtype)


def _contract(left, a, right, b, output):
    left, a = _alone(left, a, right + output)
    right, b = _alone(right, b, left + output)
    batches, sums, rows, a_order, b_order, y_order = _plan(left, right, output)
    a, b = a.transpose(a_order), b.transpose(b_order)
    shape = a.shape[:batches + rows] + b.shape[batches + sums:]
    count, m = math.prod(a.shape[:batches]), math.prod(a.shape[batches:batches + rows])
    k, n = math.prod(b.shape[batches:batches + sums]), math.prod(b.shape[batches + sums:])
    a = np.ascontiguousarray(a).reshape(count, m, k)
    b = np.ascontiguousarray(b).reshape(count, k, n)
    y = matmul_forward(a, b, save=False)[0].reshape(shape)
    return np.ascontiguousarray(y.transpose(y_order)).reshape([shape[i] for i in y_order])


def _einsum(inputs, output, operands):
    labels, value = inputs[0], operands[0]
    for p in range(1, len(inputs)):
        later = "".join(inputs[p + 1:]) + output
        keep = "".join(dict.fromkeys(c for c in labels + inputs[p] if c in later))
        target = output if p == len(inputs) - 1 else keep
        value = _contract(labels, value, inputs[p], operands[p], target)
        labels = target
    if len(inputs) == 1:
        labels, value = _alone(labels, value, output)
        value = value.transpose([labels.index(c) for c in output])
    return np.array(value, order="C") if len(inputs) == 1 else value


def _parse(equation, operands, str function):
    """The terms, the output and the length of each label, all checked."""
    if not isinstance(equation, str):
        raise TypeError(f'{function}: equation must be a string such as "mk,kn->mn", got {type(equation).__name__}.')
    inputs, arrow, output = equation.partition("->")
    inputs = inputs.split(",")
    if not arrow or len(inputs) != len(operands):
        raise ValueError(f"{function}: equation {equation!r} must name its output after '->' and have one term for "
                         f"each of the {len(operands)} operands.")
    t = rt.float_array(operands[0], function, "operand 0", -1)
    sizes = {}
    for p, (labels, operand) in enumerate(zip(inputs, operands)):
        rt.same_array(operand, t, function, f"operand {p}", len(labels))
        for label, length in zip(labels, operand.shape):
            if sizes.setdefault(label, length) != length:
                raise ValueError(f"{function}: label {label!r} of {equation!r} is {sizes[label]} long in one "
                                 f"operand and {length} in operand {p}, of shape {operand.shape}.")
    for labels in (*inputs, output):
        if len(set(labels)) != len(labels) or not sizes.keys() >= set(labels):
            raise ValueError(f"{function}: the labels of a term of {equation!r} must differ from each other, and those of the "
                             f"output must occur in an operand.")
    return inputs, output, sizes


def einsum_forward(equation, *operands, save=True):
    """y of an explicit einsum equation such as "ni,io->no"."""
    inputs, output, _ = _parse(equation, operands, "einsum_forward")
    y = _einsum(inputs, output, operands)
    return y, ((equation, operands) if save else None)


def einsum_backward(dy, saved, needs):
    """dy (shape of y)   ->   one gradient per operand; None where not needed"""
    equation, operands = rt.unpack_saved(saved, 2, "einsum_backward")
    if not isinstance(operands, tuple):
        rt.bad_entry("einsum_backward", "saved operands")
    inputs, output, sizes = _parse(equation, operands, "einsum_backward")
    needs = rt.unpack_needs(needs, len(operands), "einsum_backward")
    rt.same_array(dy, rt.typenum(operands[0]), "einsum_backward", "dy", len(output))
    if dy.shape != tuple([sizes[label] for label in output]):
        rt.bad_shape(dy, "einsum_backward", "dy", f"the shape of y, {tuple([sizes[label] for label in output])}")
    grads = []
    for p, labels in enumerate(inputs):
        if not needs[p]:
            grads.append(None)
            continue
        others = [i for i in range(len(inputs)) if i != p]
        known = set(output).union(*(inputs[i] for i in others))
        reached = "".join(label for label in labels if label in known)
        dp = _einsum([output] + [inputs[i] for i in others], reached, [dy] + [operands[i] for i in others])
        alone = tuple(axis for axis, label in enumerate(labels) if label not in known)
        if alone:                                                 # summed away: broadcast back
            dp = np.array(np.broadcast_to(np.expand_dims(dp, alone), operands[p].shape), order="C")
        grads.append(dp)
    return tuple(grads)
