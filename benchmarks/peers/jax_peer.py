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

__all__ = ["JaxPeer"]


class JaxPeer(Peer):
    """Threads: XLA's pool follows the process's CPU affinity, which the harness sets."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def build(self) -> None:
        spec = self.spec

        def logits(params: list[Any], x: Any) -> Any:
            for i in range(0, len(params), 2):
                x = x @ params[i] + params[i + 1]
                x = jax.nn.relu(x) if i < len(params) - 2 else x
            return x

        def loss_of(params: list[Any], x: Any, y: Any) -> Any:
            z = logits(params, x)
            if spec.loss == "sparse_categorical_crossentropy":
                return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1).mean()
            if spec.loss == "binary_crossentropy":
                return (jnp.logaddexp(0.0, z) - y * z).mean()
            return jnp.square(z - y).mean()

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(params: list[Any], slots: list[Any], x: Any, y: Any) -> tuple[list[Any], list[Any], Any]:
            loss, gradients = jax.value_and_grad(loss_of)(params, x, y)
            if spec.optimizer == "sgd":
                return [p - spec.learning_rate * g for p, g in zip(params, gradients, strict=True)], slots, loss
            slots = [0.9 * v + 0.1 * g * g for v, g in zip(slots, gradients, strict=True)]
            params = [
                p - spec.learning_rate * g * jax.lax.rsqrt(v + 1e-7)
                for p, g, v in zip(params, gradients, slots, strict=True)
            ]
            return params, slots, loss

        final = {"softmax": jax.nn.softmax, "sigmoid": jax.nn.sigmoid, "linear": lambda z: z}[spec.final_activation]
        self.step = step
        self.predictor = jax.jit(lambda params, x: final(logits(params, x)))
        self.arrays = [
            (jnp.asarray(x), jnp.asarray(y.astype(np.int32) if y.dtype.kind == "i" else y.reshape(-1, 1)))
            for x, y in self.batches
        ]
        self.reset()

    def reset(self) -> None:
        # Copies: step() donates its arguments, and jnp.asarray may alias the NumPy array on a CPU.
        self.params = [jnp.array(w, copy=True) for w in self.weights]
        self.slots = [jnp.zeros_like(p) for p in self.params]

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
