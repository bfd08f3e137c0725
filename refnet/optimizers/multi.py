"""MultiOptimizer: other optimizers for other variables, chosen by their paths."""

import re
from collections.abc import MutableMapping
from typing import Any

from refnet import backend
from refnet.optimizers.loss_scale import LossScaleOptimizer
from refnet.optimizers.optimizer import Optimizer
from refnet.utils import serialization

__all__ = ["MultiOptimizer", "OptimizerMap"]


def _check(optimizer, what: str) -> None:
    """Raises ValueError for what cannot be one of several optimizers."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{what} must be an optimizer. Received: {optimizer!r}")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        kind = type(optimizer).__name__
        remedy = f" Wrap all of them: {kind}(MultiOptimizer(...))." if isinstance(optimizer, LossScaleOptimizer) else ""
        raise ValueError(f"{what} cannot be a {kind}.{remedy}")


class OptimizerMap(MutableMapping):
    """Paths of variables, or patterns that match a whole path, and the optimizers that update them.

    Args:
        default_optimizer: for all other variables.
        optimizer_map: a dict to begin with.

    Raises:
        TypeError: for arguments of other types.

    Example:
        >>> optimizers = refnet.optimizers.OptimizerMap(refnet.optimizers.SGD(), {"encoder/.*": refnet.optimizers.Adam()})
        >>> optimizers["decoder/kernel"]
        <SGD name=sgd>
    """

    _backend = None

    def __init__(self, default_optimizer: Any, optimizer_map: dict | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"OptimizerMap: `default_optimizer` must be an optimizer. Received: {default_optimizer!r}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: `optimizer_map` must be a dict. Received: {optimizer_map!r}")
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Any] = {}
        for path, optimizer in (optimizer_map or {}).items():
            self[path] = optimizer

    @property
    def default_optimizer(self):
        """The optimizer of the variables that no path or pattern names."""
        return self._default_optimizer

    def __getitem__(self, key: str):
        """The optimizer of a path: that of this very path, of the one pattern that matches it, or the default.

        Raises:
            ValueError: when several patterns match.
        """
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        patterns = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(patterns) > 1:
            raise ValueError(f"OptimizerMap: several patterns match {key!r}: {patterns}. Name {key!r} itself, or change them.")
        return self._optimizer_map[patterns[0]] if patterns else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Any) -> None:
        if key in self._optimizer_map:
            raise ValueError(f"OptimizerMap: {key!r} has an optimizer already, {self._optimizer_map[key]!r}. Delete it first.")
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: a key must be a path or a pattern. Received: {key!r}")
        _check(optimizer, f"OptimizerMap: what {key!r} stands for")
        try:
            re.compile(key)
        except re.error as error:
            raise ValueError(f"OptimizerMap: {key!r} is no regular expression: {error}.") from None
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable):
        return self[variable.path]

    def get_config(self) -> dict:
        """The arguments of the constructor as plain values."""
        return {
            "default_optimizer": serialization.serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    @backend.entry_point
    def from_config(cls, config: dict, custom_objects: dict | None = None):
        """A map with optimizers like those that gave the configuration."""
        return cls(
            serialization.deserialize_keras_object(config["default_optimizer"], custom_objects),
            serialization.deserialize_keras_object(config["optimizer_map"], custom_objects),
        )


class MultiOptimizer(Optimizer):
    """Gives every variable to one of several optimizers.

    It has no learning rate of its own: `optimizers` lists those that have.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a variable that returns its optimizer (the same object for variables that
            share one).
        loss_scale_factor: the loss is multiplied by it and the gradients of all optimizers are divided by it.
        name: for people.

    Raises:
        ValueError: for anything else; when an optimizer of the map wraps others itself.

    Example:
        >>> adam, sgd = refnet.optimizers.Adam(), refnet.optimizers.SGD()
        >>> model.compile(refnet.optimizers.MultiOptimizer(lambda v: adam if "encoder" in v.path else sgd), "mse")
    """

    def __init__(self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None):
        if not callable(optimizer_map):
            raise ValueError(
                "MultiOptimizer: `optimizer_map` must be an OptimizerMap or a function of a variable. Received: "
                f"{optimizer_map!r}. For a dict: MultiOptimizer(OptimizerMap(SGD(), optimizer_map))."
            )
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._inner_optimizers: list[Any] = []
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._optimizer_map.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "loss_scale_factor":
            for optimizer in vars(self).get("_inner_optimizers", ()):
                optimizer.loss_scale_factor = self.loss_scale_factor

    def _take(self, optimizer) -> int:
        """The number of an optimizer among those of this one."""
        for number, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return number
        _check(optimizer, "MultiOptimizer: an optimizer of the map")
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, variables: Any):
        if self.built:
            return
        variables = list(variables)
        self._numbers = [self._take(self._optimizer_map(variable)) for variable in variables]
        for number, optimizer in enumerate(self._inner_optimizers):
            own = [variable for variable, of in zip(variables, self._numbers, strict=True) if of == number]
            if own:
                optimizer.build(own)
        super().build(variables)

    def _parts(self) -> list:
        return [self, *self._inner_optimizers]

    def _step_kind(self):
        return tuple([optimizer._step_kind() for optimizer in self._inner_optimizers if optimizer.built])

    @property
    def optimizers(self) -> list:
        """The optimizers, in the order in which variables were given to them."""
        return self._inner_optimizers

    @property
    def variables(self) -> list:
        """The number of steps, then the variables of all optimizers."""
        return self._variables + [variable for optimizer in self._inner_optimizers for variable in optimizer.variables]

    @property
    def learning_rate(self):
        raise AttributeError("A MultiOptimizer has no learning rate of its own. Each of its `optimizers` has one.")

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError("A MultiOptimizer has no learning rate to be set. Each of its `optimizers` has one.")

    @property
    def iterations(self):
        """The number of steps."""
        return self._iterations

    @backend.entry_point
    def apply(self, grads, trainable_variables=None) -> None:
        """Let each optimizer update its variables; arguments as `Optimizer.apply`."""
        if not self.built:
            if trainable_variables is None:
                raise ValueError("MultiOptimizer.apply: pass `trainable_variables`, or call `build(variables)` first.")
            self.build(trainable_variables)
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        self._check_known(variables)
        if len(grads) != len(variables):
            raise ValueError(f"MultiOptimizer.apply: {len(grads)} gradients for {len(variables)} variables.")
        for number, optimizer in enumerate(self._inner_optimizers):
            pairs = [pair for pair in zip(grads, variables, strict=True) if self._numbers[self._index[id(pair[1])]] == number]
            if pairs:
                optimizer.apply([g for g, _ in pairs], [v for _, v in pairs])
        backend.active().count_update(self._iterations.value)

    def finalize_variable_values(self, var_list) -> None:
        for optimizer in self._inner_optimizers:
            optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        for optimizer in self._inner_optimizers:
            optimizer.exclude_from_weight_decay(var_list, var_names)

    def get_config(self) -> dict:
        return {
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    @backend.entry_point
    def from_config(cls, config: dict, custom_objects: dict | None = None):
        config = dict(config)
        config["optimizer_map"] = serialization.deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**config)
