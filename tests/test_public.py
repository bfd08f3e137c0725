"""The public names: declared in a package's stub, loaded when they are asked for."""
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import refnet
from refnet import public

PACKAGES = ["refnet", *(f"refnet.{p.parent.name}" for p in sorted(Path(refnet.__file__).parent.glob("*/__init__.pyi")))]


def declared(package):
    module = importlib.import_module(package)
    return public.read_stub(Path(module.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))


def fresh(code):
    """What a new process prints, read as JSON."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_stub_declares_is_there(package):
    module, names = importlib.import_module(package), declared(package)
    assert sorted(names) == module.__all__ == dir(module)
    for name, (home, there) in names.items():
        value = getattr(module, name)
        assert vars(module)[name] is value                          # the second time Python finds it by itself
        expected = importlib.import_module(f"{home}.{there}") if home == package else getattr(importlib.import_module(home), there)
        assert value is expected
        assert not home.startswith("_") and home.split(".")[0] == "refnet"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_has_the_name_of_something_else_that_is_public(package):
    """The import of a submodule writes its name into the package: over a function of that name, loaded or not."""
    module, names = importlib.import_module(package), declared(package)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    assert {name for name in modules & set(names) if names[name] != (package, name)} == set()


def test_import_refnet_loads_nothing_but_the_stub():
    loaded = fresh("import json, sys, refnet; print(json.dumps([m for m in sys.modules if m.startswith(('refnet', 'numpy'))]))")
    assert sorted(loaded) == ["refnet", "refnet.absent", "refnet.public"]


def test_a_layer_loads_what_it_needs():
    loaded = fresh("import json, sys, refnet; refnet.layers.Dense; print(json.dumps([m for m in sys.modules if 'refnet' in m]))")
    assert "refnet.layers.core" in loaded
    assert not {"refnet.layers.pooling", "refnet.models", "refnet.datasets", "refnet.visualize", "refnet_fast"} & set(loaded)


@pytest.mark.parametrize("line", ["v + 1", "numpy.sum(v)", "numpy.add(v, 1)", "v[0]", "refnet.KerasTensor((2,)) + 1", "-v"])
def test_operators_are_there_before_anybody_imports_ops(line):
    assert fresh(f"import json, sys, refnet, numpy; v = refnet.Variable([1.0, 2.0]); had = 'refnet.ops' in sys.modules; {line}; "
                 f"print(json.dumps([had, 'refnet.ops' in sys.modules]))") == [False, True]


def test_star_imports_and_pickles_find_every_name(rn):
    for package in ("layers", "losses", "metrics", "optimizers"):
        namespace = {}
        exec(f"from {rn.__name__}.{package} import *", namespace)
        assert set(importlib.import_module(f"{rn.__name__}.{package}").__all__) <= set(namespace)


def test_read_stub():
    text = '# names\nfrom a.b import c as c\nfrom a import d\nfrom a.e import F as G\nH = G\n"""text"""\n__version__: str\n'
    assert public.read_stub(text) == {"c": ("a.b", "c"), "G": ("a.e", "F"), "H": ("a.e", "F")}
    for wrong in ("import a", "from . import a as a", "x = 1", "def f(): ...", "x = y = z"):
        with pytest.raises((ValueError, KeyError)):
            public.read_stub(wrong)


def test_names_stand_for_objects_which_are_loaded_when_asked_for():
    code = ("import json, sys, refnet; from refnet.metrics import lookup; names = lookup._NAMES; "
            "before = len(names), 'mae' in names; "
            "early = 'refnet.metrics.accuracy' in sys.modules; names['accuracy']; "
            "print(json.dumps([before[0] > 20, before[1], early, 'refnet.metrics.accuracy' in sys.modules]))")
    assert fresh(code) == [True, True, False, True]
    names = public.Names("refnet.losses", spelling=str.swapcase, more={"squares": "mean_squared_error"}, without=["Loss"])
    assert names["squares"] is refnet.losses.mean_squared_error and names["mEANsQUAREDeRROR"] is refnet.losses.MeanSquaredError
    assert "Loss" not in names and "get" not in names and names.get("nothing") is None
    assert len(names) == len(list(names))


def test_the_names_that_keras_takes_for_classes(rn):
    assert rn.initializers.glorot_uniform is rn.initializers.GlorotUniform
    assert rn.regularizers.l2(0.5).get_config() == {"l2": 0.5} and rn.regularizers.l1_l2 is rn.regularizers.L1L2
    assert rn.constraints.max_norm is rn.constraints.MaxNorm
    assert type(rn.metrics.get("binary_crossentropy")) is rn.metrics.BinaryCrossentropy    # the class, not the function
    assert rn.losses.get("binary_crossentropy") is not None and not isinstance(rn.losses.get("mse"), rn.losses.Loss)
    for name in ("normal", "uniform", "zero", "one", "he_normal", "IdentityInitializer"):
        assert isinstance(rn.initializers.get(name), rn.initializers.Initializer)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_for_what_other_threads_are_loading():
    """A child has no thread that would end an import which the fork cut short: it would wait for the module for ever."""
    code = ("import json, os, threading, time, refnet; from refnet import public; inside = threading.Event()\n"
            "def load():\n"
            "    with public.loading():\n"
            "        inside.set(); time.sleep(0.3)\n"
            "thread = threading.Thread(target=load); thread.start(); inside.wait(); begin = time.monotonic()\n"
            "with public.loading():\n"                              # whoever forks while it loads does not wait for itself
            "    child = os.fork()\n"
            "    if child == 0:\n"
            "        os._exit(len(public._loading))\n"
            "waited = time.monotonic() - begin\n"
            "print(json.dumps([waited > 0.2, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(public._loading)]))")
    assert fresh(code) == [True, 1, 0]
