"""class_weight and sample_weight over every layout of labels, in losses and metrics: Keras' numbers (written down, and live
where Keras is installed), or refused in words that help."""

import importlib.util
import os

import numpy as np
import pytest

N, T, C = 6, 4, 3
LABELS = np.array([0, 1, 2, 1, 0, 2])
ONE_HOT = np.eye(C, dtype="float32")[LABELS]
WEIGHTS = {0: 1.0, 1: 2.0, 2: 4.0}
EXPECTED = np.array([1, 2, 4, 2, 1, 4.0])

# Layouts of the same six labels, the model and loss that fit them.
LAYOUTS = {
    "(N,)": (LABELS, "sparse"),
    "(N, 1)": (LABELS[:, None], "sparse"),
    "one-hot": (ONE_HOT, "categorical"),
    "one-hot int": (ONE_HOT.astype("int32"), "categorical"),
    "probabilities": (ONE_HOT * np.float32(0.7) + np.float32(0.1), "categorical"),
    "float32": (LABELS.astype("float32"), "sparse"),
    "float64": (LABELS.astype("float64"), "sparse"),
    "uint8": (LABELS.astype("uint8"), "sparse"),
    "uint64": (LABELS.astype("uint64"), "sparse"),
    "regression": (LABELS + 0.25, "mse"),
    "list": (LABELS.tolist(), "sparse"),
    "list of rows": (ONE_HOT.tolist(), "categorical"),
}


def model_of(rn, kind, **kwargs):
    units = 1 if kind in ("mse", "binary") else C
    loss = {"sparse": "sparse_categorical_crossentropy", "categorical": "categorical_crossentropy", "mse": "mse",
            "binary": "binary_crossentropy"}[kind]  # fmt: skip
    last = {"mse": None, "binary": "sigmoid"}.get(kind, "softmax")
    kernel = rn.initializers.Constant(np.linspace(-0.5, 0.5, 2 * units, dtype="float32").reshape(2, units))
    model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(units, activation=last, kernel_initializer=kernel)])
    model.compile(rn.optimizers.SGD(0.0), loss, metrics=[loss], weighted_metrics=[loss], **kwargs)
    return model


def x_of():
    return np.arange(2 * N, dtype="float32").reshape(N, 2) / 10


def dataset_of(rn, *batches):
    class Batches(rn.utils.PyDataset):
        def __len__(self):
            return len(batches)

        def __getitem__(self, index):
            return batches[index]

    return Batches()


def ways(rn, x, y, class_weight, kind, **kwargs):
    """The logs of one epoch, by every way in which `class_weight` can be given."""
    fit = {"class_weight": class_weight, "verbose": 0, "shuffle": False}
    y_batch = np.asarray(y)
    return {
        "arrays": lambda: model_of(rn, kind, **kwargs).fit(x, y, batch_size=N, **fit).history,
        "train_on_batch": lambda: {
            name: [value]
            for name, value in model_of(rn, kind, **kwargs)
            .train_on_batch(x, y_batch, class_weight=class_weight, return_dict=True)
            .items()
        },
        "dataset": lambda: model_of(rn, kind, **kwargs).fit(dataset_of(rn, (x, y_batch)), **fit).history,
        "generator": lambda: model_of(rn, kind, **kwargs).fit((batch for batch in [(x, y_batch)]), **fit).history,
    }


class TestClassWeight:
    @pytest.mark.parametrize("layout", list(LAYOUTS))
    def test_every_layout_in_every_way(self, rn, layout):
        """The loss is that of the sample weights; weighted metrics are weighted means, plain ones do not change."""
        y, kind = LAYOUTS[layout]
        x = x_of()
        reference = model_of(rn, kind).fit(x, y, sample_weight=EXPECTED, batch_size=N, shuffle=False, verbose=0).history
        plain = model_of(rn, kind).fit(x, y, batch_size=N, shuffle=False, verbose=0).history
        (metric,) = [name for name in plain if name != "loss" and "weighted" not in name]
        assert reference["loss"] != plain["loss"] and reference[metric] == plain[metric]
        for way, run in ways(rn, x, y, WEIGHTS, kind).items():
            logs = run()
            assert {name: pytest.approx(value, rel=1e-6) for name, value in reference.items()} == logs, way

    def test_numbers_by_hand(self, rn):
        """Outputs 1, targets 0 and 1 ... 2: errors 1, 0, 1, 0, 1, 1; the mean of w e over six."""
        model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones")])
        model.compile(rn.optimizers.SGD(0.0), "mse", metrics=["mae"], weighted_metrics=["mse"])
        logs = model.fit(x_of(), LABELS.astype("float32"), class_weight=WEIGHTS, verbose=0).history
        assert logs["loss"] == pytest.approx([(1 + 0 + 4 + 0 + 1 + 4) / 6])
        assert logs["mae"] == pytest.approx([4 / 6])
        assert logs["mse"] == pytest.approx([10 / 14])

    def test_binary_and_bool_and_negative_labels(self, rn):
        x, positive = x_of(), LABELS > 0
        for y, weights in [
            (positive, {False: 1.0, True: 3.0}),
            (positive[:, None], {0: 1.0, 1: 3.0}),
            (positive.astype("float32"), {0: 1.0, 1: 3.0}),
            (np.where(positive, 1.0, -1.0), {-1: 1.0, 1: 3.0}),
        ]:
            kind = "mse" if np.min(y) < 0 else "binary"
            expected = model_of(rn, kind).fit(x, y, sample_weight=1 + 2.0 * positive, batch_size=N, verbose=0).history
            logs = model_of(rn, kind).fit(x, y, class_weight=weights, batch_size=N, verbose=0).history
            assert logs["loss"] == pytest.approx(expected["loss"], rel=1e-5)

    def test_keys_that_keras_takes(self, rn):
        x = x_of()

        def loss(weights):
            return model_of(rn, "sparse").fit(x, LABELS, class_weight=weights, batch_size=N, verbose=0).history["loss"]

        expected = loss({1: 5.0})
        assert loss({}) == loss({0: 1, 1: 1, 2: 1}) != expected
        for weights in (
            {np.int64(1): 5.0}, {1.0: 5}, {True: 5.0}, {np.float32(1): np.float32(5)}, {1: np.array(5.0)},
            {1: 5.0, 9: 7.0}, {0: 1.0, 1: 5.0, 2: 1.0}, {1: 5.0, -1: 3.0},
        ):  # fmt: skip
            assert loss(weights) == pytest.approx(expected), weights

    @pytest.mark.parametrize(
        ("weights", "words"),
        [
            ({"1": 5.0}, r"the key '1' of type str.*the label's number, 1\."),
            ({"cat": 5.0}, "the key 'cat' of type str, which no label equals"),
            ({0.5: 5.0}, "the key 0.5"),
            ({"out": {0: 1.0, 1: 2.0}}, "single output.*`sample_weight` for each output"),
            ({None: 5.0}, "the key None"),
            ([1.0, 5.0, 1.0], r"must be a dict.*dict\(enumerate\(class_weight\)\)"),
            (np.array([1.0, 5.0, 1.0]), r"must be a dict.*dict\(enumerate\(class_weight\)\)"),
            ("balanced", r"must be a dict.*len\(y\) / \(classes \* count\)"),
            ({1: float("nan")}, r"class_weight\[1\]` must be a finite number"),
            ({1: "5"}, r"class_weight\[1\]` must be a finite number"),
            ({1: None}, r"class_weight\[1\]` must be a finite number"),
        ],
    )  # fmt: skip
    def test_keys_and_weights_that_are_refused(self, rn, weights, words):
        for run in ways(rn, x_of(), LABELS, weights, "sparse").values():
            with pytest.raises(ValueError, match=words):
                run()

    def test_the_remedies_work(self, rn):
        x, y = x_of(), LABELS
        class_weight = [1.0, 5.0, 1.0]
        model_of(rn, "sparse").fit(x, y, class_weight=dict(enumerate(class_weight)), verbose=0)
        labels, counts = np.unique(y, return_counts=True)
        classes = len(labels)
        balanced = {label: len(y) / (classes * count) for label, count in zip(labels, counts, strict=True)}
        model_of(rn, "sparse").fit(x, y, class_weight=balanced, verbose=0)
        with pytest.raises(ValueError, match="multiply them into one"):
            model_of(rn, "sparse").fit(x, y, class_weight=WEIGHTS, sample_weight=np.ones(N), verbose=0)
        with pytest.raises(ValueError, match="at the same time"):
            model_of(rn, "sparse").train_on_batch(x, y, class_weight=WEIGHTS, sample_weight=np.ones(N))
        with pytest.raises(ValueError, match="at the same time"):
            model_of(rn, "sparse").fit(dataset_of(rn, (x, y, np.ones(N))), class_weight=WEIGHTS, verbose=0)
        with pytest.raises(ValueError, match="needs targets"):
            model_of(rn, "sparse").fit(x, class_weight=WEIGHTS, verbose=0)

    @pytest.mark.parametrize(
        ("y", "words"),
        [
            (np.zeros((N, T, C)), r"Received: y of shape \(6, 4, 3\)"),
            (np.zeros((N, T, 1)), r"Received: y of shape \(6, 4, 1\)"),
            (np.zeros((N, 1, C)), r"Received: y of shape \(6, 1, 3\)"),
            (np.tile(LABELS[:, None], (1, T)), r"y` of shape \(6, 4\) has entries outside \[0, 1\]"),
            (np.array([0, 1, np.nan, 1, 0, 2]), "NaN"),
            ([LABELS], "single output"),
            ({"a": LABELS}, "single output"),
        ],
    )
    def test_labels_that_have_no_class_of_their_own(self, rn, y, words):
        for run in (
            lambda: model_of(rn, "sparse").fit(x_of(), y, class_weight=WEIGHTS, verbose=0),
            lambda: model_of(rn, "sparse").fit(iter([(x_of(), y)]), class_weight=WEIGHTS, verbose=0),
            lambda: model_of(rn, "sparse").train_on_batch(x_of(), y, class_weight=WEIGHTS),
        ):
            with pytest.raises(ValueError, match=words):
                run()


def sequence_model(rn, kind):
    units, loss = {"sparse": (C, "sparse_categorical_crossentropy"), "categorical": (C, "categorical_crossentropy"),
                   "mse": (1, "mse")}[kind]  # fmt: skip
    kernel = rn.initializers.Constant(np.linspace(-0.5, 0.5, 2 * units, dtype="float32").reshape(2, units))
    layer = rn.layers.Dense(units, activation=None if kind == "mse" else "softmax", kernel_initializer=kernel)
    model = rn.Sequential([rn.Input((T, 2)), layer])
    model.compile(rn.optimizers.SGD(0.0), loss, metrics=[loss], weighted_metrics=[loss])
    return model


STEPS = np.array([[0, 1, 2, 0], [1, 1, 0, 2], [2, 0, 1, 1], [0, 0, 2, 1], [1, 2, 0, 0], [2, 2, 1, 0]])
SEQUENCES = {
    "(N, T)": (STEPS, "sparse"),
    "(N, T, 1)": (STEPS[..., None], "sparse"),
    "(N, T, C)": (np.eye(C, dtype="float32")[STEPS], "categorical"),
    "(N, T, 1) float": (STEPS[..., None].astype("float32"), "mse"),
}


class TestSampleWeight:
    @pytest.mark.parametrize("layout", list(SEQUENCES))
    def test_sequences(self, rn, layout):
        """One weight per sample counts for each of its steps; one per step for that step; others are refused."""
        y, kind = SEQUENCES[layout]
        x = np.arange(N * T * 2, dtype="float32").reshape(N, T, 2) / 10
        per_sample, per_step = np.linspace(0.5, 2, N), np.linspace(0.5, 2, N * T).reshape(N, T)

        def logs(weight):
            return sequence_model(rn, kind).fit(x, y, sample_weight=weight, batch_size=N, shuffle=False, verbose=0).history

        repeated = logs(np.repeat(per_sample[:, None], T, 1))
        assert repeated != logs(per_step)
        for weight, expected in [
            (per_sample, repeated),
            (per_sample[:, None], repeated),
            (per_sample.tolist(), repeated),
            (per_step[..., None], logs(per_step)),
            (np.arange(N) % 2 == 0, logs((np.arange(N) % 2).astype("float32") * -1 + 1)),
            (np.arange(N), logs(np.arange(N, dtype="float32"))),
        ]:
            found = logs(weight)
            assert {name: pytest.approx(value, rel=1e-5) for name, value in expected.items()} == found
        for weight in (np.ones((N, T - 1)), np.ones((N, T, 2)), np.ones(N - 1), np.ones(T), 2.0, np.array(["a"] * N)):
            with pytest.raises(ValueError, match="sample_weight|samples|`sample"):
                logs(weight)

    def test_numbers_of_keras(self, rn):
        """Written down from Keras 3.15 on JAX."""
        for case, expected in KERAS.items():
            assert losses_for(rn, case) == pytest.approx(expected, abs=2e-4), case


def losses_for(rn, case, **kwargs):
    """Loss and weighted metric of a case `layout/kind of weights`."""
    layout, _, weights = case.partition("/")
    y, kind = LAYOUTS[layout]
    arguments = {
        "all": {"class_weight": WEIGHTS}, "some": {"class_weight": {1: 5.0}}, "float keys": {"class_weight": {0.0: 3.0, 2.0: 0.5}},
        "samples": {"sample_weight": np.linspace(0.5, 2, N)}, "column": {"sample_weight": np.linspace(0.5, 2, N)[:, None]},
    }[weights]  # fmt: skip
    y = np.asarray(y)
    history = model_of(rn, kind, **kwargs).fit(x_of(), y, batch_size=4, shuffle=False, verbose=0, **arguments).history
    (weighted,) = [name for name in history if name.startswith("weighted")]
    return [float(history["loss"][0]), float(history[weighted][0])]


CASES = [
    f"{layout}/{weights}"
    for layout in ("(N,)", "(N, 1)", "one-hot", "probabilities", "float32", "regression")
    for weights in ("all", "some", "float keys", "samples", "column")
]
KERAS = {
    "(N,)/all": [2.2842, 0.9789],
    "(N,)/some": [2.5627, 1.0983],
    "(N,)/float keys": [1.8071, 1.2047],
    "(N,)/samples": [1.3361, 1.0688],
    "(N,)/column": [1.3361, 1.0688],
    "(N, 1)/all": [2.2842, 0.9789],
    "(N, 1)/some": [2.5627, 1.0983],
    "(N, 1)/float keys": [1.8071, 1.2047],
    "(N, 1)/samples": [1.3361, 1.0688],
    "(N, 1)/column": [1.3361, 1.0688],
    "one-hot/all": [2.2842, 0.9789],
    "one-hot/some": [2.5627, 1.0983],
    "one-hot/float keys": [1.8071, 1.2047],
    "one-hot/samples": [1.3361, 1.0688],
    "one-hot/column": [1.3361, 1.0688],
    "probabilities/all": [2.3862, 1.0227],
    "probabilities/some": [2.5747, 1.1034],
    "probabilities/float keys": [1.7681, 1.1787],
    "probabilities/samples": [1.3586, 1.0868],
    "probabilities/column": [1.3586, 1.0868],
    "float32/all": [2.2842, 0.9789],
    "float32/some": [2.5627, 1.0983],
    "float32/float keys": [1.8071, 1.2047],
    "float32/samples": [1.3361, 1.0688],
    "float32/column": [1.3361, 1.0688],
    "regression/all": [7.4267, 3.1829],
    "regression/some": [4.0267, 1.7257],
    "regression/float keys": [1.3267, 0.8844],
    "regression/samples": [3.0433, 2.4347],
    "regression/column": [3.0433, 2.4347],
}


@pytest.mark.filterwarnings("ignore")
def test_keras_still_gives_these_numbers():
    if any(importlib.util.find_spec(name) is None for name in ("keras", "jax")):
        pytest.skip("keras and jax are not installed")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    assert list(KERAS) == CASES
    for case in CASES[::3]:
        assert losses_for(keras, case, run_eagerly=True) == pytest.approx(KERAS[case], abs=2e-4), case
