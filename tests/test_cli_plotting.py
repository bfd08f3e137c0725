"""Pictures: the numbers behind them, and that they are drawn."""

import builtins

import numpy as np
import pytest

from refnet import plotting


def test_confusion_matrix_by_hand():
    truth = [0, 0, 1, 2, 2, 2]
    guess = [0, 1, 1, 2, 0, 2]
    assert plotting.confusion_matrix(truth, guess, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_confusion_matrix_of_nothing():
    assert plotting.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


def test_confusion_matrix_refuses_labels_out_of_range():
    with pytest.raises(ValueError, match=r"y_pred must lie in \[0, 3\).*from 0 to 3"):
        plotting.confusion_matrix([0, 1], [0, 3], 3)


def test_confusion_matrix_refuses_probabilities():
    with pytest.raises(ValueError, match=r"both of shape \(N,\).*y_pred.shape=\(2, 3\)"):
        plotting.confusion_matrix([0, 1], np.zeros((2, 3)), 3)


def test_without_matplotlib_the_error_says_what_to_do(monkeypatch):
    real = builtins.__import__

    def without_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=r"pip install matplotlib$"):
        plotting.new_figure()


@pytest.fixture
def figure():
    pytest.importorskip("matplotlib")
    return plotting.new_figure()


def test_history_draws_training_and_validation_of_each_run(figure):
    axes = figure.subplots()
    plotting.plot_history(axes, {"a": {"loss": [2, 1], "val_loss": [3, 2]}, "b": {"loss": [2, 1]}}, "loss")
    assert [line.get_label() for line in axes.lines] == ["a, training", "a, test", "b, training"]
    assert axes.lines[1].get_xydata().tolist() == [[1, 3], [2, 2]]


def test_confusion_matrix_shows_its_counts(figure, tmp_path):
    axes = figure.subplots()
    plotting.plot_confusion_matrix(axes, np.array([[5, 0], [2, 7]]))
    assert [text.get_text() for text in axes.texts] == ["5", "2", "7"]
    figure.savefig(tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [0, 1, 7])
def test_images_in_a_grid(figure, count):
    plotting.plot_images(figure, np.zeros((count, 8, 8)), [str(i) for i in range(count)])
    assert [axes.get_title() for axes in figure.axes if axes.images] == [str(i) for i in range(count)]
