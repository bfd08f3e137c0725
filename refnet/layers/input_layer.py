"""Input: where a functional model begins."""

from typing import Any

import numpy as np

from refnet import backend, config, graph
from refnet.layers.layer import Layer

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The layer behind `Input`: it passes its input on.

    Args:
        shape: the shape of one sample, None for unknown sizes.
        batch_size: the number of samples, None for any.
        dtype: the type of the input, any NumPy type; None: `floatx()`.
        sparse: not supported.
        ragged: not supported.
        batch_shape: `(batch_size, *shape)` in one argument.
        input_tensor: an existing symbolic tensor to use.
        optional: let the input be None.
        name: the name of the layer and of the input.

    Raises:
        ValueError: for contradictory arguments.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse=None,
        ragged=None,
        batch_shape=None,
        input_tensor=None,
        optional=False,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if sparse or ragged:
            raise ValueError(
                f"InputLayer '{self.name}': sparse and ragged inputs are not supported; pass dense arrays."
            )
        if input_tensor is not None:
            if not graph.is_keras_tensor(input_tensor):
                raise ValueError(
                    f"InputLayer '{self.name}': `input_tensor` must be symbolic. Received: {input_tensor!r}"
                )
            self._check_tensor(input_tensor, shape, batch_size, batch_shape, dtype)
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
        elif shape is not None and batch_shape is not None:
            raise ValueError(f"InputLayer '{self.name}': pass either `shape` or `batch_shape`, not both.")
        elif batch_size is not None and batch_shape is not None:
            raise ValueError(
                f"InputLayer '{self.name}': pass either `batch_size` or `batch_shape`, which contains it, not both."
            )
        elif shape is None and batch_shape is None:
            raise ValueError(f"InputLayer '{self.name}': pass `shape`, the shape of one sample, e.g. shape=(784,).")
        if batch_shape is None:
            batch_shape = (batch_size, *_sizes(shape, self.name))
        self.batch_shape = _sizes(batch_shape, self.name)
        self.optional = optional
        self.sparse = self.ragged = False
        self._input_dtype = _any_dtype(dtype, self.name)
        if self._input_dtype in config.FLOAT_DTYPES:
            self._dtype = self._input_dtype
            self._numpy_dtype = np.dtype(self._dtype)
        self.built = True
        output = graph.KerasTensor(self.batch_shape, self._input_dtype, name=self.name)
        self._inbound_nodes.append(graph.Node(self, (), {}, output))

    def _check_tensor(self, tensor, shape, batch_size, batch_shape, dtype):
        """What is said beside `input_tensor` must be true of it."""
        said = {
            "shape": (None if shape is None else _sizes(shape, self.name), tuple(tensor.shape[1:])),
            "batch_size": (batch_size, tensor.shape[0] if tensor.shape else None),
            "batch_shape": (None if batch_shape is None else _sizes(batch_shape, self.name), tuple(tensor.shape)),
            "dtype": (None if dtype is None else _any_dtype(dtype, self.name), str(tensor.dtype)),
        }
        for argument, (given, actual) in said.items():
            if given is not None and given != actual:
                raise ValueError(
                    f"InputLayer '{self.name}': `input_tensor` has {argument}={actual!r}, but received "
                    f"{argument}={given!r}. Leave `{argument}` out."
                )

    @property
    def dtype(self) -> str:
        """The type of the input."""
        return self._input_dtype

    compute_dtype = variable_dtype = input_dtype = dtype_policy = dtype

    def call(self, inputs=None):
        return inputs

    def compute_output_shape(self, input_shape: Any):
        return tuple(input_shape)

    def get_config(self):
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            **({"optional": True} if self.optional else {}),
        }

    @classmethod
    def from_config(cls, config):
        batch_shape = config.get("batch_shape")
        if isinstance(batch_shape, dict):
            batch_shape = batch_shape["items"]
        return cls(**{**config, "batch_shape": None if batch_shape is None else tuple(batch_shape)})


def _sizes(shape, name):
    shape = (shape,) if shape is None or isinstance(shape, (int, np.integer)) else tuple(shape)
    for size in shape:
        if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0):
            raise ValueError(
                f"InputLayer '{name}': a shape consists of non-negative integers and None. Received: {shape}"
            )
    return tuple(None if size is None else int(size) for size in shape)


def _any_dtype(dtype, name):
    if dtype is None:
        return config.floatx()
    try:
        found = np.dtype(dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype)
    except TypeError:
        found = None
    if found is None or found.kind not in "fiub" or (found.kind == "f" and found.name not in config.FLOAT_DTYPES):
        raise ValueError(
            f"InputLayer '{name}': dtype={dtype!r} is not supported. Use 'float32', 'float64', an integer type or "
            "'bool'."
        )
    return found.name


def Input(
    shape=None,
    batch_size=None,
    dtype=None,
    sparse=None,
    ragged=None,
    batch_shape=None,
    name=None,
    tensor=None,
    optional=False,
):
    """A symbolic input: the start of a functional model.

    Args:
        shape: the shape of one sample, without the batch; None for unknown sizes.
        batch_size: the number of samples; None for any.
        dtype: the type; None: `floatx()`.
        sparse: not supported.
        ragged: not supported.
        batch_shape: `(batch_size, *shape)` in one argument.
        name: the name of the input.
        tensor: an existing symbolic tensor to start from.
        optional: let the input be None.

    Returns:
        A symbolic tensor. Layers and ops called on it give symbolic tensors.

    Example:
        >>> x = refnet.Input(shape=(784,))
        >>> model = refnet.Model(x, refnet.layers.Dense(10)(x))
    """
    layer = backend.localise(InputLayer)(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        name=name,
        input_tensor=tensor,
        optional=optional,
    )
    return layer.output
