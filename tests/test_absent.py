"""What Keras has and refnet has not: it says so by its name, and everything that probes for attributes still works."""

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest

from refnet import absent, keras_names
from refnet.keras_names import METHODS, NAMES


def get(root, path):
    for part in filter(None, path.split(".")):
        root = getattr(root, part)
    return root


def has(module, name):
    """Without the module's `__getattr__`, which is what is tested here."""
    return name in vars(module) or name in module.__all__


def missing(rn):
    """Every name of Keras that refnet lacks, in the modules that it has."""
    for path, names in NAMES.items():
        try:
            module = get(rn, path)
        except AttributeError:
            continue
        yield from ((path, name) for name in names.split() if not has(module, name))


def test_there_is_something_to_test(rn):
    """As long as refnet lacks something; then this file, `refnet.absent` and `refnet.keras_names` may go."""
    assert len(list(missing(rn))) > 0


def test_every_missing_name_of_a_module(rn):
    for path, name in missing(rn):
        module, dotted = get(rn, path), f"{path}.{name}" if path else name
        with pytest.raises(AttributeError, match=rf"^Keras has {dotted}; refnet does not have it yet\. \S") as caught:
            getattr(module, name)
        assert caught.value.name == name
        assert not hasattr(module, name) and getattr(module, name, 3) == 3
        with pytest.raises(ImportError, match=rf"^Keras has {dotted}; refnet does not have it yet\. \S"):
            exec(f"from {module.__name__} import {name}", {})


def test_no_name_that_is_there_is_called_missing(rn):
    for path, names in NAMES.items():
        try:
            module = get(rn, path)
        except AttributeError:
            continue
        for name in names.split():
            if has(module, name):
                assert absent.in_keras(path, name) is None
                exec(f"from {module.__name__} import {name}", {})


def test_a_name_that_is_added_leaves_the_list_by_itself(rn, monkeypatch):
    path, name = next((path, name) for path, name in missing(rn) if path == "layers")
    text = f"Unknown class in keras.layers: {name!r}. Keras has layers.{name}"
    config = {"module": "keras.layers", "class_name": name, "config": {}}
    with pytest.raises(ValueError, match=text):
        rn.layers.deserialize(config)
    for namespace in {rn, importlib.import_module("refnet")}:
        monkeypatch.setattr(namespace.layers, name, int, raising=False)
    assert getattr(rn.layers, name) is int
    assert absent.in_keras(path, name) is None


@pytest.mark.parametrize("statement", ["{}.layers.Dens", "from {}.layers import Dens", "from {} import optimizer",
                                       "{}.metric", "{}.ops.image.resise"])
def test_typos_are_told_the_nearest_name(rn, statement):
    with pytest.raises((AttributeError, ImportError), match=r"has no attribute '\w+'\. Did you mean '\w+'\?"):
        exec(statement.format(rn.__name__), {rn.__name__: rn})


def test_nothing_alike_nothing_suggested(rn):
    with pytest.raises(AttributeError, match=rf"module '{rn.__name__}' has no attribute 'qqqq'\.$"):
        _ = rn.qqqq


def test_submodules_that_are_not_imported_yet_still_are():
    code = "import sys, refnet; assert 'refnet.plotting' not in sys.modules; from refnet import plotting; import refnet.cli"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], timeout=60).returncode == 0


def test_what_python_prints_has_no_second_suggestion():
    """Python appends "Did you mean" of its own to an AttributeError whose object it knows."""
    for code in ("refnet.layers.LSTM", "refnet.layers.Dens", "refnet.Sequential().save"):
        done = subprocess.run([sys.executable, "-c", f"import refnet; {code}"], capture_output=True, text=True, timeout=60)
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("AttributeError: ") and last.count("Did you mean") == (code == "refnet.layers.Dens")


class TestStrings:
    @pytest.mark.parametrize(("arguments", "name"), [
        ({"loss": "ctc"}, "losses.ctc"), ({"loss": "CTC"}, "losses.CTC"),
    ])  # fmt: skip
    def test_of_compile(self, rn, arguments, name):
        path, _, attribute = name.partition(".")
        if attribute in vars(get(rn, path)):
            pytest.skip(f"refnet has {name} now: choose another")
        model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(1)])
        with pytest.raises(ValueError, match=rf"Keras has {name}; refnet does not have it yet"):
            model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments})
            model.fit(np.zeros((2, 2)), np.zeros((2, 1)), verbose=0)

    @pytest.mark.parametrize(("argument", "value", "name"), [
        ("kernel_initializer", "stft", "initializers.stft"),
        ("kernel_regularizer", "orthogonal_regularizer", "regularizers.orthogonal_regularizer"),
    ])  # fmt: skip
    def test_of_layers(self, rn, argument, value, name):
        with pytest.raises(ValueError, match=rf"Keras has {name}; refnet does not have it yet"):
            rn.layers.Dense(2, **{argument: value})

    def test_typos_are_typos(self, rn):
        with pytest.raises(ValueError, match=r"Unknown activation: 'rlu'\. Did you mean 'relu'\?"):
            rn.layers.Dense(2, activation="rlu")


class TestMethods:
    def things(self, rn):
        model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(1), rn.layers.Dropout(0.5)])
        model.compile("adam", "mse", metrics=["mae"])
        mean = rn.metrics.Mean()
        return {"Model": model, "Layer": rn.layers.Dropout(0.5), "Dense": model.layers[0], "Optimizer": model.optimizer,
                "Metric": mean, "Loss": rn.losses.MeanSquaredError(), "Callback": rn.callbacks.Callback(),
                "KerasTensor": model.inputs[0], "Variable": model.layers[0].kernel}  # fmt: skip

    def test_every_missing_method(self, rn):
        found = 0
        for class_name, thing in self.things(rn).items():
            for name in METHODS[class_name].split():
                if hasattr(thing, name):
                    assert not isinstance(inspect.getattr_static(thing, name), absent._Absent)
                    continue
                found += 1
                with pytest.raises(AttributeError, match=rf"Keras has \w+\.{name}; refnet does not have it yet\."):
                    getattr(thing, name)
                with pytest.raises(AttributeError, match=rf"Keras has \w+\.{name}"):
                    getattr(type(thing), name)
                assert getattr(thing, name, None) is None
                assert name not in dir(thing)
        assert found

    def test_the_remedies_work(self, rn, tmp_path):
        model = self.things(rn)["Model"]
        for name in ("save", "save_weights", "load_weights"):
            if not hasattr(model, name):
                with pytest.raises(AttributeError, match=r"numpy\.savez\('w\.npz'.*\.values\(\)\).*to_json\(\)"):
                    getattr(model, name)
        path = tmp_path / "weights.npz"
        np.savez(path, *model.get_weights())
        other = rn.models.model_from_json(model.to_json())
        with np.load(path) as stored:
            other.set_weights(stored.values())
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert rn.custom_gradient and rn.layers.Layer and rn.callbacks.Callback  # named by the other remedies

    def test_a_users_own_are_found(self, rn):
        class Saving:
            def save(self):
                return "saved"

            @property
            def quantize(self):
                return 4

        class Own(rn.Model, Saving):
            def call(self, x):
                return x

            def export(self):
                return "exported"

        class Dynamic(rn.Model):
            def __getattr__(self, name):
                if name == "load_weights":
                    return "dynamic"
                raise AttributeError(name)

        assert (Own().save(), Own().quantize, Own().export(), Own.save) == ("saved", 4, "exported", Saving.save)
        assert Dynamic().load_weights == "dynamic"
        model = rn.Sequential()
        model.save = lambda path: path
        assert model.save("x") == "x"

    def test_errors_of_properties_are_their_own(self, rn):
        class Broken(rn.layers.Layer):
            @property
            def width(self):
                return self.no_such_thing

        with pytest.raises(AttributeError, match="no_such_thing"):
            _ = Broken().width

    def test_copies_pickles_and_members(self, rn):
        model = self.things(rn)["Model"]
        x = np.ones((3, 2), "float32")
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
        assert "fit" in dict(inspect.getmembers(model))
        assert inspect.getdoc(rn.Model.fit)
        copy.copy(model.optimizer)
        copy.copy(rn.layers.Dense(2))


def test_modules_can_be_inspected(rn):
    for path in ("layers", "ops", "losses", ""):
        module = get(rn, path)
        assert inspect.getmembers(module, inspect.isclass) or inspect.getmembers(module, inspect.isfunction)
        assert inspect.unwrap(module) is module and not callable(module)
        assert isinstance(module, types.ModuleType)
        assert not set(dir(module)) & {name for p, name in missing(rn) if p == path}


def test_names_are_those_of_keras():
    keras = pytest.importorskip("keras")
    if f"Keras {keras.__version__}:" not in keras_names.__doc__:
        pytest.skip(f"written for another Keras than {keras.__version__}; scripts/make_keras_names.py writes it anew")
    for path in ("", "layers", "ops", "losses", "metrics", "optimizers.schedules"):
        public = {name for name in dir(get(keras, path)) if not name.startswith("_")}
        assert set(NAMES[path].split()) == public - {"src", "legacy", "version"}
