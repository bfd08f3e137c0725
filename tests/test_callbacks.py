"""Callbacks: which hooks run when, the progress bar, stopping."""

import io
import time

import numpy as np
import pytest


def small(rn, **compile_arguments):
    rn.utils.set_random_seed(0)
    model = rn.Sequential([rn.Input((3,)), rn.layers.Dense(1)])
    model.compile("sgd", "mse", **compile_arguments)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)).astype("float32")
    return model, x, x.sum(1)


class TestHooks:
    def test_order(self, rn):
        calls = []

        class Recorder(rn.callbacks.Callback):
            pass

        def record(name):
            return lambda self, *args, logs=None, **kwargs: calls.append(name)

        for name in (
            "on_train_begin",
            "on_train_end",
            "on_epoch_begin",
            "on_epoch_end",
            "on_train_batch_begin",
            "on_train_batch_end",
            "on_test_begin",
            "on_test_end",
            "on_test_batch_begin",
            "on_test_batch_end",
        ):
            setattr(Recorder, name, record(name[3:]))
        model, x, y = small(rn)
        model.fit(x, y, batch_size=20, verbose=0, validation_data=(x, y), callbacks=[Recorder()])
        assert calls == [
            "train_begin",
            "epoch_begin",
            "train_batch_begin",
            "train_batch_end",
            "test_begin",
            "test_batch_begin",
            "test_batch_end",
            "test_end",
            "epoch_end",
            "train_end",
        ]

    def test_old_names_of_batch_hooks(self, rn):
        seen = []

        class Old(rn.callbacks.Callback):
            def on_batch_end(self, batch, logs=None):
                seen.append((batch, sorted(logs)))

        model, x, y = small(rn, metrics=["mae"])
        model.fit(x, y, batch_size=10, verbose=0, callbacks=[Old()])
        assert seen == [(0, ["loss", "mae"]), (1, ["loss", "mae"])]

    def test_hooks_that_nobody_defined_are_not_called(self, rn):
        callbacks = rn.callbacks.CallbackList([rn.callbacks.EarlyStopping()], add_history=True)
        assert all(hooks == () for hooks in callbacks.batch_hooks.values())

    def test_lambda_callback(self, rn):
        losses, batches = [], []
        callback = rn.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]),
            on_train_batch_end=lambda batch, logs: batches.append(batch),
        )
        model, x, y = small(rn)
        history = model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[callback])
        assert losses == history.history["loss"] and batches == [0, 1, 0, 1]

    def test_predict_hooks_see_outputs(self, rn):
        shapes = []
        callback = rn.callbacks.LambdaCallback(
            on_predict_batch_end=lambda batch, logs: shapes.append(logs["outputs"].shape)
        )
        model, x, _ = small(rn)
        model.predict(x, batch_size=15, verbose=0, callbacks=[callback])
        assert shapes == [(15, 1), (5, 1)]


class TestHistory:
    def test_one_number_per_epoch(self, rn):
        model, x, y = small(rn, metrics=["mae"])
        history = model.fit(x, y, epochs=3, verbose=0, validation_split=0.2)
        assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
        assert all(len(values) == 3 and all(type(v) is float for v in values) for values in history.history.values())
        assert history.epoch == [0, 1, 2] and model.history is history


class TestEarlyStopping:
    def logs(self, rn, callback, values):
        model, _, _ = small(rn)
        callback.set_model(model)
        callback.on_train_begin()
        model.stop_training = False
        for epoch, value in enumerate(values):
            model.layers[0].bias.assign([epoch])
            callback.on_epoch_end(epoch, {"val_loss": value, "val_accuracy": value})
            if model.stop_training:
                break
        callback.on_train_end()
        return epoch, model

    def test_patience(self, rn):
        epoch, _ = self.logs(rn, rn.callbacks.EarlyStopping(patience=2), [5, 4, 4.5, 4.2, 3])
        assert epoch == 3

    def test_min_delta(self, rn):
        epoch, _ = self.logs(rn, rn.callbacks.EarlyStopping(min_delta=1.0), [5, 4.5, 1])
        assert epoch == 1

    def test_the_best_weights_come_back(self, rn):
        callback = rn.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
        _, model = self.logs(rn, callback, [5, 3, 4, 4])
        assert callback.best_epoch == 1 and float(model.layers[0].bias.value[0]) == 1

    def test_growing_metrics(self, rn):
        callback = rn.callbacks.EarlyStopping("val_accuracy", mode="max")
        assert self.logs(rn, callback, [1, 2, 1])[0] == 2

    def test_the_direction_comes_from_the_metric(self, rn):
        model, x, y = small(rn, metrics=["mae"])
        callback = rn.callbacks.EarlyStopping("mae", patience=100)
        model.fit(x, y, epochs=2, verbose=0, callbacks=[callback])
        assert callback._find_direction() == "down"

    def test_an_unknown_metric_warns(self, rn):
        model, x, y = small(rn)
        with pytest.warns(UserWarning, match="val_loss"):
            model.fit(x, y, verbose=0, callbacks=[rn.callbacks.EarlyStopping()])


class TestTerminateOnNaN:
    def test_stops(self, rn, capsys):
        model, x, y = small(rn)
        y = y.copy()
        y[:] = np.nan
        history = model.fit(x, y, epochs=5, verbose=0, callbacks=[rn.callbacks.TerminateOnNaN()])
        assert len(history.history["loss"]) == 1 and "Invalid loss" in capsys.readouterr().out
        with pytest.raises(RuntimeError, match="loss is nan"):
            model.fit(x, y, verbose=0, callbacks=[rn.callbacks.TerminateOnNaN(raise_error=True)])


class TestProgress:
    def test_one_line_per_epoch_in_a_pipe(self, rn, capsys):
        model, x, y = small(rn, metrics=["mae"])
        for verbose in ("auto", 1, 2):
            model.fit(x, y, epochs=2, batch_size=10, verbose=verbose)
            lines = capsys.readouterr().out.splitlines()
            assert lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2" and len(lines) == 4
            assert lines[1].startswith("2/2 - 0s - ") and "/step - loss: " in lines[1] and " - mae: " in lines[1]
            assert "\r" not in lines[1] and "\x1b" not in lines[1]

    def test_silence(self, rn, capsys):
        model, x, y = small(rn)
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        assert capsys.readouterr().out == ""

    def test_a_bar_in_a_terminal(self, rn, monkeypatch):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        terminal = Terminal()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stdout", terminal)
        bar = rn.utils.Progbar(100)
        for step in range(100):
            bar.update(step + 1, [("loss", 0.5)])
        text = terminal.getvalue()
        assert "100/100" in text and "loss: 0.5000" in text and "━" in text

    def test_averages(self, rn, capsys):
        bar = rn.utils.Progbar(4, verbose=2, stateful_metrics=["b"])
        for step in range(4):
            bar.update(step + 1, [("a", float(step)), ("b", float(step))], finalize=False)
        bar.update(4, finalize=True)
        line = capsys.readouterr().out
        assert "a: 1.5000" in line and "b: 3.0000" in line and line.startswith("4/4 - 0s - ")

    def test_small_numbers_and_unknown_targets(self, rn, capsys):
        bar = rn.utils.Progbar(None, verbose=2)
        bar.update(3, [("a", 1e-5)], finalize=True)
        assert "a: 1.0000e-05" in capsys.readouterr().out

    def test_the_time_per_step_leaves_out_validation(self, rn, capsys):
        bar = rn.utils.Progbar(2, verbose=2)
        bar.update(1, finalize=False)
        bar.update(2, finalize=False)
        bar.steps_end()
        time.sleep(0.2)  # the validation
        bar.update(2, finalize=True)
        pace = capsys.readouterr().out.split(" - ")[2]
        assert pace.endswith("us/step\n") or int(pace.split("ms")[0]) < 100

    def test_a_step_costs_next_to_nothing(self, rn, capsys):
        logger = rn.callbacks.ProgbarLogger()
        logger.set_params({"verbose": 1, "epochs": 1, "steps": 200_000})
        logger.on_epoch_begin(0)
        logs = {"loss": 0.5}
        best = min(self._time(logger, logs) for _ in range(5))
        assert best < 1.5e-6  # measured 0.15 us on an idle machine; ten times that for a busy one
        capsys.readouterr()

    @staticmethod
    def _time(logger, logs):
        start = time.perf_counter()
        for batch in range(1, 20_001):
            logger.on_train_batch_end(batch, logs)
        return (time.perf_counter() - start) / 20_000


class TestState:
    """A run that is broken off and resumed by callbacks' states is the run that was not."""

    @staticmethod
    def values(rn, epochs, initial=0, callbacks=(), weights=None):
        """A model whose loss falls to epoch 3 and rises after it, without training."""
        losses = [5.0, 4.0, 3.0, 2.0, 2.5, 2.6, 2.7, 2.8]

        class Scripted(rn.Model):
            def __init__(self):
                super().__init__()
                self.w = self.add_weight(shape=(), initializer="zeros", name="w")
                self.epoch = initial - 1

            def call(self, x):
                return x

            def train_step(self, data):
                self.epoch += 1
                self.w.assign(float(self.epoch))
                return {"loss": losses[self.epoch]}

        model = Scripted()
        model.compile("sgd", "mse")
        if weights is not None:
            model.set_weights(weights)
        x = np.ones((2, 1), "float32")
        history = model.fit(x, x, epochs=epochs, initial_epoch=initial, verbose=0, callbacks=list(callbacks))
        return model, history

    def test_early_stopping_goes_on(self, rn):
        def stopping():
            return rn.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True, mode="min")

        whole = stopping()
        model, history = self.values(rn, 8, callbacks=[whole])
        assert history.epoch == [0, 1, 2, 3, 4, 5, 6] and float(model.w.value) == 3

        first, broken = stopping(), []
        keep = rn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: broken.append(first.state()))
        half, _ = self.values(rn, 6, callbacks=[first, keep])
        resumed = stopping()
        resumed.set_state(broken[-1])
        model, history = self.values(rn, 8, initial=6, callbacks=[resumed], weights=half.get_weights())
        assert history.epoch == [6] and float(model.w.value) == 3
        assert resumed.best == whole.best == 2.0 and resumed.best_epoch == 3 and resumed.stopped_epoch == 6
        forgetful = stopping()
        _, history = self.values(rn, 8, initial=6, callbacks=[forgetful])
        assert history.epoch == [6, 7]
        self.values(rn, 1, callbacks=[resumed])  # the next run begins anew
        assert resumed.best == 5.0 and resumed.best_epoch == 0

    def test_a_state_is_a_copy_and_checked(self, rn):
        stopping = rn.callbacks.EarlyStopping("loss", restore_best_weights=True, mode="min")
        self.values(rn, 2, callbacks=[stopping])
        state = stopping.state()
        stopping.best_weights[0][...] = 99
        assert state["best_weights"][0] == 1
        with pytest.raises(ValueError, match="expected a state with"):
            stopping.set_state({"wait": 1})
        with pytest.raises(ValueError, match="remembers nothing"):
            rn.callbacks.TerminateOnNaN().set_state({"wait": 1})
        rn.callbacks.TerminateOnNaN().set_state(rn.callbacks.TerminateOnNaN().state())

    def test_history_goes_on(self, rn):
        _, first = self.values(rn, 3)
        history = rn.callbacks.History()
        history.set_state(first.state())
        _, found = self.values(rn, 5, initial=3, callbacks=[history])
        assert found is history and found.epoch == [0, 1, 2, 3, 4] and found.history == {"loss": [5.0, 4.0, 3.0, 2.0, 2.5]}

    def test_a_list_of_callbacks(self, rn):
        def several():
            return rn.callbacks.CallbackList([rn.callbacks.EarlyStopping("loss", mode="min"), rn.callbacks.TerminateOnNaN()])

        first, second = several(), several()
        first.callbacks[0].wait = 2
        second.set_state(first.state())
        assert second.callbacks[0].wait == 2
        with pytest.raises(ValueError, match="the callbacks are"):
            rn.callbacks.CallbackList([]).set_state(first.state())
