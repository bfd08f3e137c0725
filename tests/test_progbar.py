"""The progress bar where its output goes to a notebook, a pipe or a terminal."""

import io
import re
import sys
import types
from contextlib import redirect_stdout

import numpy as np
import pytest


class OutStream(io.StringIO):
    """What Jupyter's kernel puts in the place of standard output: no terminal, and of a class of ipykernel's."""

    def isatty(self):
        return False


OutStream.__module__ = "ipykernel.iostream"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(text):
    """What is left on the screen of a text in which lines are written over."""
    lines = []
    for line in text.split("\n"):
        screen = ""
        for part in line.split("\r"):
            screen = part + screen[len(part):]
        lines.append(screen.rstrip())
    return lines


@pytest.fixture(params=["with ipywidgets", "without"])
def notebook(request, monkeypatch):
    """Standard output as in a notebook. A widget's state is not part of the saved cell, so none may be made: neither
    by ipywidgets nor by rich, which makes one as soon as it can."""
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    widgets = None  # None in sys.modules: its import fails
    if request.param == "with ipywidgets":
        widgets = types.ModuleType("ipywidgets")
        widgets.Output = lambda *args, **kwargs: pytest.fail("a widget was made")
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    monkeypatch.setattr("rich.live.Live.__init__", lambda *args, **kwargs: pytest.fail("rich draws in a notebook"))
    return OutStream()


@pytest.fixture
def model(rn):
    model = rn.Sequential([rn.Input((3,)), rn.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


X, Y = np.zeros((60, 3), "float32"), np.ones((60, 1), "float32")


def test_a_notebook_keeps_the_log_of_every_epoch(notebook, model):
    with redirect_stdout(notebook):
        history = model.fit(X, Y, batch_size=2, epochs=3, validation_split=0.2).history
    lines = [line for line in shown(notebook.getvalue()) if line]
    assert lines[::2] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    for epoch, line in enumerate(lines[1::2]):
        assert re.match(r"24/24 \d+s \S+/step - ", line)
        for name, values in history.items():
            assert re.search(rf"\b{name}: {values[epoch]:.4f}", line)
    assert "\x1b" not in notebook.getvalue()


def test_a_notebook_keeps_the_log_of_evaluate_and_predict(notebook, model):
    with redirect_stdout(notebook):
        loss, _ = model.evaluate(X, Y, batch_size=2)
        model.predict(X, batch_size=2)
    evaluated, predicted = (line for line in shown(notebook.getvalue()) if line)
    assert evaluated.startswith("30/30") and f"loss: {loss:.4f}" in evaluated
    assert predicted.startswith("30/30")


def test_a_shorter_line_covers_a_longer_one(notebook, rn):
    with redirect_stdout(notebook):
        bar = rn.utils.Progbar(100, interval=0)
        bar.update(1, [("a_metric_with_a_long_name", 0.25)])
        bar._values.clear()
        bar.update(100, [("b", 0.5)])
    (line,) = (line for line in shown(notebook.getvalue()) if line)
    assert line.startswith("100/100") and line.endswith("- b: 0.5000")


def test_an_interrupted_run_ends_its_line(notebook, rn, model):
    class Stop(rn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 20:
                raise KeyboardInterrupt

    with redirect_stdout(notebook):
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=2, callbacks=[Stop()])
        print("next")
    assert shown(notebook.getvalue())[-2:] == ["next", ""]


def test_ipykernel_that_is_only_imported_makes_no_notebook(monkeypatch, model, capsys):
    """A script that imports something of Jupyter's, its output in a pipe: plain lines, one an epoch."""
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    model.fit(X, Y, batch_size=2, epochs=2)
    text = capsys.readouterr().out
    assert "\r" not in text
    assert [line[:6] for line in text.splitlines()] == ["Epoch ", "30/30 ", "Epoch ", "30/30 "]


def test_a_terminal_has_a_moving_bar(monkeypatch, model):
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    model.fit(X, Y, batch_size=2)
    assert "\x1b[" in stream.getvalue() and "30/30" in stream.getvalue()


def test_turned_off_it_is_one_line_even_in_a_notebook(notebook, rn, model):
    rn.config.disable_interactive_logging()
    try:
        with redirect_stdout(notebook):
            model.fit(X, Y, batch_size=2)
    finally:
        rn.config.enable_interactive_logging()
    assert "\r" not in notebook.getvalue() and "30/30 - " in notebook.getvalue()
