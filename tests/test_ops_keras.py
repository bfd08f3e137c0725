"""Ops beside Keras' numbers, types and shapes, and the functions that are no ops: windows, sequences, loops."""
from pathlib import Path

import cases_ops
import numpy as np
import pytest

import refnet
from refnet import graph, ops
from refnet.autodiff import value_and_grad

GOLDEN = Path(__file__).parent / "golden" / "ops_keras.npz"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("backend", ["reference", "fast"])
def test_same_as_keras(backend, request):
    if backend == "fast":
        request.getfixturevalue("fast")
    compared = set()
    with np.load(GOLDEN, allow_pickle=False) as golden, refnet.use_backend(backend):
        for name, number, dtype, args, kwargs in cases_ops.beside_keras():
            key = f"{name} {number} {dtype}"
            if f"{key}/0" not in golden:
                continue
            for part, got in enumerate(graph.flatten(getattr(ops, name)(*args, **kwargs))):
                want = golden[f"{key}/{part}"]
                assert got.shape == want.shape, key
                assert np.dtype(got.dtype).name.replace("64", "32") == want.dtype.name.replace("64", "32"), key  # JAX has 32 bits
                np.testing.assert_allclose(got, want, rtol=3e-5, atol=3e-6, err_msg=key)
                compared.add(f"{key}/{part}")
        assert len(compared) == len(golden.files) - 1 > 250


class TestMaking:
    def test_windows_and_sequences_are_numpys(self):
        for name in ("hamming", "hanning", "blackman", "bartlett"):
            np.testing.assert_allclose(getattr(ops, name)(7), getattr(np, name)(7), atol=1e-6)
        np.testing.assert_allclose(ops.kaiser(7, 3.0), np.kaiser(7, 3.0), rtol=1e-6)
        np.testing.assert_allclose(ops.logspace(0, 2, 5), np.logspace(0, 2, 5), rtol=1e-6)
        np.testing.assert_allclose(ops.logspace(0, 3, 4, base=2), [1, 2, 4, 8], rtol=1e-6)
        np.testing.assert_allclose(ops.geomspace(1, 8, 4), [1, 2, 4, 8], rtol=1e-6)
        np.testing.assert_array_equal(ops.tri(2, 3, 1), np.tri(2, 3, 1))
        np.testing.assert_array_equal(ops.identity(3, dtype="int32"), np.eye(3))
        assert ops.tri(2).dtype == ops.hamming(3).dtype == ops.geomspace(1, 2, 2).dtype == np.float32
        assert ops.size(np.ones((2, 3))) == 6 and ops.ndim(np.ones((2, 3))) == 2 and ops.size(refnet.Input((3,))) is None
        assert ops.empty((2, 3)).shape == (2, 3)

    def test_top_k(self):
        x = np.array([[1.0, 3.0, 3.0, np.nan, 2.0]])
        values, places = ops.top_k(x, 4)
        assert places.tolist() == [[3, 1, 2, 4]] and np.isnan(values[0, 0]) and values[0, 1:].tolist() == [3, 3, 2]
        _, slope = value_and_grad(lambda x: ops.sum(ops.top_k(x, 2)[0] * np.array([1.0, 10.0])))(np.array([5.0, 1.0, 7.0]))
        assert slope.tolist() == [10, 0, 1]
        with pytest.raises(ValueError, match=r"top_k: k=6, but the last axis .* has 5 entries"):
            ops.top_k(x, 6)

    def test_quantiles(self):
        x = np.random.default_rng(0).normal(size=(4, 7))
        for method in ("linear", "lower", "higher", "midpoint"):
            want = np.quantile(x, [0.0, 0.3, 1.0], axis=1, method=method)
            np.testing.assert_allclose(ops.quantile(x, [0.0, 0.3, 1.0], axis=1, method=method), want)
            x_nan = np.where(x > 1, np.nan, x)
            want = np.nanquantile(x_nan, [0.0, 0.3, 1.0], axis=1, method=method)
            np.testing.assert_allclose(ops.nanquantile(x_nan, [0.0, 0.3, 1.0], axis=1, method=method), want)
        assert np.isnan(ops.median([1.0, np.nan])) and ops.nanmedian([1.0, np.nan]) == 1
        _, slope = value_and_grad(lambda x: ops.median(x))(np.array([5.0, 1.0, 7.0, 2.0]))
        assert slope.tolist() == [0.5, 0, 0, 0.5]
        for wrong in (lambda: ops.quantile(x, 1.5), lambda: ops.percentile(x, 150), lambda: ops.quantile(x, 0.5, method="best"),
                      lambda: ops.quantile(np.ones((0, 2)), 0.5)):  # fmt: skip
            with pytest.raises(ValueError, match="quantile|percentile"):
                wrong()


class TestControl:
    def test_choices(self):
        assert ops.cond(np.array(True), lambda: 1, lambda: 2) == 1
        assert [ops.switch(i, [lambda x: x, lambda x: -x], 3) for i in (-1, 0, 1, 9)] == [3, 3, -3, -3]
        with pytest.raises(ValueError, match="a symbolic tensor has no value to decide by. Use ops.where"):
            ops.cond(refnet.Input(()) > 0, lambda: 1, lambda: 2)

    def test_loops(self):
        assert ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0) == 6
        assert ops.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), (0, 0)) == (4, 6)
        assert ops.while_loop(lambda i: True, lambda i: [i + 1], [0], maximum_iterations=3) == [3]
        assert ops.fori_loop(2, 5, lambda i, v: v * i, 1) == 24
        with pytest.raises(ValueError, match="as many variables as it gets"):
            ops.while_loop(lambda i, s: True, lambda i, s: i, (0, 0))

    @pytest.mark.parametrize("reverse", [False, True])
    def test_scan(self, reverse):
        xs = np.array([1.0, 2.0, 3.0])
        carry, ys = ops.scan(lambda c, x: (c + x, c * x), np.float64(10.0), xs, reverse=reverse)
        assert carry == 16 and ys.tolist() == ([10, 22, 39] if not reverse else [15, 26, 30])
        carry, ys = ops.scan(lambda c, x: ({"s": c["s"] + x["a"]}, None), {"s": 0.0}, {"a": xs})
        assert carry == {"s": 6.0} and ys is None
        assert ops.scan(lambda c, x: (c + 1, c), 0, length=3)[0] == 3
        with pytest.raises(ValueError, match="pass xs, or length"):
            ops.scan(lambda c, x: (c, x), 0)
        with pytest.raises(ValueError, match="length=2, but xs has 3"):
            ops.scan(lambda c, x: (c, x), 0, xs, length=2)
        with pytest.raises(ValueError, match="one length"):
            ops.scan(lambda c, x: (c, None), 0, (xs, xs[:2]))

    def test_loops_are_on_the_tape(self):
        def run(x):
            carry, ys = ops.scan(lambda c, row: (c * row, c), np.float64(1.0), x)
            return ops.sum(ys) + carry

        _, slope = value_and_grad(run)(np.array([2.0, 3.0, 4.0]))
        np.testing.assert_allclose(slope, [1 + 3 + 12, 2 + 8, 6])       # 1 + a + ab + abc
        _, slope = value_and_grad(lambda x: ops.sum(ops.map(lambda row: row * row, x)))(np.array([2.0, 3.0]))
        assert slope.tolist() == [4, 6]
        _, slope = value_and_grad(lambda x: ops.associative_scan(ops.multiply, x)[-1])(np.array([2.0, 3.0, 4.0]))
        assert slope.tolist() == [12, 8, 6]

    def test_maps(self):
        x = np.arange(6.0).reshape(3, 2)
        np.testing.assert_array_equal(ops.map(lambda row: row[0] - row[1], x), [-1, -1, -1])
        np.testing.assert_array_equal(ops.vectorized_map(lambda pair: pair[0] + pair[1], (x, x)), 2 * x)
        np.testing.assert_array_equal(ops.vectorize(lambda a, b: a if a > b else b)(x, [1.0, 4.0]), np.maximum(x, [1.0, 4.0]))
        np.testing.assert_array_equal(ops.associative_scan(lambda a, b: a + b, x, axis=1), np.cumsum(x, 1))
        np.testing.assert_array_equal(ops.associative_scan(ops.add, x, reverse=True), np.cumsum(x[::-1], 0)[::-1])


class TestTree:
    def test_keras_examples(self):
        from refnet import tree
        seen = []
        tree.traverse(seen.append, [(1, 2), [3], {"a": 4}], top_down=True)
        assert seen == [[(1, 2), [3], {"a": 4}], (1, 2), 1, 2, [3], 3, {"a": 4}, 4]
        seen = []
        tree.traverse(seen.append, [(1, 2), [3], {"a": 4}], top_down=False)
        assert seen == [1, 2, (1, 2), 3, [3], 4, {"a": 4}, [(1, 2), [3], {"a": 4}]]
        assert tree.traverse(lambda x: tree.MAP_TO_NONE if x == 2 else None, [1, 2]) == [1, None]
        assert tree.flatten_with_path([{"foo": 42}]) == [((0, "foo"), 42)]
        assert tree.map_structure(lambda x, y: x * y, [[1], [2]], [[3], [4]]) == [[3], [8]]
        assert tree.map_structure(lambda x: x + 1, [1, None], none_is_leaf=False) == [2, None]
        assert tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]]) == ["[1, 1]", ["2", "2"]]
        assert tree.lists_to_tuples({"a": [1, [2]]}) == {"a": (1, (2,))}
        assert tree.map_shape_structure(len, {"a": [(1, None), [3]]}) == {"a": [2, 1]}
        assert tree.pack_sequence_as({"b": 0, "a": [0, 0]}, [1, 2, 3]) == {"b": 3, "a": [1, 2]}
        tree.assert_same_structure([(0, 1)], [(2, 3)])
        tree.assert_same_paths([0, 1], (2, 3))
        for wrong in (lambda: tree.assert_same_structure([0, 1], (0, 1)), lambda: tree.assert_same_paths([0], [0, 1]),
                      lambda: tree.map_structure(lambda *x: x, [1], [1, 2]), lambda: tree.pack_sequence_as([0], [1, 2]),
                      lambda: tree.map_structure_up_to([None], str, [1, 2])):  # fmt: skip
            with pytest.raises(ValueError):
                wrong()

    def test_ordered_dicts_keep_their_order(self):
        from collections import OrderedDict

        from refnet import tree
        structure = OrderedDict([("b", 1), ("a", 2)])
        assert tree.flatten(structure) == [1, 2] and tree.flatten({"b": 1, "a": 2}) == [2, 1]
        assert type(tree.map_structure(lambda x: x, structure)) is OrderedDict
