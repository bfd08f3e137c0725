"""Every kernel of tests/cases.py: gradients, parity of the twins, and the contract."""
import inspect

import cases
import numpy as np
import pytest
from conftest import KERNEL_SETS

import refnet.kernels as reference
from refnet.kernels.arrays import SHARED

ALL = cases.KERNEL_CASES + cases.SHARED_CASES
F32_EPS = float(np.finfo(np.float32).eps)


def by_id(items):
    return {"argvalues": items, "ids": [case.id for case in items]}


def on_every_set(items):
    """(case, kernels) pairs: every case on every kernel set, the shared ones once."""
    pairs = [(case, name) for name in KERNEL_SETS for case in items if name == "reference" or not case.shared]
    return {"argnames": "case, kernels", "argvalues": [(case, KERNEL_SETS[name]) for case, name in pairs],
            "ids": [f"{name}-{case.id}" for case, name in pairs]}


def covered():
    names = {f"{case.kernel}_{way}" for case in ALL for way in ("forward", "backward")}
    return names | {case.kernel for case in cases.UPDATE_CASES} | set(cases.PLAIN_KERNELS)


def public_kernels(module):
    return {name for name in module.__all__ if callable(getattr(module, name))}


def test_every_kernel_has_a_case():
    assert public_kernels(reference) - covered() == set()


@pytest.mark.parametrize("name", [n for n in KERNEL_SETS if n != "reference"] or [pytest.param("none", marks=pytest.mark.skip(
    reason="refnet_fast is not built"))])
def test_every_kernel_has_a_twin(name):
    twin = KERNEL_SETS[name]
    for kernel in public_kernels(reference):
        ours, theirs = getattr(reference, kernel), getattr(twin, kernel)
        if kernel in SHARED:
            assert theirs is ours, f"{kernel} is listed as shared, but the twin has its own"
        else:
            assert theirs is not ours, f"{kernel} has no twin; only those in arrays.SHARED may do without"
            assert str(inspect.signature(theirs)) == str(inspect.signature(ours)), kernel
            assert theirs.__doc__, f"{kernel}: the twin's docstring says how it is fast"


def cotangent(y):
    rng = np.random.default_rng(y.size)
    return np.asarray(rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.5, 1.5, y.shape), dtype=y.dtype)


def numeric_gradient(case, kernels, position, r, step=6e-6):
    inputs = [None if x is None else x.copy() for x in case.inputs]
    x = inputs[position].reshape(-1)
    grad = np.empty(x.size)
    for i in range(x.size):
        original = x[i]
        h = step * max(1.0, abs(original))
        values = []
        for offset in (h, -h):
            x[i] = original + offset
            inputs[position] = x.reshape(case.inputs[position].shape)
            values.append(float(np.sum(r * case.forward(kernels, tuple(inputs), save=False)[0])))
        x[i] = original
        grad[i] = (values[0] - values[1]) / (2 * h)
    return grad.reshape(case.inputs[position].shape)


def small(case):
    return sum(x.size for x in case.inputs if x is not None) <= 1500


@pytest.mark.parametrize(**on_every_set([c for c in ALL if small(c)]))
def test_gradient(case, kernels):
    y, saved = case.forward(kernels)
    y = np.asarray(y)
    r = cotangent(y)
    grads = case.backward(kernels, r, saved)
    for position, (x, grad) in enumerate(zip(case.inputs, grads, strict=True)):
        if x is None:
            assert grad is None
            continue
        assert grad.shape == x.shape and grad.dtype == x.dtype
        numeric = numeric_gradient(case, kernels, position, r)
        scale = max(np.abs(numeric).max(initial=0), 1e-3)
        np.testing.assert_allclose(grad, numeric, rtol=1e-6, atol=1e-7 * scale + 1e-9 * max(1, y.size))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", **by_id(cases.KERNEL_CASES))
def test_parity(case, dtype, twin):
    """The twin's error is at most twice the reference's own, plus 4 ulp of the sum of absolute terms."""
    exact, exact_saved = case.forward(reference)
    narrow = case.cast(dtype)
    y_ref, saved_ref = narrow.forward(reference)
    y, saved = narrow.forward(twin)
    r = cotangent(np.asarray(exact))
    exact_grads = case.backward(reference, r, exact_saved)
    ref_grads = narrow.backward(reference, r.astype(dtype), saved_ref)
    grads = narrow.backward(twin, r.astype(dtype), saved)
    magnitude = np.max(case.magnitude(case.inputs), initial=0) if case.magnitude else None
    eps = float(np.finfo(dtype).eps)
    for got, ref, true in zip((y, *grads), (y_ref, *ref_grads), (exact, *exact_grads), strict=True):
        if true is None:
            assert got is None
            continue
        assert got.dtype == dtype and got.shape == true.shape
        if not true.size:
            continue
        terms = max(float(np.abs(true).max()), float(magnitude or 0))
        if got is not y and magnitude is not None:            # a gradient is a sum of as many terms as the longest axis has
            terms *= max(1.0, np.sqrt(max(max(x.shape, default=1) for x in case.inputs if x is not None)))
        if got is not y:
            terms = max(terms, case.gradient_terms)
        own = np.abs(ref.astype(np.float64) - true).max()
        error = np.abs(got.astype(np.float64) - true).max()
        assert error <= 2 * own + 4 * eps * terms, (case.id, error, own, terms)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(**on_every_set(ALL))
def test_contract(case, kernels, dtype):
    """Inputs and dy are not written; read-only arrays do; save=False keeps nothing; needs are honoured; types are kept."""
    narrow = case.cast(dtype)
    arrays = [x for x in (*narrow.inputs, *narrow.args) if isinstance(x, np.ndarray)]
    before = [x.copy() for x in arrays]
    for x in arrays:
        x.flags.writeable = False
    y, saved = narrow.forward(kernels)
    y = np.asarray(y)
    assert y.dtype == (np.float64 if case.kernel == "cast" else dtype)
    plain, nothing = narrow.forward(kernels, save=False)
    assert nothing is None
    np.testing.assert_array_equal(plain, y)
    dy = cotangent(y)
    dy_before = dy.copy()
    dy.flags.writeable = False
    grads = narrow.backward(kernels, dy, saved)
    again = narrow.backward(kernels, dy, saved)               # backward may be called twice
    for x, grad, second in zip(narrow.inputs, grads, again, strict=True):
        if x is not None:
            assert grad.dtype == dtype
            np.testing.assert_array_equal(grad, second)
    for position in range(len(narrow.inputs)):
        if len(narrow.inputs) > 1:
            needs = tuple(i == position for i in range(len(narrow.inputs)))
            some = narrow.backward(kernels, dy, saved, needs)
            for i, (part, whole) in enumerate(zip(some, grads, strict=True)):
                if i == position and whole is not None:
                    np.testing.assert_array_equal(part, whole)
                else:
                    assert part is None, "a gradient nobody needs is not computed"
    np.testing.assert_array_equal(dy, dy_before)
    for x, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x, copy)


def slots_for(case, dtype):
    rng = cases.rng_for(case.id)
    w, dw = rng.normal(size=case.shape).astype(dtype), rng.normal(size=case.shape).astype(dtype)
    slots = {name: np.asarray(rng.uniform(0.5, 1.5, case.slot_shape(name)), dtype) if name in case.slots else None
             for name in case.all_slots}
    if slots.get("mean_gradient") is not None:
        slots["mean_gradient"] *= 0.1                         # v - mean² stays positive, as it does in training
    if slots.get("product") is not None:
        slots["product"] *= 0.5                               # a product of numbers below 1
    return w, dw, slots


def run_update(case, kernels, dtype):
    w, dw, slots = slots_for(case, dtype)
    before = dw.copy()
    dw.flags.writeable = False
    assert getattr(kernels, case.kernel)(w, dw, **slots, **case.kwargs) is None
    np.testing.assert_array_equal(dw, before)
    return [w, *(s for s in slots.values() if s is not None)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", **by_id(cases.UPDATE_CASES))
def test_update_parity(case, dtype, twin):
    exact = run_update(case, reference, np.float64)
    own = run_update(case, reference, dtype)
    got = run_update(case, twin, dtype)
    eps = float(np.finfo(dtype).eps)
    for true, ref, ours in zip(exact, own, got, strict=True):
        assert ours.dtype == dtype
        if true.size:
            true = true if dtype == np.float64 else true.astype(np.float64)
            bound = 2 * np.abs(ref.astype(np.float64) - true).max() + 4 * eps * np.abs(true).max()
            assert np.abs(ours.astype(np.float64) - true).max() <= bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", **by_id(cases.UPDATE_CASES))
def test_update_writes_in_place_only_what_it_names(case, dtype, kernels):
    """The weights and the slots it was given, and those only: not the gradient, nor what lies beside the arrays."""
    arrays = slots_for(case, dtype)
    given = {"w": arrays[0], "dw": arrays[1], **{name: slot for name, slot in arrays[2].items() if slot is not None}}
    framed = {name: np.full(array.size + 64, 7, dtype) for name, array in given.items()}  # each between two margins
    inside = {name: framed[name][32 : 32 + array.size].reshape(array.shape) for name, array in given.items()}
    for name, array in given.items():
        inside[name][...] = array
    slots = {name: inside.get(name) for name in arrays[2]}
    assert getattr(kernels, case.kernel)(inside["w"], inside["dw"], **slots, **case.kwargs) is None
    np.testing.assert_array_equal(inside["dw"], given["dw"])
    w_size = given["w"].size
    for name, array in given.items():
        assert (framed[name][:32] == 7).all() and (framed[name][32 + array.size :] == 7).all(), name
        if w_size and name not in ("dw", "v_max", "product"):  # the largest v so far may stay; nadam reads its product
            assert not np.array_equal(inside[name], array), name


RELU_CASES = [c for c in cases.KERNEL_CASES if c.kernel in ("dense", "activation") and c.args == ("relu",)]


@pytest.mark.parametrize("case", **by_id(RELU_CASES))
def test_cases_of_relu_keep_off_its_kink(case):
    """So that a numerical gradient and a rounding error stay on one side of it."""
    x, *rest = case.inputs
    w, b = rest if rest else (None, None)
    z = x if w is None else x @ w + (0 if b is None else b)
    assert z.size == 0 or np.abs(z).min() > 0.01
    if z.size > 100:
        assert 0.1 < np.mean(z > 0) < 0.9  # on both sides


@pytest.mark.parametrize("case", **by_id([c for c in cases.UPDATE_CASES if np.prod(c.shape) > 30_000]))
def test_threads_do_not_change_a_bit_of_an_update(case, twin, fast):
    before = fast.get_num_threads()
    results = []
    try:
        for n in (1, 2, 4):
            fast.set_num_threads(n)
            results.append(run_update(case, twin, np.float32))
    finally:
        fast.set_num_threads(before)
    for one, two, four in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, four)


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("case", **by_id([c for c in cases.KERNEL_CASES if not small(c)]))
def test_threads_do_not_change_a_bit(case, threads, twin, fast):
    narrow = case.cast(np.float32)
    before = fast.get_num_threads()
    results = []
    try:
        for n in (1, threads):
            fast.set_num_threads(n)
            y, saved = narrow.forward(twin)
            results.append((y, *narrow.backward(twin, cotangent(np.asarray(y)), saved)))
    finally:
        fast.set_num_threads(before)
    for one, many in zip(*results, strict=True):
        np.testing.assert_array_equal(one, many)


# --- known answers -------------------------------------------------------------------------------------------------------

PHILOX_VECTORS = [  # Random123's kat_vectors for philox4x32 with 10 rounds: counter, key, result
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


@pytest.mark.parametrize("counter, key, words", PHILOX_VECTORS)
def test_philox_known_answers(kernels, counter, key, words):
    c0, c1, c2, c3 = counter
    got = kernels.philox_words(c0 | c1 << 32, 1, key[0] | key[1] << 32, c2 | c3 << 32)
    assert tuple(int(w) for w in got[0]) == words


def test_dropout_mask_is_the_design_formula(kernels):
    seed, count, rate = 0xFEDCBA9876543210, (7 << 32) + 3, 0.3
    mask = kernels.dropout_mask(1001, rate, seed, count)
    words = reference.philox_words(0, 251, seed, count).reshape(-1)[:1001]
    np.testing.assert_array_equal(mask, words < int((1 - rate) * 2**32))
    assert abs(mask.mean() - 0.7) < 0.05


def test_dropout_masks_agree_bit_for_bit(twin):
    for size in (1, 3, 4, 5, 63, 64, 1000, 100_003):
        for rate in (0.0, 0.1, 0.5, 1.0):
            np.testing.assert_array_equal(twin.dropout_mask(size, rate, 99, 4), reference.dropout_mask(size, rate, 99, 4))


def test_dropout_drops_nan_and_scales(kernels):
    x = np.full(1000, np.nan)
    y, _ = kernels.dropout_forward(x, 0.5, np.array([1, 0], np.uint32))
    assert np.isnan(y).sum() == kernels.dropout_mask(1000, 0.5, 1, 0).sum()
    y, _ = kernels.dropout_forward(np.ones(1000), 0.5, np.array([1, 0], np.uint32))
    assert set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float32, np.float64, bool])
def test_gather_rows(kernels, dtype, rng):
    for shape in ((11, 7), (5,), (6, 2, 3), (100, 784), (3, 0)):
        x = rng.integers(0, 2, shape).astype(dtype)
        rows = rng.integers(0, shape[0], 37)
        got = kernels.gather_rows(x, rows)
        assert got.dtype == x.dtype and got.flags.c_contiguous
        np.testing.assert_array_equal(got, x[rows])
    with pytest.raises(IndexError, match="out of range"):
        kernels.gather_rows(x, np.array([0, 3]))
    with pytest.raises(IndexError, match="out of range"):
        kernels.gather_rows(x, np.array([-1]))


def test_labels_out_of_range_are_named(kernels):
    y = np.zeros((3, 4))
    for bad in (4, -1):
        with pytest.raises(ValueError, match=rf"label {bad} at position 1 is out of range for 4 classes"):
            kernels.sparse_categorical_crossentropy_forward(y, np.array([0, bad, 2]), True)


def test_hand_worked_dense(kernels):
    """2 samples, 2 features, 1 unit, worked on paper: z = [1·3 + 2·(-1) + 0.5, ...], L = Σ y."""
    x = np.array([[1.0, 2.0], [-1.0, 0.5]])
    w = np.array([[3.0], [-1.0]])
    y, saved = kernels.dense_forward(x, w, np.array([0.5]), "relu")
    np.testing.assert_array_equal(y, [[1.5], [0.0]])           # z = 1.5, -3
    dx, dw, db = kernels.dense_backward(np.ones((2, 1)), saved)
    np.testing.assert_array_equal(dx, [[3.0, -1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(dw, [[1.0], [2.0]])
    np.testing.assert_array_equal(db, [1.0])


def test_hand_worked_cross_entropy(kernels):
    l, saved = kernels.sparse_categorical_crossentropy_forward(np.log([[0.2, 0.3, 0.5]]), np.array([2]), True)
    np.testing.assert_allclose(l, [np.log(2.0)], rtol=1e-14)
    np.testing.assert_allclose(kernels.sparse_categorical_crossentropy_backward(np.ones(1), saved), [[0.2, 0.3, -0.5]], rtol=1e-14)


# --- kinks, NaN and infinities -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu_at_its_kink_and_beyond(kernels, dtype):
    z = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45] * 5, dtype)
    y, saved = kernels.activation_forward(z, "relu")
    np.testing.assert_array_equal(y, np.maximum(z, 0))
    dz = kernels.activation_backward(np.full_like(z, np.inf), saved)
    np.testing.assert_array_equal(dz, np.where(y > 0, np.inf, 0))


@pytest.mark.parametrize("name", cases.ACTIVATIONS)
def test_nan_survives_activations(kernels, name):
    z = np.array([np.nan] * 20, np.float32)
    assert np.isnan(kernels.activation_forward(z, name)[0]).all()
    x, w = np.ones((20, 3), np.float32), np.ones((3, 40), np.float32)
    x[7, 1] = np.nan
    y, _ = kernels.dense_forward(x, w, None, name)
    assert np.isnan(y[7]).all() and np.isfinite(y[:7]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_values_do_not_overflow(kernels, dtype):
    big = np.array([[1000.0, -1000.0, 0.0]], dtype)
    np.testing.assert_array_equal(kernels.softmax_forward(big)[0], [[1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(kernels.log_softmax_forward(big)[0], [[0.0, -2000.0, -1000.0]])
    np.testing.assert_array_equal(kernels.activation_forward(big, "sigmoid")[0], [[1.0, 0.0, 0.5]])
    np.testing.assert_array_equal(kernels.activation_forward(big, "tanh")[0], [[1.0, -1.0, 0.0]])
    l, saved = kernels.binary_crossentropy_forward(big, np.array([[0.0, 1.0, 1.0]], dtype), True)
    np.testing.assert_allclose(l, [(2000 + np.log(2.0)) / 3], rtol=1e-6)
    assert np.isfinite(kernels.binary_crossentropy_backward(np.ones(1, dtype), saved)).all()
    l, _ = kernels.sparse_categorical_crossentropy_forward(big, np.array([1]), True)
    np.testing.assert_array_equal(l, [2000.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_probabilities_are_clipped(kernels, dtype):
    y, t = np.array([[0.0, 1.0]], dtype), np.array([[1.0, 0.0]], dtype)
    l, saved = kernels.binary_crossentropy_forward(y, t, False)
    assert np.isfinite(l).all() and l[0] > 15
    np.testing.assert_array_equal(kernels.binary_crossentropy_backward(np.ones(1, dtype), saved), [[0.0, 0.0]])
    l, saved = kernels.categorical_crossentropy_forward(y, t, False)
    np.testing.assert_allclose(l, [-np.log(1e-7)], rtol=1e-5)
    np.testing.assert_array_equal(kernels.categorical_crossentropy_backward(np.ones(1, dtype), saved), [[0.0, 0.0]])


def test_optimizers_let_nan_through(kernels):
    for name, slots in (
        ("sgd_update", ("velocity",)), ("rmsprop_update", ("v",)), ("adam_update", ("m", "v")),
        ("adagrad_update", ("accumulator",)), ("adadelta_update", ("v", "u")), ("adamax_update", ("m", "u")),
        ("nadam_update", ("m", "v")), ("lion_update", ("m",)),
        ("ftrl_update", ("accumulator", "linear")), ("lamb_update", ("m", "v")), ("schedule_free_update", ("z", "v")),
    ):  # fmt: skip
        w, dw = np.zeros(20, np.float32), np.ones(20, np.float32)
        dw[3] = np.nan
        parameters = inspect.signature(getattr(kernels, name)).parameters
        extra = {key: value for key, value in (("step", 1), ("product", 0.5)) if key in parameters}
        getattr(kernels, name)(w, dw, **{s: np.zeros(20, np.float32) for s in slots}, learning_rate=0.1, **extra)
        assert np.isnan(w[3]) and np.isfinite(np.delete(w, 3)).all()
