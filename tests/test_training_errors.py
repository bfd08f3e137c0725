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
    assert schedules.ExponentialDecay(0.1, 10, 1.1)(10) == pytest.approx(0.11)
    assert schedules.PiecewiseConstantDecay([5, 5], [1, 2, 3])(6) == 3


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
