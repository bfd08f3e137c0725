"""InputSpec: what a layer expects of its inputs, checked at each call."""

import numpy as np

from refnet.utils import tree

__all__ = ["InputSpec"]


class InputSpec:
    """Rank, shape and type that an input must have.

    Args:
        dtype: the type, or None for any.
        shape: the shape, None for any size; an axis that is None may have any size.
        ndim: the number of axes.
        max_ndim: the greatest number of axes.
        min_ndim: the least number of axes.
        axes: `{axis: size}` for some axes, negative ones counting from the end.
        allow_last_axis_squeeze: let a last axis of size 1 be missing or extra.
        name: the name of the input.
        optional: let the input be None.
    """

    def __init__(
        self,
        dtype=None,
        shape=None,
        ndim=None,
        max_ndim=None,
        min_ndim=None,
        axes=None,
        allow_last_axis_squeeze=False,
        name=None,
        optional=False,
    ):
        self.dtype = None if dtype is None else np.dtype(dtype).name
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        if self.axes and (self.ndim is not None or max_ndim is not None):
            largest = (self.ndim if self.ndim is not None else max_ndim) - 1
            if max(self.axes) > largest:
                raise ValueError(f"InputSpec: axis {max(self.axes)} is greater than the greatest axis, {largest}.")

    def get_config(self) -> dict:
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
        }

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self):
        fields = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if v not in (None, False, {}))
        return f"InputSpec({fields})"

    def problem(self, shape, dtype) -> str | None:
        """What is wrong with an input of this shape and type: None if nothing."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim and not self.allow_last_axis_squeeze:
            return f"expected ndim={self.ndim}, found ndim={rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected at most {self.max_ndim} axes (max_ndim), found ndim={rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            remedy = ", e.g. x[:, np.newaxis] for one feature or x[np.newaxis] for one sample" if rank == 1 else ""
            wanted = f"at least {self.min_ndim} axes (min_ndim), the first being the batch{remedy}"
            return f"expected {wanted}; found ndim={rank}"
        if self.dtype is not None and np.dtype(dtype).name != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={np.dtype(dtype).name}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] is not None and shape[axis] != size:
                return f"expected axis {axis} of the input to have size {size}, found size {shape[axis]}"
        if self.shape is not None:
            wanted, found = self.shape, tuple(shape)
            if self.allow_last_axis_squeeze:
                wanted = wanted[:-1] if wanted and wanted[-1] == 1 else wanted
                found = found[:-1] if found and found[-1] == 1 else found
            if len(wanted) != len(found) or any(
                w is not None and f is not None and w != f for w, f in zip(wanted, found, strict=True)
            ):
                return f"expected shape={self.shape}"
        return None


def assert_input_compatibility(input_spec, inputs, layer) -> None:
    """Check the inputs of a layer against its `input_spec`.

    Raises:
        ValueError: naming the layer, what it expects, and the shape it was given.
    """
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict) and all(spec is not None and spec.name for spec in specs):
        missing = [spec.name for spec in specs if spec.name not in inputs]
        if missing:
            raise ValueError(f"Layer '{layer.name}': missing input {missing[0]!r}. Received keys {list(inputs)}.")
        inputs = [inputs[spec.name] for spec in specs]
    leaves = tree.flatten(inputs)
    if len(leaves) != len(specs):
        raise ValueError(
            f"Layer '{layer.name}' ({type(layer).__name__}) expects {len(specs)} input(s), received {len(leaves)}."
        )
    for index, (x, spec) in enumerate(zip(leaves, specs, strict=True)):
        if spec is None or (x is None and spec.optional):
            continue
        if not hasattr(x, "shape"):
            raise ValueError(
                f"Layer '{layer.name}' ({type(layer).__name__}) wants arrays; received {x!r} of type "
                f"{type(x).__name__}. Convert it with numpy.asarray()."
            )
        problem = spec.problem(x.shape, x.dtype)
        if problem:
            which = f"Input {index} of layer" if len(specs) > 1 else "The input of layer"
            raise ValueError(
                f"{which} '{layer.name}' ({type(layer).__name__}) is incompatible with it: {problem}. "
                f"Full shape received: {tuple(x.shape)}"
            )
