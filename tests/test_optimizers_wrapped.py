"""Optimizers around optimizers: the loss scaled by a factor that is found by trying, other optimizers for other variables."""

import copy
import pickle

import numpy as np
import pytest

GRADIENTS = [np.array([[0.5, -1.0], [2.0, 0.25]], "float32"), np.array([0.125, -4.0], "float32")]


def variables(rn):
    return [rn.Variable(np.ones((2, 2), "float32"), name="kernel"), rn.Variable(np.zeros(2, "float32"), name="bias")]


class TestLossScale:
    def test_finite_steps_are_those_of_the_inner_optimizer(self, rn):
        ours, plain = variables(rn), variables(rn)
        optimizer, inner = rn.optimizers.LossScaleOptimizer(rn.optimizers.Adam(0.1), 8.0, 2), rn.optimizers.Adam(0.1)
        scales = []
        for _ in range(5):
            scale = float(optimizer.dynamic_scale) if optimizer.built else 8.0
            optimizer.apply([g * np.float32(scale) for g in GRADIENTS], ours)
            inner.apply(GRADIENTS, plain)
            scales.append(float(optimizer.dynamic_scale))
        for a, b in zip(ours, plain, strict=True):
            np.testing.assert_array_equal(a.value, b.value)
        assert scales == [8, 16, 16, 32, 32] and int(optimizer.step_counter) == 1
        assert int(optimizer.iterations) == 5 and float(optimizer.learning_rate) == 0.1
        optimizer.learning_rate = 0.2
        assert float(optimizer.inner_optimizer.learning_rate) == 0.2

    @pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
    def test_a_step_that_is_not_finite_is_none(self, rn, odd):
        ours = variables(rn)
        optimizer = rn.optimizers.LossScaleOptimizer(rn.optimizers.Adam(0.1, use_ema=True), 8.0, 3)
        optimizer.apply(GRADIENTS, ours)
        state = [v.numpy() for v in (*ours, *optimizer.inner_optimizer.variables)]
        wrong = GRADIENTS[1].copy()
        wrong[0] = odd
        for scale in (4.0, 2.0):
            optimizer.apply([GRADIENTS[0], wrong], ours)
            assert float(optimizer.dynamic_scale) == scale and int(optimizer.step_counter) == 0
        for variable, before in zip((*ours, *optimizer.inner_optimizer.variables), state, strict=True):
            np.testing.assert_array_equal(variable.value, before)

    def test_the_loss(self, rn):
        optimizer = rn.optimizers.LossScaleOptimizer(rn.optimizers.SGD(), 16.0)
        assert float(optimizer.scale_loss(np.float32(0.5))) == 8.0
        optimizer.build(variables(rn))
        optimizer.dynamic_scale.assign(4.0)
        assert float(optimizer.scale_loss(np.float32(0.5))) == 2.0

    def test_errors(self, rn):
        o = rn.optimizers
        for arguments, options, words in [
            (("adam",), {}, r"must be an optimizer. Received: 'adam'. For a name: LossScaleOptimizer\(optimizers.get\(name\)\)"),
            ((o.LossScaleOptimizer(o.SGD()),), {}, "scales the loss itself"),
            ((o.SGD(),), {"dynamic": False}, r"use the inner optimizer alone: SGD\(loss_scale_factor=...\)"),
            ((o.SGD(),), {"clipnorm": 1.0}, "does not support `clipnorm`. Set it on the inner optimizer"),
            ((o.SGD(),), {"initial_scale": 0}, "`initial_scale` must be"),
            ((o.SGD(),), {"dynamic_growth_steps": 0}, "`dynamic_growth_steps` must be"),
            ((o.SGD(),), {"lr": 0.1}, "`lr`"),
        ]:
            with pytest.raises(ValueError, match=words):
                o.LossScaleOptimizer(*arguments, **options)
        with pytest.raises(ValueError, match="pass `trainable_variables`"):
            o.LossScaleOptimizer(o.SGD()).apply(GRADIENTS)
        o.LossScaleOptimizer(o.SGD(), clipnorm=None, use_ema=False, dynamic=True)  # as old configurations have it


class TestMulti:
    def optimizer(self, rn, **options):
        o = rn.optimizers
        return o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1), {"bias": o.Adam(0.1), "none": o.Lion()}), **options)

    def test_each_updates_its_own(self, rn):
        ours, plain = variables(rn), variables(rn)
        optimizer, sgd, adam = self.optimizer(rn), rn.optimizers.SGD(0.1), rn.optimizers.Adam(0.1)
        for _ in range(3):
            optimizer.apply(GRADIENTS, ours)
            sgd.apply(GRADIENTS[:1], plain[:1])
            adam.apply(GRADIENTS[1:], plain[1:])
        for a, b in zip(ours, plain, strict=True):
            np.testing.assert_array_equal(a.value, b.value)
        assert int(optimizer.iterations) == 3 and [type(o).__name__ for o in optimizer.optimizers] == ["Adam", "Lion", "SGD"]

    def test_by_a_function(self, rn):
        adam, sgd = rn.optimizers.Adam(0.1), rn.optimizers.SGD(0.1)
        optimizer = rn.optimizers.MultiOptimizer(lambda v: adam if v.name == "bias" else sgd, loss_scale_factor=4.0)
        ours = variables(rn)
        optimizer.apply([4 * g for g in GRADIENTS], ours)
        np.testing.assert_allclose(ours[0].value, 1 - 0.1 * GRADIENTS[0], rtol=1e-6)
        np.testing.assert_allclose(ours[1].value, -0.1 * np.sign(GRADIENTS[1]), rtol=1e-4)
        assert float(optimizer.scale_loss(np.float32(1))) == 4 and sgd.loss_scale_factor == adam.loss_scale_factor == 4
        optimizer.loss_scale_factor = None
        assert sgd.loss_scale_factor is adam.loss_scale_factor is None

    @pytest.mark.parametrize("how", ["pickle", "deepcopy", "weights", "own_variables"])
    @pytest.mark.parametrize("scaled", [False, True])
    def test_copies_continue_alike(self, rn, how, scaled):
        def make():
            return rn.optimizers.LossScaleOptimizer(self.optimizer(rn), 4.0) if scaled else self.optimizer(rn)

        ours, others = variables(rn), variables(rn)
        optimizer = make()
        optimizer.apply(GRADIENTS, ours)
        if how in ("weights", "own_variables"):
            twin, store = make(), {}
            for a, b in zip(ours, others, strict=True):
                b.assign(a.value)
            twin.build(others)
            if how == "weights":
                twin.set_weights([v.numpy() for v in optimizer.variables])
            else:
                optimizer.save_own_variables(store)
                twin.load_own_variables(store)
        else:
            copied = copy.deepcopy if how == "deepcopy" else lambda pair: pickle.loads(pickle.dumps(pair))
            twin, others = copied((optimizer, ours))
        optimizer.apply(GRADIENTS, ours)
        twin.apply(GRADIENTS, others)
        for a, b in zip((*ours, *optimizer.variables), (*others, *twin.variables), strict=True):
            np.testing.assert_array_equal(a.value, b.value)

    def test_the_map(self, rn):
        o = rn.optimizers
        adam, sgd, lion = o.Adam(), o.SGD(), o.Lion()
        chosen = o.OptimizerMap(lion)
        chosen["encoder/dense"], chosen["encoder/.*"] = adam, sgd
        assert chosen["encoder/dense"] is adam and chosen["encoder/conv"] is sgd and chosen["an/encoder/conv"] is lion
        assert len(chosen) == 2 and list(chosen) == ["encoder/dense", "encoder/.*"]
        chosen[".*conv"] = adam
        with pytest.raises(ValueError, match=r"several patterns match 'encoder/conv'"):
            chosen["encoder/conv"]
        del chosen[".*conv"]
        assert chosen["encoder/conv"] is sgd

    def test_errors(self, rn):
        o = rn.optimizers
        for make, words in [
            (lambda: o.OptimizerMap("adam"), "`default_optimizer` must be an optimizer. Received: 'adam'"),
            (lambda: o.OptimizerMap(o.SGD(), []), "`optimizer_map` must be a dict"),
            (lambda: o.OptimizerMap(o.SGD(), {"a": "adam"}), "what 'a' stands for must be an optimizer"),
            (lambda: o.OptimizerMap(o.SGD(), {"a(": o.Adam()}), "'a\\(' is no regular expression"),
            (lambda: o.OptimizerMap(o.SGD(), {1: o.Adam()}), "a key must be a path"),
            (lambda: o.OptimizerMap(o.SGD(), {"a": o.LossScaleOptimizer(o.Adam())}), r"LossScaleOptimizer\(MultiOptimizer"),
            (lambda: o.MultiOptimizer({"a": o.SGD()}), r"For a dict: MultiOptimizer\(OptimizerMap\(SGD\(\), optimizer_map\)\)"),
            (lambda: o.MultiOptimizer(lambda v: None).build(variables(rn)), "must be an optimizer. Received: None"),
            (lambda: o.MultiOptimizer(o.OptimizerMap(self.optimizer(rn))), "cannot be a MultiOptimizer"),
            (lambda: self.optimizer(rn).apply(GRADIENTS), "pass `trainable_variables`"),
        ]:
            with pytest.raises((ValueError, TypeError), match=words):
                make()
        optimizer = self.optimizer(rn)
        for attempt in (lambda: optimizer.learning_rate, lambda: setattr(optimizer, "learning_rate", 0.1)):
            with pytest.raises(AttributeError, match="Each of its `optimizers` has one"):
                attempt()
        optimizer.apply(GRADIENTS, variables(rn))
        with pytest.raises(ValueError, match="does not know the variable"):
            optimizer.apply(GRADIENTS, variables(rn))
