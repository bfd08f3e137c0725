"""Identity, Lambda, Masking, Rescaling, ActivityRegularization: layers without weights."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from refnet import graph, ops, regularizers, tree
from refnet.layers.layer import Layer
from refnet.utils import serialization
from refnet.utils.checks import Range

__all__ = ["ActivityRegularization", "Identity", "Lambda", "Masking", "Rescaling"]


class Identity(Layer):
    """The input itself: in the place of a layer that is left out.

    Args:
        **kwargs: see `Layer`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = self._needs_no_build()

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape: Any):
        return input_shape


class ActivityRegularization(Layer):
    """The input itself, and a penalty on it that is added to the loss.

    Args:
        l1: the factor of Σ|x|.
        l2: the factor of Σx².
        **kwargs: see `Layer`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1, self.l2 = l1, l2
        self.built = self._needs_no_build()

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}


class Masking(Layer):
    """Says of each step of a sequence whether it counts: it does not where every feature equals `mask_value`.

    Layers behind it that know masks leave such steps out, and so do losses and metrics.

    Args:
        mask_value: what stands for "nothing".
        **kwargs: see `Layer`.

    Input (N, T, ...), output of the same shape, 0 where a step does not count; its mask (N, T).
    """

    def __init__(self, mask_value: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mask_value = Range(infinite=True).check(mask_value, "mask_value", f"Masking '{self.name}'")
        self.built = self._needs_no_build()

    def compute_mask(self, inputs, mask=None):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(counts, inputs, ops.cast(0, inputs.dtype))

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "mask_value": self.mask_value}


class Rescaling(Layer):
    """scale · x + offset: pixels from [0, 255] to [0, 1] by Rescaling(1 / 255).

    Args:
        scale: a number, or one for each channel.
        offset: a number, or one for each channel.
        **kwargs: see `Layer`.

    Input of any shape, output of the same, of the layer's float type.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.scale, self.offset = scale, offset
        self._scale, self._offset = (self._numbers(value, name) for name, value in (("scale", scale), ("offset", offset)))
        self.built = self._needs_no_build()

    def _numbers(self, value, name):
        try:
            numbers = np.asarray(value, self.dtype)
        except (TypeError, ValueError):
            numbers = None
        if numbers is None or not np.isfinite(numbers).all():
            raise ValueError(f"Rescaling '{self.name}': `{name}` must be finite numbers. Received: {name}={value!r}")
        return float(numbers) if numbers.ndim == 0 else numbers.tolist()

    def call(self, inputs):
        return ops.add(ops.multiply(ops.cast(inputs, self.dtype), self._scale), self._offset)

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        own = {"scale": self.scale, "offset": self.offset}
        own = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in own.items()}
        return {**super().get_config(), **own}


class Lambda(Layer):
    """A function of the input as a layer.

    Args:
        function: of the input, made of `refnet.ops`; it may have arguments `mask` and `training`.
        output_shape: without the batch, or a function of the input's shape; None: found by itself.
        mask: the mask of the output, or a function of (inputs, mask).
        arguments: further arguments of `function`, a dict.
        **kwargs: see `Layer`.

    A function has no weights: those of variables that it uses are not trained with the model. A subclass of `Layer` has them.

    A configuration names the function and does not hold its code: to read one, give the function a name (`def`, not `lambda`) and
    pass it in `custom_objects`, or decorate it with `refnet.utils.register_keras_serializable()`.

    Example:
        >>> refnet.layers.Lambda(lambda x: x**2)(np.array([1.0, 2.0], "float32"))
        array([1., 4.], dtype=float32)
    """

    def __init__(self, function: Any, output_shape: Any = None, mask: Any = None, arguments: dict | None = None, **kwargs):
        super().__init__(**kwargs)
        if not callable(function):
            raise ValueError(f"Lambda '{self.name}': `function` must be a function of the input. Received: {function!r}")
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        names = _argument_names(function)
        self._takes_mask, self._takes_training = "mask" in names, "training" in names
        self.built = self._needs_no_build()

    def call(self, inputs, mask=None, training=None):
        extra = dict(self.arguments)
        if self._takes_mask:
            extra["mask"] = mask
        if self._takes_training:
            extra["training"] = training
        return self.function(inputs, **extra)

    def compute_output_shape(self, input_shape: Any):
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        if self._output_shape is not None:
            batch = tree.flatten(input_shape)[0]
            return tree.map_shape_structure(lambda shape: (batch, *shape), self._output_shape)
        inputs = tree.map_shape_structure(lambda shape: graph.KerasTensor(shape, self.dtype), input_shape)
        return tree.map_structure(lambda y: tuple(y.shape), self._trace((inputs,), {}))

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self):
        config = {**super().get_config(), "function": self.function, "arguments": self.arguments}
        if self._output_shape is not None:
            config["output_shape"] = self._output_shape
        return config if self.mask is None else {**config, "mask": self.mask}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("function", "output_shape", "mask"):
            value = config.get(name)
            if isinstance(value, dict):
                if "lambda" in str(value.get("class_name")) or "<lambda>" in str(value.get("config")):
                    raise ValueError(
                        f"Lambda '{config.get('name')}': the {name} was written as a `lambda`, and code from a configuration is "
                        "not run here. Write it with `def`, and pass custom_objects={'its_name': its_name}."
                    )
                config[name] = serialization.deserialize_keras_object(value)
        return cls(**config)


def _argument_names(function) -> tuple:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # compiled, without a signature
        return ()
