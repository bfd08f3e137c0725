"""The twin's kernels take pointers out of Python objects: nothing that a caller passes may make them read or write beside them.

And what else can bring a process down: sizes that overflow, threads without end, locks that a fork leaves behind.
(scripts/sanitize.py calls the kernels with thousands of such arguments more, under the compiler's sanitizers.)
"""
import os
import subprocess
import sys
import textwrap

import cases
import numpy as np
import pytest

REFUSED = (TypeError, ValueError, OverflowError)
HUGE = (2**31, 2**62, 2**63, 2**70)


def one_case_each():
    """The largest small case of each kernel: few numbers, none of its arrays empty."""
    best = {}
    for case in cases.KERNEL_CASES:
        arrays = [x for x in case.inputs if x is not None]
        size = sum(x.size for x in arrays)
        if all(x.size for x in arrays) and size < 4000 and size >= best.get(case.kernel, (0, None))[0]:
            best[case.kernel] = size, case
    return [case for _, case in best.values()]


CASES = [pytest.param(case, id=case.kernel) for case in one_case_each()]
SEVERAL = [pytest.param(case, id=case.kernel) for case in one_case_each() if len(case.inputs) > 1 or case.equation]


def run(code, **environment):
    """Runs code in a fresh process."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("REFNET_", "OMP_"))}
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env={**env, **environment}, capture_output=True,
                          text=True, timeout=120)


# ---- needs and saved ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("case", SEVERAL)
def test_needs_of_another_length_or_kind_are_refused(case, twin):
    y, saved = case.forward(twin)
    backward, n = getattr(twin, f"{case.kernel}_backward"), len(case.inputs)
    for needs in ((), (True,) * (n - 1), (True,) * (n + 1), [True] * (n - 1), None, True, n, "y" * n, iter((True,) * n), {}):
        with pytest.raises(REFUSED, match=r"_backward: needs must be a tuple of \d.*Pass needs=\(True"):
            backward(y, saved, needs)
    for got, wanted in zip(backward(y, saved, [True] * n), backward(y, saved, (True,) * n), strict=True):
        assert (got is None) == (wanted is None) and (got is None or np.array_equal(got, wanted))
    assert all(g is None for g in backward(y, saved, (False,) * n))


def entries_of(saved):
    """(path, entry) for everything in a nested tuple."""
    for i, entry in enumerate(saved):
        yield (i,), entry
        if isinstance(entry, tuple):
            yield from (((i, *path), e) for path, e in entries_of(entry))


def replaced(saved, path, by):
    i, *rest = path
    return (*saved[:i], replaced(saved[i], rest, by) if rest else by, *saved[i + 1:])


@pytest.mark.parametrize("case", CASES)
def test_what_another_has_saved_is_refused(case, twin):
    y, saved = case.forward(twin)
    for alien in (None, (), 7, "saved", np.zeros(3), [1, 2], (None,) * 40, np.zeros(y.shape, "f4"), np.zeros((2, *y.shape))):
        with pytest.raises(REFUSED):
            case.backward(twin, y, alien)
    if isinstance(saved, tuple):
        for alien in (saved[:-1], (*saved, None), list(saved)):
            with pytest.raises(REFUSED, match=r"_backward: saved must be the second result of \w+_forward"):
                case.backward(twin, y, alien)


@pytest.mark.parametrize("case", CASES)
def test_an_entry_that_does_not_fit_the_others_is_refused_or_harmless(case, twin):
    """Whatever takes the place of an entry: an array is refused; of the rest, nothing reads beside what it was given."""
    y, saved = case.forward(twin)
    if not isinstance(saved, tuple):
        saved = (saved,)
        assert isinstance(saved[0], np.ndarray)
    whole = case.forward(twin)[1]

    def back(entries):
        return case.backward(twin, y, entries if isinstance(whole, tuple) else entries[0])

    for path, entry in entries_of(saved):
        if isinstance(entry, np.ndarray):
            wrong = [entry[:-1] if entry.ndim else np.zeros(2), np.zeros((*entry.shape, 2), entry.dtype), entry.astype("f2"),
                     entry.astype(">f8"), np.zeros((2, *entry.shape), entry.dtype)[:, ...].T, entry.tolist(), "x", 3]
            for other in wrong:
                try:
                    back(replaced(saved, path, other))
                except REFUSED:
                    continue
                # a kernel with one row fewer fits there as well, and so does a data set of which no row is asked for
                fitting = {"conv_transpose": (1,), "conv_max_pool": (1,), "dense_rows": (0,)}
                assert other is wrong[0] and path == fitting.get(case.kernel)
        for other in (None, -1, 0, 1, 10**6, 2**31, 2**62, 2**70, float("nan"), "x", (), np.zeros(0), np.zeros(5)):
            try:
                back(replaced(saved, path, other))
            except (*REFUSED, MemoryError):
                pass


@pytest.mark.parametrize("first", [np.float32, np.float64])
def test_labels_that_were_overwritten_since_are_found(twin, first):
    labels = np.array([0, 2, 1])
    l, saved = twin.sparse_categorical_crossentropy_forward(np.ones((3, 4), first), labels, True)
    labels[1] = 10**9
    with pytest.raises(ValueError, match="label 1000000000 at position 1"):
        twin.sparse_categorical_crossentropy_backward(l, saved)


# ---- sizes ------------------------------------------------------------------------------------------------------------

CONV = {"filters": 2, "kernel_size": 3}
SIZES = [
    ("Conv1D", CONV, (1, 5, 1)), ("Conv2D", CONV, (1, 5, 5, 1)), ("Conv3D", CONV, (1, 5, 5, 5, 1)),
    ("Conv1DTranspose", CONV, (1, 5, 1)), ("Conv2DTranspose", CONV, (1, 5, 5, 1)), ("Conv3DTranspose", CONV, (1, 5, 5, 5, 1)),
    ("DepthwiseConv1D", {"kernel_size": 3}, (1, 5, 1)), ("DepthwiseConv2D", {"kernel_size": 3}, (1, 5, 5, 1)),
    ("SeparableConv1D", CONV, (1, 5, 1)), ("SeparableConv2D", CONV, (1, 5, 5, 1)),
]  # fmt: skip
POOLS = [(f"{kind}Pooling{rank}D", {"pool_size": 2}, (1, *(5,) * rank, 1)) for kind in ("Max", "Average") for rank in (1, 2, 3)]
ARGUMENTS = (
    [(layer, given, shape, name) for layer, given, shape in SIZES
     for name in ("kernel_size", "strides", "dilation_rate", *(("filters",) if "filters" in given else ("depth_multiplier",)))]
    + [(layer, given, shape, name) for layer, given, shape in POOLS for name in ("pool_size", "strides")]
    + [(f"UpSampling{rank}D", {}, (1, *(5,) * rank, 1), "size") for rank in (1, 2, 3)]
    + [(f"{kind}{rank}D", {}, (1, *(5,) * rank, 1), name) for rank in (1, 2, 3)
       for kind, name in (("ZeroPadding", "padding"), ("Cropping", "cropping"), ("AdaptiveMaxPooling", "output_size"),
                          ("AdaptiveAveragePooling", "output_size"))]
    + [(layer, {"height": 3, "width": 3}, (1, 5, 5, 1), name) for layer in ("Resizing", "CenterCrop")
       for name in ("height", "width")]
    + [("Dense", {}, (1, 5), "units")]
)  # fmt: skip


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize(("layer", "given", "shape", "name"), ARGUMENTS, ids=lambda v: str(v) if isinstance(v, str) else "")
def test_no_layer_takes_a_size_that_cannot_be(rn, layer, given, shape, name, value):
    options = {**given, name: value, "name": "big"}
    if layer.startswith(("Conv", "Depthwise", "Separable", "Max", "AveragePooling")):
        options["padding"] = "same"
    with pytest.raises(ValueError, match=rf"(?s){layer} 'big'.*{name}.*at most 2\*\*31 - 1.*smaller"):
        getattr(rn.layers, layer)(**options)(np.zeros(shape, "float32"))


# what is small enough by itself, and too large together
TOGETHER = [
    ("Conv2D", {**CONV, "padding": "same", "dilation_rate": 2**30}, (1, 5, 5, 1), "dilation_rate"),
    ("Conv2D", {**CONV, "padding": "same", "dilation_rate": 2**29}, (1, 5, 5, 1), "dilation_rate"),
    ("Conv1D", {**CONV, "padding": "causal", "dilation_rate": 2**30}, (1, 5, 1), "dilation_rate"),
    ("Conv3D", {**CONV, "padding": "same", "dilation_rate": 2**12}, (1, 5, 5, 5, 1), "dilation_rate"),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same", "dilation_rate": 2**20}, (1, 5, 5, 1), "dilation_rate"),
    ("Conv2DTranspose", {**CONV, "padding": "same", "dilation_rate": 2**20}, (1, 5, 5, 1), "dilation_rate"),
    ("Conv2DTranspose", {**CONV, "padding": "valid", "strides": 2**20}, (1, 5, 5, 1), "strides"),
    ("Conv2DTranspose", {**CONV, "padding": "same", "strides": 2**20}, (1, 5, 5, 1), "strides"),
    ("MaxPooling2D", {"pool_size": 2**20, "strides": 1, "padding": "same"}, (1, 5, 5, 1), "pool"),
    ("AveragePooling3D", {"pool_size": 2**20, "strides": 1, "padding": "same"}, (1, 5, 5, 5, 1), "pool"),
    ("UpSampling2D", {"size": 2**20}, (1, 5, 5, 1), "size"),
    ("UpSampling2D", {"size": 2**20, "interpolation": "bilinear"}, (1, 5, 5, 1), "height"),
    ("ZeroPadding2D", {"padding": 2**20}, (1, 5, 5, 1), "padding"),
    ("Resizing", {"height": 2**20, "width": 2**20}, (1, 5, 5, 1), "height"),
    ("AdaptiveAveragePooling2D", {"output_size": 2**20}, (1, 5, 5, 1), "output_size"),
    ("Conv2D", {"filters": 2, "kernel_size": 2**30}, (1, 5, 5, 1), "kernel"),
    ("Dense", {"units": 2**31 - 1}, (1, 2**17), "layer sizes"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "options", "shape", "remedy"), TOGETHER, ids=lambda v: v if isinstance(v, str) else "")
def test_no_layer_takes_sizes_whose_product_cannot_be(rn, layer, options, shape, remedy):
    with pytest.raises(ValueError, match=rf"(?s)(?=.*{layer})(?=.*'big').*smaller.*{remedy}"):
        getattr(rn.layers, layer)(**options, name="big")(np.zeros(shape, "float32"))


@pytest.mark.parametrize("layer, options, shape", [
    ("Conv2D", {**CONV, "strides": 2**30, "padding": "same"}, (1, 5, 5, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2**30, "padding": "same"}, (1, 5, 5, 3)),
    ("MaxPooling2D", {"pool_size": 2, "strides": 2**30, "padding": "same"}, (1, 5, 5, 3)),
    ("AveragePooling2D", {"pool_size": 40_000, "padding": "same"}, (1, 5, 5, 3)),
    ("MaxPooling2D", {"pool_size": 40_000, "padding": "same"}, (1, 5, 5, 3)),
], ids=lambda v: v if isinstance(v, str) else "")  # fmt: skip
def test_a_stride_or_a_pool_far_larger_than_the_image_is_none_the_worse(fast, layer, options, shape):
    """Its scratch would be as large as it is, if that followed from the argument alone."""
    import refnet
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    results = []
    for rn in (refnet, fast):
        if rn is refnet and max(options.get("pool_size", 0), 0) > 1000:
            options = {**options, "pool_size": 5, "strides": 5}           # the same windows, which the reference can hold
        rn.utils.set_random_seed(0)
        made = getattr(rn.layers, layer)(**options)
        with rn.GradientTape() as tape:
            watched = rn.ops.convert_to_tensor(x)
            tape.watch(watched)
            y = made(watched)
            loss = rn.ops.sum(y * y)
        results.append((np.asarray(y), tape.gradient(loss, watched)))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", (*HUGE, -1))
def test_kernels_refuse_sizes_that_overflow(twin, value):
    x, w = np.zeros((1, 5, 5, 1), "f4"), np.zeros((3, 3, 1, 1), "f4")
    ones, none = (1, 1), ((0, 0), (0, 0))
    wrong = (1, value)
    for call in (
        lambda: twin.conv_forward(x, w, None, wrong, none, ones),
        lambda: twin.conv_forward(x, w, None, ones, (wrong, (0, 0)), ones),
        lambda: twin.conv_forward(x, w, None, ones, none, wrong), lambda: twin.conv_forward(x, w, None, ones, none, ones, value),
        lambda: twin.conv_max_pool_forward(x, w, None, wrong, none, ones),
        lambda: twin.conv_transpose_forward(x, w, None, wrong, (0, 0), (5, 5), ones),
        lambda: twin.conv_transpose_forward(x, w, None, ones, wrong, (5, 5), ones),
        lambda: twin.conv_transpose_forward(x, w, None, ones, (0, 0), wrong, ones),
        lambda: twin.conv_transpose_forward(x, w, None, ones, (0, 0), (5, 5), wrong),
        lambda: twin.depthwise_conv_forward(x, w, None, wrong, none, ones),
        lambda: twin.depthwise_conv_forward(x, w, None, ones, (wrong, (0, 0)), ones),
        lambda: twin.depthwise_conv_forward(x, w, None, ones, none, wrong),
        lambda: twin.max_pool_forward(x, wrong, ones, none), lambda: twin.max_pool_forward(x, ones, wrong, none),
        lambda: twin.average_pool_forward(x, ones, ones, (wrong, (0, 0))),
    ):  # fmt: skip
        with pytest.raises(REFUSED):
            call()
    for call in (lambda: twin.dropout_mask(value, 0.5, 1, 1), lambda: twin.philox_words(0, value, 1, 1)):
        if value != 2**31:                                   # that many would only be slow
            with pytest.raises((*REFUSED, MemoryError)):
                call()


def test_the_pool_refuses_what_no_memory_holds(fast):
    from refnet_fast import _runtime
    for shape in ((2**62,), (2**31, 2**31, 2**31), (2**32, 2**32), (2**48,)):
        with pytest.raises((MemoryError, ValueError)):
            _runtime.empty(shape)


# ---- layouts -----------------------------------------------------------------------------------------------------------

def unaligned(a):
    buffer = bytearray(a.nbytes + 7)
    moved = np.frombuffer(buffer, a.dtype, a.size, offset=7).reshape(a.shape)
    moved[...] = a
    assert not moved.flags.aligned or a.itemsize == 1
    return moved


def read_only(a):
    moved = np.frombuffer(bytes(7) + a.tobytes(), a.dtype, offset=7).reshape(a.shape)
    assert not moved.flags.writeable
    return moved


LAYOUTS = {
    "unaligned": unaligned,
    "read-only": read_only,
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned-swapped": lambda a: unaligned(a.astype(a.dtype.newbyteorder())),
    "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "fortran": np.asfortranarray,
}


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


class TestLayouts:
    """However an array lies in memory, the numbers are the same."""

    @pytest.mark.parametrize("layer", [
        ("Dense", {"units": 3, "activation": "gelu"}, (6, 4)), ("Dense", {"units": 3}, (6, 5, 4)),
        ("Conv1D", CONV, (6, 5, 2)), ("Conv2D", CONV, (6, 5, 5, 2)), ("Conv2DTranspose", CONV, (6, 5, 5, 2)),
        ("DepthwiseConv2D", {"kernel_size": 3}, (6, 5, 5, 2)), ("MaxPooling2D", {}, (6, 5, 5, 2)),
        ("AveragePooling1D", {"pool_size": 2}, (6, 5, 2)), ("GlobalAveragePooling2D", {}, (6, 5, 5, 2)),
        ("BatchNormalization", {}, (6, 4)), ("LayerNormalization", {}, (6, 4)), ("Activation", {"activation": "tanh"}, (6, 4)),
        ("Activation", {"activation": "softmax"}, (6, 4)), ("Flatten", {}, (6, 2, 2)), ("UpSampling2D", {}, (6, 2, 2, 1)),
        ("Dropout", {"rate": 0.5, "seed": 1}, (6, 4)),
    ], ids=lambda v: v[0])  # fmt: skip
    @pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
    def test_layers(self, rn, layout, layer, dtype, rng):
        name, options, shape = layer
        x = (rng.standard_normal(shape) * 3).astype(dtype)
        results = []
        for given in (x, layout(x)):
            rn.utils.set_random_seed(1)
            made = getattr(rn.layers, name)(**options)
            results.append(made(given, training=True) if name in ("Dropout", "BatchNormalization") else made(given))
        assert results[0].dtype == results[1].dtype.newbyteorder("=") and np.array_equal(*results)

    @pytest.mark.parametrize("name", ["exp", "log", "relu", "softmax", "log_softmax", "erf", "sum", "mean", "max", "transpose"])
    def test_ops(self, rn, layout, name, rng):
        for dtype in ("float32", "float64"):
            x = rng.uniform(0.1, 1, (4, 5)).astype(dtype)
            plain, given = getattr(rn.ops, name)(x), getattr(rn.ops, name)(layout(x))
            assert plain.dtype == given.dtype.newbyteorder("=")
            np.testing.assert_allclose(plain, given, rtol=4 * np.finfo(dtype).eps)      # NumPy adds in the order of memory

    def test_products(self, rn, layout, rng):
        for dtype in ("float32", "float64"):
            a, b = rng.standard_normal((4, 5)).astype(dtype), rng.standard_normal((5, 4)).astype(dtype)
            for function in (rn.ops.matmul, lambda a, b: rn.ops.einsum("ij,jk->ki", a, b), lambda a, b: rn.ops.add(a, b.T)):
                plain, given = function(a, b), function(layout(a), layout(b))
                assert plain.dtype == given.dtype and np.array_equal(plain, given)

    @pytest.mark.parametrize("loss", ["mse", "mae", "binary_crossentropy", "categorical_crossentropy",
                                      "sparse_categorical_crossentropy"])
    def test_losses(self, rn, layout, loss, rng):
        p = rng.uniform(0.1, 0.9, (6, 4)).astype("f4")
        y = rng.integers(0, 4, 6) if loss.startswith("sparse") else rng.uniform(0, 1, (6, 4)).astype("f4")
        weights = rng.uniform(0, 1, 6).astype("f4")
        function = rn.losses.get(loss)
        assert np.array_equal(function(y, p), function(layout(y), layout(p)))
        metric = getattr(rn.metrics, {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError"}.get(loss, "Mean"))
        arrays = (p, weights) if metric is rn.metrics.Mean else (y, p, weights)
        assert metric()(*arrays) == metric()(*map(layout, arrays))

    @pytest.mark.parametrize("sparse", [False, True])
    def test_training(self, rn, layout, sparse, rng):
        """fit (shuffled: rows are gathered), evaluate, predict, train_on_batch; data and weights of samples."""
        x = rng.standard_normal((20, 4)).astype("f4")
        y = rng.integers(0, 3, 20) if sparse else rng.standard_normal((20, 3)).astype("f4")
        weights = rng.uniform(0.5, 1, 20).astype("f4")

        def results(place):
            rn.utils.set_random_seed(3)
            last, loss, metrics = ("softmax", "sparse_categorical_crossentropy", []) if sparse else (None, "mse", ["mae"])
            model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(8, "tanh"), rn.layers.Dense(3, last)])
            model.compile(rn.optimizers.Adam(0.01), loss, metrics=metrics)
            arrays = [place(a) for a in (x, y, weights)]
            history = model.fit(*arrays[:2], sample_weight=arrays[2], epochs=2, batch_size=8, verbose=0,
                                validation_data=tuple(arrays))
            return [*history.history.values(), model.evaluate(*arrays[:2], verbose=0), model.predict(arrays[0], verbose=0),
                    model.train_on_batch(*arrays[:2]), model.test_on_batch(*arrays), model.predict_on_batch(arrays[0]),
                    *model.get_weights()]

        for plain, given in zip(results(np.array), results(layout), strict=True):
            assert np.array_equal(plain, given)

    def test_gradients_of_ones_own(self, rn, layout, rng):
        x = rng.standard_normal((4, 5)).astype("f4")

        @rn.custom_gradient
        def same(x):
            return x * 1, layout

        with rn.GradientTape() as tape:
            t = rn.ops.convert_to_tensor(x)
            tape.watch(t)
            y = rn.ops.sum(same(rn.ops.tanh(t)))
        np.testing.assert_allclose(tape.gradient(y, t), 1 - np.tanh(x) ** 2, rtol=1e-5)

    def test_kernels_name_a_remedy_that_works(self, twin, layout, rng):
        x, w = rng.standard_normal((4, 5)).astype("f4"), rng.standard_normal((5, 3)).astype("f4")
        with pytest.raises((ValueError, TypeError)) as caught:
            twin.dense_forward(layout(x), w)
            raise ValueError('pass x.')                      # read-only, but aligned: taken as it is
        remedy = str(caught.value).split("pass ")[1].split(": ")[0].removesuffix(".")
        given = eval(remedy, {"numpy": np, "x": layout(x)})
        remedy = remedy.split(". All")[0]
        assert np.array_equal(twin.dense_forward(given if remedy != "x" else x, w)[0], twin.dense_forward(x, w)[0])


# ---- threads, memory, forks ---------------------------------------------------------------------------------------------

class TestEnvironment:
    @pytest.mark.parametrize("wish", ["abc", "-1", "0", "", " ", "2,x", "²", "1e3", "4 threads", "0x4", "9" * 5000, "-" + "9" * 30])
    def test_what_cannot_be_read_as_a_number_of_threads_is_no_reason_to_fail(self, fast, wish):
        done = run("import refnet_fast; assert 1 <= refnet_fast.get_num_threads() <= 1024", OMP_NUM_THREADS=wish)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("wish", ["100000", "100000,2", str(2**40), str(2**70)])
    def test_more_threads_than_any_machine_runs_cost_no_memory(self, fast, wish):
        code = """
            import numpy as np
            import refnet_fast
            most = max(64, __import__("os").cpu_count())
            assert refnet_fast.get_num_threads() <= most
            refnet_fast.set_num_threads(10**9)
            assert refnet_fast.get_num_threads() <= most
            k = refnet_fast.kernels
            x, w = np.ones((64, 28, 28, 16), "f4"), np.ones((3, 3, 16, 16), "f4")
            y, saved = k.conv_forward(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1))
            k.conv_backward(y, saved)
            stats = refnet_fast._runtime.pool_stats()
            print(stats["live_bytes"] + stats["cached_bytes"] < 200e6)
        """
        done = run(code, OMP_NUM_THREADS=wish)
        assert done.returncode == 0 and done.stdout.split() == ["True"], done.stderr


def test_memory_is_released_when_asked_for(fast):
    from refnet_fast import _runtime
    before = _runtime.pool_stats()["live_bytes"]
    kept = _runtime.empty((1000,))
    kept[...] = 7
    for _ in range(2):
        block = _runtime.empty((1 << 20,))
        del block
        assert _runtime.pool_stats()["cached_bytes"] >= 4 << 20
        released = fast.release_memory()
        assert released >= 4 << 20 and _runtime.pool_stats()["cached_bytes"] == 0
    assert (kept == 7).all() and _runtime.pool_stats()["live_bytes"] >= before + kept.nbytes
    assert fast.release_memory() == 0


FORK = """
    import os, sys, threading, warnings
    warnings.simplefilter("ignore")                          # newer Pythons warn of forks beside threads: this is one
    import numpy as np
    import {package} as rn

    def work(epochs):
        model = rn.Sequential([rn.Input((4,)), rn.layers.Dense(4), rn.layers.Dropout(0.5), rn.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((64, 4)), np.ones((64, 1)), epochs=epochs, batch_size=8, verbose=0)

    going, end = threading.Barrier(3), []
    def without_end():
        going.wait()
        while not end:
            work(1)
            for _ in range(200):
                rn.random.uniform((2000,))
                rn.utils.clear_session()
    threads = [threading.Thread(target=without_end, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    going.wait()
    for i in range({forks}):
        child = os.fork()
        if child == 0:
            import faulthandler
            faulthandler.dump_traceback_later(20, exit=True)
            work(2)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, f"child {{i}} did not come to its end"
    end.append(True)
    for thread in threads:
        thread.join(30)
    print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_children_forked_while_others_train_come_to_their_end(rn):
    """A lock that another thread holds at that moment stays locked in the child, where no such thread is."""
    done = run(FORK.format(package=rn.__name__, forks=12))
    assert done.returncode == 0 and done.stdout.split() == ["done"], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_every_lock_of_the_library_survives_a_fork(rn):
    """Each lock that a module keeps is taken by another thread while the process forks: the child can take it afterwards."""
    done = run(f"""
        import os, pkgutil, importlib, sys, threading, time, warnings
        warnings.simplefilter("ignore")
        import {rn.__name__} as rn
        import refnet
        for info in pkgutil.walk_packages(refnet.__path__, "refnet."):
            if not info.name.endswith("__main__"):
                importlib.import_module(info.name)
        kinds = (type(threading.Lock()), type(threading.RLock()))
        locks = [(m, n, v) for m, module in list(sys.modules.items()) if m.split(".")[0] in ("refnet", "refnet_fast")
                 for n, v in vars(module).items() if isinstance(v, kinds)]
        assert len(locks) >= 2, locks
        for module, name, lock in locks:
            taken = threading.Event()
            def hold():
                with lock:
                    taken.set()
                    time.sleep(0.2)
            thread = threading.Thread(target=hold)
            thread.start()
            taken.wait()
            child = os.fork()
            if child == 0:
                os._exit(0 if vars(sys.modules[module])[name].acquire(timeout=5) else 1)
            assert os.waitpid(child, 0)[1] == 0, f"{{module}}.{{name}} stays locked in a child"
            thread.join()
        print("done")
    """)
    assert done.returncode == 0 and done.stdout.split() == ["done"], done.stderr
