"""Inputs, outputs, targets, losses, metrics and weights in every structure: as Keras takes and gives them (the cases of
structure_grid.py, what Keras gave in golden/structures_keras.json), or refused with a reason."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
import structure_grid as grid

GOLDEN = json.loads((Path(__file__).resolve().parent / "golden" / "structures_keras.json").read_text())


def test_the_file_holds_the_grid():
    assert set(GOLDEN["inputs"]) == set(grid.INPUT_CASES)
    assert set(GOLDEN["predict"]) == set(grid.OUTPUTS)
    assert set(GOLDEN["outputs"]) == set(grid.OUTPUT_CASES)


def same(ours, keras):
    """Equal up to rounding; the order of a dict's keys does not count, nor whether a list is a tuple."""
    if isinstance(keras, dict):
        if set(keras) == {"dict"} and set(ours) == {"dict"}:
            return same(dict(map(tuple, ours["dict"])), dict(map(tuple, keras["dict"])))
        return isinstance(ours, dict) and len(ours) == len(keras) and all(
            same(ours.get("list" if key == "tuple" else key, ours.get(key)), value) for key, value in keras.items())  # fmt: skip
    if isinstance(keras, list):
        return isinstance(ours, list) and len(ours) == len(keras) and all(map(same, ours, keras))
    if isinstance(keras, float):
        return isinstance(ours, float) and abs(ours - keras) <= 2e-3 * max(1, abs(keras))
    return ours == keras


def refused(result) -> bool:
    return isinstance(result, str) and result.startswith("refused")


class TestInputs:
    @pytest.mark.parametrize("case", list(grid.INPUT_CASES))
    def test_inputs_are_matched_as_by_keras_or_refused(self, rn, case):
        structure, given = grid.INPUT_CASES[case]
        if structure == "dict1" and given in ("dict2", "dict2_reversed", "dict3"):
            pytest.skip("Keras takes the alphabetically first array, whatever its key: see the next test")
        too_many = len(grid.leaves(grid.INPUTS[structure])) < len(grid.leaves(grid.INPUT_DATA[given]))
        unknown = given.endswith("unknown")
        # Keras refuses this; it has only one meaning.
        by_name = structure == "nested" and given in ("dict2", "dict2_reversed", "dict3")
        ours, keras = grid.input_case(rn, case), GOLDEN["inputs"][case]
        for way, result in keras.items():
            if refused(result) and not by_name:
                assert refused(ours[way]), way
            elif not refused(ours[way]):
                assert by_name or same(ours[way], result), way
            else:
                assert too_many or unknown, (way, ours[way])

    def test_a_key_finds_its_input_among_others(self, rn):
        x, other = np.ones((3, 1), "float32"), np.full((3, 1), 9, "float32")
        a = rn.Input((1,), name="b")
        model = rn.Model({"b": a}, a * 2)
        np.testing.assert_array_equal(model.predict({"a": other, "b": x}, verbose=0), x * 2)

    @pytest.mark.parametrize("made_with", ["list", "written", "sorted"])
    def test_a_model_in_a_model_takes_the_same_structures(self, rn, made_with):
        b, a = rn.Input((1,), name="b"), rn.Input((2,), name="a")
        inputs = {"list": [b, a], "written": {"b": b, "a": a}, "sorted": {"a": a, "b": b}}[made_with]
        inner = rn.Model(inputs, b + 10 * rn.ops.sum(a, axis=-1, keepdims=True))
        p, q = rn.Input((1,)), rn.Input((2,))
        data = [np.ones((3, 1), "float32"), np.full((3, 2), 2, "float32")]
        ways = [{"b": p, "a": q}, {"a": q, "b": p}, *{"list": [[p, q], (p, q)], "sorted": [[q, p]]}.get(made_with, [])]
        for way in ways:
            outer = rn.Model([p, q], inner(way))
            assert outer.output_shape == (None, 1)
            np.testing.assert_array_equal(outer(data), np.full((3, 1), 41))
        assert inner.compute_output_shape({"b": (5, 1), "a": (5, 2)}) == (5, 1)
        for wrong in ({"b": p, "z": q}, [p, q, p], *([[p, q]] if made_with == "written" else [])):
            with pytest.raises(ValueError, match="missing input 'a'|has 2 input|does not say which is which"):
                inner(wrong)

    def test_a_list_for_inputs_in_a_dict(self, rn):
        """A dict is walked by sorted keys. Written in another order, a list could mean either: with no error, arrays of
        one shape would be exchanged in silence."""
        b, a = rn.Input((1,), name="b"), rn.Input((1,), name="a")
        x, y = np.ones((3, 1), "float32"), np.full((3, 1), 5, "float32")
        model = rn.Model({"b": b, "a": a}, b - 2 * a)
        with pytest.raises(ValueError, match=r"inputs in a dict, \['b', 'a'\].* Pass a dict with these keys"):
            model.predict([x, y], verbose=0)
        np.testing.assert_array_equal(model.predict({"a": y, "b": x}, verbose=0), x - 2 * y)
        model = rn.Model({"a": a, "b": b}, b - 2 * a)
        np.testing.assert_array_equal(model.predict([y, x], verbose=0), x - 2 * y)


class TestOutputs:
    @pytest.mark.parametrize("structure", list(grid.OUTPUTS))
    def test_what_predict_gives_and_how_it_is_called(self, rn, structure):
        ours = grid.predict_case(rn, structure)
        for what, result in GOLDEN["predict"][structure].items():
            assert same(ours[what], result), (what, ours[what], result)

    def test_one_output_in_a_list_is_an_array(self, rn):
        x = rn.Input((2,))
        data = np.ones((5, 2), "float32")
        for outputs in ([x * 2], (x * 2,)):
            model = rn.Model(x, outputs)
            for y in (model(data), model.predict(data, verbose=0), model.predict_on_batch(data)):
                assert isinstance(y, np.ndarray) and y.shape == (5, 2)
            assert model.output_shape == (None, 2) and type(model.output) is type(outputs)
        inner = rn.Model(x, [x * 2])
        z = rn.Input((2,))
        (symbolic,) = inner(z)  # a list, as `inner` was made with one
        np.testing.assert_array_equal(rn.Model(z, symbolic + 1)(data), data * 2 + 1)
        assert inner.compute_output_shape((7, 2)) == [(7, 2)]

    @pytest.mark.parametrize("structure", list(grid.OUTPUTS))
    def test_compile_fit_and_evaluate(self, rn, structure):
        equal = 0
        for case, (its_structure, chosen) in grid.OUTPUT_CASES.items():
            if its_structure != structure:
                continue
            ours, keras = grid.output_case(rn, case), GOLDEN["outputs"][case]
            if refused(keras) or mispaired_by_keras(structure, chosen):
                continue
            if refused(ours):
                assert has_reason(structure, chosen), (case, ours)
                continue
            assert same(ours["history"], keras["history"]), (case, ours["history"], keras["history"])
            assert ours["names"] == keras["names"], case
            for what in ("evaluate", "on_batch"):
                values = keras[what]["list"] if isinstance(keras[what], dict) else [keras[what]]
                if len(values) == len(keras["history"]):  # Keras lists a metric of a name used twice twice
                    assert same(ours[what], keras[what]), (case, what, ours[what], keras[what])
            equal += 1
        assert equal >= 13

    def test_what_keras_refuses_is_refused_where_it_could_mean_two_things(self, rn):
        for structure in grid.OUTPUTS:
            for changes in ({"y": "unknown"}, {"y": "too_many"}, {"loss": "unknown"}, {"metrics": "lists_unknown"}):
                if structure in ("one", "list1", "dict1_key") and ("metrics" in changes):
                    continue  # with one output all metrics are its
                case = "/".join([structure, *(f"{key}={value}" for key, value in changes.items())])
                if case in grid.OUTPUT_CASES or (case := case + "/loss=one") in grid.OUTPUT_CASES:
                    assert refused(grid.output_case(rn, case)), case


@pytest.mark.filterwarnings("ignore")
def test_keras_still_does_what_is_written_down():
    if any(importlib.util.find_spec(name) is None for name in ("keras", "jax")):
        pytest.skip("keras and jax are not installed; the golden file is compared")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    for case in list(grid.INPUT_CASES)[::31]:
        for way, result in grid.input_case(keras, case).items():
            expected = GOLDEN["inputs"][case][way]
            assert refused(result) if refused(expected) else same(result, expected), (case, way)
    for case in list(grid.OUTPUT_CASES)[::251]:
        result, expected = grid.output_case(keras, case, eager=True), GOLDEN["outputs"][case]
        assert refused(result) if refused(expected) else all(same(result[k], expected[k]) for k in expected), case


def mispaired_by_keras(structure, chosen):
    """Keras pairs `loss_weights` in a dict with losses in a list by alphabet, and one loss with one weight whatever its
    key; it gives one output in a list a column of weights as if it were a batch of one, and one output in a list in a
    list the weight of the first sample for all."""
    weights = chosen["loss_weights"]
    return (
        (weights in ("names", "same", "key", "some") and chosen["loss"] not in ("names", weights))
        or (weights in ("names", "some") and chosen["loss"] == "same")
        or (structure in ("one", "list1") and chosen["sample_weight"] == "column")
        or (structure == "list_of_lists" and chosen["y"] == "list" and chosen["sample_weight"] in ("one", "column", "list"))
    )


def has_reason(structure, chosen):
    """Why we refuse what Keras takes: no loss at all; more entries than outputs; a list for outputs in a dict that is not
    in order; keys that no output has; one array for several outputs of different shapes."""
    values = set(chosen.values())
    listed = any("list" in value for value in values)
    return (
        chosen["loss"] == "none"
        or any("short" in value or "unknown" in value for value in values)
        or (structure in ("dict2", "dict2_keys", "dict_of_dicts") and (listed or "flat_one" in values or "lists_one" in values))
        or (structure in ("dict1_key", "dict2_keys") and chosen["loss_weights"] in ("names", "some"))
        or (chosen["y"] == "array" and structure == "list2")
    )


class TestNamesOfLosses:
    def test_by_layers_keys_and_paths(self, rn):
        x = rn.Input((1,))
        mean, spread = rn.layers.Dense(1, name="mean")(x), rn.layers.Dense(1, name="spread")(x)
        data = np.ones((4, 1), "float32")
        for outputs, y, names in [
            ([mean, spread], [data, data], ["mean_loss", "spread_loss"]),
            ({"m": mean, "s": spread}, {"m": data, "s": data}, ["m_loss", "s_loss"]),
            ({"head": [mean, spread]}, {"head": [data, data]}, ["head/mean_loss", "head/spread_loss"]),
            ([{"m": mean}, [spread]], [{"m": data}, [data]], ["0/m_loss", "1/spread_loss"]),
        ]:
            model = rn.Model(x, outputs)
            model.compile("sgd", "mse")
            history = model.fit(data, y, verbose=0).history
            assert sorted(history) == sorted(["loss", *names])
            assert model.metrics_names == ["loss", *names]

    def test_evaluate_lists_the_losses_then_the_metrics_by_name(self, rn):
        model = grid.model_of(rn, "b", ["q", "p"])
        model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]])
        x, y = grid.data("b"), [grid.data("q", 2), grid.data("p")]
        logs = model.evaluate(x, y, verbose=0, return_dict=True)
        assert model.evaluate(x, y, verbose=0) == [logs[n] for n in ("loss", "q_loss", "p_loss", "p_mse", "q_mae")]

    def test_targets_that_are_missing_are_named(self, rn):
        model = grid.model_of(rn, "b", ["q", "p"])
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match="no targets for the output 'q'"):
            model.fit(grid.data("b"), {"p": grid.data("p")}, verbose=0)
        model.compile("sgd", {"p": "mse"}, metrics={"q": ["accuracy"]})
        with pytest.raises(ValueError, match="'q', which has metrics"), pytest.warns(UserWarning, match="q/kernel"):
            model.fit(grid.data("b"), {"p": grid.data("p")}, verbose=0)
        model.compile("sgd", {"p": "mse"})  # the remedy
        with pytest.warns(UserWarning, match="q/kernel"):
            model.fit(grid.data("b"), {"p": grid.data("p")}, verbose=0)

    def test_metrics_are_one_list_per_output(self, rn):
        model = grid.model_of(rn, "b", ["q", "p"])
        x, y = grid.data("b"), [grid.data("q", 2), grid.data("p")]
        model.compile("sgd", "mse", metrics=["mae"])
        with pytest.raises(ValueError, match=r"`metrics` has 1 entries, but the model has 2 output.*each a list of metrics"):
            model.fit(x, y, verbose=0)
        model.compile("sgd", "mse", metrics=[["mae"], ["mae"]])
        assert {"q_mae", "p_mae"} <= set(model.fit(x, y, verbose=0).history)


class TestReports:
    """Programs from public reports about Keras, with the numbers that a correct one gives."""

    def test_losses_and_metrics_of_a_dict_go_by_name_not_by_alphabet(self, rn):
        x = rn.Input((2,))
        small = rn.layers.Dense(1, name="output_small", kernel_initializer="ones")(x)
        big = rn.layers.Dense(4, name="output_big", kernel_initializer="zeros")(x)
        model = rn.Model(x, [small, big])
        model.compile(
            rn.optimizers.SGD(0.0),
            {"output_small": "mse", "output_big": "mae"},
            loss_weights={"output_small": 1.0, "output_big": 2.0},
            metrics={"output_big": ["mse"], "output_small": "mae"},
        )
        data = np.arange(12, dtype="float32").reshape(6, 2)
        logs = model.fit(data, [np.arange(6.0), np.ones((6, 4))], verbose=0).history
        expected = {"loss": 100.5, "output_small_loss": 98.5, "output_big_loss": 1, "output_big_mse": 1, "output_small_mae": 8.5}
        assert {name: value[0] for name, value in logs.items()} == pytest.approx(expected)

    def test_outputs_of_models_in_models_keep_their_places(self, rn):
        a, b, c = (rn.Input((1,), name=name) for name in ("first", "second", "third"))
        double = rn.Model({"first": a}, a * 2)
        both = rn.Model({"second": b, "third": c}, [b - c, b * c])
        one, two = rn.Input((1,), name="one"), rn.Input((1,), name="two")
        doubled = double(one)
        parts = both({"second": two, "third": doubled})
        model = rn.Model({"one": one, "two": two}, [doubled, parts[1], parts[0]])
        y = model.predict({"one": np.array([[2.0]]), "two": np.array([[5.0]])}, verbose=0)
        assert [float(v[0, 0]) for v in y] == [4, 20, 1]

    def test_a_subclass_that_takes_and_gives_dicts(self, rn):
        class Heads(rn.Model):
            def __init__(self):
                super().__init__()
                self.a = rn.layers.Dense(3, kernel_initializer="ones")
                self.b = rn.layers.Dense(2, kernel_initializer="zeros")

            def call(self, inputs):
                return {"B": self.b(inputs["F"]), "A": self.a(inputs["F"])}

        model = Heads()
        model.compile(rn.optimizers.SGD(0.0), {"A": "mse", "B": "mae"}, metrics={"B": ["mse"]})
        x = np.ones((6, 2), "float32")
        logs = model.fit({"F": x}, {"A": np.ones((6, 3)), "B": np.full((6, 2), 3)}, verbose=0).history
        assert logs == {"loss": [4.0], "A_loss": [1.0], "B_loss": [3.0], "B_mse": [9.0]}
        assert {key: value.shape for key, value in model.predict({"F": x}, verbose=0).items()} == {"A": (6, 3), "B": (6, 2)}

    def test_a_single_output_in_a_dict(self, rn):
        x = rn.Input((4,))
        model = rn.Model([x], {"dt": rn.layers.Dense(1, kernel_initializer="zeros")(x)})
        data, y = np.ones((5, 4)), np.array([[0], [1], [0], [1], [1]])
        for loss in ("mse", {"dt": "mse"}):
            for targets in (y, {"dt": y}):
                model.compile(rn.optimizers.SGD(0.0), loss)
                assert model.fit(data, targets, verbose=0).history["loss"] == pytest.approx([0.6])

    def test_validation_steps_take_the_same_batches_each_time(self, rn):
        data, y = np.arange(12, dtype="float32").reshape(6, 2), np.arange(6.0)

        class Batches(rn.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return data[2 * index : 2 * index + 2], y[2 * index : 2 * index + 2]

        for validation in ((data, y), Batches()):
            model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(1, kernel_initializer="ones")])
            model.compile(rn.optimizers.SGD(0.0), "mse")
            logs = model.fit(
                data, y, epochs=3, batch_size=2, verbose=0, validation_data=validation, validation_steps=1
            ).history
            assert logs["val_loss"] == [8.5] * 3


def test_a_list_of_targets_for_a_dict_of_outputs_in_another_order(rn):
    x = rn.Input((3,))
    named = {"b": rn.layers.Dense(1)(x), "a": rn.layers.Dense(1)(x)}
    y = np.ones((4, 1), "f4")
    for outputs, wrong, right in (
        (named, [y, y], {"a": y, "b": y}),
        ([named, rn.layers.Dense(1)(x)], [[y, y], y], [{"a": y, "b": y}, y]),
    ):
        model = rn.Model(x, outputs)
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match="a list does not say which is which"):
            model.train_on_batch(np.ones((4, 3), "f4"), wrong)
        assert np.isfinite(model.train_on_batch(np.ones((4, 3), "f4"), right)).all()
