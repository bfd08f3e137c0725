"""Live comparison of the layers of conv_grid.py with the real Keras (on JAX), where that is installed: values,
gradients, state."""

import importlib.util
import inspect
import os

import conv_grid
import conv_layers
import pytest

import refnet

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_ENABLE_X64", "1")
missing = [name for name in ("keras", "jax") if importlib.util.find_spec(name) is None]
if missing:
    pytest.skip(
        f"not installed: {', '.join(missing)}; test_conv_golden.py compares the golden file instead", allow_module_level=True
    )
pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own


@pytest.fixture(scope="module")
def by_keras():
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent / "golden"))
    import by_keras

    return by_keras


@pytest.fixture(scope="module")
def computed(by_keras):
    """Each case is computed once by Keras, in float64, for both namespaces and both types."""
    found = {}

    def compute(id):
        if id not in found:
            found[id] = by_keras.run(id)
        return found[id]

    return compute


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("id", list(conv_grid.GRID))
def test_layers_equal_keras(rn, computed, id, dtype):
    conv_layers.check(rn, id, dtype, computed(id))


@pytest.mark.parametrize(
    "name",
    sorted(
        {case[0] for case in conv_grid.GRID.values()}
        | {"SpectralNormalization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
    ),
)
def test_constructors_have_keras_arguments_and_defaults(by_keras, name):
    ours = inspect.signature(getattr(refnet.layers, name).__init__).parameters
    theirs = inspect.signature(getattr(by_keras.keras.layers, name).__init__).parameters
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize("id", [id for id in conv_grid.GRID if "empty" not in id])
def test_configurations_equal_keras(by_keras, id):
    """Keras reads our configuration and we read Keras': both say the same."""
    name, config, _, _ = conv_grid.GRID[id]
    theirs = getattr(by_keras.keras.layers, name)(**config, name="layer")
    ours = getattr(refnet.layers, name)(**config, name="layer")
    own = ours.get_config()
    said = {key: value for key, value in theirs.get_config().items() if key not in ("dtype", "rms_scaling")}
    assert set(said) - set(own) <= {"activity_regularizer"}
    for key, value in said.items():
        if key in own and not key.endswith("initializer"):
            assert plain(own[key]) == plain(value), key
    twin = type(ours).from_config(theirs.get_config())
    assert twin.get_config() == own
    back = type(theirs).from_config({k: v for k, v in own.items() if not k.endswith("initializer")})
    assert {k: plain(v) for k, v in back.get_config().items() if "initializer" not in k and k != "dtype"} == {
        k: plain(v) for k, v in theirs.get_config().items() if "initializer" not in k and k != "dtype"
    }


def plain(value):
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value
