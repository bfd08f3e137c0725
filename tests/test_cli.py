"""The command line: what it prints, what it promises, and what it says when it is misused."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import refnet
from refnet.cli import demo, main


def refnet_command(*arguments, cwd=None, **environment):
    """Run `python -m refnet` in a process of its own, its output in a pipe."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run([sys.executable, "-m", "refnet", *arguments], capture_output=True, encoding="utf-8",
                          timeout=300, cwd=cwd, env=environment)


# --- The program -----------------------------------------------------------------------------------------------------


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"refnet {refnet.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["train"], ["demo", "--epochs", "0"], ["demo", "--backend", "gpu"],
                                       ["gradcheck", "--shape", "4,x"], ["gradcheck", "--shape", "0"]])
def test_what_is_not_understood_exits_with_2_and_says_why(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: refnet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "gradcheck", "info"])
def test_help_of_each_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"usage: refnet {command}" in capsys.readouterr().out


def test_info_names_the_versions_and_the_backend(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for fact in (refnet.__version__, np.__version__, refnet.backend.backend(), "refnet_fast"):
        assert fact in text


@pytest.mark.parametrize(("setting", "told"), [
    ({"REFNET_BACKEND": "cuda"}, ["REFNET_BACKEND is 'cuda'", "'reference'", "Unset REFNET_BACKEND"]),
    ({"REFNET_BACKEND": "Fast"}, ["REFNET_BACKEND is 'Fast'", "'fast'"]),
    ({"REFNET_ISA": "sse"}, ["REFNET_ISA is 'sse'", "base", "Unset it"]),
    ({"REFNET_BACKEND": "fast", "REFNET_ISA": "sse"}, ["REFNET_BACKEND is 'fast'", "REFNET_ISA is 'sse'"]),
    ({"REFNET_POOL_MB": "much"}, ["REFNET_POOL_MB", "'much'"]),
    ({"OMP_NUM_THREADS": "all"}, ["OMP_NUM_THREADS is 'all'", "ignored", "at least 1"]),
    ({"OMP_NUM_THREADS": "0"}, ["OMP_NUM_THREADS is '0'"]),
    ({"OMP_NUM_THREADS": "\u00b2"}, ["OMP_NUM_THREADS"]),
    ({"REFNET_BACKEND": "cuda", "REFNET_ISA": "sse", "OMP_NUM_THREADS": "-1"},
     ["REFNET_BACKEND is 'cuda'", "REFNET_ISA is 'sse'", "OMP_NUM_THREADS is '-1'"]),
])  # fmt: skip
def test_info_reports_wrong_settings_instead_of_dying_of_them(setting, told, request):
    if {"REFNET_ISA", "REFNET_POOL_MB"} & set(setting):
        request.getfixturevalue("fast")  # nobody reads them without it
    done = refnet_command("info", **setting)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    for text in ("Python", "NumPy", "Wrong: ", *told):
        assert text in done.stdout
    assert done.stdout.count("Wrong: ") == (3 if len(told) == 3 and len(setting) == 3 else 1)


@pytest.mark.parametrize("setting", [{}, {"OMP_NUM_THREADS": "2"}, {"OMP_NUM_THREADS": "4,2"}, {"OMP_NUM_THREADS": ""},
                                     {"REFNET_BACKEND": ""}, {"REFNET_BACKEND": "reference"}])
def test_info_with_good_settings_exits_with_0(setting):
    done = refnet_command("info", **setting)
    assert done.returncode == 0 and "Wrong" not in done.stdout, done.stdout + done.stderr


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("command", [["demo", "--no-plot"], ["gradcheck"]])
def test_other_commands_say_what_is_wrong_with_a_setting_in_one_message(command):
    done = refnet_command(*command, REFNET_BACKEND="cuda")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "REFNET_BACKEND is 'cuda'" in done.stderr and "Unset REFNET_BACKEND" in done.stderr


# --- demo ------------------------------------------------------------------------------------------------------------


def trained(backend="reference", accuracy=0.98, shift=0.0):
    predictions = np.full((4, 10), 0.1) + shift
    return demo.Trained(backend, {}, [np.ones(3), np.zeros((2, 2)) + shift], predictions, accuracy, 0.5)


def test_promises_kept():
    promises = demo.judge([trained(), trained("fast", shift=1e-6)])
    assert len(promises) == 3 and all(promise.kept for promise in promises)


@pytest.mark.parametrize("accuracy", [0.97, 0.5, float("nan")])
def test_an_accuracy_that_falls_short_is_a_broken_promise(accuracy):
    (promise,) = demo.judge([trained(accuracy=accuracy)])
    assert not promise.kept


@pytest.mark.parametrize("shift", [0.01, float("nan")])
def test_twins_that_differ_are_a_broken_promise(shift):
    assert [p.kept for p in demo.judge([trained(), trained("fast", shift=shift)])] == [True, True, False]


def test_largest_difference_looks_into_every_array():
    assert demo.largest_difference([np.zeros(3), np.zeros((2, 2))], [np.zeros(3), np.array([[0, -3], [1, 0]])]) == 3


def test_demo_on_the_reference_keeps_its_promises(tmp_path):
    done = refnet_command("demo", "--backend", "reference", cwd=tmp_path)
    text = done.stdout
    assert done.returncode == 0, text + done.stderr
    for needed in ("1437 handwritten digits", "Total params", "passed", "test accuracy", "ms per step", "kept"):
        assert needed in text
    assert "BROKEN" not in text
    if importlib.util.find_spec("matplotlib"):
        assert (tmp_path / "refnet-demo.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "No picture" in text


def test_demo_that_did_not_learn_fails(capsys):
    assert main(["demo", "--backend", "reference", "--epochs", "1", "--no-plot"]) == 1
    assert "BROKEN" in capsys.readouterr().out


@pytest.mark.usefixtures("fast")
def test_demo_in_a_pipe_compares_the_twins(tmp_path):
    """The real program, its output no terminal; every line is plain text."""
    picture = ["--plot", "picture.svg"] if importlib.util.find_spec("matplotlib") else []
    done = refnet_command("demo", *picture, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout and "\r" not in done.stdout
    for needed in ("largest difference of weights", "predicted probabilities", "as fast"):
        assert needed in done.stdout
    if picture:
        assert (tmp_path / "picture.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_same_seed_same_weights_on_both_twins_before_training(fast):
    weights = []
    for namespace in (refnet, fast):
        namespace.utils.set_random_seed(5)
        weights.append(demo.build_network(namespace).get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_demo_without_the_compiled_part_says_why_and_goes_on(capsys, monkeypatch):
    monkeypatch.setattr(demo, "why_fast_is_absent", lambda: "no C compiler was found; to build it: ...")
    monkeypatch.setattr(demo, "train", lambda namespace, backend, data, args: trained(backend))
    assert main(["demo", "--no-plot"]) == 0
    text = capsys.readouterr().out
    assert "no C compiler was found; to build it: ..." in text
    assert "The demo goes on with the reference alone." in text
    assert "test accuracy" in text


def test_demo_of_the_fast_twin_alone_fails_where_it_is_absent(capsys, monkeypatch):
    monkeypatch.setattr(demo, "why_fast_is_absent", lambda: "no C compiler was found")
    assert main(["demo", "--backend", "fast", "--no-plot"]) == 1
    assert "no C compiler was found" in capsys.readouterr().out


@pytest.mark.parametrize(("path", "reason"), [("absent/picture.png", "there is no directory"),
                                              ("picture.doc", "must end in one of")])
def test_a_picture_that_cannot_be_saved_is_found_out_before_the_training(path, reason, capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--plot", path]) == 2
    captured = capsys.readouterr()
    assert reason in captured.err and not captured.out


def test_a_picture_asked_for_without_matplotlib_is_an_error_that_says_what_to_install(capsys, monkeypatch):
    def absent():
        raise ImportError("matplotlib ... pip install matplotlib")

    monkeypatch.setattr("refnet.plotting.new_figure", absent)
    assert main(["demo", "--plot", "picture.png"]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err


# --- gradcheck -------------------------------------------------------------------------------------------------------

USER_CODE = '''
import numpy as np
import refnet
from refnet import ops

def product(a, b):
    return ops.tanh(a) * b

@refnet.custom_gradient
def wrong(x):
    def gradient(dy):
        return dy * 0.5  # the slope of x * x at one place only
    return ops.square(x), gradient

class Scaled(refnet.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones", name="scale")

    def call(self, x):
        return ops.tanh(x) * self.scale

class Needy(refnet.layers.Layer):
    def __init__(self, units):
        super().__init__()

layer = Scaled()
model = refnet.Sequential([refnet.Input((3,)), refnet.layers.Dense(2, activation="tanh")])
number = 3

def make():
    return Scaled()
'''


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A directory with a module of the user's, as the current one."""
    (tmp_path / "users_code.py").write_text(USER_CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("users_code", None)


def test_gradcheck_of_the_demos_network(capsys):
    assert main(["gradcheck"]) == 0
    assert "passed" in capsys.readouterr().out


@pytest.mark.usefixtures("fast")
def test_gradcheck_on_the_fast_kernels(capsys):
    assert main(["gradcheck", "--backend", "fast"]) == 0
    assert "fast kernels: passed" in capsys.readouterr().out


@pytest.mark.parametrize(("target", "shapes"), [
    ("product", ["4,3", "4,3"]), ("Scaled", ["4,3"]), ("layer", ["4,3"]), ("make", ["4,3"]), ("model", []),
])  # fmt: skip
def test_gradcheck_of_what_a_user_wrote(user, capsys, target, shapes):
    options = [option for shape in shapes for option in ("--shape", shape)]
    assert main(["gradcheck", f"users_code:{target}", *options]) == 0
    assert "passed" in capsys.readouterr().out


def test_gradcheck_of_a_wrong_gradient_exits_with_1(user, capsys):
    assert main(["gradcheck", "users_code:wrong", "--shape", "2,3"]) == 1
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize(("target", "reason"), [
    ("users_code", "module:attribute"),
    ("users_code:absent", "no attribute 'absent'"),
    ("no_such_module:x", "no_such_module"),
    ("users_code:number", "of type int"),
    ("users_code:Needy", "needs units"),
    ("users_code:layer", "--shape"),
])  # fmt: skip
def test_gradcheck_says_what_is_wrong_with_its_target(user, capsys, target, reason):
    assert main(["gradcheck", target]) == 2
    assert reason in capsys.readouterr().err


def test_gradcheck_finds_the_users_module_from_the_command_line(user):
    done = refnet_command("gradcheck", "users_code:Scaled", "--shape", "4,3", cwd=user)
    assert done.returncode == 0, done.stderr
    assert "scale" in done.stdout


def test_a_reader_that_leaves_early_is_no_failure(user):
    """`refnet info | head -0`: the pipe is closed before anything is written."""
    script = f"import subprocess, sys; p = subprocess.Popen({json.dumps([sys.executable, '-m', 'refnet', 'info'])}, " \
             "stdout=subprocess.PIPE, stderr=subprocess.PIPE); p.stdout.close(); err = p.stderr.read(); " \
             "p.stderr.close(); sys.exit((p.wait() != 0) or err != b'')"
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0
