"""The peers: one network of `benchmarks.specs`, built the way each framework's own documentation builds it.

Every peer is used through the same few methods (see `base.Peer`), in a process of its own.
"""

from __future__ import annotations

import importlib

from benchmarks.peers.base import Peer

__all__ = ["CONV_ONLY", "LABELS", "PEERS", "REFNET", "make_peer"]

LABELS = {
    "refnet_fast": "refnet_fast",
    "refnet": "refnet (reference)",
    "torch": "torch eager",
    "torch_channels_last": "torch eager, channels last",
    "torch_compile": "torch.compile",
    "keras_jax": "Keras on JAX",
    "keras_tf": "Keras on TensorFlow",
    "jax": "JAX, hand-jitted",
}
PEERS = tuple(LABELS)
REFNET = ("refnet_fast", "refnet")
CONV_ONLY = ("torch_channels_last",)
"""Peers that differ from another only in how they store images."""
_CLASSES = {
    "refnet_fast": ("keras_api", "RefnetFastPeer"),
    "refnet": ("keras_api", "RefnetPeer"),
    "keras_jax": ("keras_api", "KerasJaxPeer"),
    "keras_tf": ("keras_api", "KerasTensorFlowPeer"),
    "torch": ("torch_peer", "TorchPeer"),
    "torch_channels_last": ("torch_peer", "TorchChannelsLastPeer"),
    "torch_compile": ("torch_peer", "TorchCompilePeer"),
    "jax": ("jax_peer", "JaxPeer"),
}


def make_peer(name: str, threads: int) -> Peer:
    """Import the framework behind `name` and wrap it.

    Raises:
        ImportError: the framework is not installed here.
        KeyError: no such peer.
    """
    module, cls = _CLASSES[name]
    return getattr(importlib.import_module(f"benchmarks.peers.{module}"), cls)(threads)
