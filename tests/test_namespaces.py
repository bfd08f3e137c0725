"""refnet and refnet_fast: the same names, and each runs its own kernels."""
import contextlib
import copy
import inspect
import os
import pickle
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

import refnet
from refnet import backend
from refnet.kernels.arrays import SHARED

MODULES = ["", "activations", "callbacks", "constraints", "datasets", "gradcheck", "initializers", "layers", "losses", "metrics",
           "models", "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "optimizers", "random", "regularizers",
           "utils", "visualize"]


@contextlib.contextmanager
def counting(*modules):
    """How often kernels of each module run (the shared array functions are nobody's)."""
    counts = {module.NAME: 0 for module in modules}
    originals = []
    for module in modules:
        for name in dir(module):
            function = getattr(module, name)
            if name in SHARED or not callable(function) or not name.endswith(("_forward", "_backward", "_update")):
                continue

            def counted(*args, _function=function, _name=module.NAME, **kwargs):
                counts[_name] += 1
                return _function(*args, **kwargs)

            originals.append((module, name, function))
            setattr(module, name, counted)
    try:
        yield counts
    finally:
        for module, name, function in originals:
            setattr(module, name, function)


@pytest.fixture
def counts(fast):
    with counting(refnet.kernels, fast.kernels) as counts:
        yield counts


def resolve(package, module):
    for name in module.split(".") if module else ():
        package = getattr(package, name)
    return package


@pytest.mark.parametrize("module", MODULES)
def test_the_namespaces_mirror_each_other(module, fast):
    ours, theirs = resolve(refnet, module), resolve(fast, module)
    assert theirs.__name__ == ("refnet_fast." + module).rstrip(".")
    extra = {"get_num_threads", "kernels", "release_memory", "set_num_threads", "show_config"} if not module else set()
    assert set(theirs.__all__) - extra == set(ours.__all__)
    for name in ours.__all__:
        a, b = getattr(ours, name), getattr(theirs, name)
        assert inspect.getdoc(a) == inspect.getdoc(b), name
        if inspect.isclass(a):
            assert issubclass(b, a)
            if issubclass(a, BaseException):
                assert b is a                                 # one `except` catches both
                continue
            if b is not a:
                assert b.__name__ == a.__name__ and b.__module__.startswith("refnet_fast")
        if callable(a):
            assert str(inspect.signature(a)) == str(inspect.signature(b)), name


def test_the_hierarchy_is_mirrored(fast):
    assert issubclass(fast.layers.Dense, fast.layers.Layer)
    assert issubclass(fast.layers.Dense, refnet.layers.Dense)
    assert issubclass(fast.Sequential, fast.Model) and issubclass(fast.Model, fast.Layer)
    assert issubclass(fast.optimizers.Adam, fast.optimizers.Optimizer)
    assert not issubclass(refnet.layers.Dense, fast.layers.Layer)
    assert fast.layers.Dense(2)._backend == "fast" and refnet.layers.Dense(2)._backend is None


def network(namespace, dtype="float32"):
    namespace.utils.set_random_seed(3)
    model = namespace.Sequential([namespace.Input((4,), dtype=dtype), namespace.layers.Dense(8, activation="relu", dtype=dtype),
                                  namespace.layers.Dropout(0.2, dtype=dtype), namespace.layers.Dense(3, dtype=dtype)])
    model.compile("adam", namespace.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 40)


def use(model):
    model.fit(X, Y, epochs=1, batch_size=8, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    model.train_on_batch(X, Y)
    model(X)


def test_refnet_runs_reference_kernels_only(counts):
    use(network(refnet))
    assert counts["reference"] > 0 and counts["fast"] == 0


def test_refnet_fast_runs_fast_kernels_only(counts, fast):
    use(network(fast))
    assert counts["fast"] > 0 and counts["reference"] == 0


def test_use_backend_moves_refnets_objects(counts, fast):
    model = network(refnet)
    with refnet.use_backend("fast"):
        use(model)
    assert counts["fast"] > 0 and counts["reference"] == 0
    use(model)
    assert counts["reference"] > 0


def test_use_backend_does_not_move_refnet_fasts_objects(counts, fast):
    model = network(fast)
    with refnet.use_backend("reference"):
        use(model)
    assert counts["reference"] == 0


@pytest.mark.parametrize("make", [
    lambda ns: ns.layers.Dense(3), lambda ns: ns.layers.Activation("tanh"), lambda ns: ns.activations.tanh,
    lambda ns: ns.ops.softmax, lambda ns: ns.activations.softmax,
])
def test_layers_and_functions_run_their_own(counts, fast, make):
    make(fast)(X)
    assert counts["fast"] > 0 and counts["reference"] == 0
    make(refnet)(X)
    assert counts["reference"] > 0


def test_losses_tapes_and_value_and_grad_run_their_own(counts, fast):
    fast.losses.MeanSquaredError()(X, X + 1)
    fast.losses.mean_squared_error(X, X + 1)
    with fast.GradientTape() as tape:
        x = fast.ops.convert_to_tensor(X)
        tape.watch(x)
        y = x @ np.ones((4, 2), np.float32)
    tape.gradient(y, x)
    fast.value_and_grad(lambda x: (x @ np.ones((4, 2), np.float32)).sum())(X)
    assert counts["fast"] > 0 and counts["reference"] == 0


def test_a_refnet_layer_inside_a_fast_model_runs_fast(counts, fast):
    model = fast.Sequential([fast.Input((4,)), refnet.layers.Dense(3, activation=refnet.activations.relu), fast.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y.astype("float32"), verbose=0)
    assert counts["reference"] == 0


def test_a_fast_function_is_fused_in_a_refnet_layer(fast):
    """An activation function of either namespace means the same fused name."""
    for function in (refnet.activations.relu, fast.activations.relu, "relu"):
        for namespace in (refnet, fast):
            layer = namespace.layers.Dense(3, activation=function)
            layer(X)
            assert layer.get_config()["activation"] == "relu"


def test_names_and_configs_make_their_own_classes(fast):
    model = fast.Sequential([fast.Input((4,)), fast.layers.Dense(3, kernel_initializer="he_normal", activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert type(model.optimizer) is fast.optimizers.Adam
    assert type(fast.optimizers.get("adam")) is fast.optimizers.Adam
    assert type(fast.losses.get("mse")) in (fast.losses.MeanSquaredError, types.FunctionType)
    assert type(refnet.optimizers.get("adam")) is refnet.optimizers.Adam
    twin = fast.Sequential.from_config(model.get_config())
    assert type(twin) is fast.Sequential and type(twin.layers[0]) is fast.layers.Dense
    clone = fast.models.clone_model(model)
    assert type(clone) is fast.Sequential and type(clone.layers[0]) is fast.layers.Dense
    ours = refnet.Sequential.from_config(model.get_config())
    assert type(ours) is refnet.Sequential and type(ours.layers[0]) is refnet.layers.Dense


def test_functional_models_of_the_twin(fast):
    inputs = fast.Input((4,))
    model = fast.Model(inputs, fast.layers.Dense(2)(inputs))
    assert isinstance(model, fast.Model) and model._backend == "fast"


def test_pickle_and_deepcopy(fast):
    for namespace in (refnet, fast):
        model = network(namespace)
        model.fit(X, Y, verbose=0)
        for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert type(copied) is type(model)
            np.testing.assert_array_equal(copied.predict(X, verbose=0), model.predict(X, verbose=0))
    inputs = fast.Input((4,))
    model = fast.Model(inputs, fast.layers.Dense(2)(inputs))
    copied = pickle.loads(pickle.dumps(model))
    assert type(copied) is type(model)
    np.testing.assert_array_equal(copied(X), model(X))


def test_both_at_once_in_threads(counts, fast):
    errors = []

    def work(namespace):
        try:
            model = network(namespace)
            for _ in range(5):
                model.predict(X, verbose=0)
                model.train_on_batch(X, Y)
        except Exception as error:                            # reported by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(ns,)) for ns in (refnet, fast) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert counts["reference"] > 0 and counts["fast"] > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_twins_train_alike(fast, dtype):
    """Same seed, same data, same masks: the same weights but for rounding."""
    weights = []
    for namespace in (refnet, fast):
        model = network(namespace, dtype)
        model.fit(X.astype(dtype), Y, epochs=5, batch_size=8, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 if dtype == "float32" else 1e-12)


def test_same_seed_same_run_bit_for_bit(rn):
    first, second = network(rn), None
    first.fit(X, Y, epochs=3, batch_size=8, verbose=0)
    second = network(rn)
    second.fit(X, Y, epochs=3, batch_size=8, verbose=0)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_threads_do_not_change_a_run(fast):
    runs = []
    before = fast.get_num_threads()
    for threads in (1, 2, 4):
        fast.set_num_threads(threads)
        try:
            fast.utils.set_random_seed(0)
            model = fast.Sequential([fast.Input((300,)), fast.layers.Dense(256, activation="relu"), fast.layers.Dense(10)])
            model.compile("rmsprop", "mse")
            data = np.random.default_rng(0).normal(size=(512, 310)).astype("float32")
            model.fit(data[:, :300], data[:, 300:], batch_size=128, epochs=2, verbose=0)
            runs.append(model.get_weights())
        finally:
            fast.set_num_threads(before)
    for other in runs[1:]:
        for a, b in zip(runs[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_unknown_backend():
    with pytest.raises(ValueError, match="'reference'.*'fast'"), refnet.use_backend("turbo"):
        pass
    assert backend.backend() in ("reference", "fast")


def run(code, **environment):
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True)


def test_environment_variable(fast):
    code = "import refnet, numpy; refnet.layers.Dense(2)(numpy.ones((1, 2))); print(refnet.backend.backend())"
    assert run(code, REFNET_BACKEND="fast").stdout.strip() == "fast"
    assert run(code, REFNET_BACKEND="reference").stdout.strip() == "reference"
    wrong = run(code, REFNET_BACKEND="turbo")
    assert wrong.returncode and "REFNET_BACKEND is 'turbo'" in wrong.stderr


def test_importing_refnet_fast_changes_nothing_about_refnet(fast):
    code = "import refnet_fast, refnet; print(refnet.backend.backend(), refnet.Sequential._backend)"
    assert run(code, REFNET_BACKEND="").stdout.strip() == "reference None"


def test_importing_refnet_fast_leaves_the_environment_alone(fast):
    code = "import os; before = dict(os.environ); import refnet_fast; print(dict(os.environ) == before)"
    assert run(code).stdout.strip() == "True"
