"""The benchmarks' own logic: oracle, data reader, verdicts, report. Timing itself is not tested."""
import ast
import graphlib
import io
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ is not part of this installation", allow_module_level=True)
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # at the end: refnet itself stays the installed one

from benchmarks import data, oracle  # noqa: E402
from benchmarks.compare import compare, losses  # noqa: E402
from benchmarks.harness import load_results, store, summarise  # noqa: E402
from benchmarks.machine import Peaks, roofline  # noqa: E402
from benchmarks.specs import MODELS, initial_weights, make_data, ready_batches  # noqa: E402

SMALL = [MODELS["13-64-64-1"], MODELS["784-512-10"], MODELS["10000-16-16-1"]]


@pytest.mark.parametrize("spec", SMALL, ids=lambda s: s.name)
def test_oracle_gradient_is_that_of_its_loss(spec, rng):
    """Along a random direction, by central differences in float64."""
    x, y = make_data(spec, samples=8)
    weights = [w.astype(np.float64) for w in initial_weights(spec)]
    _, gradients = oracle._loss_and_gradients(spec, weights, x.astype(np.float64), y)
    direction = [rng.standard_normal(w.shape) for w in weights]
    step = 1e-6

    def loss(sign):
        moved = [w + sign * step * d for w, d in zip(weights, direction, strict=True)]
        return oracle._loss_and_gradients(spec, moved, x.astype(np.float64), y)[0]

    numeric = (loss(+1) - loss(-1)) / (2 * step)
    analytic = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
    np.testing.assert_allclose(analytic, numeric, rtol=1e-5)


@pytest.mark.parametrize("spec", SMALL[:2], ids=lambda s: s.name)
def test_every_twin_passes_the_check_that_precedes_timing(rn, spec):
    from benchmarks.peers.keras_api import build_model

    x, y = make_data(spec, samples=3 * spec.batch)
    batches, weights = ready_batches(spec, x, y), initial_weights(spec)
    model = build_model(rn, spec, None)
    model.set_weights(weights)
    np.testing.assert_allclose(model.predict_on_batch(batches[0][0]), oracle.forward(spec, weights, batches[0][0]),
                               rtol=1e-4, atol=1e-5)  # fmt: skip
    found = [float(np.ravel(model.train_on_batch(*batches[i % 3]))[0]) for i in range(6)]
    np.testing.assert_allclose(found, oracle.training_losses(spec, weights, batches, 6), rtol=1e-4)


def test_the_twin_tells_its_instruction_set(fast):
    """Without it a measurement cannot be placed."""
    from benchmarks.peers.keras_api import RefnetFastPeer

    threads = fast.get_num_threads()
    try:
        versions = RefnetFastPeer(1).versions()
    finally:
        fast.set_num_threads(threads)
    assert versions == {"refnet_fast": fast.__version__, "isa": fast.kernels.ISA}


def test_modules_import_one_way():
    """No two of them import each other, not even for their annotations."""
    folder = ROOT / "benchmarks"
    imports = {}
    for path in folder.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        named = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
        imports[name] = named - {name}
    imports = {name: named & set(imports) - {"benchmarks"} for name, named in imports.items()}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def write_archive(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, pickled in members.items():
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (2,)})
            archive.writestr(f"{name}.npy", header.getvalue() + pickled)


def object_array(*rows):
    array = np.empty(len(rows), object)
    array[:] = rows
    return pickle.dumps(array, protocol=3)


def test_reader_reads_integer_lists(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([[1, 2], [3]], object), y=np.arange(3))
    found = data.read_archive(path)
    assert found["x"].tolist() == [[1, 2], [3]]
    assert found["y"].tolist() == [0, 1, 2]


class Malicious:
    def __reduce__(self):
        return eval, ("1 + 1",)


@pytest.mark.parametrize(
    ("pickled", "error"),
    [
        (pickle.dumps(Malicious(), protocol=2), "refused to load .*eval"),
        (object_array([1], Malicious()), "refused to load .*eval"),
        (object_array([1], [1.5]), "lists of integers only"),
        (object_array([1], "text"), "lists of integers only"),
        (pickle.dumps([1, 2], protocol=2), "one-dimensional object array"),
    ],
)
def test_reader_makes_nothing_but_integer_lists(tmp_path, pickled, error):
    write_archive(tmp_path / "a.npz", x=pickled)
    with pytest.raises((pickle.UnpicklingError, ValueError), match=error):
        data.read_archive(tmp_path / "a.npz")


def test_reader_bounds_what_it_unpacks(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10_000))
    monkeypatch.setattr(data, "MEMBER_LIMIT", 1000)
    with pytest.raises(ValueError, match="would unpack to"):
        data.read_archive(tmp_path / "a.npz")


def test_missing_data_directory_says_how_to_name_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="REFNET_DATA"):
        data.data_directory(str(tmp_path / "nowhere"))


def test_multi_hot_shifts_ranks_as_keras_does():
    rows = np.empty(2, object)
    rows[:] = [[1, 4], [2, 50]]
    np.testing.assert_array_equal(data.multi_hot(rows, 8), [[0, 1, 0, 0, 1, 0, 0, 1], [0, 1, 1, 0, 0, 1, 0, 0]])


def test_roofline_is_the_larger_of_arithmetic_and_memory():
    peaks = Peaks(threads=2, gflops=440.0, read_gbs=34.0, copy_gbs=30.0)
    assert roofline(MODELS["784-512-10"], peaks, "fit") == pytest.approx(0.476, rel=0.01)  # 209 MFLOP: arithmetic
    assert roofline(MODELS["10000-16-16-1"], peaks, "fit") == pytest.approx(1.205, rel=0.01)  # 41 MB: memory


def result(**milliseconds):
    times = {peer: {"step": summarise([ms] * 3)} for peer, ms in milliseconds.items()}
    return {"times": times, "roofline": {"step": 0.48}}


def test_verdict_takes_the_best_judged_peer():
    verdict = compare("784-512-10", result(refnet_fast=0.8, torch=2.0, torch_compile=1.6, jax=0.5), "step")
    assert (verdict.best_peer, verdict.how) == ("torch_compile", "ratio")
    assert verdict.ratio == pytest.approx(2.0)
    assert verdict.share == pytest.approx(0.6)


def test_verdict_by_roofline_and_missed():
    assert compare("784-512-10", result(refnet_fast=0.6, torch=0.7), "step").how == "roofline"
    assert compare("784-512-10", result(refnet_fast=0.7, torch=0.7), "step").how == ""
    assert compare("784-512-10", result(torch=0.7), "step") is None


def test_losses_are_told_even_to_peers_that_are_not_judged():
    found = losses("784-512-10", result(refnet_fast=0.8, torch=2.0, jax=0.5))
    assert [(key, peer) for key, peer, *_ in found] == [("step", "jax")]


def test_results_are_merged_by_section(tmp_path, capsys):
    path = tmp_path / "results.json"
    store(path, "a", {"x": 1 / 3})
    store(path, "b", [2.0])
    assert load_results(path) == {"a": {"x": 0.33333}, "b": [2.0]}


def test_report_says_what_was_not_run():
    from benchmarks.report import render

    assert "no results: training, startup, competitor, kernels, acceptance" in render({})
