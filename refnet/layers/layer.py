"""Layer: configuration, weights and shapes around a `call` that composes ops.

A call goes through `__call__`, which (1) on symbolic inputs makes a node of the graph, (2) casts inputs to the layer's
float type, (3) checks the input specification, (4) builds the layer when it is called for the first time, (5) passes
`training` on: an explicit argument, else that of the surrounding call, and (6) adds the activity regularizer's penalty.
"""

import inspect
from contextvars import ContextVar
from typing import Any

import numpy as np

from refnet import absent, autodiff, backend, config, graph, ops, regularizers
from refnet.layers import masks
from refnet.layers.input_spec import assert_input_compatibility
from refnet.layers.state import LayerState
from refnet.layers.support import (
    BUILDING,
    as_shape,
    building,
    defined_by,
    first_layer_shape,
    inherits_from_base,
    map_shapes,
    parameter_names,
    shapes_of,
)
from refnet.utils import naming, serialization, tracking, tree

__all__ = ["Layer"]


class _Call:
    """The surrounding call: what `training` means inside it."""

    __slots__ = ("training",)

    def __init__(self, training):
        self.training = training


# What Keras writes into configurations for features that refnet does not have; None means that they are not used.
_KERAS_ONLY = ("quantization_config", "lora_rank", "lora_alpha")

_CALLS = {training: _Call(training) for training in (None, True, False)}
_current_call: ContextVar = ContextVar("refnet_call", default=None)
_ARRAYS = (np.ndarray, autodiff.Tensor)


@absent.methods
class Layer(LayerState):
    """Base class of layers.

    Subclasses define `call`; and `__init__` for configuration, `build(input_shape)` for weights that depend on the
    input's shape, `get_config` to be serialised. Gradients of `call` come from the tape.

    Args:
        activity_regularizer: a penalty on the output, added to the loss.
        trainable: whether training changes the weights.
        dtype: `"float32"` or `"float64"`; None: `floatx()`.
        autocast: whether float inputs are cast to `dtype`.
        name: a unique name; made from the class name by default.
        **kwargs: `input_shape`, `input_dim` or `batch_input_shape` for the first layer of a Sequential.

    Raises:
        ValueError: for unknown arguments or types.

    Example:
        >>> class Scale(refnet.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        ...     def call(self, x):
        ...         return x * self.factor
    """

    _backend = None
    _is_base = True

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        # Here, not in `__init__`: one of the user's own may set attributes, and make weights, before it calls super's.
        vars(self).update(
            _init_arguments=(args, kwargs),
            _losses=[],
            _weights=[],
            _frozen=[],
            _cache={},
            _inbound_nodes=[],
            _build_shapes=None,
            _trainable=True,
            _called=False,
            _building=False,
            built=False,
        )
        return self

    def _check_super_called(self):
        if "name" not in vars(self):
            kind = type(self).__name__
            raise RuntimeError(f"In layer {kind}, `__init__` did not call `super().__init__()`. Call it, best as its first line.")

    @backend.entry_point
    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        vars(self)["_trainable"] = bool(trainable)
        self.name = str(name) if name is not None else naming.auto_name(type(self).__name__)
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}): `trainable` must be True or False. Received: "
                f"trainable={trainable!r}"
            )
        self._dtype = config.float_dtype(dtype, f"Layer '{self.name}' ({type(self).__name__})")
        self._numpy_dtype = np.dtype(self._dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec = None
        self.supports_masking = False
        self._input_shape_arg = first_layer_shape(kwargs)
        if kwargs:
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}) received unknown argument(s) {', '.join(sorted(kwargs))}."
                + "".join(naming.did_you_mean(k, parameter_names(type(self))) for k in list(kwargs)[:1])
            )

    def _needs_no_build(self) -> bool:
        """Whether a layer without weights is ready from its constructor on: unless a subclass gave it a `build`."""
        return type(self).build is Layer.build

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:  # so that what a constructor makes from names is of the layer's own namespace
            cls.__init__ = backend.entry_point(cls.__dict__["__init__"])
        if "build" in cls.__dict__:
            cls.build = building(cls.__dict__["build"])
        if "call" in cls.__dict__:
            names = list(inspect.signature(cls.__dict__["call"]).parameters)
            cls._call_takes_training = "training" in names
            cls._call_parameters = tuple(names)[1:]
            cls._training_position = names.index("training") - 1 if "training" in names else None

    # Until `__init__` has run, so that a constructor that forgot it is told so (`_check_super_called`).
    _numpy_dtype = np.dtype("float32")
    autocast: bool = True
    input_spec: Any = None
    activity_regularizer: Any = None
    supports_masking: bool = False
    _call_takes_training = False
    _training_position: int | None = None  # among the positional arguments of `call`
    _call_parameters: tuple[str, ...] = ()
    # Whether `compute_mask`, if a class defines one, only changes or ends masks that come in, and makes none.
    _makes_no_mask = False
    # Whether masks of the outputs are the business of layers inside (a model's are).
    _handles_masks_inside = False
    # Whether `call` runs the same kernels whatever the numbers are: False keeps a step from being written down.
    _same_every_step = True

    # --- to be defined by subclasses --------------------------------------------------------------

    def build(self, input_shape):
        """Make the weights. Called once, before the first `call`.

        Args:
            input_shape: the shape of `call`'s first argument (None for the batch), in its structure. With further
                parameters named after `call`'s, such as `query_shape`, each gets its own.
        """
        self._build_shapes = {"input_shape": as_shape(input_shape)}
        self.built = True

    def call(self, *args, **kwargs):
        """The forward computation, composed of `refnet.ops` and other layers; may take `training` and `mask`."""
        raise NotImplementedError(f"Layer '{self.name}' ({type(self).__name__}) must define `call(self, inputs)`.")

    def compute_mask(self, inputs, previous_mask=None):
        """The mask of the output, given that of the input."""
        return previous_mask

    # --- types ------------------------------------------------------------------------------------

    @property
    def dtype(self) -> str:
        """The float type of weights and computations."""
        return self._dtype

    compute_dtype = variable_dtype = input_dtype = dtype_policy = dtype

    @property
    def path(self) -> str:
        """The path of the first weight without its own name, or the layer's name."""
        return self._weights[0].path.rpartition("/")[0] or self.name if self._weights else self.name

    # --- the call ---------------------------------------------------------------------------------

    @backend.entry_point
    def __call__(self, *args, **kwargs):
        """Call the layer on arrays, tensors or symbolic tensors.

        Args:
            *args, **kwargs: the arguments of `call`.

        Returns:
            What `call` returns: arrays for arrays, tensors while a tape records, symbolic tensors for symbolic tensors.

        Raises:
            ValueError: when the inputs do not fit the layer.
        """
        x = args[0] if args else None
        if len(args) > 1:
            args, kwargs = self._training_by_name(args, kwargs)
        if type(x) in _ARRAYS:
            if x.dtype != self._numpy_dtype and x.dtype.kind == "f" and self.autocast:
                args = (self._convert(x), *args[1:])
        elif graph.has_symbolic(args, kwargs):
            return self._call_symbolic(args, kwargs)
        else:
            args = tree.map_structure(self._convert, args)
            if kwargs:
                kwargs = {key: tree.map_structure(self._convert, value) for key, value in kwargs.items()}
        if self.input_spec is not None and args:
            assert_input_compatibility(self.input_spec, args[0], self)
        if not self.built:
            self._build_once(args, kwargs)
        if self._makes_masks or masks.any_in(args, kwargs):
            return masks.call_with_masks(self, args, kwargs)
        return self._call_in_context(args, kwargs)

    @property
    def _makes_masks(self):
        """Whether the output may have a mask although no input has one."""
        return self.supports_masking and not self._makes_no_mask and defined_by(type(self), "compute_mask") is not Layer

    _may_output_masks = _makes_masks

    def _training_by_name(self, args, kwargs):
        """`layer(x, True)`: the argument `training` by its name, since it may also come from the surrounding call."""
        at = self._training_position
        if at is None or at >= len(args) or "training" in kwargs:
            return args, kwargs
        names = list(inspect.signature(self.call).parameters)[at : len(args)]
        if len(names) < len(args) - at:  # too many: `call` says so
            return args, kwargs
        return args[:at], {**dict(zip(names, args[at:], strict=True)), **kwargs}

    def _call_in_context(self, args, kwargs):
        surrounding = _current_call.get()
        training = kwargs.get("training")
        if training is None:
            training = surrounding.training if surrounding is not None else None
        if training is not None:
            training = bool(training)
        if self._call_takes_training:
            if training is not None:
                kwargs["training"] = training
        elif "training" in kwargs:
            del kwargs["training"]
        if surrounding is not None and surrounding.training is training and self._called:
            y = self.call(*args, **kwargs)
        else:
            token = _current_call.set(_CALLS[training])
            try:
                if surrounding is None:
                    self._clear_losses()
                y = self.call(*args, **kwargs) if self._called else self._first_call(args, kwargs)
            finally:
                _current_call.reset(token)
        if self.activity_regularizer is not None:
            self._add_activity_losses(y)
        return y

    def _called_or_plain(self):
        """Whether nothing is left for a first call to do."""
        return self._called or not self._layers

    def _first_call(self, args, kwargs):
        """The first call: sub-layers that build themselves in it get paths under this layer's name."""
        with naming.name_scope(self.name):
            y = self.call(*args, **kwargs)
        object.__setattr__(self, "_called", True)
        tracking.structure_changed()
        return y

    def _add_activity_losses(self, outputs):
        for y in tree.flatten(outputs):
            if hasattr(y, "dtype"):
                penalty = self.activity_regularizer(y)
                batch = (
                    y.shape[0] if len(y.shape) else 1
                )  # per sample, so that the strength does not depend on the batch size
                self.add_loss(ops.divide(penalty, batch) if batch else penalty)

    def _convert(self, x):
        """An array or tensor in the layer's float type; anything else as it is."""
        if isinstance(x, np.ndarray) or autodiff.is_tensor(x):
            if self.autocast and x.dtype.kind == "f" and x.dtype != self._numpy_dtype:
                mask = autodiff.mask_of(x)
                y = ops.cast(x, self._dtype)
                return y if mask is None else autodiff.with_mask(y, mask)
            return x
        if hasattr(x, "__array__") and not isinstance(x, np.generic):
            return self._convert(np.asarray(x))
        return x

    def _build_once(self, args, kwargs):
        """`_build_for`, by one of several threads that call the layer at once."""
        self._check_super_called()
        with BUILDING:
            if not self.built:
                self._build_for(args, kwargs)

    def _build_for(self, args, kwargs):
        """Build the layer for the shapes of these arguments of `call`."""
        parameters = [
            p
            for p in inspect.signature(self.build).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        if len(parameters) <= 1:
            first = args[0] if args else next(iter(kwargs.values()), None)
            self.build(shapes_of(first))
        else:
            bound = inspect.signature(self.call).bind_partial(*args, **kwargs).arguments
            shapes = {f"{name}_shape": shapes_of(value) for name, value in bound.items()}
            wanted = [p.name for p in parameters]
            possible = [f"{name}_shape" for name in inspect.signature(self.call).parameters]
            for parameter in parameters:
                if parameter.name not in possible and parameter.default is parameter.empty:
                    raise ValueError(
                        f"Layer '{self.name}' ({type(self).__name__}): each argument of a `build` with several must be "
                        f"named after one of `call`'s, e.g. {possible[0]!r}. Received: {parameter.name!r}; possible: "
                        f"{possible}."
                    )
            self.build(**{name: shape for name, shape in shapes.items() if name in wanted})
        if not self.built:  # the default `build`
            self.built = True
            self._build_shapes = {"input_shape": shapes_of(args[0] if args else None)}

    # --- symbolic calls ---------------------------------------------------------------------------

    def _call_symbolic(self, args, kwargs):
        """Make a node: shapes go through, numbers will later."""
        if self.input_spec is not None and args:
            assert_input_compatibility(self.input_spec, args[0], self)
        if not self.built:
            self._build_once(args, kwargs)
        outputs = self.compute_output_spec(*args, **{k: v for k, v in kwargs.items() if k not in ("mask", "training")})
        masks.mark_symbolic(self, args, kwargs, outputs)
        for index, tensor in enumerate(tree.flatten(outputs)):
            tensor.name = self.name if index == 0 else f"{self.name}_{index}"
        node = graph.Node(self, args, kwargs, outputs)
        if not autodiff.is_tracing():  # a call inside another layer's `call` is no part of the model's graph
            self._inbound_nodes.append(node)
        return outputs

    def compute_output_spec(self, *args, **kwargs):
        """Symbolic outputs for symbolic inputs."""
        overridden = defined_by(type(self), "compute_output_shape") is not Layer
        if overridden and len(args) == 1:
            shape = self.compute_output_shape(tree.map_structure(lambda x: tuple(x.shape), args[0]))
            return map_shapes(lambda s: graph.KerasTensor(s, self.compute_dtype), shape)
        return self._trace(args, kwargs)

    def compute_output_shape(self, input_shape):
        """The shape of the output for a shape (or structure of shapes) of the input.

        The default runs `call` on symbolic tensors: no numbers are computed, and no state moves.
        """
        inputs = map_shapes(lambda s: graph.KerasTensor(s, self.compute_dtype), input_shape)
        if not self.built:
            self._build_for((inputs,), {})
        return tree.map_structure(lambda t: t.shape, self._trace((inputs,), {}))

    def _trace(self, args, kwargs):
        """Symbolic outputs of `call`: it is run on symbolic tensors, so that its ops say what shapes they make.

        Unknown sizes stay None. Code that computes with sizes (`x.shape[1] // 2`) cannot with None: then it is run with two
        different numbers in their place, and what differs between the outcomes is unknown.
        """
        kwargs = {k: v for k, v in kwargs.items() if k != "training" or self._call_takes_training}

        def run(size):
            def stand_in(x):
                if not graph.is_keras_tensor(x):
                    return x
                return graph.KerasTensor([size if n is None else n for n in x.shape], x.dtype, name=x.name)

            call = self.call if self._called else lambda *a, **k: self._first_call(a, k)
            token = _current_call.set(_CALLS[False])
            try:
                with autodiff.tracing():
                    outputs = call(*tree.map_structure(stand_in, args), **tree.map_structure(stand_in, kwargs))
            finally:
                _current_call.reset(token)
                self._clear_losses()
            return tree.map_structure(_as_symbolic, outputs)

        unknown = [x.shape.count(None) for x in graph.flatten((args, kwargs)) if graph.is_keras_tensor(x)]
        outputs = None
        try:
            outputs = run(None)
        except NotImplementedError:
            raise
        except Exception as error:
            if not any(unknown):
                raise self._trace_error(error) from error
        if outputs is not None and all(y.shape.count(None) <= max(unknown, default=0) for y in tree.flatten(outputs)):
            return outputs
        try:  # sizes that were computed with are known better now
            return tree.map_structure(_merged, run(83), run(89))
        except Exception as error:
            if outputs is not None:
                return outputs
            raise self._trace_error(error) from error

    def _trace_error(self, error):
        return ValueError(
            f"Layer '{self.name}' ({type(self).__name__}): the shape of its output could not be found by running `call` on "
            f"symbolic tensors ({type(error).__name__}: {error}). Compute with refnet.ops on what `call` is given, or define "
            "`compute_output_shape(self, input_shape)`."
        )

    def _node(self, what):
        if len(self._inbound_nodes) != 1:
            reason = (
                "has not been called on a symbolic input"
                if not self._inbound_nodes
                else "has been called several times"
            )
            raise AttributeError(f"Layer '{self.name}' ({type(self).__name__}) {reason}: it has no single `{what}`.")
        return self._inbound_nodes[0]

    @property
    def input(self):
        """The symbolic input of a layer that was called once."""
        node = self._node("input")
        return node.args[0] if node.args else node.inputs[0]

    @property
    def output(self):
        """The symbolic output of a layer that was called once: `Model(model.inputs, layer.output)` looks inside a
        model."""
        return self._node("output").outputs

    # --- configuration ----------------------------------------------------------------------------

    def get_config(self) -> dict:
        """The arguments of the constructor as plain values.

        A subclass whose constructor takes arguments extends it. One that does not gets its arguments by itself, if
        they are plain.
        """
        base = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if not inherits_from_base(type(self), "get_config") or inherits_from_base(type(self), "__init__"):
            return base
        return {**base, **self._auto_config()}

    def _auto_config(self) -> dict:
        args, kwargs = self._init_arguments
        signature = inspect.signature(type(self).__init__)
        try:
            bound = signature.bind(self, *args, **kwargs)
            values = {}
            for name, value in list(bound.arguments.items())[1:]:
                kind = signature.parameters[name].kind
                if kind is inspect.Parameter.VAR_KEYWORD:
                    values.update(value)
                elif kind is inspect.Parameter.VAR_POSITIONAL:
                    raise TypeError(f"*{name} has no name")
                else:
                    values[name] = value
            return {name: serialization.serialize_keras_object(value) for name, value in values.items()}
        except TypeError as error:
            raise NotImplementedError(
                f"Layer '{self.name}' ({type(self).__name__}) cannot be serialised: {error}. Define `get_config()`, "
                "which returns "
                "the constructor's arguments as plain values, starting from `super().get_config()`."
            ) from None

    @classmethod
    @backend.entry_point
    def from_config(cls, config: dict):
        """A layer like the one that gave the configuration, with fresh weights."""
        config = {key: value for key, value in config.items() if value is not None or key not in _KERAS_ONLY}
        if inherits_from_base(cls, "get_config"):
            config = {key: serialization.deserialize_keras_object(value) for key, value in config.items()}
        return cls(**config)

    def get_build_config(self) -> dict | None:
        """The shapes the layer was built for."""
        return dict(self._build_shapes) if self._build_shapes else None

    @backend.entry_point
    def build_from_config(self, config: dict) -> None:
        """Build the layer for the shapes of `get_build_config`."""
        if not config:
            return
        shapes = {key: as_shape(value) for key, value in config.items()}
        if set(shapes) == {"input_shape"}:
            self.build(shapes["input_shape"])
        else:
            self.build(**shapes)
        self.built = True
        if self._build_shapes is None:
            self._build_shapes = shapes

    def __getstate__(self):
        return {**vars(self), "_cache": {}}

    def __setstate__(self, state):
        vars(self).update(state)
        tracking.structure_changed()

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _as_symbolic(x):
    """An output of a traced `call` as a fresh symbolic tensor; a constant among them has a shape as well."""
    if graph.is_keras_tensor(x):
        return graph.KerasTensor(x.shape, x.dtype)
    value = np.asarray(autodiff.value_of(x))
    return graph.KerasTensor(value.shape, value.dtype)


def _merged(a, b):
    """Two outcomes of a trace with different numbers in place of unknown sizes."""
    if len(a.shape) != len(b.shape):
        raise ValueError(f"the number of axes of an output depends on a size that is not known: {a.shape} and {b.shape}")
    return graph.KerasTensor([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)], a.dtype)
