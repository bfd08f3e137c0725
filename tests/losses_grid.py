"""Every loss with arguments and data: the table over which its numbers, its steps and its configuration are tested."""

from __future__ import annotations

import numpy as np

__all__ = ["GRID", "data"]

# (class, arguments, targets, predictions): names of `data`'s arrays
GRID = [
    ("MeanSquaredError", {}, "numbers", "scores"),
    ("MeanAbsoluteError", {}, "numbers", "scores"),
    ("MeanAbsolutePercentageError", {}, "numbers", "scores"),
    ("MeanSquaredLogarithmicError", {}, "numbers", "scores"),
    ("Huber", {}, "numbers", "scores"),
    ("Huber", {"delta": 0.3}, "numbers", "scores"),
    ("LogCosh", {}, "numbers", "scores"),
    ("KLDivergence", {}, "soft", "probabilities"),
    ("KLDivergence", {}, "onehot", "probabilities"),
    ("Poisson", {}, "counts", "positive"),
    ("Hinge", {}, "signs", "scores"),
    ("Hinge", {}, "bits", "scores"),
    ("SquaredHinge", {}, "bits", "scores"),
    ("CategoricalHinge", {}, "onehot", "scores"),
    ("BinaryCrossentropy", {}, "bits", "parts"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "bits", "parts"),
    ("BinaryCrossentropy", {"from_logits": True, "axis": 0}, "bits", "scores"),
    ("BinaryCrossentropy", {"axis": 1}, "onehot_3d", "probabilities_3d"),
    ("BinaryFocalCrossentropy", {}, "bits", "parts"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.7, "gamma": 0.5}, "bits", "parts"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1, "gamma": 3.0}, "bits", "scores"),
    ("BinaryFocalCrossentropy", {"axis": 0, "gamma": 1}, "bits", "parts"),
    ("CategoricalCrossentropy", {}, "onehot", "probabilities"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "onehot", "probabilities"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.3}, "onehot", "scores"),
    ("CategoricalCrossentropy", {"axis": 1}, "onehot_3d", "probabilities_3d"),
    ("CategoricalFocalCrossentropy", {}, "onehot", "probabilities"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 1.5}, "onehot", "probabilities"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1, "gamma": 0.0}, "onehot", "scores"),
    ("CategoricalFocalCrossentropy", {"axis": 1}, "onehot_3d", "probabilities_3d"),
    ("CategoricalGeneralizedCrossEntropy", {}, "labels", "probabilities"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "labels", "probabilities"),
    ("SparseCategoricalCrossentropy", {}, "labels", "probabilities"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels", "scores"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels", "probabilities"),
    ("Dice", {}, "bits", "parts"),
    ("Dice", {"axis": (1, 2)}, "onehot_3d", "probabilities_3d"),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}, "bits", "parts"),
    ("Tversky", {"axis": 1}, "bits", "parts"),
    ("CosineSimilarity", {}, "numbers", "scores"),
    ("CosineSimilarity", {"axis": 0}, "numbers", "scores"),
    ("Circle", {}, "labels", "directions"),
    ("Circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, "labels", "directions"),
]


def data(n: int = 7) -> dict[str, np.ndarray]:
    """Targets and predictions of n samples and 4 classes or quantities."""
    rng = np.random.default_rng(0)
    scores = (2 * rng.normal(size=(n, 4))).astype("float32")
    labels = rng.integers(0, 4, n)
    onehot = np.eye(4, dtype="float32")[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    bits = rng.integers(0, 2, (n, 4)).astype("float32")
    return {
        "scores": scores,
        "positive": np.abs(scores) + np.float32(0.1),
        "probabilities": probabilities,
        "probabilities_3d": np.stack([probabilities, probabilities[::-1], probabilities], 2),
        "parts": 1 / (1 + np.exp(-scores)),
        "directions": scores / np.linalg.norm(scores, axis=1, keepdims=True),
        "numbers": rng.normal(size=(n, 4)).astype("float32"),
        "counts": rng.poisson(3, (n, 4)).astype("float32"),
        "soft": rng.dirichlet(np.ones(4), n).astype("float32"),
        "bits": bits,
        "signs": 2 * bits - 1,
        "labels": labels,
        "onehot": onehot,
        "onehot_3d": np.stack([onehot] * 3, 2),
    }
