"""Against numbers that the real Keras and the real torch computed (tests/golden; see make_golden.py and
make_golden_optimizers.py for what and how).

The files are float64. Float32 runs start from the same numbers, which float32 holds exactly.
"""
from pathlib import Path

import numpy as np
import pytest

import refnet
import refnet.kernels

GOLDEN = Path(__file__).resolve().parent / "golden"
TOLERANCE = {np.float64: {"rtol": 1e-11, "atol": 1e-13}, np.float32: {"rtol": 2e-5, "atol": 2e-6}}


def read(file):
    """case -> array name -> array"""
    cases = {}
    with np.load(GOLDEN / file, allow_pickle=False) as arrays:
        for key in arrays.files:
            case, _, name = key.partition("/")
            if name:
                cases.setdefault(case, {})[name] = arrays[key]
    return cases


KERNELS = read("kernels_torch.npz")
LOSSES = read("losses_keras.npz")
OPTIMIZERS = read("optimizers_keras.npz")
OPTIMIZED = OPTIMIZERS.pop("all")
MODELS = read("models_keras.npz")
METRICS = read("metrics_keras.npz")
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


def close(found, expected, dtype):
    np.testing.assert_allclose(found, expected, **TOLERANCE[dtype])


def run_kernel(kernels, case, g):
    """Forward and backward of the kernel a golden case is about: y, then one gradient per input."""
    if case.startswith("dense_"):
        y, saved = kernels.dense_forward(g["x"], g["w"], g["b"], case.removeprefix("dense_"))
        return y, kernels.dense_backward(g["dy"], saved)
    if case.startswith("matmul_"):
        y, saved = kernels.matmul_forward(g["a"], g["b"])
        return y, kernels.matmul_backward(g["dy"], saved)
    if case.startswith("einsum_"):
        operands = [g[k] for k in sorted(g) if k.startswith("operand_")]
        y, saved = kernels.einsum_forward(str(g["equation"]), *operands)
        return y, kernels.einsum_backward(g["dy"], saved, (True,) * len(operands))
    if case in ("softmax", "log_softmax", "exp", "log", "erf"):
        y, saved = getattr(kernels, f"{case}_forward")(g["x"])
        return y, (getattr(kernels, f"{case}_backward")(g["dy"], saved),)
    y, saved = kernels.activation_forward(g["x"], case)
    return y, (kernels.activation_backward(g["dy"], saved),)


@dtypes
@pytest.mark.parametrize("case", KERNELS)
def test_kernels_equal_torch(kernels, case, dtype):
    g = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in KERNELS[case].items()}
    y, gradients = run_kernel(kernels, case, g)
    close(y, KERNELS[case]["y"], dtype)
    inputs = [k for k in ("x", "w", "a", "b", *sorted(k for k in g if k.startswith("operand_"))) if k in g]
    assert len(gradients) == len(inputs)
    for name, gradient in zip(inputs, gradients, strict=True):
        close(gradient, KERNELS[case][f"d{name}"], dtype)


def loss_of(case):
    """The function that a golden case is about: `huber` of `huber_narrow`."""
    return max((name for name in refnet.losses.__all__ if case.startswith(name)), key=len)


OWN_KERNEL = [c for c in LOSSES if "smooth" not in c and hasattr(refnet.kernels, f"{loss_of(c)}_forward")]


@dtypes
@pytest.mark.parametrize("case", OWN_KERNEL)
def test_loss_kernels_equal_keras(kernels, case, dtype):
    g, name = LOSSES[case], loss_of(case)
    y, t = g["y_pred"].astype(dtype), g["y_true"]
    t = t.astype(dtype) if t.dtype.kind == "f" else t.astype(np.int64)
    options = (True,) if "from_logits" in g else ()
    loss, saved = getattr(kernels, f"{name}_forward")(y, t, *options)
    gradient = getattr(kernels, f"{name}_backward")(g["dl"].astype(dtype), saved)
    close(loss, g["loss"], dtype)
    close(gradient[0] if isinstance(gradient, tuple) else gradient, g["dy_pred"], dtype)


@pytest.mark.parametrize("case", LOSSES)
def test_loss_functions_equal_keras(rn, case):
    g = LOSSES[case]
    options = {k: v.item() for k, v in g.items() if k not in ("y_true", "y_pred", "dl", "loss", "dy_pred")}
    y = rn.Variable(g["y_pred"], dtype="float64")
    with rn.GradientTape() as tape:
        loss = getattr(rn.losses, loss_of(case))(g["y_true"], y, **options)
        total = rn.ops.sum(loss * g["dl"])
    close(loss.numpy(), g["loss"], np.float64)
    close(tape.gradient(total, y), g["dy_pred"], np.float64)


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers_equal_keras(rn, case):
    g = OPTIMIZERS[case]
    options = {k: v.item() for k, v in g.items() if k not in ("class", "w")}
    layer = rn.layers.Layer(dtype="float64")
    variable = layer.add_weight(shape=OPTIMIZED["w0"].shape, initializer="zeros", name="w")
    variable.assign(OPTIMIZED["w0"])
    optimizer = getattr(rn.optimizers, str(g["class"]))(**options)
    for gradient, expected in zip(OPTIMIZED["gradients"], g["w"], strict=True):
        optimizer.apply([gradient], [variable])
        close(variable.numpy(), expected, np.float64)


@pytest.mark.parametrize("case", METRICS)
def test_metrics_equal_keras(rn, case):
    g = METRICS[case]
    for key, weight in (("result", None), ("weighted", g["sample_weight"])):
        metric = getattr(rn.metrics, case)()
        for rows in (slice(0, 16), slice(16, None)):
            part = None if weight is None else weight[rows]
            metric.update_state(g["y_true"][rows], g["y_pred"][rows], sample_weight=part)
        np.testing.assert_allclose(float(metric.result()), g[key], rtol=1e-6)


def build(rn, g, count="w0"):
    """The golden model, in float64, with its initial weights."""
    layers = [
        rn.layers.Dense(int(units), activation=str(activation), dtype="float64")
        for units, activation in zip(g["units"], g["activations"], strict=True)
    ]
    model = rn.Sequential([rn.Input((g["x"].shape[1],), dtype="float64"), *layers])
    model.compile(optimizer=str(g["optimizer"]), loss=str(g["loss"]), metrics=[str(m) for m in g["metrics"]])
    model.set_weights([g[f"{count}_{i}"] for i in range(2 * len(layers))])
    return model


@pytest.mark.parametrize("case", MODELS)
def test_models_train_on_batch_like_keras(rn, case):
    g = MODELS[case]
    model = build(rn, g)
    for i, expected in enumerate(g["batch_losses"]):
        rows = slice(16 * (i % 3), 16 * (i % 3) + 16)
        model.reset_metrics()
        weight = g["sample_weight"][rows] if i % 2 else None
        out = model.train_on_batch(g["x"][rows], g["y"][rows], sample_weight=weight)
        np.testing.assert_allclose(out[0], expected, rtol=1e-9)
    for i, weight in enumerate(model.get_weights()):
        np.testing.assert_allclose(weight, g[f"w1_{i}"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.predict(g["x"], verbose=0), g["predictions"], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", MODELS)
def test_models_fit_like_keras(rn, case):
    """Three epochs, a last short batch, sample weights, validation: every number of the history, and the weights."""
    g = MODELS[case]
    model = build(rn, g)
    history = model.fit(
        g["x"][:40], g["y"][:40], batch_size=16, epochs=3, shuffle=False, sample_weight=g["sample_weight"][:40],
        validation_data=(g["x"][40:], g["y"][40:]), verbose=0,
    ).history
    expected = {k.removeprefix("history_"): v for k, v in g.items() if k.startswith("history_")}
    assert set(history) == set(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-6, err_msg=key)
    for i, weight in enumerate(model.get_weights()):
        np.testing.assert_allclose(weight, g[f"w2_{i}"], rtol=1e-8, atol=1e-10)
