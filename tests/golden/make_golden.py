"""Make the golden files in this directory with the real Keras and the real torch.

    python tests/golden/make_golden.py         needs torch, keras and tensorflow; writes *.npz beside this file

The tests read the files with `np.load(..., allow_pickle=False)` and need none of these packages. Everything is float64,
so that a tolerance speaks about refnet alone. Inputs are drawn from a fixed seed, rounded to float32 values (a float32
test starts from the very same numbers) and kept away from kinks; the hyperparameters that Keras rounds to float32 on
its way are numbers that float32 holds. Keys are paths: `<case>/<array>`. Each file also has `versions`, the packages
that made it.

kernels_torch.npz     <kernel>/{inputs, dy, y, d<input>}: torch autograd with a random signed cotangent dy
losses_keras.npz      <loss>/{y_true, y_pred, loss, dy_pred}: per-sample losses (M,), and the gradient of sum(dl * loss)
models_keras.npz      <model>/{x, y, sample_weight, w0..., batch_losses, w1..., predictions, history...}: small networks
metrics_keras.npz     <metric>/{y_true, y_pred, sample_weight, result, weighted}
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
import torch

HERE = Path(__file__).resolve().parent
LOG_2_IN_KERAS = float(np.float32(np.log(2.0))) - np.log(2.0)           # log_cosh subtracts a log(2) of float32, whatever the type
VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__, "torch": torch.__version__}


def save(name: str, cases: dict[str, dict[str, Any]], packages: list[str]) -> None:
    arrays = {f"{case}/{key}": np.asarray(value) for case, group in cases.items() for key, value in group.items()}
    arrays["versions"] = np.array([f"{p} {VERSIONS[p]}" for p in packages])
    np.savez_compressed(HERE / name, **arrays)
    print(f"{name}: {len(cases)} cases, {(HERE / name).stat().st_size} bytes")


def draw(rng: np.random.Generator, *shape: int, away_from_zero: float = 0.0) -> np.ndarray:
    """Normal numbers that float32 holds exactly, none nearer to zero than asked."""
    x = rng.standard_normal(shape)
    x = np.where(np.abs(x) < away_from_zero, np.copysign(away_from_zero, x), x)
    return x.astype(np.float32).astype(np.float64)


# --- kernels, by torch ------------------------------------------------------------------------------------------------


def by_autograd(function: Any, rng: np.random.Generator, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """y = function(*inputs) and the gradient of sum(dy * y) with respect to every float input."""
    tensors = {k: torch.tensor(v, requires_grad=v.dtype.kind == "f") for k, v in inputs.items()}
    y = function(*tensors.values())
    dy = draw(rng, *y.shape)
    y.backward(torch.tensor(dy))
    found = {**inputs, "dy": dy, "y": y.detach().numpy()}
    found.update({f"d{k}": t.grad.numpy() for k, t in tensors.items() if t.requires_grad})
    return found


def kernels() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(2024)
    f = torch.nn.functional
    activations = {
        "linear": lambda x: x * 1.0,
        "relu": f.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "gelu": f.gelu,
        "gelu_tanh": lambda x: f.gelu(x, approximate="tanh"),
        "silu": f.silu,
        "softmax": lambda x: f.softmax(x, dim=-1),
        "log_softmax": lambda x: f.log_softmax(x, dim=-1),
        "exp": torch.exp,
        "erf": torch.erf,
    }
    cases = {}
    for name, function in activations.items():
        x = 2.0 * draw(rng, 5, 19, away_from_zero=0.02)
        cases[name] = by_autograd(function, rng, x=x)
    cases["log"] = by_autograd(torch.log, rng, x=np.abs(draw(rng, 5, 19, away_from_zero=0.02)))
    dense = {"linear": lambda z: z, **{k: activations[k] for k in ("relu", "sigmoid", "tanh", "gelu", "silu")}}
    for name, function in dense.items():
        cases[f"dense_{name}"] = by_autograd(
            lambda x, w, b, function=function: function(x @ w + b),
            rng, x=draw(rng, 7, 13), w=draw(rng, 13, 11), b=draw(rng, 11),
        )  # fmt: skip
    cases["matmul_2d"] = by_autograd(lambda a, b: a @ b, rng, a=draw(rng, 7, 13), b=draw(rng, 13, 5))
    cases["matmul_4d"] = by_autograd(lambda a, b: a @ b, rng, a=draw(rng, 2, 3, 7, 5), b=draw(rng, 2, 3, 5, 4))
    for label, equation, shapes in (
        ("einsum_attention", "btnh,bsnh->bnts", ((2, 5, 3, 4), (2, 6, 3, 4))),
        ("einsum_bilinear", "bi,ijk,bk->bj", ((4, 3), (3, 5, 2), (4, 2))),
        ("einsum_outer", "i,j->ij", ((3,), (5,))),
        ("einsum_sum", "ijk->j", ((3, 4, 5),)),
    ):
        operands = {f"operand_{i}": draw(rng, *shape) for i, shape in enumerate(shapes)}
        found = by_autograd(lambda *o, equation=equation: torch.einsum(equation, *o), rng, **operands)
        cases[label] = {**found, "equation": np.array(equation)}
    return cases


# --- losses, by Keras -------------------------------------------------------------------------------------------------


def losses() -> dict[str, dict[str, np.ndarray]]:
    """Functions of keras.losses on float64 tensors, from probabilities (0 and 1 among them: the clip) and logits."""
    rng = np.random.default_rng(2025)
    m, c = 6, 5
    logits = 3.0 * draw(rng, m, c)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    unnormalised = rng.uniform(0.1, 0.9, (m, c))
    labels = rng.integers(0, c, m)
    one_hot = np.eye(c)[labels]
    soft = rng.dirichlet(np.ones(c), m)
    bits = rng.integers(0, 2, (m, c)).astype(np.float64)
    extreme = np.where(rng.random((m, c)) < 0.5, bits, rng.uniform(0.1, 0.9, (m, c)))
    k = keras.losses
    cases = {
        "mean_squared_error": (k.mean_squared_error, draw(rng, m, c), draw(rng, m, c), {}),
        "mean_absolute_error": (k.mean_absolute_error, draw(rng, m, c), draw(rng, m, c), {}),
        "binary_crossentropy": (k.binary_crossentropy, bits, rng.uniform(0.05, 0.95, (m, c)), {}),
        "binary_crossentropy_extreme": (k.binary_crossentropy, bits, extreme, {}),
        "binary_crossentropy_logits": (k.binary_crossentropy, bits, logits, {"from_logits": True}),
        "binary_crossentropy_smooth": (k.binary_crossentropy, bits, unnormalised, {"label_smoothing": 0.2}),
        "categorical_crossentropy": (k.categorical_crossentropy, one_hot, probabilities, {}),
        "categorical_crossentropy_soft": (k.categorical_crossentropy, soft, unnormalised, {}),
        "categorical_crossentropy_logits": (k.categorical_crossentropy, soft, logits, {"from_logits": True}),
        "categorical_crossentropy_smooth": (k.categorical_crossentropy, one_hot, probabilities,
                                            {"label_smoothing": 0.2}),
        "sparse_categorical_crossentropy": (k.sparse_categorical_crossentropy, labels, probabilities, {}),
        "sparse_categorical_crossentropy_logits": (k.sparse_categorical_crossentropy, labels, logits,
                                                   {"from_logits": True}),
    }  # fmt: skip
    draws = {name: draw(rng, m) for name in cases}
    rng = np.random.default_rng(2026)                                 # apart, so that what is above stays as it was
    errors, scores, positive = draw(rng, m, c), 2.0 * draw(rng, m, c), np.abs(draw(rng, m, c)) + 0.1
    counts, signs = rng.poisson(3.0, (m, c)).astype(np.float64), 2.0 * bits - 1.0
    between = rng.uniform(0.05, 0.95, (m, c))
    embeddings = scores / np.linalg.norm(scores, axis=1, keepdims=True)
    few = np.array([0, 1, 1, 0, 2, 0])
    cases |= {
        "huber": (k.huber, errors, scores, {}),
        "huber_narrow": (k.huber, errors, scores, {"delta": 0.3}),
        "log_cosh": (lambda t, y: k.log_cosh(t, y) + LOG_2_IN_KERAS, errors, scores, {}),
        "mean_absolute_percentage_error": (k.mean_absolute_percentage_error, errors, scores, {}),
        "mean_squared_logarithmic_error": (k.mean_squared_logarithmic_error, positive, scores, {}),
        "kl_divergence": (k.kl_divergence, soft, probabilities, {}),
        "kl_divergence_hot": (k.kl_divergence, one_hot, probabilities, {}),
        "poisson": (k.poisson, counts, positive, {}),
        "hinge": (k.hinge, signs, scores, {}),
        "hinge_bits": (k.hinge, bits, scores, {}),
        "squared_hinge": (k.squared_hinge, signs, scores, {}),
        "categorical_hinge": (k.categorical_hinge, one_hot, scores, {}),
        "binary_focal_crossentropy": (k.binary_focal_crossentropy, bits, between, {}),
        "binary_focal_crossentropy_balanced": (k.binary_focal_crossentropy, bits, between,
                                               {"apply_class_balancing": True, "alpha": 0.7, "gamma": 1.5}),
        "binary_focal_crossentropy_logits": (k.binary_focal_crossentropy, bits, scores,
                                             {"from_logits": True, "label_smoothing": 0.2}),
        "categorical_focal_crossentropy": (k.categorical_focal_crossentropy, one_hot, probabilities, {}),
        "categorical_focal_crossentropy_logits": (k.categorical_focal_crossentropy, one_hot, scores,
                                                  {"from_logits": True, "label_smoothing": 0.2, "alpha": 0.5, "gamma": 1.0}),
        "categorical_generalized_cross_entropy": (k.categorical_generalized_cross_entropy, labels, probabilities, {"q": 0.7}),
        "cosine_similarity": (k.cosine_similarity, errors, scores, {}),
        "dice": (k.dice, bits, between, {"axis": 1}),
        "tversky": (k.tversky, bits, between, {"alpha": 0.3, "beta": 0.7, "axis": 1}),
        "circle": (k.circle, few, embeddings, {}),
    }  # fmt: skip
    results = {}
    for name, (function, y_true, y_pred, options) in cases.items():
        prediction = tf.Variable(y_pred, dtype=tf.float64)
        dl = draws[name] if name in draws else draw(rng, m)
        with tf.GradientTape() as tape:
            loss = function(tf.constant(y_true), prediction, **options)
            total = tf.reduce_sum(loss * dl)
        results[name] = {
            "y_true": y_true,
            "y_pred": y_pred,
            "dl": dl,
            "loss": loss.numpy(),
            "dy_pred": tf.convert_to_tensor(tape.gradient(total, prediction)).numpy(),
            **options,
        }
    return results


# --- whole models, by Keras -------------------------------------------------------------------------------------------


def models() -> dict[str, dict[str, Any]]:
    """Networks trained by `train_on_batch` and by `fit` without shuffling, a last short batch included."""
    rng = np.random.default_rng(2027)
    n, d = 50, 6
    x = draw(rng, n, d)
    score = x @ draw(rng, d, 4)
    recipes = {
        "classes_softmax_rmsprop": ([8, 4], ["relu", "softmax"], "sparse_categorical_crossentropy", "rmsprop",
                                    score.argmax(axis=1), ["accuracy"]),
        "one_hot_softmax_sgd": ([8, 4], ["tanh", "softmax"], "categorical_crossentropy", "sgd",
                                 np.eye(4)[score.argmax(axis=1)], ["accuracy"]),
        "binary_sigmoid_rmsprop": ([8, 8, 1], ["gelu", "silu", "sigmoid"], "binary_crossentropy", "rmsprop",
                               (score[:, 0] > 0).astype(np.float64), ["accuracy"]),
        "regression_rmsprop": ([8, 8, 1], ["relu", "relu", "linear"], "mean_squared_error", "rmsprop",
                               score[:, 0], ["mae", "mse"]),
    }  # fmt: skip
    results = {}
    for name, (units, activations, loss, optimizer, y, metrics) in recipes.items():

        def build() -> Any:
            layers = [keras.layers.Dense(u, activation=a) for u, a in zip(units, activations, strict=True)]  # noqa: B023
            model = keras.Sequential([keras.Input((d,)), *layers])
            model.compile(optimizer=optimizer, loss=loss, metrics=metrics)  # noqa: B023
            return model

        model = build()
        initial = [draw(rng, *w.shape) / np.sqrt(len(w)) for w in model.get_weights()]
        weight = rng.uniform(0.0, 2.0, n).astype(np.float32).astype(np.float64)
        model.set_weights(initial)
        losses_ = []
        for i in range(12):
            rows = slice(16 * (i % 3), 16 * (i % 3) + 16)
            model.reset_metrics()
            out = model.train_on_batch(x[rows], y[rows], sample_weight=weight[rows] if i % 2 else None)
            losses_.append(float(out[0]))
        case = {"x": x, "y": y, "sample_weight": weight, "batch_losses": np.array(losses_), "units": units,
                "activations": np.array(activations), "loss": np.array(loss), "optimizer": np.array(optimizer),
                "metrics": np.array(metrics), "predictions": model.predict(x, verbose=0)}  # fmt: skip
        for i, (before, after) in enumerate(zip(initial, model.get_weights(), strict=True)):
            case[f"w0_{i}"], case[f"w1_{i}"] = before, after
        model = build()
        model.set_weights(initial)
        history = model.fit(
            x[:40], y[:40], batch_size=16, epochs=3, shuffle=False, sample_weight=weight[:40],
            validation_data=(x[40:], y[40:]), verbose=0,
        ).history  # fmt: skip
        case.update({f"history_{k}": np.array(v) for k, v in history.items()})
        case.update({f"w2_{i}": w for i, w in enumerate(model.get_weights())})
        results[name] = case
    return results


def metrics() -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(2028)
    n, c = 23, 4
    labels = rng.integers(0, c, n)
    scores = draw(rng, n, c)
    one_hot = np.eye(c)[labels]
    bits, p = rng.integers(0, 2, (n, 1)).astype(np.float64), rng.uniform(0.01, 0.99, (n, 1))
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    k = keras.metrics
    cases = {
        "SparseCategoricalAccuracy": (k.SparseCategoricalAccuracy(), labels, scores),
        "CategoricalAccuracy": (k.CategoricalAccuracy(), one_hot, scores),
        "BinaryAccuracy": (k.BinaryAccuracy(), bits, p),
        "Accuracy": (k.Accuracy(), labels, rng.integers(0, c, n)),
        "MeanSquaredError": (k.MeanSquaredError(), draw(rng, n, 2), draw(rng, n, 2)),
        "MeanAbsoluteError": (k.MeanAbsoluteError(), draw(rng, n, 2), draw(rng, n, 2)),
        "RootMeanSquaredError": (k.RootMeanSquaredError(), draw(rng, n, 2), draw(rng, n, 2)),
        "BinaryCrossentropy": (k.BinaryCrossentropy(), bits, p),
        "CategoricalCrossentropy": (k.CategoricalCrossentropy(), one_hot, probabilities),
        "SparseCategoricalCrossentropy": (k.SparseCategoricalCrossentropy(), labels, probabilities),
    }
    results = {}
    for name, (metric, y_true, y_pred) in cases.items():
        weight = rng.uniform(0.0, 2.0, n).astype(np.float32).astype(np.float64)
        # Two batches, of different sizes: the result is a mean over samples, not over batches.
        for rows in (slice(0, 16), slice(16, None)):
            metric.update_state(y_true[rows], y_pred[rows])
        result = float(metric.result())
        metric.reset_state()
        for rows in (slice(0, 16), slice(16, None)):
            metric.update_state(y_true[rows], y_pred[rows], sample_weight=weight[rows])
        results[name] = {"y_true": y_true, "y_pred": y_pred, "sample_weight": weight,
                         "result": result, "weighted": float(metric.result())}  # fmt: skip
    return results


def main() -> None:
    keras.config.set_floatx("float64")
    save("kernels_torch.npz", kernels(), ["torch"])
    save("losses_keras.npz", losses(), ["keras", "tensorflow"])
    save("models_keras.npz", models(), ["keras", "tensorflow"])
    save("metrics_keras.npz", metrics(), ["keras", "tensorflow"])


if __name__ == "__main__":
    main()
