"""Steps that are written down: bit for bit what the code does, each guard tripped once, and what is never written down."""

import copy
import pickle

import numpy as np
import pytest

# OpenBLAS reads beyond the end of small matrices and may set the processor's flags by what lies there; every number is compared.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in matmul:RuntimeWarning")


@pytest.fixture
def data(rng):
    x = rng.normal(size=(75, 13)).astype("f4")
    return {
        "x": x,
        "number": rng.normal(size=75).astype("f4"),
        "column": rng.normal(size=(75, 1)).astype("f4"),
        "labels": rng.integers(0, 4, 75),
        "one_hot": np.eye(4, dtype="f4")[rng.integers(0, 4, 75)],
        "binary": rng.integers(0, 2, (75, 1)),
        "images": rng.normal(size=(40, 8, 8, 3)).astype("f4"),
        "image_labels": rng.integers(0, 4, 40),
        "weights": rng.uniform(0.5, 2, 75).astype("f4"),
    }


def mlp(rn, units=1, activation=None, **extra):
    dense = rn.layers.Dense
    return rn.Sequential([
        rn.Input((13,)), dense(16, activation="relu", **extra), rn.layers.Dropout(0.2), dense(8, activation="tanh"),
        dense(units, activation=activation),
    ])  # fmt: skip


def cnn(rn):
    layers = rn.layers
    return rn.Sequential([
        rn.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(6, 2),
        layers.BatchNormalization(), layers.Activation("relu"), layers.SpatialDropout2D(0.2), layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ])  # fmt: skip


MODELS = {
    "regression": (mlp, {}, "x", "number", {"optimizer": "rmsprop", "loss": "mse", "metrics": ["mae"]}),
    "column": (mlp, {}, "x", "column", {"optimizer": "adam", "loss": "mae", "metrics": ["mse", "mae"]}),
    "labels": (mlp, {"units": 4, "activation": "softmax"}, "x", "labels",
               {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}),
    "one_hot": (mlp, {"units": 4, "activation": "softmax"}, "x", "one_hot",
                {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]}),
    "binary": (mlp, {"activation": "sigmoid"}, "x", "binary",
               {"optimizer": "rmsprop", "loss": "binary_crossentropy", "metrics": ["accuracy"]}),
    "l2": (mlp, {"kernel_regularizer": "l2", "kernel_constraint": "max_norm"}, "x", "number",
           {"optimizer": "sgd", "loss": "mse"}),
    "cnn": (cnn, {}, "images", "image_labels",
            {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}),
}  # fmt: skip
OPTIMIZERS = {
    "momentum": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "amsgrad": ("Adam", {"amsgrad": True}),
    "centered": ("RMSprop", {"centered": True, "momentum": 0.5}),
    "clipnorm": ("Adam", {"clipnorm": 0.1}),
    "global_clipnorm": ("Adam", {"global_clipnorm": 0.1}),
    "clipvalue": ("SGD", {"clipvalue": 0.01}),
    "decay": ("Adam", {"weight_decay": 0.1}),
    "ema": ("SGD", {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}),
    "accumulation": ("Adam", {"gradient_accumulation_steps": 3}),
    "scale": ("SGD", {"loss_scale_factor": 8.0}),
    "adamw": ("AdamW", {}),
    "adagrad": ("Adagrad", {"global_clipnorm": 0.5}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adamax": ("Adamax", {"gradient_accumulation_steps": 2}),
    "nadam": ("Nadam", {"gradient_accumulation_steps": 2}),
    "nadam, plain": ("Nadam", {}),
    "ftrl": ("Ftrl", {"l1_regularization_strength": 0.01}),
    "lion": ("Lion", {"weight_decay": 0.1}),
    "lamb": ("Lamb", {"clipnorm": 0.5}),
    "adafactor": ("Adafactor", {"learning_rate": 0.1}),
    "muon": ("Muon", {"adam_weight_decay": 0.1}),
    "muon, plain": ("Muon", {"weight_decay": None, "adam_weight_decay": None, "adam_lr_ratio": 0.5}),
    "schedule free": ("ScheduleFreeAdamW", {"warmup_steps": 10}),
}


def pair(rn, make, options, compile_options, optimizer=None):
    """The same model twice: one whose steps may be written down, one that runs as code."""
    models = []
    for eager in (False, True):
        rn.utils.set_random_seed(5)
        model = make(rn, **options)
        if callable(optimizer):
            chosen = optimizer(rn.optimizers)
        else:
            chosen = compile_options["optimizer"] if optimizer is None else getattr(rn.optimizers, optimizer[0])(**optimizer[1])
        model.compile(**{**compile_options, "optimizer": chosen}, run_eagerly=eager)
        models.append(model)
    return models


def run(rn, model, action):
    rn.utils.set_random_seed(9)
    return action(model)


def nearly(one, two, what=""):
    """For the one rule that adds up in another order."""
    for a, b in zip(one.values(), two.values(), strict=True) if isinstance(one, dict) else [(one, two)]:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=what)


def same(rn, models, action):
    """The action gives the same bits on both, and leaves the same bits behind."""
    one, two = (run(rn, model, action) for model in models)
    if "conv_then_pool" in models[0].explain_step(lambda text: None):
        nearly(one, two)
        for a, b in zip(models[0].variables, models[1].variables, strict=True):
            nearly(a.value, b.value, a.path)
        return
    assert one == two if isinstance(one, (dict, float, list)) else np.array_equal(one, two)
    for a, b in zip(models[0].variables, models[1].variables, strict=True):
        np.testing.assert_array_equal(a.value, b.value, err_msg=a.path)
        assert np.isfinite(a.value).all(), a.path
    for a, b in zip(models[0].optimizer.variables, models[1].optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.value, b.value, err_msg=a.path)


def lists(model, kind="train"):
    """The plans of one kind that a model has."""
    return [entry.plan for key, entry in model._written._entries.items() if key[0] == kind and entry.plan is not None]


@pytest.mark.parametrize("name", MODELS)
def test_bit_for_bit(rn, data, name):
    make, options, x, y, compile_options = MODELS[name]
    models = pair(rn, make, options, compile_options)
    x, y = data[x], data[y]
    same(rn, models, lambda m: m.fit(x, y, batch_size=8, epochs=4, verbose=0, validation_split=0.2).history)
    same(rn, models, lambda m: m.fit(x, y, batch_size=8, epochs=3, verbose=0, shuffle=False).history)
    for _ in range(5):
        same(rn, models, lambda m: m.train_on_batch(x[:8], y[:8], return_dict=True))
    for _ in range(5):
        same(rn, models, lambda m: m.evaluate(x, y, batch_size=8, verbose=0))
        same(rn, models, lambda m: m.predict(x, batch_size=8, verbose=0))
        same(rn, models, lambda m: m.predict_on_batch(x[:3]))
    for kind in ("train", "test", "predict"):
        assert lists(models[0], kind), models[0].explain_step(lambda text: None)
        assert not lists(models[1], kind)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_bit_for_bit(rn, data, name):
    make, options, x, y, compile_options = MODELS["regression"]
    models = pair(rn, make, options, compile_options, OPTIMIZERS[name])
    same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=15, epochs=5, verbose=0).history)
    assert lists(models[0]), models[0].explain_step(lambda text: None)
    arguments = OPTIMIZERS[name][1]
    if "gradient_accumulation_steps" in arguments:  # both kinds of step, that which updates and that which only adds
        assert len(lists(models[0])) == 2, models[0].explain_step(lambda text: None)


WRAPPED = {
    "loss scale": lambda o: o.LossScaleOptimizer(o.Adam(0.01), initial_scale=2.0**100, dynamic_growth_steps=3),
    "loss scale, accumulation": lambda o: o.LossScaleOptimizer(o.SGD(0.01, momentum=0.5, gradient_accumulation_steps=2)),
    "several": lambda o: o.MultiOptimizer(o.OptimizerMap(o.SGD(0.01), {".*/bias": o.Adam(0.01, clipnorm=0.5)})),
    "several, scaled": lambda o: o.MultiOptimizer(
        o.OptimizerMap(o.SGD(0.01, gradient_accumulation_steps=2), {".*/bias": o.Lion()}), 8.0),
    "both": lambda o: o.LossScaleOptimizer(o.MultiOptimizer(o.OptimizerMap(o.SGD(0.01), {".*/bias": o.Nadam(0.01)}))),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_optimizers_in_optimizers_bit_for_bit(rn, data, name):
    """The first one begins with gradients that are not finite: its steps are taken back until the scale has come down."""
    make, options, x, y, compile_options = MODELS["regression"]
    models = pair(rn, make, options, compile_options, WRAPPED[name])
    with np.errstate(over="ignore", invalid="ignore"):
        same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=15, epochs=5, verbose=0).history)
        same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=15, epochs=20, verbose=0).history)
    assert lists(models[0]), models[0].explain_step(lambda text: None)
    parts = models[0].optimizer._parts()
    assert all(part.built for part in parts) and int(parts[-1].iterations) > 20
    parts[-1].learning_rate = 0.5  # an array that the list reads
    parts[-1].clipvalue = None if parts[-1].clipnorm else 1e-4  # a setting: another list
    models[1].optimizer._parts()[-1].learning_rate = 0.5
    models[1].optimizer._parts()[-1].clipvalue = parts[-1].clipvalue
    with np.errstate(over="ignore", invalid="ignore"):
        same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=15, epochs=3, verbose=0).history)


def test_sample_and_class_weights(rn, data):
    make, options, x, y, compile_options = MODELS["labels"]
    compile_options = {**compile_options, "weighted_metrics": ["accuracy"]}
    models = pair(rn, make, options, compile_options)
    x, y = data[x], data[y]
    same(rn, models, lambda m: m.fit(x, y, sample_weight=data["weights"], batch_size=15, epochs=4, verbose=0).history)
    assert lists(models[0]), models[0].explain_step(lambda text: None)
    same(rn, models, lambda m: m.fit(x, y, class_weight={0: 2.0, 1: 0.5}, batch_size=15, epochs=4, verbose=0).history)
    same(rn, models, lambda m: m.fit(x, y, batch_size=15, epochs=4, verbose=0).history)


def test_generators_and_dicts(rn, data):
    def make(rn):
        a, b = rn.Input((13,), name="a"), rn.Input((13,), name="b")
        h = rn.layers.Dense(5, activation="relu")(a) + rn.layers.Dense(5)(b)
        return rn.Model({"a": a, "b": b}, {"u": rn.layers.Dense(1, name="u")(h), "v": rn.layers.Dense(4, name="v")(h)})

    compile_options = {
        "optimizer": "adam", "loss": {"u": "mse", "v": rn.losses.SparseCategoricalCrossentropy(from_logits=True)},
        "loss_weights": {"u": 0.5, "v": 2.0}, "metrics": {"u": ["mae"], "v": ["accuracy"]},
    }  # fmt: skip
    models = pair(rn, make, {}, compile_options)
    x, y = {"a": data["x"], "b": data["x"] * 2}, {"u": data["number"], "v": data["labels"]}

    def batches():
        for start in range(0, 75, 15):
            rows = slice(start, start + 15)
            yield {k: v[rows] for k, v in x.items()}, {k: v[rows] for k, v in y.items()}

    same(rn, models, lambda m: m.fit(batches(), epochs=1, verbose=0).history)
    same(rn, models, lambda m: m.fit(x, y, batch_size=15, epochs=4, verbose=0).history)
    for _ in range(4):
        one, two = (m.predict(x, batch_size=15, verbose=0) for m in models)
        for name in "uv":
            np.testing.assert_array_equal(one[name], two[name])
    assert lists(models[0], "predict"), models[0].explain_step(lambda text: None)


def test_the_same_array_twice_is_not_two_arrays(rn, data):
    x = data["x"]
    models = pair(rn, lambda rn: rn.Sequential([rn.Input((13,)), rn.layers.Dense(13)]), {}, {"optimizer": "sgd", "loss": "mse"})
    for _ in range(4):
        same(rn, models, lambda m: m.train_on_batch(x, x))
    for _ in range(4):
        same(rn, models, lambda m: m.train_on_batch(x, x[::-1].copy()))


# --- guards ------------------------------------------------------------------------------------------------------------


def _warm(rn, data, name="regression", **more):
    make, options, x, y, compile_options = MODELS[name]
    models = pair(rn, make, options, {**compile_options, **more})
    x, y = data[x][:8], data[y][:8]
    for _ in range(5):
        same(rn, models, lambda m: m.train_on_batch(x, y))
    assert lists(models[0])
    return models, lambda m: m.train_on_batch(x, y)


def _set(models, change):
    for model in models:
        change(model)


CHANGES = {
    "learning rate": lambda m: m.optimizer.learning_rate.assign(0.5),
    "learning rate by attribute": lambda m: setattr(m.optimizer, "learning_rate", 0.25),
    "optimizer setting": lambda m: setattr(m.optimizer, "rho", 0.5),
    "trainable layer": lambda m: setattr(m.layers[0], "trainable", False),
    "trainable variable": lambda m: setattr(m.layers[0].kernel, "trainable", False),
    "activation": lambda m: setattr(m.layers[0], "activation", m.layers[2].activation),
    "dropout rate": lambda m: setattr(m.layers[1], "rate", 0.5),
    "weights": lambda m: m.set_weights([w * 2 for w in m.get_weights()]),
    "a variable's array": lambda m: setattr(m.layers[0].kernel, "value", m.layers[0].kernel.value * 2),
    "seed": lambda m: setattr(m.layers[1].seed_generator, "count", 0),
    "metrics": lambda m: m.reset_metrics(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_steps_is_noticed(rn, data, change):
    models, step = _warm(rn, data)
    before = lists(models[0])[0]
    with np.errstate(all="ignore"):
        _set(models, CHANGES[change])
        for _ in range(6):
            same(rn, models, step)
    assert lists(models[0])[-1] is before or len(lists(models[0])) > 0


def test_settings_of_losses_and_regularizers_are_noticed(rn, data):
    models, step = _warm(rn, data, "l2")
    _set(models, lambda m: setattr(m.layers[0].kernel.regularizer, "l2", 0.5))
    for _ in range(5):
        same(rn, models, step)
    _set(models, lambda m: setattr(m.layers[0].kernel.constraint, "max_value", 0.1))
    for _ in range(5):
        same(rn, models, step)


def test_schedules_and_callbacks(rn, data):
    class Slower(rn.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = 0.1 / (1 + batch)

    make, options, x, y, compile_options = MODELS["regression"]
    models = pair(rn, make, options, {**compile_options, "optimizer": "sgd"})
    same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=8, epochs=3, verbose=0, callbacks=[Slower()]).history)
    assert lists(models[0])
    schedule = {"learning_rate": rn.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)}
    models = pair(rn, make, options, compile_options, ("SGD", schedule))
    same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=8, epochs=3, verbose=0).history)
    assert lists(models[0]), models[0].explain_step(lambda text: None)
    mine = {"learning_rate": lambda: 0.01}
    models = pair(rn, make, options, compile_options, ("SGD", mine))
    same(rn, models, lambda m: m.fit(data[x], data[y], batch_size=8, epochs=3, verbose=0).history)


def test_another_model_does_not_disturb(rn, data):
    models, step = _warm(rn, data)
    before = lists(models[0])
    mlp(rn).layers.append(None)
    for _ in range(3):
        same(rn, models, step)
    assert lists(models[0]) == before, "making another model must not cost this one its list"


def test_alternating_flags_keep_a_list_each(rn, data):
    """As the two halves of a GAN are trained in turn."""
    models, step = _warm(rn, data)
    for turn in range(40):
        _set(models, lambda m, turn=turn: setattr(m.layers[0], "trainable", bool(turn % 2)))
        same(rn, models, step)
    assert len(lists(models[0])) == 2


def test_logs_of_batches(rn, data):
    class Seen(rn.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.logs = []

        def on_train_batch_end(self, batch, logs=None):
            self.logs.append(dict(logs))

    make, options, x, y, compile_options = MODELS["regression"]
    seen = []
    for model in pair(rn, make, options, compile_options):
        callback = Seen()
        run(rn, model, lambda m, c=callback: m.fit(data[x], data[y], batch_size=8, epochs=2, verbose=0, callbacks=[c]))
        seen.append(callback.logs)
    assert seen[0] == seen[1] and len(seen[0]) == 20


def test_copies_write_down_their_own(rn, data):
    models, step = _warm(rn, data)
    for clone in (copy.deepcopy(models[0]), pickle.loads(pickle.dumps(models[0]))):
        assert not lists(clone)
        before = models[0].get_weights()
        for _ in range(5):
            step(clone)
        for a, b in zip(models[0].get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)
        assert lists(clone)


def test_a_tape_of_ones_own_sees_the_update(rn, data):
    models, step = _warm(rn, data)
    model = models[0]
    with rn.GradientTape(persistent=True) as tape:
        y = rn.ops.sum(model(data["x"][:4]))
    step(model)
    with pytest.raises(RuntimeError, match="was assigned after the tape used it"):
        tape.gradient(y, model.trainable_variables)


def test_a_step_inside_a_tape_runs_as_code(rn, data):
    models, step = _warm(rn, data)
    with rn.GradientTape(), pytest.raises(NotImplementedError, match="first order only"):
        step(models[0])  # its gradient would be a constant to the tape outside
    with rn.GradientTape():
        outside = models[0].predict_on_batch(data["x"][:8])
    np.testing.assert_array_equal(outside, models[0].predict_on_batch(data["x"][:8]))


def test_errors_leave_a_usable_model(rn, data):
    models, step = _warm(rn, data, "labels")
    for model in models:
        with pytest.raises(ValueError, match="label 7 at position 0 is out of range"):
            model.train_on_batch(data["x"][:8], np.full(8, 7))
    for _ in range(3):
        same(rn, models, step)


# --- what is never written down ----------------------------------------------------------------------------------------


def explanation(model, data, steps=6, y="number"):
    for _ in range(steps):
        model.train_on_batch(data["x"][:8], data[y][:8])
    return model.explain_step(lambda text: None)


def test_code_of_ones_own_runs_as_code(rn, data):
    calls = []

    class Noisy(rn.layers.Layer):
        def call(self, x):
            calls.append(1)
            return rn.ops.multiply(x, 2.0)

    def build(layer):
        return rn.Sequential([rn.Input((13,)), layer, rn.layers.Dense(1)])

    model = build(Noisy())
    model.compile("sgd", "mse")
    assert "Noisy.call is your own code" in explanation(model, data)
    before = len(calls)
    explanation(model, data, 3)
    assert len(calls) == before + 3

    promised = build(Noisy())
    promised.compile("sgd", "mse", jit_compile=True)
    assert "written down" in explanation(promised, data)
    before = len(calls)
    explanation(promised, data, 3)
    assert len(calls) == before


def test_other_things_of_ones_own(rn, data):
    class Own(rn.Model):
        def train_step(self, batch):
            return super().train_step(batch)

    inputs = rn.Input((13,))
    own = Own(inputs, rn.layers.Dense(1)(inputs))
    own.compile("sgd", "mse")
    assert "Own.train_step is your own" in explanation(own, data)

    for options, expected in (
        ({"loss": lambda t, p: rn.ops.mean(rn.ops.square(t - p))}, "your own loss or metric"),
        ({"loss": "mse", "metrics": [lambda t, p: rn.ops.mean(t - p)]}, "your own loss or metric"),
        ({"loss": "mse", "run_eagerly": True}, "run_eagerly"),
    ):
        model = rn.Sequential([rn.Input((13,)), rn.layers.Dense(1)])
        model.compile("sgd", **options)
        assert expected in explanation(model, data)
    model = rn.Sequential([rn.Input((13,)), rn.layers.Dense(1, activation=lambda z: z * 1.0)])
    model.compile("sgd", "mse")
    assert "activation of Dense 'dense" in explanation(model, data)


def test_what_numpy_did_in_secret_is_not_written_down(rn, data):
    class Masked(rn.layers.Layer):
        def call(self, x):
            return x * (np.asarray(rn.ops.convert_to_numpy(x)) > 0)

        def compute_output_shape(self, input_shape):
            return input_shape

    model = rn.Sequential([rn.Input((13,)), Masked(), rn.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    text = explanation(model, data)
    assert "that no kernel made" in text or "was given an array" in text


def test_steps_that_differ_are_not_written_down(rn, data):
    class Odd(rn.layers.Layer):
        count = 0

        def call(self, x):
            Odd.count += 1
            return rn.ops.exp(x) if Odd.count % 2 else rn.ops.tanh(x)

    model = rn.Sequential([rn.Input((13,)), Odd(), rn.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    assert "one step called" in explanation(model, data)

    class Drifting(rn.layers.Layer):
        rate = 0.0

        def call(self, x):
            Drifting.rate += 0.25
            return rn.ops.dropout(x, min(Drifting.rate / 8, 1.0), (1, 2))

    model = rn.Sequential([rn.Input((13,)), Drifting(), rn.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    text = explanation(model, data)
    assert "runs as code" in text


def test_the_explanation_prints_the_list(rn, data, capsys):
    models, _ = _warm(rn, data)
    text = models[0].explain_step()
    assert capsys.readouterr().out.strip() == text.strip()
    assert "written down" in text and "dense_forward(input0:float32[8, 13]" in text
    assert "rmsprop_update(" in text and "next_key(" in text
    fresh = mlp(rn)
    assert "has run no step yet" in fresh.explain_step(lambda text: None)
    fresh.compile("sgd", "mse", run_eagerly=True)
    assert "run_eagerly" in fresh.explain_step(lambda text: None)


def test_plan_by_hand(kernels):
    """The example of the chapter: y = 2 x, s = Σ y."""
    x = np.array([1.0, 2.0])
    slots = [None, x, np.asarray(2.0), None, None]
    kernels.run_plan([(np.multiply, (1, 2), 3, (1,)), (np.sum, (3,), 4, (3,))], slots)
    assert slots[:2] == [None, None] and slots[3] is None and slots[4] == 6.0
    slots = [None, 7, None, None]
    kernels.run_plan([(divmod, (1, 1), (2, 0), ())], slots)
    assert slots == [None, 7, 1, None], "a tuple goes to several slots, what nobody reads to the waste"


def test_plan_errors(kernels):
    with pytest.raises(ZeroDivisionError):
        kernels.run_plan([(divmod, (1, 2), 0, ())], [None, 1, 0])
    with pytest.raises(IndexError):
        kernels.run_plan([(abs, (9,), 0, ())], [None])
