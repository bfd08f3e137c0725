"""One step: forward, loss, gradients, update, metrics.

`train_step` is the whole of training, in the lines of Keras' guides; override it (or `compute_loss`, `compute_metrics`)
to train differently.
"""

import warnings

import numpy as np

from refnet import autodiff, ops
from refnet import metrics as metrics_module
from refnet.models.compiled import CompiledMetrics
from refnet.utils import tree
from refnet.utils.data_utils import unpack_x_y_sample_weight

__all__ = ["Steps"]


class Steps:
    """The part of `Model` that does one step."""

    def train_step(self, data):
        """One step of training.

        Args:
            data: a batch: `x`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            The logs: a dict of numbers.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with autodiff.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(x, y, y_pred, sample_weight, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        self._compiled.loss_tracker.update_state(loss, sample_weight=_batch_size(x))
        variables = self.trainable_variables
        if variables:
            self.optimizer.apply(tape.gradient(scaled_loss, variables), variables)
        else:
            warnings.warn(f"Model '{self.name}' has no trainable weights: nothing is trained.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        """One step of evaluation; arguments and result as `train_step`."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._compute_loss(x, y, y_pred, sample_weight, training=False)
        self._compiled.loss_tracker.update_state(loss, sample_weight=_batch_size(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        """The output for one batch `x`, `(x,)` or `(x, y)`."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The total loss: the outputs' losses, what `add_loss` added, and the regularization penalties.

        Args:
            x: inputs.
            y: targets.
            y_pred: outputs.
            sample_weight: weights of the samples, or None.
            training: whether this is a step of training.

        Raises:
            ValueError: when there is no loss.
        """
        del x, training
        compiled = self._compiled.loss
        total = compiled(y, y_pred, sample_weight) if compiled is not None else None
        for extra in self.losses:
            extra = ops.sum(extra) if len(np.shape(autodiff.value_of(extra))) else extra
            total = extra if total is None else ops.add(total, extra)
        if total is None:
            raise ValueError(
                f"Model '{self.name}' has no loss to compute. Pass one to compile, e.g. "
                "model.compile(optimizer='adam', loss='mse')."
            )
        return total

    def _compute_loss(self, x, y, y_pred, sample_weight, training):
        """`compute_loss`, with `training` if the user's version takes it."""
        if self._compute_loss_takes_training:
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the metrics of `compile`; returns the logs. Arguments as `compute_loss`."""
        del x
        if self._compiled.metrics is not None:
            self._compiled.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict:
        """The values of all metrics."""
        logs = {}
        for metric in self.metrics:
            result = metric.result()
            if type(result) is dict:
                logs.update(result)
            else:
                logs[metric.name] = result
        return logs

    # --- metrics ----------------------------------------------------------------------------------

    @property
    def metrics(self) -> list:
        """The loss's mean, the metrics of `compile` (as one), the outputs' losses, then those held as attributes."""

        def collect():
            compiled, found = self._compiled, []
            if self.compiled:
                found.append(compiled.loss_tracker)
                if compiled.metrics is not None:
                    found.append(compiled.metrics)
                if compiled.loss is not None:
                    found.extend(compiled.loss.metrics)
            for layer in self._flatten_layers():
                if layer is self or not isinstance(layer, Steps):
                    found.extend(layer._parts(metrics_module.Metric))
            return found

        return self._cached("model_metrics", collect)

    @property
    def metrics_names(self) -> list:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def flat_metrics(self) -> list:
        """All single metrics, those inside `compile_metrics` included."""
        return [
            m for metric in self.metrics for m in (metric.metrics if isinstance(metric, CompiledMetrics) else [metric])
        ]

    def reset_metrics(self) -> None:
        """Forget all batches, in every metric."""
        for metric in self.metrics:
            metric.reset_state()


def _batch_size(x) -> int:
    if type(x) is not np.ndarray:
        x = next(leaf for leaf in tree.flatten(x) if leaf is not None)
    return x.shape[0]
