"""The training loop: compile, fit, evaluate, predict.

`fit` feeds batches to `train_step` (see `steps.py`), calls callbacks and keeps the logs.
"""

import inspect
from typing import Any

import numpy as np

from refnet import autodiff, backend, optimizers
from refnet import callbacks as callbacks_module
from refnet import metrics as metrics_module
from refnet.models.class_weight import checked_class_weight, class_weights
from refnet.models.compiled import CompiledLoss, CompiledMetrics
from refnet.models.data import ArrayData, make_data, prepare_batch, split_validation
from refnet.models.steps import Steps
from refnet.models.written import WrittenSteps
from refnet.utils import serialization, tracking, tree
from refnet.utils.checks import Range
from refnet.utils.data_utils import unpack_x_y_sample_weight

__all__ = ["Trainer"]


class _Compiled:
    """What `compile` keeps; None for what it was not given."""

    def __init__(self):
        self.loss = None
        self.metrics = None
        self.loss_tracker = None
        self.config = None


class Trainer(Steps):
    """The part of `Model` that trains."""

    def _init_trainer(self):
        self.compiled = False
        self.optimizer = None
        self.loss = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = False  # callbacks set them
        self.history = None
        self.steps_per_execution = 1
        self.run_eagerly = False
        self.jit_compile = False
        self._compiled = _Compiled()
        self._written = WrittenSteps(self)
        self._compute_loss_takes_training = "training" in inspect.signature(self.compute_loss).parameters

    @backend.entry_point
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ):
        """Say how to train.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss, its name, or a function `f(y_true, y_pred)`; with several outputs a list or dict of them
                (None: no loss).
            loss_weights: the factors of several losses in the total.
            metrics: a list of metrics, names or functions; with several outputs a list or dict of lists. `"accuracy"`
                becomes the accuracy that fits the shapes.
            weighted_metrics: metrics that use sample weights.
            steps_per_execution: of how many steps at once callbacks hear.
            run_eagerly, jit_compile, auto_scale_loss: accepted for Keras' sake; nothing is
                compiled here, and every step is run by itself.

        Raises:
            ValueError: for unknown names, with the nearest match.
        """
        del auto_scale_loss
        self.optimizer = optimizers.get(optimizer)
        names = self.output_names
        compiled = _Compiled()
        if loss is not None:
            compiled.loss = CompiledLoss(loss, loss_weights, names)
        if metrics is not None or weighted_metrics is not None:
            compiled.metrics = CompiledMetrics(metrics, weighted_metrics, names)
        compiled.loss_tracker = backend.localise(metrics_module.Mean)(name="loss")
        compiled.config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self._compiled = compiled
        self.loss = loss
        self.run_eagerly, self.steps_per_execution = bool(run_eagerly), steps_per_execution
        self.jit_compile = False if jit_compile == "auto" else bool(jit_compile)
        self.stop_training = False
        self.compiled = True
        self._written = WrittenSteps(self)
        tracking.structure_changed()

    @property
    def output_names(self):
        """The names of the outputs, None while they are not known."""
        return None

    # --- loops ------------------------------------------------------------------------------------

    @backend.entry_point
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list = 1,
    ):
        """Train the model.

        Args:
            x: inputs: an array, a list or dict of arrays, a generator or iterable of batches `(x, y)` or `(x, y,
                sample_weight)`, or a `PyDataset`.
            y: targets: an array, or a list or dict of arrays. None where `x` yields them.
            batch_size: samples per step. Default 32.
            epochs: train until this many epochs are done.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; `"auto"`: 1. In a pipe 1 is 2.
            callbacks: a list of callbacks.
            validation_split: the last fraction of the arrays is not trained on, but evaluated after each epoch.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, or batches, evaluated after each epoch.
            shuffle: take the samples in a new random order in each epoch; `"batch"`: within batches only.
            class_weight: `{label: weight}`, for one output: the weight of each sample is that of its class, 1 for labels that
                are missing. Not together with `sample_weight`.
            sample_weight: weights of the samples in the loss and in `weighted_metrics`: one per sample, or per step.
            initial_epoch: the number of the first epoch.
            steps_per_epoch: steps after which an epoch ends; needed for generators without end.
            validation_steps: steps of a validation: the same batches in each, but for a generator, which goes on.
            validation_batch_size: samples per step of a validation; default `batch_size`.
            validation_freq: validate every so many epochs, or in a list of epochs (counted from 1).

        Returns:
            A `History`: `history.history["loss"]` is a list with one number per epoch.

        Raises:
            ValueError: for an uncompiled model; for arguments out of range; for data that do not fit each other or the
                model; for data that are exhausted before the last epoch.
        """
        self._check_compiled("fit")
        epochs = Range(0, integer=True).check(epochs, "epochs", "fit")
        initial_epoch = Range(0, integer=True).check(initial_epoch, "initial_epoch", "fit")
        if initial_epoch > epochs:
            raise ValueError(
                f"fit: `initial_epoch` is {initial_epoch}, but `epochs` is {epochs}: the number of the last epoch, not "
                f"how many more there are. Pass e.g. epochs={initial_epoch + max(1, epochs)}."
            )
        if isinstance(validation_split, str) or (validation_split and validation_data is None):
            (x, y, sample_weight), validation_data = split_validation((x, y, sample_weight), validation_split)
        data = self._data(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight, "steps_per_epoch")
        if data.shuffling is not None:
            data.shuffling.number = initial_epoch
        validation = None
        if validation_data is not None:
            _due(0, validation_freq)  # a wrong one is an error before an epoch was trained
            validation = self._validation(validation_data, validation_batch_size, batch_size, validation_steps)
        callback_list = self._callbacks(callbacks, verbose, epochs, data.epoch_steps, history=True)
        self.stop_training = False
        callback_list.on_train_begin()
        logs = {}
        try:
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                callback_list.on_epoch_begin(epoch)
                logs = self._run_epoch(data, self.train_step, callback_list, "train", f"Epoch {epoch + 1}")
                if validation is not None and _due(epoch, validation_freq):
                    validation.name = f"Validation after epoch {epoch + 1}"
                    val_logs = self.evaluate(validation, callbacks=callback_list, return_dict=True, verbose=0)
                    logs.update({f"val_{name}": value for name, value in val_logs.items()})
                callback_list.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            _close_progress(callback_list)
        if self.optimizer is not None:
            self.optimizer.finalize_variable_values(self.trainable_variables)
        callback_list.on_train_end(logs)
        return self.history

    def _validation(self, validation_data, validation_batch_size, batch_size, validation_steps):
        """The batches to validate on."""
        form = "a tuple (x_val, y_val) or (x_val, y_val, sample_weight)"
        given = tuple(validation_data) if isinstance(validation_data, list) else validation_data
        if isinstance(given, (str, bytes, int, float)) or (isinstance(given, tuple) and not 1 <= len(given) <= 3):
            what = type(validation_data).__name__ + (f" of length {len(given)}" if isinstance(given, tuple) else "")
            raise ValueError(f"`validation_data` must be {form}, or what yields batches of these. Received: {what}")
        x, y, weight = unpack_x_y_sample_weight(given)
        is_arrays = y is not None
        if validation_batch_size is None and is_arrays:
            validation_batch_size = batch_size
        try:
            validation = self._data(
                x, y, weight, validation_batch_size, validation_steps, False, None, "validation_steps",
                "validation_batch_size",
            )  # fmt: skip
        except ValueError as error:
            named = "validation_" in str(error)
            raise ValueError(str(error) if named else f"In `validation_data`: {error}") from None
        if isinstance(validation, ArrayData) and not is_arrays and self._compiled.loss is not None:
            if self._uses_default("compute_loss") and self._uses_default("test_step"):
                raise ValueError(
                    f"`validation_data` must be {form}: the loss needs targets. Received: "
                    f"{'only x_val' if isinstance(given, tuple) else type(validation_data).__name__}. Write "
                    "validation_data=(x_val, y_val)."
                )
        return validation

    def _run_epoch(self, data, step_function, callback_list, kind, name):
        """All batches of an epoch through `train_step` or `test_step`; returns the last logs as plain numbers."""
        begins = callback_list.batch_hooks[f"on_{kind}_batch_begin"]
        ends = callback_list.batch_hooks[f"on_{kind}_batch_end"]
        # Building the logs costs as much as a small network's kernels: a progress bar that is about to skip them anyway
        # gets a function that gives them.
        on_demand = all(getattr(getattr(hook, "__self__", None), "takes_logs_on_demand", False) for hook in ends)
        group = self.steps_per_execution or 1  # callbacks hear of so many steps at once
        logs = None
        step = 0
        for run in self._steps_of(data, step_function, kind, name):
            if begins and step % group == 0:
                for hook in begins:
                    hook(step, {})
            done, logs = run()
            if not done and not isinstance(logs, dict):
                raise ValueError(
                    f"`{kind}_step` of {type(self).__name__} must return a dict of metrics, e.g. {{'loss': loss}}. It "
                    f"returned {type(logs).__name__}."
                )
            step += 1
            if step % group:
                continue
            if ends:
                if on_demand and done:
                    numbers = self.get_metrics_result
                else:
                    numbers = self._logs_of(done, logs)  # not the metrics' own arrays, which the next batch changes
                for hook in ends:
                    hook(step - 1, numbers)
            if self.stop_training if kind == "train" else self.stop_evaluating:
                break
        if ends and step % group:  # a last group that is not full; Keras gives it the number of a full one's last step
            numbers = self._logs_of(done, logs)
            for hook in ends:
                hook(step + group - step % group - 1, numbers)
        if step and done:
            logs = self.get_metrics_result()
        if step == 0:
            raise data.exhausted(name)
        data.on_epoch_end()
        return plain_logs(logs)

    def _steps_of(self, data, step_function, kind, name):
        """One function for each batch of an epoch, which runs its step: from the list where it is written down."""
        written = self._written.run
        if isinstance(data, ArrayData) and data.shuffle and data.steps is None:
            sources = data.sources
            for rows in data.rows():
                yield lambda rows=rows: written(
                    kind, [*sources, rows], lambda: step_function(data.take(rows)), rows=True
                )
            return
        for batch in data.epoch(name):
            yield lambda batch=batch: self._one_step(kind, step_function, batch)

    def _one_step(self, kind, step_function, batch):
        """(whether it was read off a list, what it returned) for one step; see `WrittenSteps.run`."""
        leaves = batch if type(batch) is tuple else tree.flatten(batch)
        for leaf in leaves:
            if type(leaf) is not np.ndarray:
                leaves = [leaf for leaf in tree.flatten(batch) if leaf is not None]
                if not all(type(leaf) is np.ndarray for leaf in leaves):
                    return False, step_function(batch)
                break
        return self._written.run(kind, leaves, lambda: step_function(batch))

    @backend.entry_point
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs,
    ):
        """The loss and the metrics on data.

        Args:
            x, y, batch_size, sample_weight: as in `fit`.
            verbose: as in `fit`.
            steps: steps after which to stop.
            callbacks: a list of callbacks.
            return_dict: return `{name: value}` instead of a list.

        Returns:
            The loss, or a list of loss and metrics, or a dict.

        Raises:
            ValueError: for an uncompiled model; for data that do not fit each other or the model.
        """
        if kwargs:
            raise ValueError(f"evaluate() received unknown arguments: {', '.join(sorted(kwargs))}.")
        self._check_compiled("evaluate")
        data = self._data(x, y, sample_weight, batch_size, steps, False, None)
        data.restart()
        if isinstance(callbacks, callbacks_module.CallbackList):
            callback_list = callbacks
        else:
            callback_list = self._callbacks(callbacks, verbose, 1, data.epoch_steps)
        self.reset_metrics()
        self.stop_evaluating = False
        callback_list.on_test_begin()
        logs = self._run_epoch(data, self.test_step, callback_list, "test", data.name)
        callback_list.on_test_end(logs)
        return logs if return_dict else self._as_list(logs)

    @backend.entry_point
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ):
        """The outputs for data, batch by batch.

        Args:
            x: as in `fit`; targets that are yielded are ignored.
            batch_size: samples per step. Default 32.
            verbose: as in `fit`.
            steps: steps after which to stop.
            callbacks: a list of callbacks.

        Returns:
            An array, or arrays in the structure of the model's outputs.
        """
        data = self._data(x, None, None, batch_size, steps, False, None)
        callback_list = self._callbacks(callbacks, verbose, 1, data.epoch_steps)
        begins, ends = (callback_list.batch_hooks[f"on_predict_batch_{when}"] for when in ("begin", "end"))
        self.stop_predicting = False
        callback_list.on_predict_begin()
        structure, parts = None, []
        group = self.steps_per_execution or 1
        held: list = []  # the outputs of the steps that `on_predict_batch_end` has not heard of
        for step, batch in enumerate(data.epoch("predict")):
            if step % group == 0:
                for hook in begins:
                    hook(step, {})
            # Copies: an output may be an input passed through, in a buffer that a generator fills again.
            outputs = tree.map_structure(_copied, self._one_step("predict", self.predict_step, batch)[1])
            structure = outputs if structure is None else structure
            parts.append(tree.flatten(outputs))
            held.append(outputs)
            if len(held) == group:
                self._predicted(ends, step, held)
                if self.stop_predicting:
                    break
        if held:
            self._predicted(ends, step + group - len(held), held)
        callback_list.on_predict_end()
        if structure is None:
            raise data.exhausted("predict")
        joined = [np.concatenate(column) if len(column) > 1 else column[0] for column in zip(*parts, strict=True)]
        return tree.pack_sequence_as(structure, joined)

    @staticmethod
    def _predicted(hooks, step, held):
        """Tell callbacks the outputs of a group of steps, joined; empties `held`."""
        outputs = held[0] if len(held) == 1 else tree.map_structure(lambda *parts: np.concatenate(parts), *held)
        held.clear()
        for hook in hooks:
            hook(step, {"outputs": outputs})

    @backend.entry_point
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ):
        """One step of training on one batch.

        Args:
            x, y, sample_weight, class_weight: as in `fit`, arrays only.
            return_dict: return `{name: value}` instead of a list.

        Returns:
            The loss, or a list of loss and metrics, or a dict.
        """
        self._check_compiled("train_on_batch")
        if class_weight is not None:
            sample_weight = class_weights(y, checked_class_weight(class_weight), sample_weight)
        batch = self._batch(x, y, sample_weight)
        self.reset_metrics()
        logs = self._logs_of(*self._one_step("train", self.train_step, batch))
        return logs if return_dict else self._as_list(logs)

    @backend.entry_point
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False):
        """One step of evaluation on one batch; arguments and result as `train_on_batch`."""
        self._check_compiled("test_on_batch")
        batch = self._batch(x, y, sample_weight)
        self.reset_metrics()
        logs = self._logs_of(*self._one_step("test", self.test_step, batch))
        return logs if return_dict else self._as_list(logs)

    @backend.entry_point
    def predict_on_batch(self, x: Any):
        """The outputs for one batch."""
        batch = (x,) if type(x) is np.ndarray else self._batch(x, None, None)
        return tree.map_structure(_copied, self._one_step("predict", self.predict_step, batch)[1])

    def explain_step(self, print_fn: Any = None) -> str:
        """Say which steps of this model are written down as lists of kernels, and print the lists; or why they run as code.

        Args:
            print_fn: called with the text; None: `print`.

        Returns:
            The text.
        """
        text = self._written.explain()
        (print if print_fn is None else print_fn)(text)
        return text

    # --- helpers ----------------------------------------------------------------------------------

    def _logs_of(self, done, logs):
        return self.get_metrics_result() if done else plain_logs(logs)

    def _check_compiled(self, method):
        if not self.compiled:
            raise ValueError(
                f"Model '{self.name}' must be compiled before `{method}`: call e.g. model.compile(optimizer='adam', "
                "loss='mse')."
            )
        if self.optimizer is None and method in ("fit", "train_on_batch") and self._uses_default("train_step"):
            raise ValueError(
                f"Model '{self.name}' was compiled with optimizer=None, so it cannot be trained. Pass an optimizer."
            )

    def _uses_default(self, method):
        return getattr(type(self), method) is getattr(Steps, method)

    def _data(self, x, y, sample_weight, batch_size, steps, shuffle, class_weight, *names):
        """Batches; `names` are the user's names of `steps` and `batch_size`."""
        dtypes, float_dtype = self._data_types(x)
        return make_data(x, y, sample_weight, batch_size, steps, shuffle, class_weight, dtypes, float_dtype, *names)

    def _data_types(self, x):
        """The types of the inputs (None: unknown) and the float type of targets."""
        del x
        return None, self.compute_dtype

    def _batch(self, x, y, sample_weight):
        if type(x) is np.ndarray and type(y) is np.ndarray and sample_weight is None:
            return x, y
        return prepare_batch(
            (x, y, sample_weight) if sample_weight is not None else (x, y) if y is not None else (x,),
            None,
            self._data_types(x)[1],
        )

    def _callbacks(self, callbacks, verbose, epochs, steps, history=False):
        if isinstance(callbacks, callbacks_module.CallbackList):
            return callbacks
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"`verbose` must be 0, 1, 2 or 'auto'. Received: verbose={verbose!r}")
        return backend.localise(callbacks_module.CallbackList)(
            callbacks,
            add_history=history,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )

    def _as_list(self, logs):
        """The loss alone, or loss and metrics as a list: in the order of the model's metrics, then, as Keras has it,
        what has other names in the logs (a metric of one of several outputs) in their alphabetical order."""
        if len(logs) == 1:
            return next(iter(logs.values()))
        names = [name for name in dict.fromkeys(metric.name for metric in self.flat_metrics()) if name in logs]
        values = [logs[name] for name in names + sorted(set(logs) - set(names))]
        return values[0] if len(values) == 1 else values

    # --- configuration ----------------------------------------------------------------------------

    def get_compile_config(self) -> dict:
        """The arguments of `compile` as plain values."""
        return serialization.serialize_keras_object(self._compiled.config) if self.compiled else {}

    def compile_from_config(self, config: dict) -> None:
        """Compile with what `get_compile_config` gave."""
        self.compile(**serialization.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)


def plain_logs(logs) -> dict:
    """Logs as a flat dict of Python numbers."""
    found = {}
    for name, value in logs.items():
        if isinstance(value, dict):
            found.update(plain_logs(value))
        elif type(value) is float:
            found[name] = value
        else:
            array = autodiff.value_of(value)
            found[name] = array.item() if array.ndim == 0 else array.copy()
    return found


def _copied(value):
    return np.array(autodiff.value_of(value))


def _due(epoch, validation_freq) -> bool:
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch + 1 in validation_freq
    if isinstance(validation_freq, (int, np.integer)) and validation_freq >= 1:
        return (epoch + 1) % validation_freq == 0
    raise ValueError(f"`validation_freq` must be a positive integer or a list of epochs. Received: {validation_freq!r}")


def _close_progress(callback_list):
    for callback in callback_list.callbacks:
        progbar = getattr(callback, "progbar", None)
        if progbar is not None and hasattr(progbar, "close"):
            progbar.close()
