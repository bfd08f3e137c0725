"""The tape, kept: a step of training, evaluation or prediction that is written down once and then read off.

`train_step` is a page of Python that comes to the same decisions every time: which layers, which shapes, which kernels. After
the model is built, two of its steps run under a recorder (refnet/recording.py), which notes every kernel that is called, on
which arrays. If both steps called the same kernels on arrays of the same origin, the list is all there is to know, and the
following steps run the list: the same kernels, in the same order, on the same numbers. Nothing else is different; only the
Python between the kernels is gone.

What guards it. A list belongs to a key: the shapes, types and layout of the inputs, which of them are the same array, the
kind of step (an optimizer may have several, see `_step_kind`), and the state of the model: which layers and weights it
has, which of them are trainable, and every setting, that is every public attribute of a layer, loss, metric, optimizer,
regularizer or constraint (`utils/tracking.py` notices when one is set). Another key means another list. Learning rates,
seeds, counts and metrics are arrays that the list reads and changes like everything else.

What is never written down: a step with code of the user's own in it (a layer's `call`, a loss, a metric, `train_step`), unless
`compile(jit_compile=True)` promises that it does no more than compute on tensors; anything with `run_eagerly=True`; a step in
which NumPy made an array that no kernel knows of, or in which two runs were not the same. In doubt it runs as code.
`Model.explain_step` says which is the case, and prints the list.
"""

import numpy as np

from refnet import autodiff, backend, losses, metrics
from refnet.layers.support import defined_by
from refnet.models.rules import rewrite
from refnet.recording import Plan, Recorder, recording
from refnet.utils import tracking, tree

__all__ = ["WrittenSteps", "obstacle"]

MOST_ENTRIES = 16
"""How many lists a model keeps; the oldest goes first."""
MOST_TRIES = 12
"""How often a step of one shape is written down anew, because settings change, before it stays code."""

_OWN_METHODS = {
    "train": ("train_step", "compute_loss", "compute_metrics", "_compute_loss", "get_metrics_result"),
    "test": ("test_step", "compute_loss", "compute_metrics", "_compute_loss", "get_metrics_result"),
    "predict": ("predict_step",),
}


class _Entry:
    """What is known of the steps of one key."""

    __slots__ = ("first", "plan", "reason", "structure")

    def __init__(self, reason=None):
        self.first = None  # the first recording
        self.plan = None
        self.structure = None  # that of a prediction: None for a single array
        self.reason = reason  # why it is not written down


class _Hot:
    """The list that was run last, with what tells quickly that it fits again: the key, taken apart."""

    def __init__(self, key, entry, leaves, rows):
        self.plan, self.structure = entry.plan, entry.structure
        self.kind, _, self.kernels, self.step_kind = key[:4]
        self.rows = rows
        self.layouts = tuple([(a.shape, a.dtype) for a in leaves])
        self.same_layouts = self.kernels.same_layouts
        self.pattern = _pattern(leaves)
        self.versions = (tracking.structure_version(), tracking.settings_version())

    def fits(self, model, leaves, rows):
        return (
            self.versions == (tracking.structure_version(), tracking.settings_version())
            and rows is self.rows
            and self.same_layouts(leaves, self.layouts, rows)
            and backend.active() is self.kernels
            and (self.kind != "train" or model.optimizer._step_kind() == self.step_kind)
            and _pattern(leaves) == self.pattern
        )

    def run(self, leaves):
        outputs = self.plan.run(leaves)
        if self.kind != "predict":
            return None
        return outputs[0] if self.structure is None else tree.pack_sequence_as(self.structure, outputs)


def _pattern(leaves):
    """Which arrays are the same array: None if all are different."""
    if len(leaves) < 2 or (len(leaves) == 2 and leaves[0] is not leaves[1]):
        return None
    first = {}
    found = tuple([first.setdefault(id(array), position) for position, array in enumerate(leaves)])
    return None if len(first) == len(leaves) else found


class WrittenSteps:
    """The lists of one model.

    Args:
        model: the model.
    """

    def __init__(self, model):
        self._model = model
        self._entries = {}
        self._tries = {}
        self._states = {}
        self._hot = {}
        self._versions = self._now = None

    def run(self, kind, leaves, step, rows=False):
        """One step: from its list if there is one, else as code.

        Args:
            kind: "train", "test" or "predict".
            leaves: the arrays that differ from step to step, flat.
            step: runs the step as code.
            rows: whether the batch is taken from `leaves[:-1]` by the row numbers in `leaves[-1]`.

        Returns:
            (done, result): done is whether the list ran; then result is the prediction, or None for other kinds; else it
            is what `step()` returned.
        """
        hot = self._hot.get(kind)
        if hot is not None and hot.fits(self._model, leaves, rows) and not autodiff.is_recording():
            return True, hot.run(leaves)
        key = self._key(kind, leaves, rows)
        entry = self._entries.get(key)
        if entry is None:
            if not self._ready(kind) or autodiff.is_recording():
                return False, step()
            entry = self._open(key, kind)
        if entry.reason is not None or autodiff.is_recording():
            return False, step()
        if entry.plan is None:
            return False, self._record(key, entry, kind, leaves, step)
        self._hot[kind] = hot = _Hot(key, entry, leaves, rows)
        return True, hot.run(leaves)

    # --- keys ----------------------------------------------------------------------------------------------------

    def _key(self, kind, leaves, rows):
        key = [kind, self._state(), backend.active(), self._model.optimizer._step_kind() if kind == "train" else ()]
        if rows:
            key.append("rows")
            for array in leaves[:-1]:
                key.append((array.shape[1:], array.dtype))
            key.append(len(leaves[-1]))
        else:
            for array in leaves:
                key.append((array.shape, array.dtype, array.flags.c_contiguous and array.flags.aligned))
        key.append(_pattern(leaves))
        return tuple(key)

    def _state(self):
        """A number for what the model is at the moment: its layers, weights, trainable flags and settings."""
        versions = (tracking.structure_version(), tracking.settings_version())
        if versions != self._versions:
            model = self._model
            layers, variables, compiled = model._flatten_layers(), model.variables, model._compiled
            owners = [*layers, *model.metrics, *(model.optimizer._parts() if model.optimizer is not None else ())]
            for part in (compiled.loss, compiled.metrics):
                if part is not None and part._entries is not None:
                    owners += [what for _, what in part._functions()]
            for variable in variables:
                owners += [getattr(variable, "regularizer", None), getattr(variable, "constraint", None)]
            owners += [layer.activity_regularizer for layer in layers]
            found = (
                tuple(map(id, layers)),
                tuple([layer.trainable for layer in layers]),
                tuple(map(id, variables)),
                tuple([v.trainable for v in variables]),
                tuple([id(v.value) for v in self._variables("train" if model.optimizer is not None else "predict")]),
                tuple(map(id, owners)),
                tracking.settings_of(owners),
            )
            if found not in self._states:
                if len(self._states) >= MOST_ENTRIES:
                    self._states.clear()
                    self._entries.clear()
                    self._hot.clear()
                self._states[found] = (len(self._states), owners, variables)  # kept alive: their ids stay theirs
            self._versions, self._now = versions, self._states[found][0]
        return self._now

    def __getstate__(self):
        return {"_model": self._model}  # lists are made anew in another process, or for a copy

    def __setstate__(self, state):
        self.__init__(state["_model"])

    def _ready(self, kind):
        """Whether everything is made that the first step makes: weights, slots, metrics."""
        model = self._model
        if not model.built or not all(layer.built and layer._called_or_plain() for layer in model._flatten_layers()):
            return False
        compiled = model._compiled
        if kind == "train" and not (model.optimizer is not None and model.optimizer.built):
            return False
        if kind != "predict":
            for part in (compiled.loss, compiled.metrics):
                if part is not None and part._entries is None:
                    return False
        return True

    def _open(self, key, kind):
        shape = (kind, *key[3:])
        tries = self._tries[shape] = self._tries.get(shape, 0) + 1
        reason = obstacle(self._model, kind)
        if reason is None and tries > MOST_TRIES:
            reason = "its settings, or which weights are trainable, change all the time"
        self._hot.clear()
        while len(self._entries) >= MOST_ENTRIES:
            del self._entries[next(iter(self._entries))]
        entry = self._entries[key] = _Entry(reason)
        return entry

    # --- writing down ----------------------------------------------------------------------------------------------

    def _variables(self, kind):
        model = self._model
        found = [*model.variables]
        if kind != "predict":
            found += [v for metric in model.metrics for v in metric.variables]
        if kind == "train":
            found += model.optimizer.variables
        return found

    def _record(self, key, entry, kind, leaves, step):
        variables = self._variables(kind)
        versions = [v.version for v in variables]
        recorder = Recorder(backend.active(), leaves, variables)
        with recording(recorder):
            result = step()
        outputs = []
        if kind == "predict":
            outputs = [autodiff.value_of(leaf) for leaf in tree.flatten(result)]
            if any(recorder.slot_of(array) is None for array in outputs):
                recorder.trouble("the model's output is an array that no kernel made")
        touched = [v for v, version in zip(variables, versions, strict=True) if v.version != version]
        now = self._key(kind, leaves, "rows" in key)
        if key[:3] + key[4:] != now[:3] + now[4:]:  # but for the kind of step: with accumulation the next one is another
            return result  # settings changed while it ran: this was no step like the next
        problem = recorder.problem
        if problem is None and entry.first is not None:
            problem = entry.first.difference(recorder)
        if problem is not None:
            entry.reason, entry.first = problem, None
        elif entry.first is None:
            entry.first = recorder
        else:
            if kind == "predict" and tree.is_nested(result):
                entry.structure = tree.map_structure(lambda _: 0, result)
            plan = Plan(recorder, outputs, touched)
            rewrite(plan)
            entry.plan, entry.first = plan.finish(), None
        return result

    def explain(self):
        """Text: for each kind of step and shape whether it is written down, and the list, or why not."""
        model = self._model
        if not self._entries:
            reason = obstacle(model, "train") if model.compiled else None
            return (
                f"Model '{model.name}' has run no step yet that could be written down."
                + (f" Its training step will run as code: {reason}." if reason else "")
            )
        parts = []
        state = self._state()
        for key, entry in self._entries.items():
            rows = "rows" in key
            shapes = ", ".join(_shape_text(part) for part in key[3:] if isinstance(part, tuple) and _is_input(part))
            title = f"{key[0]}{' on rows of the data,' if rows else ''} {shapes}".strip()
            if key[1] != state:
                title += " (before the model or its settings were changed)"
            if entry.plan is not None:
                count = len(entry.plan.code)
                text = f"{title}: written down, {count} kernels"
                if entry.plan.rewritten:
                    text += f" after {', '.join(entry.plan.rewritten)}"
                parts.append(f"{text}\n{_indented(str(entry.plan))}")
            elif entry.reason is not None:
                parts.append(f"{title}: runs as code, because {entry.reason}.")
            else:
                parts.append(f"{title}: will be written down after one more step.")
        return "\n\n".join(parts)


def _is_input(part):
    return len(part) >= 2 and isinstance(part[0], tuple) and isinstance(part[1], np.dtype)


def _shape_text(part):
    return f"{part[1]}{list(part[0])}"


def _indented(text):
    return "\n".join("    " + line for line in text.splitlines())


# --- what cannot be written down ---------------------------------------------------------------------------------------


def obstacle(model, kind):
    """Why a step of the model is not to be written down; None if nothing speaks against it."""
    if model.run_eagerly:
        return "it was compiled with run_eagerly=True"
    for method in _OWN_METHODS[kind]:
        if not backend.of_library(defined_by(type(model), method)):
            return f"{type(model).__name__}.{method} is your own"
    for layer in model._flatten_layers():
        if not layer._same_every_step:
            return f"what {type(layer).__name__} '{layer.name}' does depends on the data"
    if model.jit_compile is True:
        return None
    promise = "; compile(jit_compile=True) promises that it only computes on tensors"
    for layer in model._flatten_layers():
        for method in ("call", "__call__", "compute_mask", "add_loss"):
            if not backend.of_library(defined_by(type(layer), method)):
                return f"{type(layer).__name__}.{method} is your own code{promise}"
        for name, value in vars(layer).items():
            if ("activation" in name or name == "function") and callable(value) and not backend.of_library(value):
                return f"{name} of {type(layer).__name__} '{layer.name}' is your own function{promise}"
        if layer.activity_regularizer is not None and not backend.of_library(type(layer.activity_regularizer)):
            return f"the activity regularizer of '{layer.name}' is your own{promise}"
    if kind == "predict":
        return None
    for variable in model.trainable_variables:
        for what in ("regularizer", "constraint"):
            own = getattr(variable, what, None)
            if own is not None and not backend.of_library(type(own)):
                return f"the {what} of '{variable.path}' is your own{promise}"
    compiled = model._compiled
    for part in (compiled.loss, *((compiled.metrics,) if compiled.metrics is not None else ())):
        for _, what in part._functions() if part is not None else ():
            if not _is_known(what):
                return f"'{getattr(what, 'name', what)}' is your own loss or metric{promise}"
    for metric in model.metrics:
        if not backend.of_library(type(metric)):
            return f"the metric '{metric.name}' is your own{promise}"
    for part in model.optimizer._parts() if kind == "train" else ():
        if not backend.of_library(type(part)):
            return f"the optimizer {type(part).__name__} is your own{promise}"
    return None


def _is_known(thing):
    """Whether a loss or metric, and the function inside it, are the library's."""
    if not backend.of_library(type(thing)):
        return False
    if isinstance(thing, losses.LossFunctionWrapper):
        return backend.of_library(thing.fn)
    if isinstance(thing, metrics.MeanMetricWrapper):
        return backend.of_library(getattr(thing._fn, "__func__", thing._fn))
    return True
