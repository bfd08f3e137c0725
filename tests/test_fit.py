"""The training loop: every argument of fit, evaluate and predict; steps of one's own; Keras' numbers."""

import os

import numpy as np
import pytest


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")


def namespaces():
    """refnet, and refnet_fast where it is built: Keras compiles slowly, so one run of it serves both."""
    import refnet

    try:
        import refnet_fast
    except ImportError:
        return [refnet]
    return [refnet, refnet_fast]


def weights_of(model):
    """The weights of a model of ours or Keras' (whose own `get_weights` trips over NumPy 2's deprecations)."""
    return [np.array(w.value) for w in model.weights]


def regression(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype("float32")
    return x, (x @ rng.normal(size=d)).astype("float32")


def classification(n=60, d=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype("float32")
    return x, (x @ rng.normal(size=(d, classes))).argmax(1)


def regressor(rn, seed=1, optimizer="sgd", loss="mse", d=4, **kwargs):
    rn.utils.set_random_seed(seed)
    model = rn.Sequential([rn.Input((d,)), rn.layers.Dense(8, activation="tanh"), rn.layers.Dense(1)])
    model.compile(optimizer, loss, **kwargs)
    return model


def classifier(rn, seed=1, **kwargs):
    rn.utils.set_random_seed(seed)
    model = rn.Sequential(
        [rn.Input((4,)), rn.layers.Dense(16, activation="relu"), rn.layers.Dense(3, activation="softmax")]
    )
    arguments = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **kwargs}
    model.compile(**arguments)
    return model


class TestFit:
    def test_it_learns(self, rn):
        x, y = classification(300)
        model = classifier(rn, optimizer=rn.optimizers.Adam(0.01))
        history = model.fit(x, y, epochs=20, verbose=0).history
        assert history["accuracy"][-1] > 0.9 and history["loss"][-1] < history["loss"][0] / 2

    def test_same_seed_same_run_bit_for_bit(self, rn):
        x, y = regression()
        runs = [regressor(rn, seed=7).fit(x, y, epochs=3, batch_size=7, verbose=0).history["loss"] for _ in range(2)]
        assert runs[0] == runs[1]
        assert regressor(rn, seed=8).fit(x, y, epochs=3, batch_size=7, verbose=0).history["loss"] != runs[0]

    def test_both_backends_agree(self, fast):
        import refnet

        x, y = classification()
        histories = [classifier(rn, seed=3).fit(x, y, epochs=4, verbose=0).history for rn in (refnet, fast)]
        np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-4)
        assert histories[0]["accuracy"] == histories[1]["accuracy"]

    def test_the_logged_loss_is_the_mean_over_samples(self, rn):
        x, y = regression(10)
        model = regressor(rn, optimizer=rn.optimizers.SGD(0.0))
        logged = model.fit(x, y, batch_size=4, verbose=0).history["loss"][0]  # batches of 4, 4 and 2
        assert logged == pytest.approx(float(np.mean((model(x)[:, 0] - y) ** 2)), rel=1e-5)

    @pytest.mark.parametrize("shuffle", [True, False, "batch"])
    def test_shuffling_shows_every_sample_once(self, rn, shuffle):
        seen = []

        class Spy(rn.Sequential):
            def train_step(self, data):
                seen.append(data[0][:, 0].copy())
                return super().train_step(data)

        model = Spy([rn.Input((1,)), rn.layers.Dense(1)])
        model.compile("sgd", "mse")
        x = np.arange(10, dtype="float32")[:, None]
        model.fit(x, x, batch_size=4, verbose=0, shuffle=shuffle)
        assert [len(s) for s in seen] == [4, 4, 2]
        flat = np.concatenate(seen)
        assert sorted(flat) == list(range(10))
        assert (list(flat) == list(range(10))) == (shuffle is False)
        if shuffle == "batch":
            assert sorted(seen[0]) == [0, 1, 2, 3]

    def test_validation(self, rn):
        x, y = regression(50)
        model = regressor(rn, metrics=["mae"])
        history = model.fit(x, y, epochs=4, verbose=0, validation_split=0.2, validation_freq=2).history
        assert len(history["loss"]) == 4 and len(history["val_loss"]) == 2
        evaluated = model.evaluate(x[40:], y[40:], verbose=0, return_dict=True)
        assert history["val_mae"][-1] == pytest.approx(evaluated["mae"]) and history["val_loss"][-1] == pytest.approx(
            evaluated["loss"]
        )
        history = model.fit(
            x,
            y,
            epochs=3,
            verbose=0,
            validation_data=(x, y),
            validation_freq=[3],
            validation_batch_size=7,
            validation_steps=2,
        ).history
        assert len(history["val_loss"]) == 1

    def test_initial_epoch(self, rn):
        x, y = regression()
        history = regressor(rn).fit(x, y, epochs=5, initial_epoch=3, verbose=0)
        assert history.epoch == [3, 4]

    def test_steps_per_epoch(self, rn):
        x, y = regression(60)
        batches = []
        callback = rn.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
        with pytest.warns(UserWarning, match="ran out after 2 of 4 steps"):  # six batches: four, two, four
            regressor(rn).fit(x, y, batch_size=10, steps_per_epoch=4, epochs=3, verbose=0, callbacks=[callback])
        assert batches == [0, 1, 2, 3, 0, 1, 0, 1, 2, 3]

    def test_sample_weights(self, rn):
        x, y = regression(20)
        weights = np.linspace(0, 2, 20)
        model = regressor(rn, optimizer=rn.optimizers.SGD(0.0), metrics=["mse"], weighted_metrics=["mae"])
        logs = model.fit(x, y, sample_weight=weights, batch_size=20, verbose=0).history
        errors = model(x)[:, 0] - y
        assert logs["loss"][0] == pytest.approx(np.mean(weights * errors**2), rel=1e-5)
        assert logs["mse"][0] == pytest.approx(np.mean(errors**2), rel=1e-5)
        assert logs["mae"][0] == pytest.approx(np.sum(weights * np.abs(errors)) / weights.sum(), rel=1e-5)

    def test_class_weights_are_sample_weights(self, rn):
        x, y = classification(30)
        class_weight = {0: 1.0, 1: 3.0}
        weights = np.where(y == 1, 3.0, 1.0)
        a = classifier(rn).fit(x, y, class_weight=class_weight, verbose=0, shuffle=False).history["loss"]
        b = classifier(rn).fit(x, y, sample_weight=weights, verbose=0, shuffle=False).history["loss"]
        one_hot = rn.utils.to_categorical(y, 3)
        c = (
            classifier(rn, loss="categorical_crossentropy")
            .fit(x, one_hot, class_weight=class_weight, verbose=0, shuffle=False)
            .history["loss"]
        )
        assert a == b
        np.testing.assert_allclose(a, c, rtol=1e-5)

    def test_accuracy_fits_the_shapes(self, rn):
        x, y = classification(30)
        model = classifier(rn)
        model.fit(x, y, verbose=0)
        assert (
            type(model.flat_metrics()[1]) is rn.metrics.SparseCategoricalAccuracy
            and model.flat_metrics()[1].name == "accuracy"
        )
        model = classifier(rn, loss="categorical_crossentropy", metrics=["acc"])
        model.fit(x, np.eye(3)[y], verbose=0)
        assert type(model.flat_metrics()[1]) is rn.metrics.CategoricalAccuracy
        model = regressor(rn, loss=rn.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
        assert list(model.fit(x, y > 0, verbose=0).history) == ["loss", "accuracy"]
        assert type(model.flat_metrics()[1]) is rn.metrics.BinaryAccuracy

    def test_regularization_is_part_of_the_loss(self, rn):
        x, y = regression(8)
        model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(1, kernel_regularizer=rn.regularizers.L2(0.5))])
        model.compile(rn.optimizers.SGD(0.1), "mse")
        w = model.layers[0].kernel.value.copy()
        b = model.layers[0].bias.value.copy()
        e = x @ w[:, 0] + b - y
        logs = model.fit(x, y, batch_size=8, verbose=0).history
        assert logs["loss"][0] == pytest.approx(np.mean(e**2) + 0.5 * np.sum(w**2), rel=1e-4)
        np.testing.assert_allclose(
            model.layers[0].kernel.value[:, 0], w[:, 0] - 0.1 * (2 * x.T @ e / 8 + w[:, 0]), rtol=1e-3, atol=1e-5
        )

    def test_only_extra_losses(self, rn):
        class Penalty(rn.layers.Layer):
            def call(self, x):
                self.add_loss(rn.ops.mean(x**2))
                return x

        model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(2), Penalty()])
        model.compile("sgd")
        x, _ = regression()
        history = model.fit(x, epochs=5, verbose=0).history["loss"]
        assert history[-1] < history[0]

    def test_frozen_layers_stay(self, rn):
        x, y = regression()
        model = regressor(rn)
        model.layers[0].trainable = False
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.fit(x, y, verbose=0)
        after = model.get_weights()
        assert np.array_equal(before[0], after[0]) and not np.array_equal(before[2], after[2])

    def test_float64(self, rn):
        x, y = regression()
        model = rn.Sequential([rn.Input((4,), dtype="float64"), rn.layers.Dense(1, dtype="float64")])
        model.compile("sgd", "mse")
        model.fit(x.astype("float64"), y.astype("float64"), verbose=0)
        assert model.predict(x, verbose=0).dtype == np.float64 and model.weights[0].dtype == np.float64

    def test_data_is_left_alone(self, rn):
        x, y = regression()
        x.flags.writeable = y.flags.writeable = False
        regressor(rn).fit(x, y, verbose=0)
        fortran = np.asfortranarray(x)
        regressor(rn).fit(fortran, y.astype("float64"), verbose=0)
        regressor(rn).fit(x.tolist(), y.tolist(), verbose=0)


class TestSources:
    def test_generators(self, rn):
        x, y = regression(40)

        def endless():
            while True:
                for start in range(0, 40, 10):
                    yield x[start : start + 10], y[start : start + 10]

        model = regressor(rn)
        history = model.fit(
            endless(), steps_per_epoch=4, epochs=2, verbose=0, validation_data=endless(), validation_steps=2
        )
        assert len(history.history["val_loss"]) == 2
        assert model.evaluate(endless(), steps=3, verbose=0) > 0
        assert model.predict(endless(), steps=3, verbose=0).shape == (30, 1)
        reference = regressor(rn).fit(x, y, batch_size=10, shuffle=False, epochs=2, verbose=0).history["loss"]
        np.testing.assert_allclose(history.history["loss"], reference, rtol=1e-6)

    def test_a_generator_that_ends_early_warns(self, rn):
        x, y = regression(20)
        with pytest.warns(UserWarning, match="ran out"):
            regressor(rn).fit(((x, y) for _ in range(2)), steps_per_epoch=3, verbose=0)

    def test_datasets_by_index(self, rn):
        x, y = regression(40)
        events = []

        class Batches(rn.utils.PyDataset):
            def __len__(self):
                return 4

            def __getitem__(self, index):
                return x[10 * index : 10 * index + 10], y[10 * index : 10 * index + 10]

            def on_epoch_end(self):
                events.append("end")

        plain = regressor(rn).fit(Batches(), epochs=2, verbose=0, shuffle=False).history["loss"]
        threads = regressor(rn).fit(Batches(workers=2), epochs=2, verbose=0, shuffle=False).history["loss"]
        reference = regressor(rn).fit(x, y, batch_size=10, shuffle=False, epochs=2, verbose=0).history["loss"]
        np.testing.assert_allclose(plain, reference, rtol=1e-6)
        assert threads == plain and len(events) == 4
        assert regressor(rn).predict(Batches(), verbose=0).shape == (40, 1)

    def test_weights_from_generators(self, rn):
        x, y = regression(10)
        w = np.linspace(0, 1, 10)
        a = regressor(rn).fit(iter([(x, y, w)]), verbose=0).history["loss"]
        b = regressor(rn).fit(x, y, sample_weight=w, shuffle=False, verbose=0).history["loss"]
        assert a == pytest.approx(b)

    def test_iterables_can_be_iterated_again(self, rn):
        x, y = regression(20)

        class Loader:
            def __iter__(self):
                return iter([(x[:10], y[:10]), (x[10:], y[10:])])

            def __len__(self):
                return 2

        assert len(regressor(rn).fit(Loader(), epochs=3, verbose=0).history["loss"]) == 3


class TestSeveralOutputs:
    def make(self, rn, outputs=list):
        rn.utils.set_random_seed(2)
        x = rn.Input((4,), name="x")
        h = rn.layers.Dense(8, activation="tanh")(x)
        number, label = rn.layers.Dense(1, name="number")(h), rn.layers.Dense(3, activation="softmax", name="label")(h)
        return rn.Model(x, [number, label] if outputs is list else {"number": number, "label": label})

    @pytest.mark.parametrize("form", ["list", "dict", "dict_outputs"])
    def test_losses_metrics_and_their_names(self, rn, form):
        x, y = regression(30)
        labels = np.arange(30) % 3
        if form == "list":
            model, targets = self.make(rn), [y, labels]
            model.compile(
                "sgd",
                ["mse", "sparse_categorical_crossentropy"],
                loss_weights=[1.0, 0.5],
                metrics=[["mae"], ["accuracy"]],
            )
        else:
            model, targets = self.make(rn, list if form == "dict" else dict), {"number": y, "label": labels}
            model.compile(
                "sgd",
                {"number": "mse", "label": "sparse_categorical_crossentropy"},
                loss_weights={"number": 1.0, "label": 0.5},
                metrics={"number": ["mae"], "label": "accuracy"},
            )
        history = model.fit(x, targets, epochs=2, verbose=0, shuffle=False, validation_data=(x, targets)).history
        names = {"loss", "number_loss", "label_loss", "number_mae", "label_accuracy"}
        assert set(history) == names | {f"val_{name}" for name in names}
        logs = model.evaluate(x, targets, verbose=0, return_dict=True)
        assert logs["loss"] == pytest.approx(logs["number_loss"] + 0.5 * logs["label_loss"], rel=1e-5)
        out = model.predict(x, verbose=0)
        number = out["number"] if form == "dict_outputs" else out[0]
        assert logs["number_mae"] == pytest.approx(np.abs(number[:, 0] - y).mean(), rel=1e-5)

    def test_one_loss_for_all_and_one_without(self, rn):
        x, y = regression(12)
        model = self.make(rn)
        model.compile("sgd", "mse")
        assert set(model.fit(x, [y, np.eye(3)[np.arange(12) % 3]], verbose=0).history) == {
            "loss",
            "number_loss",
            "label_loss",
        }
        model.compile("sgd", ["mse", None])
        with pytest.warns(UserWarning, match="does not depend on the variables.*label/kernel"):
            assert set(model.fit(x, [y], verbose=0).history) == {"loss"}

    def test_weights_per_output(self, rn):
        x, y = regression(12)
        labels, w = np.arange(12) % 3, np.linspace(0, 1, 12)
        for weights in (w, [w, w]):
            model = self.make(rn)
            model.compile(rn.optimizers.SGD(0.0), ["mse", "sparse_categorical_crossentropy"])
            logs = model.fit(x, [y, labels], sample_weight=weights, batch_size=12, verbose=0).history
            error = model(x)[0][:, 0] - y
            assert logs["number_loss"][0] == pytest.approx(np.mean(w * error**2), rel=1e-5)


class TestBatches:
    def test_train_test_predict(self, rn):
        x, y = regression(16)
        model = regressor(rn, metrics=["mae"])
        loss, mae = model.train_on_batch(x, y)
        logs = model.test_on_batch(x, y, return_dict=True)
        assert set(logs) == {"loss", "mae"} and logs["loss"] < loss and logs["mae"] != mae
        np.testing.assert_array_equal(model.predict_on_batch(x), model(x))
        assert type(regressor(rn).train_on_batch(x, y)) is float
        weighted = regressor(rn).test_on_batch(x, y, sample_weight=np.zeros(16))
        assert weighted == 0.0

    def test_a_batch_is_an_epoch_of_one(self, rn):
        x, y = regression(16)
        a, b = regressor(rn), regressor(rn)
        assert a.train_on_batch(x, y) == b.fit(x, y, batch_size=16, shuffle=False, verbose=0).history["loss"][0]
        for ours, theirs in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_evaluate_returns(self, rn):
        x, y = regression(16)
        assert type(regressor(rn).evaluate(x, y, verbose=0)) is float
        values = regressor(rn, metrics=["mae", "mse"]).evaluate(x, y, verbose=0)
        assert len(values) == 3 and values[0] == pytest.approx(values[2], rel=1e-5)


class TestOwnSteps:
    def test_train_step_as_in_the_guide(self, rn):
        class Custom(rn.Model):
            def train_step(self, data):
                x, y = data
                with rn.GradientTape() as tape:
                    y_pred = self(x, training=True)
                    loss = self.compute_loss(y=y, y_pred=y_pred)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply(gradients, self.trainable_variables)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, y_pred)
                return {m.name: m.result() for m in self.metrics}

        rn.utils.set_random_seed(1)
        inputs = rn.Input((4,))
        hidden = rn.layers.Dense(8, activation="tanh")(inputs)
        model = Custom(inputs, rn.layers.Dense(1)(hidden))
        model.compile("sgd", "mse", metrics=["mae"])
        x, y = regression(32)
        history = model.fit(x, y, epochs=3, verbose=0, shuffle=False).history
        reference = regressor(rn, metrics=["mae"]).fit(x, y, epochs=3, verbose=0, shuffle=False).history
        np.testing.assert_allclose(history["loss"], reference["loss"], rtol=1e-6)
        np.testing.assert_allclose(history["mae"], reference["mae"], rtol=1e-6)

    def test_own_loss_and_metrics(self, rn):
        class Custom(rn.Model):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.tracker = rn.metrics.Mean(name="own")

            def compute_loss(self, x, y, y_pred, sample_weight):
                loss = rn.ops.mean((y_pred - y[:, None]) ** 2)
                self.tracker.update_state(loss)
                return loss

        inputs = rn.Input((4,))
        model = Custom(inputs, rn.layers.Dense(1)(inputs))
        model.compile("sgd")
        x, y = regression(32)
        history = model.fit(x, y, verbose=0, epochs=2).history
        assert set(history) == {"loss", "own"} and history["own"] == pytest.approx(history["loss"])

    def test_functions_as_loss_and_metric(self, rn):
        def fourth(y_true, y_pred):
            return rn.ops.mean((y_true - y_pred) ** 4, axis=-1)

        x, y = regression(32)
        logs = regressor(rn, loss=fourth, metrics=[fourth]).evaluate(x, y, verbose=0, return_dict=True)
        assert logs["fourth"] == pytest.approx(logs["loss"], rel=1e-5)

    def test_compile_configuration(self, rn):
        model = regressor(rn, optimizer=rn.optimizers.Adam(0.1), loss=rn.losses.MeanAbsoluteError(), metrics=["mse"])
        twin = rn.models.model_from_json(model.to_json())
        assert (
            twin.compiled
            and type(twin.optimizer) is rn.optimizers.Adam
            and twin.optimizer.get_config()["learning_rate"] == 0.1
        )


class TestAgainstKeras:
    """The same weights and batches give the same histories."""

    @pytest.mark.parametrize(
        ("optimizer", "loss", "metrics"),
        [
            ("rmsprop", "mse", ["mae"]),
            ("sgd", "mae", ["mse"]),
            ("adam", "sparse_categorical_crossentropy", ["accuracy"]),
            ("rmsprop", "categorical_crossentropy", ["accuracy", "categorical_crossentropy"]),
            ("adam", "binary_crossentropy", ["acc", "bce"]),
        ],
    )
    @pytest.mark.parametrize("weights", [None, "sample", "class"])
    def test_histories(self, keras, optimizer, loss, metrics, weights):
        x, labels = classification(50)
        y = {
            "mse": x[:, 0],
            "mae": x[:, :1],
            "sparse_categorical_crossentropy": labels,
            "categorical_crossentropy": np.eye(3, dtype="float32")[labels],
            "binary_crossentropy": (labels > 0).astype("float32")[:, None],
        }[loss]
        units, activation = {"mse": (1, None), "mae": (1, None), "binary_crossentropy": (1, "sigmoid")}.get(
            loss, (3, "softmax")
        )
        arguments = {}
        if weights == "sample":
            arguments["sample_weight"] = np.linspace(0.2, 2, 50)
        if weights == "class":
            if loss in ("mse", "mae"):
                pytest.skip("labels only")
            arguments["class_weight"] = {0: 0.5, 1: 2.0}

        def run(k, start=None):
            model = k.Sequential(
                [
                    k.Input((4,)),
                    k.layers.Dense(6, activation="relu", kernel_regularizer="l2"),
                    k.layers.Dense(units, activation=activation, activity_regularizer="l1"),
                ]
            )
            if start is not None:
                model.set_weights(start)
            model.compile(optimizer, loss, metrics=metrics, weighted_metrics=metrics[:1])
            start = weights_of(model)
            history = model.fit(
                x, y, epochs=3, batch_size=16, shuffle=False, verbose=0, validation_data=(x[:20], y[:20]), **arguments
            )
            return history.history, start

        theirs, start = run(keras)
        for rn in namespaces():
            ours, _ = run(rn, start)
            assert set(ours) == set(theirs)  # Keras on JAX sorts the names
            for name in theirs:
                np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-4, atol=1e-6, err_msg=name)

    def test_several_outputs(self, keras):
        x, labels = classification(40)
        targets = {"a": x[:, :1], "b": labels}

        def run(k, start=None):
            inputs = k.Input((4,))
            h = k.layers.Dense(6, activation="tanh")(inputs)
            model = k.Model(inputs, {"a": k.layers.Dense(1)(h), "b": k.layers.Dense(3, activation="softmax")(h)})
            if start is not None:
                model.set_weights(start)
            start = weights_of(model)
            model.compile(
                "adam",
                {"a": "mse", "b": "sparse_categorical_crossentropy"},
                metrics={"a": ["mae"], "b": ["accuracy"]},
                loss_weights={"a": 2.0, "b": 0.5},
            )
            return model.fit(x, targets, epochs=2, batch_size=16, shuffle=False, verbose=0).history, start

        theirs, start = run(keras)
        for rn in namespaces():
            ours, _ = run(rn, start)
            assert set(ours) == set(theirs)
            for name in theirs:
                np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_a_run_that_is_resumed_sees_the_samples_in_the_same_order(rn, shuffle):
    """Same seed, same program: what a pass sees depends on its number alone, not on the passes before it."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)).astype("float32"), rng.normal(size=(50, 1)).astype("float32")

    def start():
        rn.utils.set_random_seed(3)
        model = rn.Sequential([rn.Input((3,)), rn.layers.Dense(4, "tanh"), rn.layers.Dropout(0.5), rn.layers.Dense(1)])
        model.compile(rn.optimizers.Adam(0.01), "mse")
        return model

    whole = start()
    whole.fit(x, y, batch_size=8, epochs=5, shuffle=shuffle, verbose=0)
    first = start()
    first.fit(x, y, batch_size=8, epochs=2, shuffle=shuffle, verbose=0)
    second = start()  # as another process would begin
    second.optimizer.build(second.trainable_variables)
    for mine, saved in zip(second.variables + second.optimizer.variables, first.variables + first.optimizer.variables, strict=True):
        mine.assign(saved.value)
    second.fit(x, y, batch_size=8, epochs=5, initial_epoch=2, shuffle=shuffle, verbose=0)
    for mine, theirs in zip(second.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)


def test_the_global_generator_can_be_read_and_set(rn):
    rn.utils.set_random_seed(1)
    state = rn.random.global_state()
    drawn = rn.random.uniform((3,))
    rn.random.uniform((5,))
    rn.random.set_global_state(state)
    np.testing.assert_array_equal(rn.random.uniform((3,)), drawn)
    with pytest.raises(ValueError, match=r"must be what refnet\.random\.global_state\(\) returned"):
        rn.random.set_global_state({"state": 1})
