"""Callbacks that set the learning rate, and CSVLogger."""
import csv

import numpy as np
import pytest

LOSSES = [5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]


def scripted(rn, optimizer="sgd", losses=LOSSES):
    """A model that does not train: its losses are given."""

    class Scripted(rn.Model):
        epoch = -1

        def call(self, x):
            return x

        def train_step(self, data):
            self.epoch += 1
            return {"loss": losses[self.epoch]}

    model = Scripted()
    model.compile(optimizer, "mse")
    return model


def fit(model, *callbacks, epochs=12, initial_epoch=0):
    x = np.ones((2, 1), "float32")
    return model.fit(x, x, epochs=epochs, initial_epoch=initial_epoch, verbose=0, callbacks=list(callbacks)).history


class TestLearningRateScheduler:
    def test_both_signatures(self, rn, capsys):
        seen = []

        def of_both(epoch, rate):
            seen.append((epoch, rate))
            return rate / 2 if epoch else rate

        history = fit(scripted(rn, rn.optimizers.SGD(0.8)), rn.callbacks.LearningRateScheduler(of_both), epochs=3)
        assert seen == [(0, 0.8), (1, 0.8), (2, 0.4)] and history["learning_rate"] == [0.8, 0.4, 0.2]
        assert capsys.readouterr().out == ""
        history = fit(scripted(rn), rn.callbacks.LearningRateScheduler(lambda epoch: 1.0 / (epoch + 1), verbose=1), epochs=2)
        assert history["learning_rate"] == [1.0, 0.5]
        assert "Epoch 2: LearningRateScheduler setting learning rate to 0.5." in capsys.readouterr().out

    @pytest.mark.parametrize("make", [
        lambda: np.float64(0.5), lambda: np.float32(0.5), lambda: np.array(0.5), lambda: 0.5,
    ])  # fmt: skip
    def test_kinds_of_floats(self, rn, make):
        assert fit(scripted(rn), rn.callbacks.LearningRateScheduler(lambda epoch: make()), epochs=1)["learning_rate"] == [0.5]

    def test_schedules_and_methods_are_functions(self, rn):
        schedule = rn.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
        assert fit(scripted(rn), rn.callbacks.LearningRateScheduler(schedule), epochs=3)["learning_rate"] == [1.0, 0.5, 0.25]

    @pytest.mark.parametrize("wrong", [None, 1, "0.1", -0.1, float("nan"), float("inf"), [0.1], np.array([0.1])])
    def test_what_is_no_rate(self, rn, wrong):
        with pytest.raises(ValueError, match=r"the schedule must give a float >= 0; for epoch 0 it gave"):
            fit(scripted(rn), rn.callbacks.LearningRateScheduler(lambda epoch: wrong))
        with pytest.raises(ValueError, match="`schedule` must be a function"):
            rn.callbacks.LearningRateScheduler(0.1)

    def test_an_error_inside_the_schedule_is_seen(self, rn):
        with pytest.raises(TypeError, match="unsupported operand"):
            fit(scripted(rn), rn.callbacks.LearningRateScheduler(lambda epoch, rate: rate + None))

    def test_an_optimizer_that_has_a_schedule_of_its_own(self, rn):
        model = scripted(rn, rn.optimizers.SGD(rn.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)))
        with pytest.raises(TypeError, match="learning-rate schedule"):
            fit(model, rn.callbacks.LearningRateScheduler(lambda epoch: 0.5))

    def test_the_rate_is_used_in_steps_that_are_written_down(self, rn):
        x, rates = np.ones((8, 1), "float32"), [0.5, 0.25, 0.125, 0.0]
        model = rn.Sequential([rn.Input((1,)), rn.layers.Dense(1, kernel_initializer="zeros", use_bias=False)])
        model.compile("sgd", "mse")
        kernels = []
        keep = rn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kernels.append(float(model.get_weights()[0][0, 0])))
        model.fit(x, x, batch_size=2, epochs=4, verbose=0, callbacks=[rn.callbacks.LearningRateScheduler(lambda e: rates[e]), keep])
        w, expected = 0.0, []
        for rate in rates:
            for _ in range(4):
                w -= rate * 2 * (w - 1)
            expected.append(w)
        np.testing.assert_allclose(kernels, expected, rtol=1e-6)


class TestReduceLROnPlateau:
    def rates(self, rn, **arguments):
        callback = rn.callbacks.ReduceLROnPlateau(monitor="loss", **arguments)
        return fit(scripted(rn, rn.optimizers.SGD(1.0)), callback)["learning_rate"]

    def test_patience_cooldown_and_the_least_rate(self, rn):
        # Keras 3.15.1 gives the same; the rate in the logs is that before this epoch's reduction
        assert self.rates(rn, patience=2, factor=0.5) == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625]
        cooled = [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625]
        assert self.rates(rn, patience=1, factor=0.5, cooldown=2) == cooled
        assert self.rates(rn, patience=1, factor=0.1, min_lr=0.25)[-1] == 0.25
        assert self.rates(rn, patience=3) == pytest.approx([1] * 5 + [0.1] * 5 + [0.01] * 2)

    def test_min_delta_and_mode(self, rn):
        assert self.rates(rn, patience=2, factor=0.5, min_delta=2.0)[-1] < self.rates(rn, patience=2, factor=0.5)[-1]
        growing = self.rates(rn, patience=11, factor=0.5, mode="max")
        assert growing == [1.0] * 12
        assert self.rates(rn, patience=10, factor=0.5, mode="max")[-1] == 0.5

    def test_it_says_so(self, rn, capsys):
        self.rates(rn, patience=5, factor=0.5, verbose=1)
        out = capsys.readouterr().out
        assert out == "\nEpoch 12: ReduceLROnPlateau reducing learning rate to 0.5.\n"

    def test_a_state_goes_on(self, rn):
        whole = self.rates(rn, patience=2, factor=0.5)
        first = rn.callbacks.ReduceLROnPlateau(monitor="loss", patience=2, factor=0.5)
        model = scripted(rn, rn.optimizers.SGD(1.0))
        begun = fit(model, first, epochs=4)["learning_rate"]
        second = rn.callbacks.ReduceLROnPlateau(monitor="loss", patience=2, factor=0.5)
        second.set_state(first.state())
        assert begun + fit(model, second, initial_epoch=4)["learning_rate"] == whole
        with pytest.raises(ValueError, match="expected a state"):
            second.set_state({})

    def test_a_metric_that_is_not_there(self, rn):
        with pytest.warns(UserWarning, match="ReduceLROnPlateau waits for the metric 'val_loss'"):
            fit(scripted(rn), rn.callbacks.ReduceLROnPlateau(), epochs=1)

    @pytest.mark.parametrize("wrong", [
        {"factor": 1.0}, {"factor": -0.1}, {"patience": -1}, {"cooldown": -1}, {"min_lr": -1}, {"min_delta": float("nan")},
        {"mode": "most"},
    ])  # fmt: skip
    def test_what_is_refused(self, rn, wrong):
        with pytest.raises(ValueError, match=f"ReduceLROnPlateau: `{next(iter(wrong))}`"):
            rn.callbacks.ReduceLROnPlateau(**wrong)


class TestCSVLogger:
    def model(self, rn):
        model = rn.Sequential([rn.Input((1,)), rn.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    def read(self, path, **arguments):
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.reader(file, **arguments))

    def test_lines(self, rn, tmp_path):
        x, path = np.ones((4, 1), "float32"), tmp_path / "log.csv"
        model = self.model(rn)
        history = model.fit(x, x, epochs=2, validation_data=(x, x), verbose=0, callbacks=[rn.callbacks.CSVLogger(path)]).history
        rows = self.read(path)
        assert rows[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"] and [row[0] for row in rows[1:]] == ["0", "1"]
        assert [float(row[1]) for row in rows[1:]] == history["loss"] and [float(row[4]) for row in rows[1:]] == history["val_mae"]

    def test_append(self, rn, tmp_path):
        x, path = np.ones((4, 1), "float32"), str(tmp_path / "log.csv")
        model = self.model(rn)
        for initial in (0, 2):
            logger = rn.callbacks.CSVLogger(path, separator=";", append=True)
            model.fit(x, x, epochs=initial + 2, initial_epoch=initial, verbose=0, callbacks=[logger])
        rows = self.read(path, delimiter=";")
        assert [row[0] for row in rows] == ["epoch", "0", "1", "2", "3"] and rows[0][3] == "val_loss" and rows[1][3] == "NA"
        model.fit(x, x, verbose=0, callbacks=[rn.callbacks.CSVLogger(path)])
        assert len(self.read(path)) == 2

    def test_each_line_is_on_disk_and_the_file_is_closed_when_training_fails(self, rn, tmp_path):
        x, path = np.ones((4, 1), "float32"), tmp_path / "log.csv"
        model, seen = self.model(rn), []

        def fail(epoch, logs):
            seen.append(len(self.read(path)))
            if epoch == 1:
                raise RuntimeError("no more")

        with pytest.raises(RuntimeError, match="no more"):
            model.fit(x, x, epochs=3, verbose=0,
                      callbacks=[rn.callbacks.CSVLogger(path), rn.callbacks.LambdaCallback(on_epoch_end=fail)])  # fmt: skip
        assert seen == [2, 3]
        model.fit(x, x, verbose=0)                                  # the model is of use
