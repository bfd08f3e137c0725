"""Every optimizer and schedule beside the real Keras: numbers over fifty steps, variables, configurations, signatures.

Without Keras installed nothing here runs; the golden file (test_golden.py) holds Keras' numbers for that case.
"""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import optimizer_grid as grid
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")  # Keras on JAX
CASES = pytest.mark.parametrize(("name", "options"), grid.CASES, ids=[grid.case_id(*case) for case in grid.CASES])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Keras' numbers, in float64: by a process of its own, on NumPy (eager JAX would take minutes)."""
    file = tmp_path_factory.mktemp("keras") / "optimizers.npz"
    script = Path(__file__).resolve().parent / "golden" / "optimizers_by_keras.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    subprocess.run([sys.executable, str(script), str(file)], check=True, timeout=600, env=environment)
    with np.load(file) as arrays:
        return dict(arrays)


@CASES
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 3e-5)])
def test_the_same_numbers(rn, theirs, name, options, dtype, tolerance):
    starts, gradients = grid.data()
    variables = [rn.Variable(np.asarray(s, dtype), name=f"k{i}") for i, s in enumerate(starts)]
    optimizer = getattr(rn.optimizers, name)(**grid.arguments(name, options))
    case = grid.case_id(name, options)

    def compare(key, value, tolerance):
        np.testing.assert_allclose(value, theirs[f"{case}/{key}"], rtol=tolerance, atol=tolerance, err_msg=key)

    for step, grads in enumerate(gradients):
        optimizer.apply([g.astype(dtype) for g in grads], variables)
        if f"{case}/w0_{step}" in theirs:
            for i, variable in enumerate(variables):
                assert variable.dtype == dtype
                compare(f"w{i}_{step}", variable.value, tolerance)
    names = [str(n) if not n.startswith("variable") else "variable" for n in theirs[f"{case}/names"]]
    assert [v.name for v in optimizer.variables] == names       # Nadam's product has no name: Keras counts it
    for i, variable in enumerate(optimizer.variables):
        compare(f"state{i}", variable.value, 10 * tolerance)
    optimizer.finalize_variable_values(variables)
    for i, variable in enumerate(variables):
        compare(f"final{i}", variable.value, tolerance)


def pair(rn, name, options):
    arguments = {**grid.RULES[name], **options}
    return getattr(rn.optimizers, name)(**arguments), getattr(keras.optimizers, name)(**arguments)


def without_rate(config):
    """Keras reads its learning rate back from a float32."""
    return {key: value for key, value in config.items() if key != "learning_rate"}


@CASES
def test_configurations_are_exchanged(rn, name, options):
    optimizer, reference = pair(rn, name, {**options, "name": "mine"})
    ours, theirs = optimizer.get_config(), reference.get_config()
    assert list(ours) == list(theirs) and without_rate(ours) == without_rate(theirs)
    assert ours["learning_rate"] == pytest.approx(theirs["learning_rate"], rel=1e-6)
    serialized = rn.optimizers.serialize(optimizer)
    back = keras.saving.deserialize_keras_object(serialized)  # keras.optimizers.deserialize does not know its own Lamb
    assert type(back) is type(reference) and back.get_config() == theirs
    back = rn.optimizers.deserialize(keras.optimizers.serialize(reference))
    assert type(back) is type(optimizer) and without_rate(back.get_config()) == without_rate(ours)


@pytest.mark.parametrize("name", grid.RULES)
def test_names_signatures_and_defaults(rn, name):
    cls, reference = getattr(rn.optimizers, name), getattr(keras.optimizers, name)
    ours, theirs = inspect.signature(cls).parameters, inspect.signature(reference).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
    for spelling in (name, name.lower(), name.upper()):
        assert type(rn.optimizers.get(spelling)) is cls
        if name != "Lamb":  # which Keras forgot in its own list
            assert type(keras.optimizers.get(spelling)) is reference
        config = {"class_name": spelling, "config": {"learning_rate": 0.5}}
        assert float(rn.optimizers.get(config).learning_rate) == 0.5
    rn.utils.clear_session()
    keras.utils.clear_session()
    assert [cls().name, cls().name] == [reference().name, reference().name]


@pytest.mark.parametrize(("name", "config"), grid.SCHEDULES, ids=[grid.schedule_id(*case) for case in grid.SCHEDULES])
def test_schedules(rn, theirs, name, config):
    schedule, reference = getattr(rn.optimizers.schedules, name)(**config), getattr(keras.optimizers.schedules, name)(**config)
    rates = [schedule(step) for step in range(grid.STEPS)]
    np.testing.assert_allclose(rates, theirs[grid.schedule_id(name, config)], rtol=1e-6, atol=1e-8)  # boundaries in float32
    assert list(inspect.signature(type(schedule)).parameters) == list(inspect.signature(type(reference)).parameters)
    assert schedule.get_config() == reference.get_config()
    back = rn.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(reference))
    assert type(back) is type(schedule) and back.get_config() == schedule.get_config()
    back = keras.optimizers.schedules.deserialize(rn.optimizers.schedules.serialize(schedule))
    assert type(back) is type(reference) and back.get_config() == schedule.get_config()
    optimizer = rn.optimizers.SGD(schedule)
    assert keras.optimizers.deserialize(rn.optimizers.serialize(optimizer)).get_config() == keras.optimizers.SGD(
        reference, name=optimizer.name).get_config()  # fmt: skip


@pytest.mark.parametrize("name", grid.WRAPPED)
def test_optimizers_around_optimizers(rn, theirs, name):
    optimizer, reference = (grid.WRAPPED[name](where) for where in (rn.optimizers, keras.optimizers))
    assert optimizer.get_config() == reference.get_config()
    assert rn.optimizers.serialize(optimizer) == keras.optimizers.serialize(reference)
    back = rn.optimizers.deserialize(keras.optimizers.serialize(reference))
    assert type(back) is type(optimizer) and back.get_config() == optimizer.get_config()
    back = keras.optimizers.deserialize(rn.optimizers.serialize(optimizer))
    assert type(back) is type(reference) and back.get_config() == reference.get_config()
    variables = [rn.Variable(start, name=f"k{i}") for i, start in enumerate(grid.data()[0])]
    for grads in grid.wrapped_gradients(name):
        optimizer.apply(grads, variables)
    assert [v.name for v in optimizer.variables] == theirs[f"{name}/names"].tolist()
    for i, variable in enumerate((*variables, *optimizer.variables)):
        np.testing.assert_allclose(variable.value, theirs[f"{name}/{i}"], rtol=1e-11, atol=1e-11, err_msg=variable.name)
