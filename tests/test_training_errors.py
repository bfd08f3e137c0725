"""What `fit`, its optimizers, layers and data refuse, and in which words: each names the argument, and each remedy that
it prints works. What looks odd but makes sense is taken."""

import math

import numpy as np
import pytest

NAN, INF = math.nan, math.inf


# --- numbers that users set -----------------------------------------------------------------------

_OPTIONS = {
    "learning_rate": ((-1, NAN, INF, -INF, "fast", [0.1], True), (0, 0.1, np.float32(0.1), np.array(0.5))),
    "weight_decay": ((-0.1, NAN, INF, "a"), (None, 0, 0.01, np.float32(0.5))),
    "clipnorm": ((0, -1, NAN, INF, "a"), (None, 0.5, 3)),
    "clipvalue": ((0, -1, NAN, INF), (None, 0.5)),
    "global_clipnorm": ((0, -1, NAN, INF), (None, 0.5)),
    "ema_momentum": ((-0.1, 1.1, NAN), (0, 0.5, 1)),
    "ema_overwrite_frequency": ((0, -1, 2.5, NAN, True), (None, 1, np.int64(3))),
    "loss_scale_factor": ((0, -1, NAN, INF), (None, 2.0)),
    "gradient_accumulation_steps": ((1, 0, -3, 2.5, NAN), (None, 2, np.int32(4))),
}
_OWN = {
    "SGD": {"momentum": ((-0.1, 1.1, NAN, None, "0.9"), (0, 0.9, 1.0, np.float32(0.5)))},
    "RMSprop": {
        "rho": ((-0.1, 1.5, NAN), (0.0, 0.9, 1)),
        "momentum": ((-0.1, 1.5, NAN), (0.0, 0.9)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
    },
    "Adam": {
        "beta_1": ((-0.1, 1.0, 1.5, NAN), (0, 0.9, np.float32(0.5))),
        "beta_2": ((-0.1, 1.0, 1.5, NAN), (0, 0.999)),
        "epsilon": ((-1e-9, NAN, INF, "tiny"), (0, 1e-3)),
    },
    "AdamW": {"weight_decay": ((-0.1, NAN, INF, None), (0, 0.01)), "beta_1": ((-0.1, 1.0), (0, 0.9))},
    "Adagrad": {
        "initial_accumulator_value": ((-0.1, NAN, INF), (0, 0.1)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
    },
    "Adadelta": {"rho": ((-0.1, 1.5, NAN), (0.0, 0.9, 1)), "epsilon": ((-1e-9, NAN, INF), (1e-3,))},
    "Adamax": {
        "beta_1": ((-0.1, 1.0, NAN), (0, 0.9)),
        "beta_2": ((-0.1, 1.0, NAN), (0, 0.999)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
    },
    "Nadam": {
        "beta_1": ((-0.1, 1.0, NAN), (0, 0.9)),
        "beta_2": ((-0.1, 1.0, NAN), (0, 0.999)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
    },
    "Ftrl": {
        "learning_rate": ((0, -1, NAN, INF, "fast"), (0.1, np.float32(0.1))),
        "learning_rate_power": ((0.1, NAN, -INF), (0, -0.5, -1)),
        "initial_accumulator_value": ((-0.1, NAN, INF), (0, 0.1)),
        "l1_regularization_strength": ((-0.1, NAN, INF), (0, 0.1)),
        "l2_regularization_strength": ((-0.1, NAN, INF), (0, 0.1)),
        "l2_shrinkage_regularization_strength": ((-0.1, NAN, INF), (0, 0.1)),
        "beta": ((-0.1, NAN, INF), (0, 1)),
    },
    "Lion": {"beta_1": ((0, -0.1, 1.1, NAN), (0.9, 1)), "beta_2": ((-0.1, 1.1, NAN), (0, 0.99))},
    "Lamb": {
        "beta_1": ((-0.1, 1.0, NAN), (0, 0.9)),
        "beta_2": ((-0.1, 1.0, NAN), (0, 0.999)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
    },
    "Adafactor": {
        "beta_2_decay": ((0.1, NAN, -INF), (0, -0.8)),
        "epsilon_1": ((-1e-9, NAN, INF), (1e-30, 1e-3)),
        "epsilon_2": ((-1e-9, NAN, INF), (0, 1e-3)),
        "clip_threshold": ((0, -1, NAN, INF), (0.5, 2)),
    },
    "Muon": {
        "adam_beta_1": ((-0.1, 1.0, NAN), (0, 0.9)),
        "adam_beta_2": ((-0.1, 1.0, NAN), (0, 0.999)),
        "adam_weight_decay": ((-0.1, NAN, INF), (None, 0, 0.1)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
        "adam_lr_ratio": ((-0.1, NAN, INF), (0, 0.5)),
        "momentum": ((-0.1, 1.1, NAN), (0, 0.9)),
        "ns_steps": ((0, 2.5, NAN), (1, 5)),
        "muon_a": ((NAN, INF, "a"), (1.5, 3)),
        "rms_rate": ((-0.1, NAN, INF), (None, 0, 0.2)),
    },
    "ScheduleFreeAdamW": {
        "beta_1": ((-0.1, 1.1, NAN), (0, 0.9, 1)),
        "beta_2": ((-0.1, 1.0, NAN), (0, 0.999)),
        "epsilon": ((-1e-9, NAN, INF), (0, 1e-3)),
        "warmup_steps": ((-1, 2.5, NAN), (0, 3)),
    },
}
_CASES = [(kind, name, *values) for kind, own in _OWN.items() for name, values in {**_OPTIONS, **own}.items()]


def step(rn, optimizer):
    variable = rn.Variable(np.ones(3, "float32"))
    optimizer.apply([np.full(3, 0.5, "float32")], [variable])
    return variable.numpy()


@pytest.mark.parametrize(("kind", "name", "wrong", "right"), _CASES, ids=[f"{k}-{n}" for k, n, *_ in _CASES])
def test_optimizer_arguments_are_checked_when_made_and_when_set(rn, kind, name, wrong, right):
    cls = getattr(rn.optimizers, kind)
    optimizer = cls()
    before = optimizer.learning_rate.numpy() if name == "learning_rate" else getattr(optimizer, name)
    for value in wrong:
        with pytest.raises(ValueError, match=f"{kind}.*`{name}` must be"):
            cls(**{name: value})
        with pytest.raises(ValueError, match=f"{kind}.*`{name}` must be"):
            setattr(optimizer, name, value)
    assert (optimizer.learning_rate.numpy() if name == "learning_rate" else getattr(optimizer, name)) == before
    for value in right:
        options = {"use_ema": True} if name.startswith("ema") else {}
        optimizer = cls(**{name: value, **options})
        assert np.isfinite(step(rn, optimizer)).all()
        clone = cls.from_config(optimizer.get_config())
        assert clone.get_config() == optimizer.get_config()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("clipnorm", 0.5, 0.5 / math.sqrt(3)), ("clipvalue", 0.25, 0.25), ("global_clipnorm", 0.5, 0.5 / math.sqrt(3)),
     ("loss_scale_factor", 2.0, 0.5), ("weight_decay", 0.5, None)],
)  # fmt: skip
def test_options_that_are_set_later_count(rn, name, value, expected):
    """As in Keras: clipping may begin in the middle of a training. (learning rate 1, or 0.5 with decay; gradient 1)"""
    variable = rn.Variable(np.full(3, 2.0, "float32"))
    rate = 0.5 if name == "weight_decay" else 1.0
    optimizer = rn.optimizers.SGD(rate)
    gradient = np.ones(3, "float32")
    optimizer.apply([gradient], [variable])
    setattr(optimizer, name, value)
    before = variable.numpy()
    optimizer.apply([gradient], [variable])
    if name == "weight_decay":
        np.testing.assert_allclose(variable.numpy(), before * (1 - value * rate) - rate, rtol=1e-6)
    else:
        np.testing.assert_allclose(before - variable.numpy(), expected, rtol=1e-6)
    setattr(optimizer, name, None)
    before = variable.numpy()
    optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(before - variable.numpy(), rate, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("SGD", "momentum", 0.9), ("RMSprop", "momentum", 0.9), ("RMSprop", "centered", True), ("Adam", "amsgrad", True),
        ("Adam", "gradient_accumulation_steps", 2), ("SGD", "use_ema", True),
    ],
)  # fmt: skip
def test_options_with_variables_of_their_own_come_before_building(rn, kind, name, value):
    optimizer = getattr(rn.optimizers, kind)()
    step(rn, optimizer)
    with pytest.raises(ValueError, match=rf"`{name}` needs variables.*Make a new one: {kind}\({name}={value}\)"):
        setattr(optimizer, name, value)
    setattr(optimizer, name, getattr(optimizer, name))
    optimizer = getattr(rn.optimizers, kind)()
    setattr(optimizer, name, value)
    step(rn, optimizer)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("SGD", {"lr": 0.1}, r"`lr`, which is `learning_rate` here: SGD\(learning_rate=0\.1\)\."),
        ("Adam", {"eps": 1e-3}, r"Adam\(epsilon=0\.001\)"),
        ("SGD", {"eps": 1e-3}, r": `eps`\.$"),
        ("Adam", {"beta1": 0.5}, r"`beta1`\. Did you mean 'beta_1'\?"),
        ("RMSprop", {"clip_norm": 1.0, "lr": 0.1}, r"`clip_norm`\. Did you mean 'clipnorm'\?; `lr`, which"),
    ],
)
def test_unknown_arguments_are_named_and_what_was_meant(rn, kind, arguments, words):
    with pytest.raises(ValueError, match=rf"^{kind} received an argument that it does not have.*{words}"):
        getattr(rn.optimizers, kind)(**arguments)
    assert float(rn.optimizers.SGD(learning_rate=0.1).learning_rate) == 0.1  # the remedy


def test_decay_of_keras_2_is_ignored_with_a_warning_as_in_keras_3(rn):
    with pytest.warns(UserWarning, match=r"SGD: `decay` is ignored.*schedules\.InverseTimeDecay\(rate, 1, 0\.5\)"):
        optimizer = rn.optimizers.SGD(0.1, decay=0.5)
    assert float(optimizer.learning_rate) == 0.1
    remedy = rn.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.5)
    assert [remedy(step) for step in range(3)] == [0.1, 0.1 / 1.5, 0.1 / 2]


def test_variables_and_gradients_that_do_not_belong_together(rn):
    w = rn.Variable(np.ones((2, 3), "float32"))
    optimizer = rn.optimizers.SGD(1.0)
    with pytest.raises(ValueError, match=r"SGD: variables must be refnet\.Variable objects\. Received at position 0: ndarray"):
        optimizer.apply([np.ones(3, "float32")], [np.ones(3, "float32")])
    for shape in ((3,), (2, 1), (3, 2), ()):  # NumPy would broadcast three of them
        with pytest.raises(ValueError, match=r"must have the variable's shape \(2, 3\)"):
            optimizer.apply([np.ones(shape, "float32")], [w])
    np.testing.assert_array_equal(w.value, 1)
    for gradient in (np.ones((2, 3)), np.ones((3, 2), "float32").T, np.ones((2, 3), int)):
        w.assign(np.ones((2, 3)))
        optimizer.apply([gradient], [w])
        np.testing.assert_array_equal(w.value, 0)


def test_schedules_are_checked(rn):
    schedules = rn.optimizers.schedules
    for arguments, name in [
        ((NAN, 10, 0.9), "initial_learning_rate"),
        ((-0.1, 10, 0.9), "initial_learning_rate"),
        ((0.1, 0, 0.9), "decay_steps"),
        ((0.1, NAN, 0.9), "decay_steps"),
        ((0.1, 10, -0.9), "decay_rate"),
        ((0.1, 10, INF), "decay_rate"),
    ]:
        with pytest.raises(ValueError, match=f"ExponentialDecay: `{name}` must be"):
            schedules.ExponentialDecay(*arguments)
    for arguments, words in [
        (([10, NAN], [1, 2, 3]), r"`boundaries\[1\]`"),
        (([10, 5], [1, 2, 3]), "must not decrease"),
        (([10], [0.1, -0.1]), r"`values\[1\]`"),
        (([10], [NAN, 0.1]), r"`values\[0\]`"),
    ]:
        with pytest.raises(ValueError, match=words):
            schedules.PiecewiseConstantDecay(*arguments)
    for name, right, wrong in [
        ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10},
         {"decay_steps": 0, "end_learning_rate": -1, "power": -1, "initial_learning_rate": NAN}),
        ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
         {"decay_steps": -1, "decay_rate": -1, "initial_learning_rate": INF}),
        ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 10},
         {"decay_steps": 0, "alpha": -0.1, "warmup_target": -1, "warmup_steps": -1, "initial_learning_rate": "fast"}),
        ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10},
         {"first_decay_steps": 0, "t_mul": 0.5, "m_mul": -1, "alpha": NAN, "initial_learning_rate": None}),
    ]:  # fmt: skip
        getattr(schedules, name)(**right)
        for argument, value in wrong.items():
            with pytest.raises(ValueError, match=f"{name}: `{argument}` must be"):
                getattr(schedules, name)(**{**right, argument: value})
    assert schedules.ExponentialDecay(0.1, 10, 1.1)(10) == pytest.approx(0.11)
    assert schedules.PiecewiseConstantDecay([5, 5], [1, 2, 3])(6) == 3


def test_a_restart_is_at_the_step_where_it_should_be(rn):
    """The number of waves is found by a logarithm, whose rounding must not move a restart: log(243)/log(3) is 4.999..."""
    for t_mul in (1.5, 2, 3, 10):
        schedule = rn.optimizers.schedules.CosineDecayRestarts(1.0, 8, t_mul=t_mul)
        for wave in range(1, 7):
            start = 8 * (t_mul**wave - 1) / (t_mul - 1)
            if start == int(start):
                assert schedule(int(start)) == 1.0 and schedule(int(start) - 1) < 0.1


@pytest.mark.parametrize("rate", [NAN, -1.0, INF])
def test_a_learning_rate_that_a_function_or_schedule_gives_is_checked(rn, rate):
    class Odd(rn.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return rate if step else 0.1

    optimizer = rn.optimizers.SGD(Odd())
    step(rn, optimizer)
    with pytest.raises(ValueError, match=r"learning_rate \(of step 1\)"):
        optimizer.apply([np.ones(3, "float32")])
    with pytest.raises(ValueError, match="learning_rate"):
        step(rn, rn.optimizers.Adam(lambda: rate))


def test_the_rates_and_epsilons_of_layers_are_checked(rn):
    layers = rn.layers
    for make, name, wrong, right in [
        (lambda v: layers.Dropout(v), "rate", (NAN, -0.1, 1.1, "a", None, True), (0, 1, 0.5, np.float32(0.5))),
        (lambda v: layers.SpatialDropout2D(v), "rate", (NAN, 2), (0.5,)),
        (lambda v: layers.BatchNormalization(momentum=v), "momentum", (NAN, -0.1, 1.5), (0, 1, 0.9)),
        (lambda v: layers.BatchNormalization(epsilon=v), "epsilon", (NAN, -0.1, INF), (0, 1e-3)),
        (lambda v: layers.BatchNormalization(renorm=True, renorm_momentum=v), "renorm_momentum", (NAN, 2), (0.5,)),
        (lambda v: layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": v}), "renorm_clipping", (NAN, -1), (3,)),
        (lambda v: layers.LayerNormalization(epsilon=v), "epsilon", (NAN, -1), (0, 1e-3)),
        (lambda v: layers.GroupNormalization(1, epsilon=v), "epsilon", (NAN, -1), (0, 1e-3)),
        (lambda v: layers.RMSNormalization(epsilon=v), "epsilon", (NAN, -1), (0, 1e-3)),
        (lambda v: rn.regularizers.L1(v), "l1", (NAN, -1, INF, "a"), (0, 0.5, np.float32(0.5))),
        (lambda v: rn.regularizers.L2(v), "l2", (NAN, -1), (0, 0.5)),
        (lambda v: rn.constraints.MaxNorm(v), "max_value", (NAN, -1), (0, 2)),
        (lambda v: rn.constraints.MinMaxNorm(0.5, v), "max_value", (NAN, 0.25), (0.5, 2)),
        (lambda v: rn.constraints.MinMaxNorm(rate=v), "rate", (NAN, 1.5), (0, 1)),
    ]:  # fmt: skip
        for value in wrong:
            with pytest.raises(ValueError, match=name):
                make(value)
        for value in right:
            make(value)


# --- the arguments of fit, evaluate, predict ------------------------------------------------------

X = np.arange(12, dtype="float32").reshape(6, 2)
Y = np.arange(6, dtype="float32")


def model_of(rn, d=2):
    model = rn.Sequential([rn.Input((d,)), rn.layers.Dense(1, kernel_initializer="ones")])
    model.compile(rn.optimizers.SGD(0.0), "mse")
    return model


def fit(rn, x=X, y=Y, **kwargs):
    return model_of(rn).fit(x, y, **{"verbose": 0, "batch_size": 2, **kwargs}).history


def batches(count):
    for _ in range(count):
        yield X, Y


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("epochs", (2.0, -1, "3", None, NAN, True), (0, 2, np.int64(2))),
        ("initial_epoch", (1.0, -1, "1", None), (0, 1, np.int32(1))),
        ("batch_size", (0, -1, 2.5, 2.0, "3", True), (None, 1, np.int64(3), 10**9)),
        ("steps_per_epoch", (0, -1, 2.0, "2"), (None, 3, np.int64(1))),
        ("validation_split", (1.0, -0.1, "a", NAN, 1, True), (0.0, 0.5, np.float32(0.5))),
        ("verbose", (3, -1, "yes", None), (0,)),
        ("shuffle", ("yes", 2, 0.5), (True, False, None, "batch")),
        ("callbacks", ("x", 3, [5]), (None, [], ())),
    ],
)
def test_arguments_of_fit(rn, name, wrong, right):
    for value in wrong:
        with pytest.raises(ValueError, match=f"`{name}`"):
            fit(rn, **{name: value})
    for value in right:
        fit(rn, **{name: value})


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("validation_steps", (0, -1, 2.0, "2"), (None, 3)),
        ("validation_batch_size", (0, -1, 2.5, "a"), (None, 3)),
        ("validation_freq", (0, -1, 1.5, "1", None), (1, [1], (2,), np.int64(2))),
    ],
)
def test_arguments_of_validation(rn, name, wrong, right):
    for value in wrong:
        trained = []
        count = rn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, trained=trained: trained.append(epoch))
        with pytest.raises(ValueError, match=f"`{name}`"):
            fit(rn, validation_data=(X, Y), callbacks=[count], **{name: value})
        assert not trained  # before anything was computed for nothing
    for value in right:
        fit(rn, epochs=2, validation_data=(X, Y), **{name: value})


def test_initial_epoch_beyond_epochs(rn):
    with pytest.raises(ValueError, match=r"`initial_epoch` is 5, but `epochs` is 2.* Pass e.g. epochs=7"):
        fit(rn, initial_epoch=5, epochs=2)
    assert len(fit(rn, initial_epoch=5, epochs=7)["loss"]) == 2
    assert fit(rn, initial_epoch=2, epochs=2) == {}


def test_callbacks_that_are_classes(rn):
    with pytest.raises(ValueError, match=r"Pass an object, not the class: TerminateOnNaN\(\)"):
        fit(rn, callbacks=[rn.callbacks.TerminateOnNaN])
    fit(rn, callbacks=[rn.callbacks.TerminateOnNaN()])


def test_validation_data_of_other_forms(rn):
    for data in (X, (X,), (X, None), {"x": X}, [X]):
        with pytest.raises(ValueError, match=r"`validation_data` must be a tuple.*Write validation_data=\(x_val, y_val\)"):
            fit(rn, validation_data=data)
    for data in ("abc", 5, (X, Y, Y, Y), (), []):
        with pytest.raises(ValueError, match=r"`validation_data` must be a tuple.*Received: (str|int|tuple|list)"):
            fit(rn, validation_data=data)
    with pytest.raises(ValueError, match="In `validation_data`: All arrays must have the same number"):
        fit(rn, validation_data=(X, Y[:3]))
    for data in ((X, Y), [X, Y], (X, Y, np.ones(6)), batches(1)):
        assert "val_loss" in fit(rn, validation_data=data)

    class Own(rn.Model):  # needs no targets
        def __init__(self):
            super().__init__()
            self.layer = rn.layers.Dense(1)

        def call(self, x):
            return self.layer(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return rn.ops.mean(rn.ops.square(y_pred))

    model = Own()
    model.compile("sgd")
    assert "val_loss" in model.fit(X, verbose=0, validation_data=X).history


def test_validation_split_with_too_few_samples(rn):
    with pytest.raises(ValueError, match=r"With 1 sample\(s\).*nothing for training. Pass more data, or `validation_data`"):
        fit(rn, X[:1], Y[:1], validation_split=0.5)
    for n in range(2, 60):
        x = np.ones((n, 2), "float32")
        for fraction, part in [(0.999, "training"), (1e-17, "validation")]:
            with pytest.raises(ValueError, match=part) as caught:
                fit(rn, x, np.ones(n), validation_split=fraction, batch_size=100)
            remedy = float(str(caught.value).rpartition("validation_split=")[2].rstrip("."))
            if n < 8:
                assert "val_loss" in fit(rn, x, np.ones(n), validation_split=remedy)


def test_a_generator_that_is_exhausted(rn):
    def run(count, **kwargs):
        return fit(rn, batches(count), None, batch_size=None, **kwargs)

    for kwargs in ({}, {"steps_per_epoch": 3}):
        with pytest.raises(ValueError, match=r"Epoch 2: no batch is left: the data yielded 3.*`steps_per_epoch`"):
            run(3, epochs=2, **kwargs)
    assert len(run(4, epochs=2, steps_per_epoch=2)["loss"]) == 2
    assert len(fit(rn, Anew(3), None, batch_size=None, epochs=2)["loss"]) == 2
    with pytest.warns(UserWarning, match=r"Epoch 2: the data ran out after 1 of 3 steps.*`steps_per_epoch \* epochs`"):
        assert len(run(4, epochs=2, steps_per_epoch=3)["loss"]) == 2
    with pytest.raises(ValueError, match="Epoch 1: the data set is empty"):
        run(0)
    with pytest.raises(ValueError, match=r"Validation after epoch 2: no batch is left.*`validation_steps`"):
        fit(rn, epochs=2, validation_data=batches(2))
    assert len(fit(rn, epochs=2, validation_data=batches(2), validation_steps=1)["val_loss"]) == 2
    with pytest.raises(ValueError, match="predict: the data set is empty"):
        model_of(rn).predict(batches(0), verbose=0)
    with pytest.raises(ValueError, match="evaluate: the data set is empty"):
        model_of(rn).evaluate(batches(0), verbose=0)


class Anew:
    """Batches that can start again."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return batches(self.count)


# --- what is data ---------------------------------------------------------------------------------


class OnlyArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


class LikeXarray(OnlyArray):
    """With a shape, indexing and iteration, as xarray's DataArray has them."""

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        return LikeXarray(self.array[index])

    def __iter__(self):
        return map(LikeXarray, self.array)


def test_everything_that_is_an_array_of_numbers(rn):
    import array

    expected = fit(rn)["loss"]
    for convert in (
        lambda a: a.tolist(), lambda a: tuple(map(tuple, a.tolist())) if a.ndim > 1 else tuple(a.tolist()), memoryview,
        OnlyArray, LikeXarray, np.ma.masked_array, np.asfortranarray, lambda a: a[::-1][::-1],
        *(lambda a, t=t: a.astype(t) for t in ("float16", "float64", "longdouble", ">f4", "int8", "uint64", "uint8")),
    ):  # fmt: skip
        assert fit(rn, convert(X), convert(Y))["loss"] == pytest.approx(expected)
        np.testing.assert_allclose(model_of(rn).predict(convert(X), verbose=0), X.sum(1, keepdims=True))
    assert fit(rn, X, array.array("f", Y.tolist()))["loss"] == fit(rn, X, range(6))["loss"] == expected


@pytest.mark.parametrize("dtype", ["uint64", "uint8", "int16", "float16", "float32", "float64", "longdouble", "bool"])
def test_labels_of_every_type(rn, dtype):
    labels = (np.arange(6) % 2).astype(dtype)
    model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(2, activation="softmax", kernel_initializer="ones")])
    model.compile(rn.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for y in (labels, labels[:, None]):
        logs = model.fit(X, y, verbose=0).history
        assert logs["loss"] == pytest.approx([math.log(2)], rel=1e-5) and logs["accuracy"] == [0.5]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([[1.0, 2.0], [3.0]], [1, 2], r"`x` has rows of different lengths \(row 0 has 2 entries, row 1 has 1 entry\)"),
        (X[:2], [[1.0], [2.0, 3.0]], r"`y` has rows of different lengths \(row 0 has 1 entry, row 1 has 2 entries\)"),
        ([[1.0, 2.0], 3.0], [1, 2], r"`x` has rows of different lengths \(row 0 has 2 entries, row 1 has no length\)"),
        (X.astype(object), Y, r"`x` has dtype object. Convert it: x.astype\('float32'\)"),
        (X, np.array(list("abcdef")), r"`y` holds text. Number it, e.g. numpy.unique\(labels, return_inverse=True\)\[1\]"),
        (X.astype("complex64"), Y, r"`x` has dtype complex64.*numpy.real\(x\)"),
        (X.astype("datetime64[s]"), Y, r"`x` has dtype datetime64.*x.astype\('int64'\)"),
        (np.ma.masked_array(X, X > 5), Y, r"`x` is a masked array.*x.filled\(0\)"),
        ({1, 2}, None, "`x` is a set, which has no order"),
        (5, Y, "`x` is a single number"),
        (X, Y[:3], "`x` has 6; `y` has 3"),
    ],
)
def test_what_is_no_array_of_numbers(rn, x, y, words):
    with pytest.raises(ValueError, match=words):
        fit(rn, x, y)


def test_the_remedies_for_arrays_work(rn):
    x = X.astype(object)
    fit(rn, x.astype("float32"))
    labels = np.array(list("aabbcc"))
    fit(rn, X, np.unique(labels, return_inverse=True)[1])
    fit(rn, np.real(X.astype("complex64")))
    fit(rn, X.astype("datetime64[s]").astype("int64"))
    fit(rn, np.ma.masked_array(X, X > 5).filled(0))


class TestPandas:
    @pytest.fixture
    def pd(self):
        return pytest.importorskip("pandas")

    def test_frames_and_series_of_every_type(self, rn, pd):
        expected = fit(rn)["loss"]
        frame, series = pd.DataFrame(X, columns=["a", "b"]), pd.Series(Y)
        for dtype in ("float32", "float64", "Float32", "Float64", "int64", "Int64", "UInt8", "uint64"):
            x, y = frame.astype(dtype), series.astype(dtype)
            assert fit(rn, x, y)["loss"] == fit(rn, x, y.to_frame())["loss"] == pytest.approx(expected)
            assert fit(rn, x, y, validation_split=0.5)["val_loss"]
            np.testing.assert_allclose(model_of(rn).predict(x, verbose=0), X.sum(1, keepdims=True))
        assert fit(rn, frame.set_index(np.arange(6)[::-1]), pd.Index(Y))["loss"] == pytest.approx(expected)
        assert fit(rn, X, pd.array(Y, dtype="Float64"))["loss"] == pytest.approx(expected)

    def test_columns_of_several_types(self, rn, pd):
        frame = pd.DataFrame({"a": pd.array([1, 2, 3], dtype="Int64"), "b": pd.array([True, False, True], dtype="boolean")})
        np.testing.assert_array_equal(model_of(rn).predict(frame, verbose=0), [[2], [2], [4]])
        frame = pd.DataFrame({"a": [True, False, True], "b": [0.5, 1.5, 2.5]})
        np.testing.assert_array_equal(model_of(rn).predict(frame, verbose=0), [[1.5], [1.5], [3.5]])
        inputs = {"a": rn.Input((1,), name="a"), "b": rn.Input((1,), name="b")}
        model = rn.Model(inputs, inputs["a"] - inputs["b"])
        y = model.predict({name: frame[name] for name in frame}, verbose=0)
        np.testing.assert_array_equal(y, [[0.5], [-1.5], [-1.5]])

    def test_labels_and_class_weight(self, rn, pd):
        model = rn.Sequential([rn.Input((2,)), rn.layers.Dense(2, activation="softmax", kernel_initializer="zeros")])
        model.compile(rn.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        y = pd.Series([0, 1, 1, 0, 0, 0], dtype="Int64")
        assert model.fit(X, y, class_weight={1: 4}, verbose=0).history["loss"] == pytest.approx([2 * math.log(2)])
        assert model.fit(X, y, sample_weight=pd.Series([1.0, 4, 4, 1, 1, 1]), verbose=0).history["loss"] == pytest.approx(
            [2 * math.log(2)])  # fmt: skip

    def test_what_is_missing_or_no_number_is_named(self, rn, pd):
        frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([1, 2, 3], dtype="Int64")})
        with pytest.raises(ValueError, match=r"Column 'a' of `x` has missing values \(NA\). Fill them with .fillna"):
            fit(rn, frame, Y[:3])
        fit(rn, frame.fillna(0), Y[:3])
        fit(rn, frame.dropna(), Y[:2])
        with pytest.raises(ValueError, match="`y` has missing values"):
            fit(rn, X[:3], pd.Series([1, None, 3], dtype="Float64"))
        for column, dtype, remedy in [
            (["x", "y", "z"], "object|str", lambda c: pd.factorize(c)[0]),
            (pd.Categorical(["x", "y", "z"]), "category", lambda c: pd.factorize(c)[0]),
            (pd.to_datetime(["2020-01-01"] * 3), "datetime64", lambda c: c.astype("int64")),
        ]:
            frame = pd.DataFrame({"b": [1.0, 2, 3], "a": column})
            with pytest.raises(ValueError, match=f"Column 'a' of `x` has dtype ({dtype}).*Number its values"):
                fit(rn, frame, Y[:3])
            frame["a"] = remedy(frame["a"])
            fit(rn, frame, Y[:3])


# --- callbacks ------------------------------------------------------------------------------------


def test_begin_hooks_get_a_dict(rn):
    seen = {}

    class Watch(rn.callbacks.Callback):
        pass

    def hook(name):
        def run(self, *args, **kwargs):
            logs = kwargs["logs"] if "logs" in kwargs else args[-1]
            seen.setdefault(name, []).append(logs)
            logs.get("loss")  # as callbacks written for Keras do

        return run

    names = [name for name in dir(rn.callbacks.Callback) if name.startswith("on_")]
    for name in names:
        setattr(Watch, name, hook(name))
    model = model_of(rn)
    model.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[Watch()])
    model.predict(X, verbose=0, callbacks=[Watch()])
    assert set(names) - set(seen) == {"on_batch_begin", "on_batch_end"}
    for name, found in seen.items():
        assert all(type(logs) is dict for logs in found), name
        if name.endswith("begin"):
            assert found[0] == {}
        elif "predict" not in name:
            assert all(type(value) is float for value in found[0].values()) and "loss" in found[0]


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("patience", (-1, NAN, "3", None), (0, 3, 1.5, INF)),
        ("min_delta", (NAN, INF, None), (0, 0.1, -0.1)),
        ("baseline", (NAN, "a"), (None, 0.5, np.float32(0.5))),
        ("start_from_epoch", (-1, NAN), (0, 2)),
        ("mode", ("most", None), ("min", "max", "auto")),
    ],
)
def test_arguments_of_early_stopping(rn, name, wrong, right):
    for value in wrong:
        with pytest.raises(ValueError, match=f"EarlyStopping: `{name}` must be"):
            rn.callbacks.EarlyStopping(**{name: value})
    for value in right:
        fit(rn, epochs=3, callbacks=[rn.callbacks.EarlyStopping("loss", **{name: value})])


def test_loss_weights_are_checked(rn):
    def loss(weights):
        x = rn.Input((2,))
        model = rn.Model(x, [rn.layers.Dense(1, kernel_initializer="ones", name=name)(x) for name in "ab"])
        model.compile(rn.optimizers.SGD(0.0), "mse", loss_weights=weights)
        return model.fit(X, [Y, Y], verbose=0).history["loss"][0]

    for weights in ([NAN, 1], {"a": INF}, ["1", 2], "1", NAN, [True, 1]):
        with pytest.raises(ValueError, match="compile: `loss_weights` must be a finite number or None"):
            loss(weights)
    plain = loss(None)
    assert loss([1, None]) == loss([0.5, 0.5]) * 2 == loss(np.float32(1)) == plain
    assert loss([1, 0]) == loss({"a": 2, "b": -1}) == loss([rn.Variable(0.5), 0]) * 2 == plain / 2
