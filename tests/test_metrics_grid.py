"""Every metric against Keras' numbers, configurations and variables; what is refused; in training and written down."""
import doctest
import inspect
import json
from pathlib import Path

import metrics_grid
import numpy as np
import pytest

import refnet

GOLDEN = json.loads((Path(__file__).parent / "golden" / "metrics_grid_keras.json").read_text(encoding="utf-8"))


def test_same_numbers_as_keras(rn):
    seen = {"versions"}
    for key, metric, result in metrics_grid.results(rn.metrics):
        expected = GOLDEN[key]
        np.testing.assert_allclose(result, expected["result"], rtol=2e-5, atol=2e-6, err_msg=key)
        config = json.loads(json.dumps(metric.get_config()))
        assert {k: v for k, v in config.items() if k != "name"} == expected["config"], key
        assert [[v.name, list(v.shape)] for v in metric.variables] == expected["variables"], key
        seen.add(key)
    assert seen == set(GOLDEN)


def test_configurations_make_an_equal_metric(rn):
    for _, metric, result in metrics_grid.results(rn.metrics):
        config = json.loads(json.dumps(rn.metrics.serialize(metric)))
        again = rn.metrics.deserialize(config)
        assert type(again) is type(metric) and rn.metrics.serialize(again) == rn.metrics.serialize(metric)
        before = [v.numpy().copy() for v in metric.variables]
        metric.reset_state()
        assert all((v.numpy() == 0).all() for v in metric.variables)
        for variable, value in zip(metric.variables, before, strict=True):
            variable.assign(value)
        np.testing.assert_allclose(metric.result(), result, atol=1e-6)


WITH_EXAMPLES = [name for name in refnet.metrics.__all__ if "Example" in (inspect.getdoc(getattr(refnet.metrics, name)) or "")]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_the_docstrings(rn, name):
    text = inspect.getdoc(getattr(rn.metrics, name))
    # where a test of refnet_fast runs, its objects are meant
    test = doctest.DocTestParser().get_doctest(text, {"refnet": rn, "np": np}, name, name, 0)
    assert test.examples
    report = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert results.failed == 0, "".join(report)


def test_before_the_first_batch(rn):
    for metric in (rn.metrics.AUC(), rn.metrics.AUC(multi_label=True), rn.metrics.Precision(), rn.metrics.F1Score(),
                   rn.metrics.MeanIoU(2), rn.metrics.R2Score(), rn.metrics.R2Score(num_regressors=3),
                   rn.metrics.RecallAtPrecision(0.5)):
        assert metric.result() == 0.0


def test_targets_with_and_without_a_last_axis(rn):
    t, p = metrics_grid.DATA["one"]
    for name in ("Precision", "AUC", "TruePositives"):
        values = {getattr(rn.metrics, name)()(t.reshape(a), p.reshape(b), sample_weight=metrics_grid.WEIGHTS.reshape(c))
                  for a in ((-1,), (-1, 1)) for b in ((-1,), (-1, 1)) for c in ((-1,), (-1, 1))}
        assert len({round(value, 12) for value in values}) == 1
    assert rn.metrics.Precision()([True, False, True], [0.9, 0.8, 0.1]) == 0.5
    assert rn.metrics.SparseTopKCategoricalAccuracy(k=2)([[2], [1]], [[3, 1, 2], [5, 4, 9]]) == 0.5
    assert rn.metrics.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True)([2, 1], [[1, 2, 0], [2, 0, 1]]) == 0.5
    assert rn.metrics.SparseTopKCategoricalAccuracy(k=1)(np.zeros((2, 3), int), np.ones((2, 3, 4))) == 1.0


def test_float32_would_stop_counting(rn):
    metric = rn.metrics.TruePositives()
    metric.accumulator.value[...] = 2.0**24
    assert metric([1.0], [1.0]) == 2.0**24 + 1


@pytest.mark.parametrize(("make", "message"), [
    (lambda m: m.Precision(thresholds=2.0), r"`thresholds` must be a number in \[0, 1\].*thresholds=0"),
    (lambda m: m.Recall(thresholds=[0.5, -1]), "`thresholds`"),
    (lambda m: m.Precision(top_k=0), "`top_k` must be an integer >= 1"),
    (lambda m: m.Precision(class_id=-1), "`class_id`"),
    (lambda m: m.AUC(num_thresholds=1), "`num_thresholds` must be an integer >= 2"),
    (lambda m: m.AUC(curve="roq"), r"`curve` must be one of \('ROC', 'PR', 'PRGAIN'\)"),
    (lambda m: m.AUC(summation_method="middle"), "`summation_method`"),
    (lambda m: m.AUC(num_labels=2), "multi_label=True"),
    (lambda m: m.AUC(label_weights=[-1.0]), "`label_weights`"),
    (lambda m: m.SensitivityAtSpecificity(1.5), "SensitivityAtSpecificity: `specificity`"),
    (lambda m: m.PrecisionAtRecall(0.5, num_thresholds=0), "`num_thresholds`"),
    (lambda m: m.F1Score(average="mean"), "`average` must be None, 'micro'"),
    (lambda m: m.FBetaScore(beta=2), r"`beta` must be a float.*Write 2\.0"),
    (lambda m: m.FBetaScore(beta=-1.0), "`beta`"),
    (lambda m: m.F1Score(threshold=0.0), "`threshold`"),
    (lambda m: m.IoU(2, [2]), r"`target_class_ids`.*counted from 0"),
    (lambda m: m.MeanIoU(0), "`num_classes`"),
    (lambda m: m.TopKCategoricalAccuracy(k=0), "`k`"),
    (lambda m: m.R2Score(class_aggregation="mean"), "`class_aggregation`"),
    (lambda m: m.R2Score(num_regressors=-1), "`num_regressors`"),
    (lambda m: m.Precision()([1, 0], np.ones((2, 3))), r"targets of shape \(2,\).*predictions of shape \(2, 3\).*to_categorical"),
    (lambda m: m.Precision(top_k=4)(np.ones((2, 3)), np.ones((2, 3))), "top_k=4 of only 3 scores"),
    (lambda m: m.Precision(class_id=3)(np.ones((2, 3)), np.ones((2, 3))), "class_id=3"),
    (lambda m: m.Precision(class_id=0)(np.ones(2), np.ones(2)), "at least two axes"),
    (lambda m: m.AUC(multi_label=True)(np.ones(2), np.ones(2)), r"multi_label=True needs predictions of shape \(batch, labels\)"),
    (lambda m: m.AUC(label_weights=[1, 2])(np.ones((2, 3)), np.ones((2, 3))), "2 label_weights do not fit"),
    (lambda m: m.Precision()(np.ones(3), np.ones(3), sample_weight=np.ones(2)), "`sample_weight` of shape"),
    (lambda m: m.F1Score()(np.ones(3), np.ones(3)), "to_categorical"),
    (lambda m: m.F1Score()(np.ones((3, 2)), np.ones((3, 4))), r"y_true of shape \(3, 2\)"),
    (lambda m: m.MeanIoU(2)(np.ones((3, 2)), np.ones(3)), "OneHotIoU"),
    (lambda m: m.R2Score()(np.ones(3), np.ones(3)), "batch, outputs"),
    (lambda m: m.TopKCategoricalAccuracy()([1, 2], np.ones((2, 3))), "sparse_top_k_categorical_accuracy"),
    (lambda m: m.SparseTopKCategoricalAccuracy()([1, 2, 3], np.ones((2, 3))), r"expected \(2,\)"),
    (lambda m: m.PearsonCorrelation()(np.ones((2, 3)), np.ones((2, 4))), r"\(2, 3\) cannot be compared with"),
])  # fmt: skip
def test_what_is_refused(rn, make, message):
    with pytest.raises(ValueError, match=message):
        make(rn.metrics)


def test_r2_of_too_few_samples_warns(rn):
    metric = rn.metrics.R2Score(num_regressors=5)
    metric.update_state(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.5], [4.0]]))
    with pytest.warns(UserWarning, match="nothing left to adjust"):
        assert metric.result() == pytest.approx(1 - 0.25 / (21 - 49 / 3))


@pytest.mark.parametrize("units", [1, 3])
def test_in_training_as_code_and_written_down(rn, units):
    """Metrics of both kinds of output; the numbers are those of the metrics by hand on what the model predicts."""
    t, p = metrics_grid.DATA["one" if units == 1 else "one_hot"]
    t = t.reshape(-1, 1) if units == 1 else t[:, :3]
    x = np.concatenate([p.reshape(len(p), -1)] * 3, axis=1)
    if units == 1:
        names = ["AUC", "Precision", "recall", "TruePositives"]
        own = [rn.metrics.AUC(curve="PR", name="pr"), rn.metrics.PrecisionAtRecall(0.5, name="at"),
               rn.metrics.BinaryIoU(name="iou")]
    else:
        names = ["top_k_categorical_accuracy", rn.metrics.concordance_correlation, rn.metrics.pearson_correlation]
        own = [rn.metrics.F1Score(name="f1", average="macro"), rn.metrics.Precision(top_k=1, name="top"),
               rn.metrics.AUC(multi_label=True, name="auc"), rn.metrics.OneHotMeanIoU(3, name="iou"), rn.metrics.R2Score(name="r2"),
               rn.metrics.Recall(class_id=1, name="second")]
    logs = []
    for eager in (True, False):
        rn.utils.set_random_seed(1)
        model = rn.Sequential([rn.Input((x.shape[1],)), rn.layers.Dense(units, activation="sigmoid")])
        copies = [type(m).from_config(m.get_config()) for m in own]
        model.compile("sgd", "mse", metrics=[*names, *copies], run_eagerly=eager)
        history = model.fit(x, t, epochs=3, batch_size=5, verbose=0, sample_weight=metrics_grid.WEIGHTS, shuffle=False)
        logs.append((history.history, model.evaluate(x, t, verbose=0, return_dict=True)))
        y = model.predict(x, verbose=0)
    np.testing.assert_equal(logs[0], logs[1])                          # Pearson of a row of zeros is NaN
    assert "runs as code" not in str(model.explain_step())
    for metric in own:
        metric.reset_state()
        metric.update_state(t, y)
        assert logs[1][1][metric.name] == pytest.approx(metric.result(), rel=1e-6)
