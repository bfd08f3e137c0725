"""Calls of every metric: class, arguments, data; compared with Keras' results in tests/golden/metrics_grid_keras.json.

Scores have a few decimals, and none stands at a threshold of a curve, where float32 decides which side it is on.
"""
import numpy as np

N = 23
_rng = np.random.default_rng(0)


def _scores(*shape):
    """Float32 numbers in (0, 1), all different: none of them is a multiple of 1/199."""
    return ((_rng.permutation(int(np.prod(shape))) + 0.377) / np.prod(shape)).reshape(shape).astype("float32")


def _yes(*shape):
    return _rng.integers(0, 2, shape).astype("float32")


_labels = _rng.integers(0, 6, N)
DATA = {
    "one": (_yes(N), _scores(N)),
    "three": (_yes(N, 3), _scores(N, 3)),
    "logits": (_yes(N), (8 * _scores(N) - 4).astype("float32")),
    "one_hot": (np.eye(6, dtype="float32")[_rng.integers(0, 6, N)], _scores(N, 6)),
    "labels": (_labels, _scores(N, 6)),
    "regions": (_rng.integers(0, 3, (N, 4)), _rng.integers(0, 3, (N, 4))),
    "numbers": tuple(_rng.normal(size=(2, N, 3)).round(3).astype("float32")),
}
WEIGHTS = _rng.uniform(0.5, 2, N).round(2).astype("float32")


def cases():
    """(class, arguments, name of the data)."""
    for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall"):
        for arguments in ({}, {"thresholds": 0.7}, {"thresholds": [0.9, 0.2, 0.5]}, {"thresholds": [0.0, 0.5, 1.0]}):
            yield name, arguments, "one"
            yield name, arguments, "three"
    for name in ("Precision", "Recall"):
        for arguments in ({"top_k": 2}, {"class_id": 1}, {"top_k": 2, "class_id": 0}, {"top_k": 1, "thresholds": 0.6}):
            yield name, arguments, "three"
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "minoring", "majoring"):
            for more in ({}, {"num_thresholds": 5}, {"thresholds": [0.1, 0.75, 0.4]}):
                arguments = {"curve": curve, "summation_method": method, **more}
                yield "AUC", arguments, "one"
                yield "AUC", {"multi_label": True, **arguments}, "three"
    yield "AUC", {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5]}, "three"
    yield "AUC", {"label_weights": [1.0, 2.0, 0.5]}, "three"
    yield "AUC", {"from_logits": True}, "logits"
    for name, what in (("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"),
                       ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision")):  # fmt: skip
        for more in ({}, {"num_thresholds": 7}, {"num_thresholds": 1}):
            yield name, {what: 0.4, **more}, "one"
        yield name, {what: 0.4, "class_id": 2}, "three"
    for average in (None, "micro", "macro", "weighted"):
        for threshold in (None, 0.4):
            yield "F1Score", {"average": average, "threshold": threshold}, "one_hot"
            yield "FBetaScore", {"average": average, "threshold": threshold, "beta": 2.0}, "three"
    yield "IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "regions"
    yield "IoU", {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 1}, "regions"
    yield "MeanIoU", {"num_classes": 3}, "regions"
    yield "MeanIoU", {"num_classes": 2}, "regions"                  # one label is no class
    yield "OneHotIoU", {"num_classes": 6, "target_class_ids": [1, 4]}, "one_hot"
    yield "OneHotMeanIoU", {"num_classes": 6}, "one_hot"
    yield "BinaryIoU", {}, "one"
    yield "BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, "three"
    for k in (1, 3, 5):
        yield "TopKCategoricalAccuracy", {"k": k}, "one_hot"
        yield "SparseTopKCategoricalAccuracy", {"k": k}, "labels"
    for axis in (-1, 0):
        yield "PearsonCorrelation", {"axis": axis}, "numbers"
        yield "ConcordanceCorrelation", {"axis": axis}, "numbers"
    for name in ("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "LogCoshError", "CosineSimilarity", "KLDivergence",
                 "Poisson"):  # fmt: skip
        yield name, {}, "three"
    for name in ("Hinge", "SquaredHinge", "CategoricalHinge"):
        yield name, {}, "one_hot"
    for aggregation in (None, "uniform_average", "variance_weighted_average"):
        yield "R2Score", {"class_aggregation": aggregation}, "numbers"
    yield "R2Score", {"num_regressors": 2}, "numbers"


def weights_for(name, arguments):
    """None, and weights where Keras takes fractions of them and they mean the samples."""
    return (None,) if "IoU" in name or arguments.get("axis") == 0 else (None, WEIGHTS)


def results(metrics):
    """What the metrics of a namespace give after two batches: one list of numbers for each case and weighting."""
    for name, arguments, data in cases():
        for weights in weights_for(name, arguments):
            metric = getattr(metrics, name)(**arguments)
            for rows in (slice(0, 10), slice(10, None)):
                weight = None if weights is None else weights[rows]
                metric.update_state(*(array[rows] for array in DATA[data]), sample_weight=weight)
            key = f"{name} {arguments} {data}{'' if weights is None else ' weighted'}"
            yield key, metric, np.asarray(metric.result(), np.float64).round(7).tolist()
