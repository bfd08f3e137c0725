"""What every peer must compute, in float64 NumPy: the check that comes before any timing.

The oracle shares no code with any peer, refnet included. The frameworks differ in points that are theirs to choose,
and the oracle follows each: RMSprop divides by sqrt(v + epsilon) in Keras and by sqrt(v) + epsilon in torch; Adam adds
its epsilon to the root of the uncorrected second moment in Keras and of the corrected one in torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.specs import Layer, Spec

__all__ = ["forward", "training_losses"]

RHO, EPSILON = 0.9, 1e-7
BETA_1, BETA_2 = 0.9, 0.999
BN_EPSILON = 1e-3


def forward(spec: Spec, weights: Sequence[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Output of the network in inference mode, last activation included: (N, ...) -> (N, F)."""
    params = [np.asarray(w, np.float64) for w in weights]
    logits, _ = _forward(spec, params, np.asarray(x, np.float64), training=False)
    if spec.final_activation == "softmax":
        return np.exp(_log_softmax(logits))
    return 1.0 / (1.0 + np.exp(-logits)) if spec.final_activation == "sigmoid" else logits


def training_losses(
    spec: Spec,
    weights: Sequence[np.ndarray],
    batches: Sequence[tuple[np.ndarray, np.ndarray]],
    steps: int,
    epsilon_inside: bool = True,
) -> list[float]:
    """Loss before each of `steps` updates, cycling through `batches` from `weights`.

    `epsilon_inside` is Keras' place for epsilon, its contrary torch's.
    """
    params = [np.array(w, np.float64) for w in weights]
    first, second = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    losses = []
    for step in range(steps):
        x, y = batches[step % len(batches)]
        loss, gradients = _loss_and_gradients(spec, params, np.asarray(x, np.float64), y)
        losses.append(loss)
        for p, g, m, v in zip(params, gradients, first, second, strict=True):
            if spec.optimizer == "sgd":
                p -= spec.learning_rate * g
            elif spec.optimizer == "adam":
                m += (1 - BETA_1) * (g - m)
                v += (1 - BETA_2) * (g * g - v)
                correct_1, correct_2 = 1 - BETA_1 ** (step + 1), np.sqrt(1 - BETA_2 ** (step + 1))
                epsilon = EPSILON / correct_2 if epsilon_inside else EPSILON
                p -= spec.learning_rate * (m / correct_1) / (np.sqrt(v) / correct_2 + epsilon)
            else:
                v *= RHO
                v += (1 - RHO) * g * g
                root = np.sqrt(v + EPSILON) if epsilon_inside else np.sqrt(v) + EPSILON
                p -= spec.learning_rate * g / root
    return losses


def _log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def _forward(
    spec: Spec, params: list[np.ndarray], x: np.ndarray, training: bool
) -> tuple[np.ndarray, list[tuple[Layer, Any]]]:
    """The logits, and for every layer its backward pass: dy -> (dx, gradients of its weights)."""
    at, tape = 0, []
    for layer, shape in spec.stages:
        count = len(layer.weight_shapes(shape))
        weights, at = params[at : at + count], at + count
        if layer.kind == "batch_norm":
            x, backward = _batch_norm(x, *weights, training)
        elif layer.kind == "conv":
            x, backward = _conv(x, *weights, layer.same)
        elif layer.kind == "dense":
            x, backward = _dense(x, *weights)
        elif layer.kind == "pool":
            x, backward = _max_pool(x, layer.size)
        else:
            x, backward = _flatten(x) if layer.kind == "flatten" else _global_average(x)
        tape.append((layer, backward))
        if layer.relu:
            x = np.maximum(x, 0.0)
            tape.append((layer, _relu_backward(x)))
    return x, tape


def _relu_backward(y: np.ndarray) -> Any:
    return lambda dy: (dy * (y > 0.0), [])


def _dense(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Any]:
    return x @ w + b, lambda dz: (dz @ w.T, [x.T @ dz, dz.sum(axis=0)])


def _conv(x: np.ndarray, w: np.ndarray, b: np.ndarray, same: bool) -> tuple[np.ndarray, Any]:
    """Strides 1; one product per position of the kernel. x (N, H, W, C), w (K, K, C, F)."""
    size, before = len(w), (len(w) - 1) // 2 if same else 0
    after = size - 1 - before if same else 0
    padded = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    height, width = padded.shape[1] - size + 1, padded.shape[2] - size + 1
    places = [(i, j) for i in range(size) for j in range(size)]

    def window(array: np.ndarray, i: int, j: int) -> np.ndarray:
        return array[:, i : i + height, j : j + width]

    z = np.zeros((len(x), height, width, w.shape[3])) + b
    for i, j in places:
        z += window(padded, i, j) @ w[i, j]

    def backward(dz: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        dpadded, dw = np.zeros_like(padded), np.empty_like(w)
        rows = dz.reshape(-1, dz.shape[3])
        for i, j in places:
            dw[i, j] = window(padded, i, j).reshape(-1, x.shape[3]).T @ rows
            window(dpadded, i, j)[...] += dz @ w[i, j].T
        inside = dpadded[:, before : before + x.shape[1], before : before + x.shape[2]]
        return inside, [dw, rows.sum(axis=0)]

    return z, backward


def _batch_norm(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, variance: np.ndarray, training: bool
) -> tuple[np.ndarray, Any]:
    axes = tuple(range(x.ndim - 1))
    if training:
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
    root = np.sqrt(variance + BN_EPSILON)
    normal = (x - mean) / root

    def backward(dy: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        dgamma, dbeta = (dy * normal).sum(axis=axes), dy.sum(axis=axes)
        count = dy.size / dy.shape[-1]
        dx = gamma / root * (dy - dbeta / count - normal * dgamma / count)
        # The moving statistics get no gradient; no loss of these few training steps depends on them.
        return dx, [dgamma, dbeta, np.zeros_like(mean), np.zeros_like(variance)]

    return gamma * normal + beta, backward


def _max_pool(x: np.ndarray, size: int) -> tuple[np.ndarray, Any]:
    n, height, width, channels = x.shape
    h, w = height // size, width // size
    blocks = x[:, : h * size, : w * size].reshape(n, h, size, w, size, channels).transpose(0, 1, 3, 5, 2, 4)
    blocks = blocks.reshape(n, h, w, channels, size * size)
    winner = blocks.argmax(axis=-1)[..., None]

    def backward(dy: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        dblocks = np.zeros_like(blocks)
        np.put_along_axis(dblocks, winner, dy[..., None], axis=-1)
        dx = np.zeros_like(x)
        inside = dblocks.reshape(n, h, w, channels, size, size).transpose(0, 1, 4, 2, 5, 3)
        dx[:, : h * size, : w * size] = inside.reshape(n, h * size, w * size, channels)
        return dx, []

    return np.take_along_axis(blocks, winner, axis=-1)[..., 0], backward


def _flatten(x: np.ndarray) -> tuple[np.ndarray, Any]:
    return x.reshape(len(x), -1), lambda dy: (dy.reshape(x.shape), [])


def _global_average(x: np.ndarray) -> tuple[np.ndarray, Any]:
    def backward(dy: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        return np.broadcast_to(dy[:, None, None] / (x.shape[1] * x.shape[2]), x.shape), []

    return x.mean(axis=(1, 2)), backward


def _loss_and_gradients(
    spec: Spec, params: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    z, tape = _forward(spec, params, x, training=True)
    n = len(x)
    if spec.loss == "sparse_categorical_crossentropy":
        log_p = _log_softmax(z)
        loss = -log_p[np.arange(n), y].mean()
        dz = np.exp(log_p)
        dz[np.arange(n), y] -= 1.0
    elif spec.loss == "binary_crossentropy":
        t = y.reshape(-1, 1).astype(np.float64)
        loss = (np.logaddexp(0.0, z) - t * z).mean()
        dz = 1.0 / (1.0 + np.exp(-z)) - t
    else:
        t = y.reshape(-1, 1).astype(np.float64)
        loss = np.square(z - t).mean()
        dz = 2.0 * (z - t)
    dz = dz / n
    gradients: list[np.ndarray] = []
    for _, backward in reversed(tape):
        dz, found = backward(dz)
        gradients = [*found, *gradients]
    return float(loss), gradients
