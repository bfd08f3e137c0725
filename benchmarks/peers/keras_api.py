"""Whatever speaks the Keras API: Keras on JAX, Keras on TensorFlow, refnet, refnet_fast. One text for the four."""

from __future__ import annotations

import functools
import importlib
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from benchmarks.peers.base import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KerasJaxPeer", "KerasTensorFlowPeer", "RefnetFastPeer", "RefnetPeer", "build_model"]


def build_model(api: Any, spec: Any, metrics: list[str] | None) -> Any:
    """The network of `spec`, compiled, in the words of Keras' own examples; `api` is the module that has them."""
    layers, final = api.layers, spec.layers[-1]
    stack = [api.Input(spec.input_shape)]
    for layer in spec.layers:
        activation = spec.final_activation if layer is final else "relu" if layer.relu else "linear"
        if layer.kind == "dense":
            stack.append(layers.Dense(layer.units, activation=activation))
        elif layer.kind == "conv":
            padding = "same" if layer.same else "valid"
            stack.append(layers.Conv2D(layer.units, layer.size, padding=padding, activation=activation))
        elif layer.kind == "batch_norm":
            stack += [layers.BatchNormalization(), layers.Activation(activation)]
        elif layer.kind == "pool":
            stack.append(layers.MaxPooling2D(layer.size))
        else:
            stack.append({"flatten": layers.Flatten, "global_average": layers.GlobalAveragePooling2D}[layer.kind]())
    model = api.Sequential(stack)
    model.compile(optimizer=spec.optimizer, loss=spec.loss, metrics=metrics)
    return model


class KerasApiPeer(Peer):
    """A bare step is `train_on_batch` without metrics; `fit` has a metric, shuffles and shows its progress bar."""

    kinds: ClassVar[tuple[str, ...]] = ("step", "fit", "predict_1", "predict_n")
    module: ClassVar[str]

    def __init__(self, threads: int) -> None:
        self.api = importlib.import_module(self.module)

    def build(self) -> None:
        if hasattr(self.api, "utils") and hasattr(self.api.utils, "clear_session"):
            self.api.utils.clear_session()
        self.model = build_model(self.api, self.spec, None)
        self.fitted = build_model(self.api, self.spec, [self.spec.metric]) if self.data is not None else None
        self.reset()

    def reset(self) -> None:
        self.model.set_weights(self.weights)
        if self.fitted is not None:
            self.fitted.set_weights(self.weights)

    def step_loss(self, i: int) -> float:
        return float(np.ravel(self.model.train_on_batch(*self.batches[i % len(self.batches)]))[0])

    def steps(self, n: int) -> float:
        train, batches, count = self.model.train_on_batch, self.batches, len(self.batches)
        start = time.perf_counter()
        for i in range(n):
            x, y = batches[i % count]
            train(x, y)
        return time.perf_counter() - start

    def fit(self, steps: int) -> tuple[float, int]:
        # A clock in a callback, not around fit(): what an epoch costs, not what starting fit() costs.
        epochs = max(1, math.ceil(steps / self.spec.steps_per_epoch))
        clock = _epoch_clock(self.api)
        x, y = self.data
        self.fitted.fit(x, y, batch_size=self.spec.batch, epochs=1 + epochs, verbose=1, callbacks=[clock])
        return clock.ends[-1] - clock.ends[0], epochs * self.spec.steps_per_epoch

    def outputs(self) -> np.ndarray:
        return np.asarray(self.model.predict_on_batch(self.batches[0][0]))

    def forward_call(self, kind: str) -> Callable[[], object]:
        way, size = kind.split("_")
        x = self.batches[0][0][:1].copy() if size == "1" else self.batches[0][0]
        model = self.model if way == "call" else self.model.predict_on_batch
        return lambda: model(x)


def _epoch_clock(api: Any) -> Any:
    class EpochClock(api.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.ends.append(time.perf_counter())

    return EpochClock()


class KerasJaxPeer(KerasApiPeer):
    module = "keras"

    def __init__(self, threads: int) -> None:
        os.environ["KERAS_BACKEND"] = "jax"
        super().__init__(threads)

    def versions(self) -> dict[str, str]:
        return {"keras": self.api.__version__, "jax": sys.modules["jax"].__version__}


class KerasTensorFlowPeer(KerasApiPeer):
    module = "keras"

    def __init__(self, threads: int) -> None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        tf = importlib.import_module("tensorflow")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        super().__init__(threads)

    def versions(self) -> dict[str, str]:
        return {"keras": self.api.__version__, "tensorflow": sys.modules["tensorflow"].__version__}


class RefnetPeer(KerasApiPeer):
    """The reference: NumPy. Its threads are OpenBLAS', set by the environment."""

    kinds: ClassVar[tuple[str, ...]] = ("step", "fit", "call_1", "call_n", "predict_1", "predict_n")
    module = "refnet"

    def versions(self) -> dict[str, str]:
        return {"refnet": getattr(self.api, "__version__", "?"), "numpy": np.__version__}

    def _kernel_set(self) -> Any:
        return importlib.import_module(f"{self.module}.kernels")

    def profile(self, n: int) -> dict[str, float]:
        """Seconds per step spent in each kernel, "total" and "unprofiled" (the same steps without the stopwatch).

        The kernel set's functions are replaced by timed ones for a while, and the model is made anew: it writes its
        step down with the kernels that it finds. What total exceeds the sum of the kernels is the list's loop and
        `train_on_batch` around it, and about 0.2 us a kernel of stopwatch.
        """
        kernels = self._kernel_set()
        names = [k for k in dir(kernels) if callable(getattr(kernels, k)) and k.endswith(_KERNEL_ENDINGS)]
        originals = {name: getattr(kernels, name) for name in names}
        spent = dict.fromkeys(names, 0.0)

        def stopwatch(name: str) -> Callable[..., Any]:
            kernel, clock = originals[name], time.perf_counter

            @functools.wraps(kernel)
            def run(*args: Any, **kwargs: Any) -> Any:
                start = clock()
                result = kernel(*args, **kwargs)
                spent[name] += clock() - start
                return result

            return run

        self.reset()
        plain = self.steps(n)
        try:
            for name in names:
                setattr(kernels, name, stopwatch(name))
            self.build()
            self.steps(len(self.batches))
            spent.update(dict.fromkeys(names, 0.0))
            total = self.steps(n)
        finally:
            for name, kernel in originals.items():
                setattr(kernels, name, kernel)
            self.build()
        return {
            **{k: v / n for k, v in spent.items() if v > 0.0},
            "total": total / n,
            "unprofiled": plain / n,
        }


_KERNEL_ENDINGS = ("_forward", "_backward", "_update", "_rows", "_words", "_mask", "_matches", "_key", "_number")


class RefnetFastPeer(RefnetPeer):
    module = "refnet_fast"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.api.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"refnet_fast": self.api.__version__, "isa": self.api.show_config()["isa"]}
