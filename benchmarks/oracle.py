"""What every peer must compute, in float64 NumPy: the check that comes before any timing.

The oracle shares no code with any peer, refnet included. The frameworks differ in one point that is theirs to
choose, and the oracle follows each: RMSprop divides by sqrt(v + epsilon) in Keras and by sqrt(v) + epsilon in torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.specs import Spec

__all__ = ["forward", "training_losses"]

RHO, EPSILON = 0.9, 1e-7


def forward(spec: Spec, weights: Sequence[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Output of the network, last activation included: (N, D) -> (N, F)."""
    _, logits = _forward([np.asarray(w, np.float64) for w in weights], x)
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
    """Loss before each of `steps` updates, cycling through `batches` from `weights`."""
    params = [np.array(w, np.float64) for w in weights]
    slots = [np.zeros_like(p) for p in params]
    losses = []
    for step in range(steps):
        x, y = batches[step % len(batches)]
        loss, gradients = _loss_and_gradients(spec, params, np.asarray(x, np.float64), y)
        losses.append(loss)
        for p, g, v in zip(params, gradients, slots, strict=True):
            if spec.optimizer == "sgd":
                p -= spec.learning_rate * g
                continue
            v *= RHO
            v += (1 - RHO) * g * g
            root = np.sqrt(v + EPSILON) if epsilon_inside else np.sqrt(v) + EPSILON
            p -= spec.learning_rate * g / root
    return losses


def _log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def _forward(params: list[np.ndarray], x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Inputs of every layer, and the logits."""
    inputs = []
    kernels, biases = params[0::2], params[1::2]
    for i, (w, b) in enumerate(zip(kernels, biases, strict=True)):
        inputs.append(x)
        z = x @ w + b
        x = np.maximum(z, 0.0) if i < len(kernels) - 1 else z
    return inputs, x


def _loss_and_gradients(
    spec: Spec, params: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    inputs, z = _forward(params, x)
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
    for i in reversed(range(len(inputs))):
        gradients = [inputs[i].T @ dz, dz.sum(axis=0), *gradients]
        if i:
            dz = (dz @ params[2 * i].T) * (inputs[i] > 0.0)
    return float(loss), gradients
