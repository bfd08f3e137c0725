"""torch, eager and compiled, each at its best on a CPU.

RMSprop runs with `foreach=True` (measured 1.7 ms instead of 3.2 for 784-512-10), SGD and Adam with `fused=True`. The
compiled peer compiles forward, loss and (through autograd) backward as one function and the optimizer as another.
Images are (N, C, H, W), torch's own layout, or the same shape with channels last in memory.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

import torch

from benchmarks.peers.base import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from benchmarks.specs import Layer, Spec

__all__ = ["TorchChannelsLastPeer", "TorchCompilePeer", "TorchPeer"]


class TorchPeer(Peer):
    epsilon_inside: ClassVar[bool] = False
    compiled: ClassVar[bool] = False
    memory_format: ClassVar[torch.memory_format] = torch.contiguous_format

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def build(self) -> None:
        torch._dynamo.reset()
        spec = self.spec
        model = torch.nn.Sequential(*_modules(spec)).to(memory_format=self.memory_format)
        if spec.optimizer == "rmsprop":
            self.optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7, foreach=True)
        elif spec.optimizer == "adam":
            self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
        else:
            self.optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, fused=True)
        criterion = {
            "sparse_categorical_crossentropy": torch.nn.CrossEntropyLoss,
            "binary_crossentropy": torch.nn.BCEWithLogitsLoss,
            "mean_squared_error": torch.nn.MSELoss,
        }[spec.loss]()
        final = {"softmax": torch.nn.Softmax(dim=-1), "sigmoid": torch.nn.Sigmoid(), "linear": torch.nn.Identity()}
        self.model, self.predictor = model, torch.nn.Sequential(model, final[spec.final_activation])
        self.tensors = [
            (self._images(x), torch.from_numpy(y if y.dtype.kind == "i" else y.reshape(-1, 1)))
            for x, y in self.batches
        ]
        self.reset()

        def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return criterion(model(x), y)

        self.loss_of, self.update = loss_of, self.optimizer.step
        if self.compiled:
            self.loss_of, self.update = torch.compile(loss_of), torch.compile(self.optimizer.step)
            # One compilation per batch size: "dynamic" shapes would generate slower code for both.
            self.predictor = torch.compile(self.predictor, dynamic=False)

    def _images(self, x: np.ndarray) -> torch.Tensor:
        """(N, H, W, C) -> (N, C, H, W) in the peer's memory format; rows (N, D) as they are."""
        if x.ndim != 4:
            return torch.from_numpy(x)
        return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=self.memory_format)

    def reset(self) -> None:
        weights = iter(self.weights)
        with torch.no_grad():
            for module, (layer, shape) in zip(_weighted(self.model), _weighted_stages(self.spec), strict=True):
                names = ("weight", "bias", "running_mean", "running_var")[: len(layer.weight_shapes(shape))]
                for name in names:
                    w = torch.from_numpy(next(weights))
                    if w.ndim == 4:
                        w = w.permute(3, 2, 0, 1)  # (K, K, C, F) -> (F, C, K, K)
                    elif w.ndim == 2:
                        flattened = self._flattened(layer)
                        if flattened:  # our rows count (H, W, C), torch's (C, H, W)
                            w = w.reshape(*flattened, -1).permute(2, 0, 1, 3).reshape(w.shape)
                        w = w.T
                    getattr(module, name).copy_(w)

    def _flattened(self, layer: Layer) -> tuple[int, ...] | None:
        """Shape (H, W, C) that was flattened just before this layer, if it was."""
        stages = self.spec.stages
        at = next(i for i, (found, _) in enumerate(stages) if found is layer)
        return stages[at - 1][1] if at and stages[at - 1][0].kind == "flatten" else None

    def _step(self, i: int) -> torch.Tensor:
        x, y = self.tensors[i]
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(x, y)
        loss.backward()
        self.update()
        return loss

    def step_loss(self, i: int) -> float:
        self.model.train()
        return self._step(i % len(self.tensors)).item()

    def steps(self, n: int) -> float:
        self.model.train()
        step, count = self._step, len(self.tensors)
        start = time.perf_counter()
        for i in range(n):
            step(i % count)
        return time.perf_counter() - start

    def outputs(self) -> np.ndarray:
        self.model.eval()
        with torch.inference_mode():
            return self.predictor(self.tensors[0][0]).numpy()

    def forward_call(self, kind: str) -> Callable[[], object]:
        self.model.eval()
        x = self.tensors[0][0][:1].clone() if kind == "call_1" else self.tensors[0][0]
        predictor = self.predictor

        def call() -> torch.Tensor:
            with torch.inference_mode():
                return predictor(x)

        return call


def _modules(spec: Spec) -> list[torch.nn.Module]:
    modules: list[torch.nn.Module] = []
    for layer, shape in spec.stages:
        if layer.kind == "dense":
            modules.append(torch.nn.Linear(shape[-1], layer.units))
        elif layer.kind == "conv":
            modules.append(
                torch.nn.Conv2d(shape[-1], layer.units, layer.size, padding="same" if layer.same else "valid")
            )
        elif layer.kind == "batch_norm":
            modules.append(torch.nn.BatchNorm2d(shape[-1], eps=1e-3, momentum=0.01))  # Keras' epsilon and 1 - 0.99
        elif layer.kind == "pool":
            modules.append(torch.nn.MaxPool2d(layer.size))
        elif layer.kind == "flatten":
            modules.append(torch.nn.Flatten())
        else:
            modules += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
        if layer.relu:
            modules.append(torch.nn.ReLU())
    return modules


def _weighted(model: torch.nn.Sequential) -> list[torch.nn.Module]:
    return [m for m in model if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.BatchNorm2d))]


def _weighted_stages(spec: Spec) -> list[tuple[Layer, tuple[int, ...]]]:
    return [(layer, shape) for layer, shape in spec.stages if layer.weight_shapes(shape)]


class TorchChannelsLastPeer(TorchPeer):
    memory_format = torch.channels_last


class TorchCompilePeer(TorchPeer):
    """Channels last too, the faster of the two for convolutions."""

    compiled = True
    memory_format = torch.channels_last
