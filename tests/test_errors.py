"""Bad input: each error names the layer or argument, the shapes, and what to do."""

import numpy as np
import pytest


def model_of(rn, units=3, loss="mse", **kwargs):
    model = rn.Sequential([rn.Input((4,), name="features"), rn.layers.Dense(units, name="head")], name="net")
    model.compile("sgd", loss, **kwargs)
    return model


X = np.zeros((6, 4), "float32")


class TestInputs:
    def test_wrong_rank(self, rn):
        with pytest.raises(ValueError, match=r"(?s)'net'.*'features'.*\(None, 4\).*\(6, 4, 2\).*axes"):
            model_of(rn).predict(np.zeros((6, 4, 2)), verbose=0)
        with pytest.raises(ValueError, match=r"Dense.*min_ndim.*ndim=1.*\(5,\)"):
            rn.layers.Dense(2)(np.zeros(5))

    def test_wrong_feature_count(self, rn):
        with pytest.raises(ValueError, match=r"'net'.*'features'.*\(None, 4\).*\(6, 5\)"):
            model_of(rn).fit(np.zeros((6, 5)), np.zeros((6, 3)), verbose=0)

    def test_a_changed_width_after_build(self, rn):
        layer = rn.layers.Dense(2, name="d")
        layer(np.zeros((3, 4)))
        with pytest.raises(ValueError, match=r"'d' \(Dense\).*axis -1.*size 4.*size 5.*\(3, 5\)"):
            layer(np.zeros((3, 5)))

    def test_several_inputs(self, rn):
        a, b = rn.Input((2,), name="a"), rn.Input((2,), name="b")
        model = rn.Model([a, b], a + b)
        with pytest.raises(ValueError, match=r"2 input\(s\) \['a', 'b'\], received 1"):
            model(np.zeros((1, 2)))
        with pytest.raises(ValueError, match="missing input 'b'"):
            model({"a": np.zeros((1, 2))})

    def test_types_that_are_no_numbers(self, rn):
        with pytest.raises(ValueError, match=r"`x` has rows of different lengths \(row 0 has 2 entries, row 1 has 1 entry"):
            model_of(rn).fit(np.array([[1, 2], [3]], dtype=object), np.zeros((2, 3)), verbose=0)
        with pytest.raises(ValueError, match="`x` holds text"):
            model_of(rn).fit(np.array([["a"]]), np.zeros((1, 3)), verbose=0)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16", "int32", "complex64"])
    def test_unsupported_types_of_layers(self, rn, dtype):
        with pytest.raises(ValueError, match=rf"Dense.*{dtype}.*float32"):
            rn.layers.Dense(2, dtype=dtype)

    def test_empty_data(self, rn):
        with pytest.raises(ValueError, match="empty"):
            model_of(rn).fit(np.zeros((0, 4)), np.zeros((0, 3)), verbose=0)
        with pytest.raises(ValueError, match="empty"):
            model_of(rn).fit(iter([]), verbose=0)
        with pytest.raises(ValueError, match="`x` is None"):
            model_of(rn).fit(verbose=0)

    def test_different_lengths(self, rn):
        with pytest.raises(ValueError, match="`x` has 6; `y` has 5"):
            model_of(rn).fit(X, np.zeros((5, 3)), verbose=0)
        with pytest.raises(ValueError, match="`sample_weight` has 4"):
            model_of(rn).evaluate(X, np.zeros((6, 3)), sample_weight=np.ones(4), verbose=0)


class TestTargets:
    def test_labels_for_a_loss_that_wants_rows(self, rn):
        with pytest.raises(
            ValueError,
            match=r"(?s)categorical_crossentropy.*\(6,\).*\(6, 3\).*sparse_categorical_crossentropy.*to_categorical",
        ):
            model_of(rn, loss="categorical_crossentropy").fit(X, np.arange(6) % 3, verbose=0)

    def test_vectors_never_become_squares(self, rn):
        model = model_of(rn, units=1)
        y = np.arange(6, dtype="float32")
        assert model.evaluate(X, y, verbose=0) == pytest.approx(float(np.mean((model(X)[:, 0] - y) ** 2)))
        with pytest.raises(ValueError, match=r"mean_squared_error.*\(6,\).*\(6, 3\)"):
            model_of(rn).fit(X, y, verbose=0)

    def test_labels_out_of_range(self, rn):
        model = model_of(rn, loss=rn.losses.SparseCategoricalCrossentropy(from_logits=True))
        with pytest.raises(ValueError, match=r"label 7 .* 3 classes"):
            model.fit(X, np.full(6, 7), verbose=0)
        with pytest.raises(ValueError, match="label -1"):
            model.fit(X, np.full(6, -1), verbose=0)

    def test_missing_targets(self, rn):
        with pytest.raises(ValueError, match="no targets `y`"):
            model_of(rn).fit(X, verbose=0)

    def test_wrong_number_of_targets(self, rn):
        x = rn.Input((4,))
        model = rn.Model(x, [rn.layers.Dense(1, name="a")(x), rn.layers.Dense(1, name="b")(x)])
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match=r"targets have 1 array.*2 output.*\['a', 'b'\]"):
            model.fit(X, X[:, :1], verbose=0)


class TestCompile:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"optimizer": "adm"}, "optimizer: 'adm'. Did you mean 'adam'"),
            ({"loss": "msee"}, "loss: 'msee'. Did you mean 'mse'"),
            ({"metrics": ["accuracyy"]}, "metric: 'accuracyy'. Did you mean"),
            ({"metrics": "mae"}, r"`metrics` must be a list"),
            ({"loss": {"head": "mas"}}, "loss: 'mas'"),
            ({"loss_weights": "x"}, "loss_weights"),
        ],
    )
    def test_unknown_names(self, rn, arguments, message):
        model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(3, name="head")])
        with pytest.raises(ValueError, match=message):
            model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments})

    def test_unknown_activation(self, rn):
        with pytest.raises(ValueError, match=r"activation: 'rellu'. Did you mean 'relu'"):
            rn.layers.Dense(3, activation="rellu")

    def test_unknown_initializer_and_argument(self, rn):
        with pytest.raises(ValueError, match=r"initializer: 'glorot'. Did you mean 'glorot_"):
            rn.layers.Dense(3, kernel_initializer="glorot")
        with pytest.raises(ValueError, match=r"unknown argument.*unit"):
            rn.layers.Dense(3, unit=4)

    def test_uncompiled(self, rn):
        model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(3)], name="net")
        for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
            with pytest.raises(ValueError, match=rf"'net' must be compiled before `{method}`.*compile\("):
                getattr(model, method)(X, np.zeros((6, 3)))
        assert model.predict(X, verbose=0).shape == (6, 3)

    def test_no_loss(self, rn):
        model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(3)], name="net")
        model.compile("sgd")
        with pytest.raises(ValueError, match="'net' has no loss"):
            model.fit(X, np.zeros((6, 3)), verbose=0)

    def test_outputs_that_do_not_exist(self, rn):
        with pytest.raises(ValueError, match=r"loss.*'tail'.*head"):
            model_of(rn, loss={"tail": "mse"}).fit(X, np.zeros((6, 3)), verbose=0)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"batch_size": 0}, "batch_size"),
            ({"validation_split": 1.5}, "validation_split"),
            ({"verbose": 7}, "verbose"),
            ({"steps_per_epoch": 0}, "steps"),
            ({"validation_freq": 0, "validation_split": 0.5}, "validation_freq"),
            ({"callbacks": ["history"]}, "callbacks"),
            ({"class_weight": {0: 1.0}, "sample_weight": np.ones(6)}, "cannot be used at the same time"),
        ],
    )
    def test_fit(self, rn, arguments, message):
        with pytest.raises(ValueError, match=message):
            model_of(rn).fit(X, np.zeros((6, 3)), **{"verbose": 0, **arguments})

    def test_datasets_bring_their_own_batches(self, rn):
        with pytest.raises(ValueError, match=r"`y` must be None.*generator"):
            model_of(rn).fit((b for b in ()), np.zeros(3), verbose=0)
        with pytest.raises(ValueError, match="`batch_size` must be None"):
            model_of(rn).fit((b for b in ()), batch_size=3, verbose=0)

    @pytest.mark.parametrize("units", [0, -1, 2.5, "3", None, True])
    def test_units(self, rn, units):
        with pytest.raises(ValueError, match="`units` must be a positive integer"):
            rn.layers.Dense(units)

    def test_dropout_rate(self, rn):
        for rate in (-0.1, 1.1, "half"):
            with pytest.raises(ValueError, match="`rate`"):
                rn.layers.Dropout(rate)

    def test_input(self, rn):
        for arguments in (
            {},
            {"shape": (2,), "batch_shape": (1, 2)},
            {"shape": (-1,)},
            {"shape": (2,), "dtype": "complex64"},
            {"shape": (2,), "sparse": True},
        ):
            with pytest.raises(ValueError, match="InputLayer"):
                rn.Input(**arguments)

    def test_weights(self, rn):
        layer = rn.layers.Dense(2, name="d")
        with pytest.raises(ValueError, match=r"'d'.*not built"):
            layer.set_weights([np.zeros(2)])
        layer.build((None, 3))
        with pytest.raises(ValueError, match=r"d/kernel.*\(3, 2\).*\(2, 2\)"):
            layer.set_weights([np.zeros((2, 2)), np.zeros(2)])
        with pytest.raises(ValueError, match="no weights yet"):
            rn.layers.Dense(2).count_params()

    def test_steps_must_return_logs(self, rn):
        class Silent(rn.Sequential):
            def train_step(self, data):
                pass

        model = Silent([rn.Input((4,)), rn.layers.Dense(3)])
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match="must return a dict"):
            model.fit(X, np.zeros((6, 3)), verbose=0)

    def test_seeds(self, rn):
        for seed in (-1, 1.5, 2**32, "a"):
            with pytest.raises(ValueError, match="seed"):
                rn.utils.set_random_seed(seed)

    def test_to_categorical(self, rn):
        assert rn.utils.to_categorical([0, 2]).tolist() == [[1, 0, 0], [0, 0, 1]]
        with pytest.raises(ValueError, match="num_classes=2"):
            rn.utils.to_categorical([0, 2], 2)
