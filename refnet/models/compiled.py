"""What `compile` makes of losses and metrics: for each output its loss, its weight, its metrics, and their names in
the logs."""

import numpy as np

from refnet import autodiff, backend, losses, metrics, ops
from refnet.losses.lookup import class_of
from refnet.losses.loss import LossFunctionWrapper
from refnet.metrics.reduction import plain
from refnet.models.structures import as_written, loss_names_of, match, output_names_of, spread
from refnet.utils import tracking, tree
from refnet.utils.checks import Range
from refnet.utils.serialization import get_registered_name

__all__ = ["CompiledLoss", "CompiledMetrics"]

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def check_names(structure, get, special):
    """Look every name up now, so that a typo is an error in `compile` and not in `fit`."""
    for leaf in tree.flatten(structure):
        if isinstance(leaf, str) and leaf.lower() not in special:
            get(leaf)


def by_shapes(y_true, y_pred, binary, sparse, categorical):
    """Which of three things fits the shapes of targets and outputs, as Keras decides it."""
    shape, output = y_true.shape, y_pred.shape
    if output[-1] == 1:
        return binary
    return sparse if len(shape) < len(output) or (shape[-1] == 1 and output[-1] > 1) else categorical


def resolve_loss(identifier, y_true, y_pred):
    """A Loss from what the user gave for one output."""
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in _CROSSENTROPY:
        found = by_shapes(
            y_true,
            y_pred,
            losses.binary_crossentropy,
            losses.sparse_categorical_crossentropy,
            losses.categorical_crossentropy,
        )
    else:
        found = losses.get(identifier)
    if isinstance(found, losses.Loss):
        return found
    name = identifier if isinstance(identifier, str) else get_registered_name(found)
    cls = class_of(found)
    if cls is not None:
        return backend.localise(cls)(name=name)
    return backend.localise(LossFunctionWrapper)(found, name=name)


def resolve_metric(identifier, y_true, y_pred):
    """A Metric from what the user gave; its name is the user's."""
    if isinstance(identifier, str) and identifier.lower() in _ACCURACY:
        cls = by_shapes(
            y_true, y_pred, metrics.BinaryAccuracy, metrics.SparseCategoricalAccuracy, metrics.CategoricalAccuracy
        )
        return backend.localise(cls)(name=identifier)
    if isinstance(identifier, str) and identifier.lower() in _CROSSENTROPY:
        cls = by_shapes(
            y_true,
            y_pred,
            metrics.BinaryCrossentropy,
            metrics.SparseCategoricalCrossentropy,
            metrics.CategoricalCrossentropy,
        )
        return backend.localise(cls)(name=identifier)
    found = metrics.get(identifier)
    if found is None:
        raise ValueError("A metric is None. Pass a name, a function or a Metric.")
    if not isinstance(found, metrics.Metric):
        if isinstance(found, losses.Loss):
            found = _LossAsMetric(found)
        else:
            found = backend.localise(metrics.MeanMetricWrapper)(found, name=getattr(found, "__name__", None))
    if isinstance(identifier, str):
        found.name = identifier
    return found


class _LossAsMetric(metrics.MeanMetricWrapper):
    """A Loss object among the metrics: the mean of its per-sample values."""

    _direction = "down"

    def __init__(self, loss):
        super().__init__(loss.call, name=loss.name)


class CompiledLoss:
    """The total loss of a model.

    Args:
        loss: a loss, or a structure with one for each output (None: that output has none).
        loss_weights: None, a number, or a structure of numbers.
        output_names: the names of the model's outputs, None if not known yet.
    """

    def __init__(self, loss, loss_weights=None, output_names=None):
        for weight in tree.flatten(loss_weights):
            if not isinstance(weight, autodiff.Variable):
                Range(optional=True).check(weight, "loss_weights", "compile")
        check_names(loss, losses.get, _CROSSENTROPY)
        self._loss, self._weights, self._names = loss, loss_weights, output_names
        self.metrics = []
        self._entries = None
        self._only = None

    def _build(self, y_true, y_pred):
        names = output_names_of(y_pred, self._names)
        settings = spread(self._loss, y_pred, names, "loss")
        weights = [None] * len(names) if self._weights is None else spread(self._weights, y_pred, names, "loss_weights")
        outputs = tree.flatten(y_pred)
        wanted = [setting is not None for setting in settings]
        targets = match(y_true, y_pred, names, wanted, "targets")
        for name, setting, target in zip(names, settings, targets, strict=True):
            if setting is not None and target is None:
                raise ValueError(
                    f"There are no targets for the output {name!r}, which has a loss. Pass them in `y`, or compile with "
                    f"a loss of None for it."
                )
        loss_names = loss_names_of(y_pred, names)
        order = as_written(self._loss, tree.pack_sequence_as(y_pred, range(len(names))))
        self._entries = [
            (index, loss_names[index], resolve_loss(settings[index], targets[index], outputs[index]), weights[index])
            for index in order
            if settings[index] is not None
        ]
        self._output_names, self._wanted = names, wanted
        if len(self._entries) > 1:
            self.metrics = [backend.localise(metrics.Mean)(name=f"{name}_loss") for _, name, _, _ in self._entries]
            tracking.structure_changed()
        if len(names) == 1 and self._entries and self._entries[0][3] is None and not tree.is_nested(y_pred):
            self._only = self._entries[0][2]

    def _functions(self):
        """(output's name, loss) for each output that has one; none before the first call."""
        return [(name, loss) for _, name, loss, _ in self._entries or ()]

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The weighted sum of the outputs' losses; each is also recorded under its output's name."""
        if self._only is not None and type(y_true) is np.ndarray and not tree.is_nested(sample_weight):
            return self._only(y_true, y_pred, sample_weight)
        if y_true is None:
            raise ValueError(
                "The model was compiled with a loss, but there are no targets `y`. Pass `y`, or data that yields (x, "
                "y)."
            )
        if (
            not tree.is_nested(y_pred)
            and isinstance(y_true, (list, tuple))
            and not any(hasattr(t, "shape") for t in y_true)
        ):
            y_true = np.asarray(y_true)
        if self._entries is None:
            self._build(y_true, y_pred)
        names = self._output_names
        targets = match(y_true, y_pred, names, self._wanted, "targets")
        if sample_weight is None or not tree.is_nested(sample_weight):
            weights = [sample_weight] * len(names)
        else:
            weights = match(sample_weight, y_pred, names, self._wanted, "sample weights")
        outputs = tree.flatten(y_pred)
        total = None
        for position, (index, _, loss, factor) in enumerate(self._entries):
            value = loss(targets[index], outputs[index], weights[index])
            if self.metrics:
                self.metrics[position].update_state(value, sample_weight=outputs[index].shape[0])
            if factor is not None:
                value = ops.multiply(value, factor)
            total = value if total is None else ops.add(total, value)
        return total


class CompiledMetrics(metrics.Metric):
    """All metrics of `compile`, as one metric whose result is a dict.

    Args:
        user_metrics: a list for all outputs, or a structure with a list for each.
        weighted: the same for metrics that use sample weights.
        output_names: the names of the model's outputs, None if not known yet.
    """

    def __init__(self, user_metrics, weighted, output_names=None):
        super().__init__(name="compile_metrics")
        for what, given in (("metrics", user_metrics), ("weighted_metrics", weighted)):
            if given is not None and not isinstance(given, (list, tuple, dict)):
                raise ValueError(
                    f"`{what}` must be a list, tuple or dict, e.g. {what}=[{given!r}]. Received: {given!r}"
                )
            check_names(given, metrics.get, _ACCURACY + _CROSSENTROPY)
        self._given = (user_metrics, weighted)
        self._names = output_names
        self._entries = None
        self._results = []
        self._single = False

    @property
    def metrics(self) -> list:
        """The single metrics (none before the first batch)."""
        return [metric for _, metric in self._results]

    @property
    def variables(self):
        return [variable for metric in self.metrics for variable in metric.variables]

    def _functions(self):
        """(name in the logs, metric) for each metric."""
        return list(self._results)

    def _build(self, y_true, y_pred):
        names = output_names_of(y_pred, self._names)
        outputs = [plain(o) for o in tree.flatten(y_pred)]
        targets = match(y_true, y_pred, names, [True] * len(names), "targets")
        entries, results, taken = [], [], {}
        for weighted, given in zip((False, True), self._given, strict=True):
            if not given:
                continue
            if len(names) == 1:
                lists = [tree.flatten(given)]
            else:
                lists = spread(given, y_pred, names, "weighted_metrics" if weighted else "metrics", lists=True)
            for index, identifiers in enumerate(lists):
                for identifier in [] if identifiers is None else tree.flatten(identifiers):
                    if identifier is None:
                        continue
                    if targets[index] is None:
                        raise ValueError(
                            f"There are no targets for the output {names[index]!r}, which has metrics. Pass them in `y`, "
                            "or compile without metrics for it."
                        )
                    metric = resolve_metric(identifier, targets[index], outputs[index])
                    entries.append((index, metric, weighted))
                    prefix = f"{names[index]}_" if len(names) > 1 else ""
                    results.append(
                        (_unique(f"{prefix}{metric.name}", f"{prefix}weighted_{metric.name}", weighted, taken), metric)
                    )
        self._entries, self._results = entries, results
        self._output_names = names
        self._single = len(names) == 1 and not tree.is_nested(y_pred)
        tracking.structure_changed()

    @backend.entry_point
    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account."""
        if self._entries is None:
            self._build(y_true, y_pred)
        if self._single and sample_weight is None and type(y_true) is np.ndarray:
            output = _plain_but_for_mask(y_pred)
            for _, metric, _ in self._entries:
                metric.update_state(y_true, output)
            return
        if len(self._output_names) == 1:
            target = (
                y_true
                if type(y_true) is np.ndarray
                else plain(tree.flatten(y_true)[0] if _holds_arrays(y_true) else y_true)
            )
            output = _plain_but_for_mask(y_pred if not tree.is_nested(y_pred) else tree.flatten(y_pred)[0])
            if tree.is_nested(sample_weight):
                sample_weight = tree.flatten(sample_weight)[0]
            for _, metric, weighted in self._entries:
                if weighted and sample_weight is not None:
                    metric.update_state(target, output, sample_weight)
                else:
                    metric.update_state(target, output)
            return
        wanted = [True] * len(self._output_names)
        targets = match(y_true, y_pred, self._output_names, wanted, "targets")
        outputs = [_plain_but_for_mask(o) for o in tree.flatten(y_pred)]
        if sample_weight is None or not tree.is_nested(sample_weight):
            weights = [sample_weight] * len(targets)
        else:
            weights = match(sample_weight, y_pred, self._output_names, wanted, "sample weights")
        for index, metric, weighted in self._entries:
            if targets[index] is not None:
                metric.update_state(targets[index], outputs[index], weights[index] if weighted else None)

    def reset_state(self):
        for _, metric in self._results:
            metric.reset_state()

    def result(self):
        return {name: metric.result() for name, metric in self._results}


def _plain_but_for_mask(output):
    """An output as an ndarray; one with a mask as it is, for metrics read it."""
    return output if autodiff.mask_of(output) is not None else plain(output)


def _holds_arrays(y) -> bool:
    return isinstance(y, dict) or (isinstance(y, (list, tuple)) and any(hasattr(item, "shape") for item in y))


def _unique(name, weighted_name, weighted, taken):
    """A name in the logs that is not taken: `accuracy`, then `accuracy_1`, or `weighted_accuracy`."""
    if weighted and name in taken:
        name = weighted_name
    uses = taken.get(name, 0)
    taken[name] = uses + 1
    return name if uses == 0 else f"{name}_{uses}"
