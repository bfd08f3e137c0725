"""Every array that an op makes of another array comes out of a kernel of `backend.active()`: a recorder posing as the kernel set
sees every step, and what it does not see are constants."""

import cases
import cases_ops as table
import numpy as np
import pytest

import refnet.kernels
from refnet import backend, graph, ops
from refnet.autodiff import GradientTape, Tensor
from refnet.ops._op import OPS


class Recorder:
    """A kernel set that notes what it is called with and what it gives."""

    NAME = "reference"

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        kernel = getattr(refnet.kernels, name)
        if not callable(kernel):
            return kernel

        def noted(*args, **kwargs):
            result = kernel(*args, **kwargs)
            self.calls.append((name, [*args, *kwargs.values()], result))
            return result

        return noted


def arrays_in(structure):
    return [x for x in graph.flatten(structure) if isinstance(x, np.ndarray)]


def _first_output(name):
    """A cross-entropy is not differentiated by its target."""
    return 1 if "crossentropy" in name else 0


# its second result is written by the kernel into an argument, until a record has several outputs
WRITTEN = frozenset(("normalize_batch",))


def steps(name, args, kwargs, recording, monkeypatch):
    """(the constants given to kernels, the arrays that are no kernel's result) of one call."""
    recorder = Recorder()
    with monkeypatch.context() as patch:
        patch.setattr(backend.scope(), "kernels", recorder)
        if recording:
            position = next(
                (
                    i
                    for i, x in enumerate(args)
                    if i >= _first_output(name) and isinstance(x, np.ndarray) and x.dtype.kind == "f"
                ),
                None,
            )
            if position is None or (name == "weighted_sum" and position > 0):
                return [], []
            args = list(args)
            args[position] = ops.convert_to_tensor(args[position])
            with GradientTape() as tape:
                tape.watch(args[position])
                y = OPS[name](*args, **kwargs)
        else:
            y = OPS[name](*args, **kwargs)
    given = [x.value if isinstance(x, Tensor) else x for x in graph.flatten((list(args), kwargs))]
    known = {id(x) for x in given if isinstance(x, np.ndarray)}
    constants = []
    for kernel, inputs, result in recorder.calls:
        for x in arrays_in(inputs) if kernel != "constant_array" else ():
            if id(x) not in known:
                constants.append(x)
                known.add(id(x))
        known |= {id(x) for x in arrays_in(result)}
    results = [y.value if isinstance(y, Tensor) else y for y in graph.flatten(y)]
    return constants, [r for r in results if isinstance(r, np.ndarray) and id(r) not in known]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize("name, args, kwargs", [p for p in table.cases() if p.values[0] not in WRITTEN])
def test_every_step_is_a_kernels(name, args, kwargs, recording, dtype, monkeypatch):
    def make(seed):
        rng = np.random.default_rng(seed)
        return table.filled(
            (args, kwargs),
            lambda x: (
                x.array(dtype)
                if (x.dtype or dtype).startswith(("int", "bool")) and x.dtype is not None
                else rng.uniform(1, 9, x.shape).astype(x.dtype or dtype)
            ),
        )

    constants, unseen = steps(name, *make(1), recording, monkeypatch)
    assert unseen == [], "this result is no kernel's"
    assert constants == [], "this array was made outside kernels: constants are declared by constant_array or made by filled"


def test_kernels_give_arrays():
    """0-d arrays too, where NumPy makes scalars of them; forward and backward."""

    for case in cases.SHARED_CASES:
        y, saved = case.forward(refnet.kernels)
        without = case.forward(refnet.kernels, save=False)[0]
        assert {type(part) for structure in (y, without) for part in graph.flatten(structure)} == {np.ndarray}, case.id
        for gradient in case.backward(refnet.kernels, graph.map_structure(np.ones_like, y), saved):
            assert gradient is None or type(gradient) is np.ndarray, case.id
