"""What a layer is made of: its weights, its sub-layers, its losses, and how they are found.

Everything assigned to an attribute of a layer (directly, or in a list, tuple, dict, set or deque) belongs to it. See
`utils/tracking.py` for how the answer is cached.
"""

import math

import numpy as np

from refnet import autodiff, initializers, random, regularizers
from refnet.metrics.metric import Metric
from refnet.utils import naming, tracking

__all__ = ["LayerState"]

class LayerState:
    """The part of `Layer` that keeps weights, sub-layers and losses."""

    def __setattr__(self, name, value):
        if isinstance(value, tracking.CONTAINERS):
            value = tracking.tracked(value, None if name[0] == "_" else self)
            tracking.structure_changed()
        elif isinstance(value, (LayerState, autodiff.Variable, Metric, random.SeedGenerator)):
            tracking.structure_changed()
        if name[0] != "_" and name not in _NOT_SETTINGS:
            tracking.settings_changed(self)
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        tracking.structure_changed()
        object.__delattr__(self, name)

    # --- parts ------------------------------------------------------------------------------------

    def _cached(self, key, compute):
        """`compute()`, computed anew only after a structural change anywhere."""
        version = tracking.structure_version()
        entry = self._cache.get(key)
        if entry is None or entry[0] != version:
            value = compute()
            entry = self._cache[key] = (tracking.structure_version(), value)
        return entry[1]

    def _parts(self, kinds):
        """The objects of some classes among the attributes, each once, in order of assignment."""
        found = {}
        for name, value in vars(self).items():
            if name not in _NOT_PARTS:
                for part in tracking.walk(value, kinds):
                    found.setdefault(id(part), part)
        return list(found.values())

    @property
    def _layers(self) -> list:
        """The direct sub-layers."""
        return self._cached("layers", lambda: [part for part in self._parts(LayerState) if part is not self])

    def _flatten_layers(self, include_self=True, recursive=True) -> list:
        """This layer, its sub-layers, theirs, and so on: each once, parents first."""
        if not recursive:
            return ([self] if include_self else []) + self._layers

        def collect():
            found, stack = {}, [self]
            while stack:
                layer = stack.pop()
                if id(layer) not in found:
                    found[id(layer)] = layer
                    stack.extend(reversed(layer._layers))
            return list(found.values())

        everything = self._cached("flat", collect)
        return everything if include_self else everything[1:]

    @property
    def _own_variables(self) -> list:
        def collect():
            found = {id(v): v for v in self._weights}
            found.update((id(v), v) for v in self._parts(autodiff.Variable))
            return list(found.values())

        return self._cached("own", collect)

    # --- weights ----------------------------------------------------------------------------------

    def add_weight(
        self,
        shape=None,
        initializer=None,
        dtype=None,
        trainable=True,
        autocast=True,
        regularizer=None,
        constraint=None,
        aggregation="none",
        name=None,
    ) -> autodiff.Variable:
        """Make a weight of this layer.

        Args:
            shape: its shape; () by default.
            initializer: where it starts: an initializer, its name or a callable. Default: Glorot-uniform for floats,
                else zeros.
            dtype: its type; None: the layer's.
            trainable: whether training changes it.
            autocast: accepted for Keras' sake.
            regularizer: a penalty on it, added to the loss.
            constraint: what it is projected onto after each update.
            aggregation: accepted for Keras' sake.
            name: for its path, e.g. `"kernel"`.

        Returns:
            The variable; also found in `weights`.

        Raises:
            ValueError: for a shape that is not fully known.
        """
        del autocast, aggregation
        self._check_super_called()
        if isinstance(shape, str):
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}): `shape` of a weight must be a tuple of integers. Received: "
                f"{shape!r}. A name is passed as a keyword argument: add_weight(shape, name={shape!r})."
            )
        shape = () if shape is None else (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if any(size is None for size in shape):
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}): the weight {name!r} has shape {shape}, which is not "
                "fully known."
            )
        dtype = np.dtype(dtype or self.dtype)
        if math.prod(shape) * 8 >= 2**47:  # initial values are drawn in float64; no process can address more
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}): the weight {name!r} has shape {shape}: "
                f"{math.prod(shape):,} numbers, more than any memory holds. Use smaller layer sizes or inputs."
            )
        if initializer is None:
            initializer = "glorot_uniform" if dtype.kind == "f" else "zeros"
        value = initializers.get(initializer)(shape, dtype=dtype.name)
        variable = autodiff.Variable(value, dtype=dtype, trainable=bool(trainable and self.trainable), name=name)
        if variable.shape != shape:
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}): the initializer of {name!r} gave shape "
                f"{variable.shape}, "
                f"expected {shape}."
            )
        scope = naming.current_path()
        if not self._building and scope.rpartition("/")[2] != self.name:
            # made in the constructor: `build` and `call` are in the layer's own scope
            scope = f"{scope}/{self.name}" if scope else self.name
        variable.path = f"{scope}/{variable.name}" if scope else variable.name
        from refnet import (
            constraints,  # constraints need nothing of layers; imported here to keep this module's imports short
        )

        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._weights.append(variable)
        if trainable and not self.trainable:
            self._frozen.append(variable)
        tracking.structure_changed()
        return variable

    @property
    def weights(self) -> list:
        """All weights: own trainable, own others, then those of the sub-layers, each once."""

        def collect():
            found = {}
            own = self._own_variables
            frozen = {id(v) for v in self._frozen}
            first = [v for v in own if v.trainable or id(v) in frozen]
            for variable in first + own:
                found.setdefault(id(variable), variable)
            for layer in self._layers:
                for variable in layer.weights:
                    found.setdefault(id(variable), variable)
            return list(found.values())

        return self._cached("weights", collect)

    @property
    def variables(self) -> list:
        """The weights, and the state of random streams (in Keras' order: own ones first). Metrics have `metrics_variables`."""

        def collect():
            own = {id(v) for v in self._own_variables}
            found = {id(v): v for v in self.weights if id(v) in own}
            for generator in self._parts(random.SeedGenerator):
                found.setdefault(id(generator.state), generator.state)
            for layer in self._layers:
                for variable in layer.variables:
                    found.setdefault(id(variable), variable)
            return list(found.values())

        return self._cached("variables", collect)

    @property
    def trainable_variables(self) -> list:
        """The weights that training changes. The list is cached: do not change it."""

        def collect():
            return [v for v in self.weights if v.trainable] if self.trainable else []

        return self._cached("trainable", collect)

    @property
    def non_trainable_variables(self) -> list:
        """The state that training does not change by gradients: weights, and the state of random streams."""

        def collect():
            trainable = {id(v) for v in self.trainable_variables}
            return [v for v in self.variables if id(v) not in trainable]

        return self._cached("non_trainable", collect)

    @property
    def trainable_weights(self) -> list:
        """The same as `trainable_variables`."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list:
        """The weights that training leaves alone: `non_trainable_variables` without the state of random streams."""

        def collect():
            trainable = {id(v) for v in self.trainable_variables}
            return [v for v in self.weights if id(v) not in trainable]

        return self._cached("non_trainable_weights", collect)

    @property
    def metrics(self) -> list:
        """The metrics of this layer and its sub-layers."""
        return self._cached("metrics", lambda: [m for layer in self._flatten_layers() for m in layer._parts(Metric)])

    @property
    def metrics_variables(self) -> list:
        """The variables of `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def trainable(self) -> bool:
        """Whether training changes this layer's weights. Setting it sets it for all sub-layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = bool(value)
        if value:
            for variable in self._frozen:
                variable.trainable = True
            self._frozen.clear()
        else:
            for variable in self._own_variables:
                if variable.trainable:
                    variable.trainable = False
                    self._frozen.append(variable)
        object.__setattr__(self, "_trainable", value)
        tracking.structure_changed()
        for layer in self._layers:
            layer.trainable = value

    def get_weights(self) -> list:
        """Copies of all weights, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights) -> None:
        """Set all weights.

        Args:
            weights: arrays in the order and shapes of `get_weights()`.

        Raises:
            ValueError: for a wrong number of arrays or a wrong shape; nothing is changed then.
        """
        variables = self.weights
        weights = list(weights)
        if len(weights) != len(variables):
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}) has {len(variables)} weights, but `set_weights` received "
                f"{len(weights)}." + ("" if self.built else " The layer is not built yet: call it on data first.")
            )
        for variable, value in zip(variables, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"Layer '{self.name}' ({type(self).__name__}): weight '{variable.path}' has shape "
                    f"{variable.shape}, but "
                    f"`set_weights` received shape {np.shape(value)} for it."
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
            ValueError: when the layer is not built yet.
        """
        if not self.built:
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}) has no weights yet, so they cannot be counted. Call it "
                "on "
                "data, or `build` it."
            )
        return sum(variable.size for variable in self.weights)

    # --- losses -----------------------------------------------------------------------------------

    def add_loss(self, loss) -> None:
        """Add a scalar (or several) to the loss of the model, computed within `call` from its inputs.

        Args:
            loss: a scalar or a list of scalars.
        """
        for value in loss if isinstance(loss, (list, tuple)) else (loss,):
            if value is not None:
                self._losses.append(value)

    @property
    def losses(self) -> list:
        """The scalars that `add_loss` added in the last call, and the regularization penalties of the weights."""

        def regularized():
            found = [v for v in self.trainable_variables if getattr(v, "regularizer", None) is not None]
            return found, self._flatten_layers()

        penalised, layers = self._cached("losses", regularized)
        found = [loss for layer in layers if layer._losses for loss in layer._losses]
        found.extend(variable.regularizer(variable) for variable in penalised)
        return found

    def _clear_losses(self):
        for layer in self._flatten_layers():
            if layer._losses:
                layer._losses.clear()


# Public attributes that the library itself sets while it trains, or that lists of steps are told apart by anyway.
_NOT_SETTINGS = {"built", "history", "stop_training", "stop_evaluating", "stop_predicting", "trainable"}
# Attributes of a layer that hold no parts of it: bookkeeping of LayerState and Layer.
_NOT_PARTS = {"_weights", "_frozen", "_losses", "_cache", "_inbound_nodes", "_init_arguments", "_build_shapes"}
