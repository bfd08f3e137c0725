"""Optimizers: first steps by hand, options, schedules, state. (Beside the real Keras: test_optimizers_keras.py.)"""

import copy
import pickle

import numpy as np
import pytest


def variable(rn, value=(1.0, -2.0, 3.0)):
    return rn.Variable(np.array(value, "float32"), name="w")


GRADIENT = np.array([0.5, -1.0, 2.0], "float32")


class TestFirstStep:
    def test_sgd(self, rn):
        w = variable(rn)
        rn.optimizers.SGD(0.1).apply([GRADIENT], [w])
        np.testing.assert_allclose(w.value, [0.95, -1.9, 2.8], rtol=1e-6)

    def test_rmsprop(self, rn):
        w = variable(rn)
        rn.optimizers.RMSprop(0.1).apply([GRADIENT], [w])
        np.testing.assert_allclose(w.value, np.array([1, -2, 3]) - 0.1 * np.sign(GRADIENT) / np.sqrt(0.1), rtol=1e-5)

    def test_adam(self, rn):
        w = variable(rn)
        rn.optimizers.Adam(0.1).apply([GRADIENT], [w])
        np.testing.assert_allclose(w.value, np.array([1, -2, 3]) - 0.1 * np.sign(GRADIENT), rtol=1e-5)


class TestOptions:
    def test_a_kernel_writes_and_the_version_tells(self, rn):
        w = variable(rn)
        before = w.version
        rn.optimizers.SGD(0.1).apply([GRADIENT], [w])
        assert w.version > before

    def test_only_one_clipping(self, rn):
        with pytest.raises(ValueError, match="only one of"):
            rn.optimizers.SGD(clipnorm=1.0, clipvalue=1.0)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"gradient_accumulation_steps": 1},
            {"use_ema": True, "ema_momentum": 2.0},
            {"use_ema": True, "ema_overwrite_frequency": 0},
            {"momentum": 1.5},
            {"learning_rate": "fast"},
            {"lr": 0.1},
        ],
    )
    def test_bad_arguments(self, rn, arguments):
        with pytest.raises(ValueError, match=next(iter(arguments)) if len(arguments) == 1 else "ema"):
            rn.optimizers.SGD(**arguments)

    def test_a_norm_that_is_not_finite_is_not_hidden(self, rn):
        w = variable(rn)
        rn.optimizers.SGD(0.1, global_clipnorm=1.0).apply([np.array([np.inf, 1, 1], "float32")], [w])
        assert np.isnan(w.value).all()

    def test_weight_decay_leaves_out_what_it_is_told(self, rn):
        a, b = rn.Variable(np.ones(2, "float32"), name="kernel"), rn.Variable(np.ones(2, "float32"), name="bias")
        optimizer = rn.optimizers.SGD(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.apply([np.zeros(2, "float32")] * 2, [a, b])
        np.testing.assert_allclose(a.value, 0.95)
        np.testing.assert_allclose(b.value, 1.0)

    def test_constraints_are_applied(self, rn):
        layer = rn.layers.Dense(2, kernel_constraint="non_neg")
        layer.build((None, 3))
        rn.optimizers.SGD(10.0).apply([np.ones((3, 2), "float32"), np.zeros(2, "float32")], layer.trainable_variables)
        assert (layer.kernel.value >= 0).all()

    def test_missing_gradients(self, rn):
        a, b = variable(rn), variable(rn)
        optimizer = rn.optimizers.SGD(0.1)
        with pytest.warns(UserWarning, match="does not depend"):
            optimizer.apply([GRADIENT, None], [a, b])
        np.testing.assert_array_equal(b.value, [1, -2, 3])
        with pytest.raises(ValueError, match="no gradient"):
            optimizer.apply([None, None], [a, b])

    def test_unknown_variables(self, rn):
        optimizer = rn.optimizers.SGD(0.1)
        optimizer.apply([GRADIENT], [variable(rn)])
        with pytest.raises(ValueError, match="does not know the variable"):
            optimizer.apply([GRADIENT], [variable(rn)])

    def test_an_optimizer_of_ones_own(self, rn):
        class Descent(rn.optimizers.Optimizer):
            def update_step(self, gradient, variable, learning_rate):
                self.assign_sub(variable, learning_rate * gradient)

        w = variable(rn)
        Descent(learning_rate=0.1).apply_gradients([(GRADIENT, w)])
        np.testing.assert_allclose(w.value, [0.95, -1.9, 2.8], rtol=1e-6)


    def test_a_subclass_of_one_that_is_there(self, rn):
        class Half(rn.optimizers.SGD):
            def update_step(self, gradient, variable, learning_rate):
                super().update_step(gradient, variable, learning_rate / 2)

        w = variable(rn)
        Half(learning_rate=0.2).apply([GRADIENT], [w])
        np.testing.assert_allclose(w.value, [0.95, -1.9, 2.8], rtol=1e-6)

    def test_names(self, rn):
        rn.utils.clear_session()
        names = [optimizer().name for optimizer in (rn.optimizers.SGD, rn.optimizers.RMSprop, rn.optimizers.SGD)]
        assert names == ["sgd", "rm_sprop", "sgd_1"]  # Keras' names


class TestLearningRate:
    def test_it_can_be_set(self, rn):
        optimizer = rn.optimizers.SGD(0.1)
        optimizer.learning_rate = 0.2
        assert float(optimizer.learning_rate) == 0.2
        optimizer.learning_rate.assign(0.3)
        w = variable(rn)
        optimizer.apply([GRADIENT], [w])
        np.testing.assert_allclose(w.value, [1 - 0.15, -2 + 0.3, 3 - 0.6], rtol=1e-6)

    def test_schedules(self, rn):
        schedules = rn.optimizers.schedules
        decay = schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
        assert decay(0) == 0.1 and decay(2) == pytest.approx(0.05) and decay(1) == pytest.approx(0.1 * 0.5**0.5)
        assert schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True)(3) == pytest.approx(0.05)
        piecewise = schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.1])
        assert [piecewise(s) for s in (0, 2, 3, 4, 5)] == [1.0, 1.0, 0.5, 0.5, 0.1]
        optimizer = rn.optimizers.SGD(decay)
        w = variable(rn)
        rates = []
        for _ in range(3):
            rates.append(float(optimizer.learning_rate))
            optimizer.apply([GRADIENT], [w])
        np.testing.assert_allclose(rates, [decay(s) for s in range(3)])
        with pytest.raises(TypeError, match="schedule"):
            optimizer.learning_rate = 0.1


class TestState:
    def test_configuration(self, rn):
        optimizer = rn.optimizers.RMSprop(
            rn.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5),
            rho=0.8,
            momentum=0.1,
            centered=True,
            clipnorm=1.0,
            weight_decay=0.1,
        )
        twin = rn.optimizers.deserialize(rn.optimizers.serialize(optimizer))
        assert type(twin) is type(optimizer) and twin.get_config() == optimizer.get_config()
        assert type(twin._learning_rate) is rn.optimizers.schedules.ExponentialDecay
        assert rn.optimizers.Adam().get_config()["learning_rate"] == 0.001

    def test_get(self, rn):
        assert (
            type(rn.optimizers.get("adam")) is rn.optimizers.Adam
            and type(rn.optimizers.get("RMSprop")) is rn.optimizers.RMSprop
        )
        with pytest.raises(ValueError, match="Did you mean 'rmsprop'"):
            rn.optimizers.get("rmsporp")

    @pytest.mark.parametrize("how", ["pickle", "deepcopy", "own_variables"])
    def test_copies_continue_alike(self, rn, how):
        w, v = variable(rn), variable(rn)
        optimizer = rn.optimizers.Adam(0.1)
        optimizer.apply([GRADIENT], [w])
        v.assign(w.value)
        if how == "own_variables":
            store = {}
            optimizer.save_own_variables(store)
            twin = rn.optimizers.Adam(0.1)
            twin.build([v])
            twin.load_own_variables(store)
        else:
            twin, v = (lambda pair: copy.deepcopy(pair) if how == "deepcopy" else pickle.loads(pickle.dumps(pair)))(
                (optimizer, w)
            )
        optimizer.apply([GRADIENT], [w])
        twin.apply([GRADIENT], [v])
        np.testing.assert_array_equal(v.value, w.value)
        assert int(twin.iterations) == 2
