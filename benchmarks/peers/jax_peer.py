"""A training step written by hand in JAX and jitted whole, parameters donated: the hardest peer there is."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.base import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.specs import Spec

__all__ = ["JaxPeer"]


class JaxPeer(Peer):
    """Threads: XLA's pool follows the process's CPU affinity, which the harness sets."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def build(self) -> None:
        spec = self.spec

        def loss_of(params: list[Any], moving: list[Any], x: Any, y: Any) -> Any:
            z, moving = _logits(spec, params, moving, x, training=True)
            if spec.loss == "sparse_categorical_crossentropy":
                return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1).mean(), moving
            if spec.loss == "binary_crossentropy":
                return (jnp.logaddexp(0.0, z) - y * z).mean(), moving
            return jnp.square(z - y).mean(), moving

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(state: list[Any], slots: list[Any], x: Any, y: Any) -> tuple[list[Any], list[Any], Any]:
            params, moving = state
            (loss, moving), gradients = jax.value_and_grad(loss_of, has_aux=True)(params, moving, x, y)
            params, slots = _update(spec, params, gradients, slots)
            return [params, moving], slots, loss

        final = {"softmax": jax.nn.softmax, "sigmoid": jax.nn.sigmoid, "linear": lambda z: z}[spec.final_activation]
        self.step = step
        self.predictor = jax.jit(lambda state, x: final(_logits(spec, *state, x, training=False)[0]))
        self.arrays = [
            (jnp.asarray(x), jnp.asarray(y.astype(np.int32) if y.dtype.kind == "i" else y.reshape(-1, 1)))
            for x, y in self.batches
        ]
        self.reset()

    def reset(self) -> None:
        # Copies: step() donates its arguments, and jnp.asarray may alias the NumPy array on a CPU.
        weights = list(zip(self.spec.trainable, self.weights, strict=True))
        params = [jnp.array(w, copy=True) for trained, w in weights if trained]
        self.params = [params, [jnp.array(w, copy=True) for trained, w in weights if not trained]]
        moments = {"sgd": 0, "rmsprop": 1, "adam": 2}[self.spec.optimizer]
        self.slots = [jnp.zeros((), jnp.int32), *([jnp.zeros_like(p) for p in params] for _ in range(moments))]

    def step_loss(self, i: int) -> float:
        x, y = self.arrays[i % len(self.arrays)]
        self.params, self.slots, loss = self.step(self.params, self.slots, x, y)
        return float(loss)

    def steps(self, n: int) -> float:
        step, arrays, count = self.step, self.arrays, len(self.arrays)
        params, slots = self.params, self.slots
        jax.block_until_ready((params, slots))
        start = time.perf_counter()
        for i in range(n):
            x, y = arrays[i % count]
            params, slots, loss = step(params, slots, x, y)
        jax.block_until_ready((params, slots, loss))
        seconds = time.perf_counter() - start
        self.params, self.slots = params, slots
        return seconds

    def outputs(self) -> np.ndarray:
        return np.asarray(self.predictor(self.params, self.arrays[0][0]))

    def forward_call(self, kind: str) -> Callable[[], object]:
        x = self.arrays[0][0][:1].copy() if kind == "call_1" else self.arrays[0][0]
        predictor, params = self.predictor, self.params
        return lambda: predictor(params, x).block_until_ready()


def _logits(spec: Spec, params: list[Any], moving: list[Any], x: Any, training: bool) -> tuple[Any, list[Any]]:
    """The output before the last activation, and the new moving statistics."""
    weights, statistics, updated = iter(params), iter(moving), []
    for layer in spec.layers:
        if layer.kind == "dense":
            x = x @ next(weights) + next(weights)
        elif layer.kind == "conv":
            padding = "SAME" if layer.same else "VALID"
            kernel, bias = next(weights), next(weights)
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = x + bias
        elif layer.kind == "batch_norm":
            gamma, beta, mean, variance = next(weights), next(weights), next(statistics), next(statistics)
            used = (x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))) if training else (mean, variance)
            updated += [0.99 * mean + 0.01 * used[0], 0.99 * variance + 0.01 * used[1]]
            x = (x - used[0]) * (gamma * jax.lax.rsqrt(used[1] + 1e-3)) + beta
        elif layer.kind == "pool":
            window = (1, layer.size, layer.size, 1)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        else:
            x = x.reshape(len(x), -1) if layer.kind == "flatten" else x.mean(axis=(1, 2))
        x = jax.nn.relu(x) if layer.relu else x
    return x, updated


def _update(spec: Spec, params: list[Any], gradients: list[Any], slots: list[Any]) -> tuple[list[Any], list[Any]]:
    """One step of the optimizer; slots are the number of steps and its moments."""
    rate, step = spec.learning_rate, slots[0] + 1
    if spec.optimizer == "sgd":
        return [p - rate * g for p, g in zip(params, gradients, strict=True)], [step]
    if spec.optimizer == "rmsprop":
        squares = [0.9 * v + 0.1 * g * g for v, g in zip(slots[1], gradients, strict=True)]
        moved = zip(params, gradients, squares, strict=True)
        return [p - rate * g * jax.lax.rsqrt(v + 1e-7) for p, g, v in moved], [step, squares]
    first = [0.9 * m + 0.1 * g for m, g in zip(slots[1], gradients, strict=True)]
    second = [0.999 * v + 0.001 * g * g for v, g in zip(slots[2], gradients, strict=True)]
    rate = rate * jnp.sqrt(1.0 - 0.999**step) / (1.0 - 0.9**step)
    moved = zip(params, first, second, strict=True)
    return [p - rate * m / (jnp.sqrt(v) + 1e-7) for p, m, v in moved], [step, first, second]
