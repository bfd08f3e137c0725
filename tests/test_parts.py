"""What layers and models are made of and share: parts in containers, a layer in two places, `training`, buffers, threads."""

import collections
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

# --- what a layer or model is made of -------------------------------------------------------------


Pair = collections.namedtuple("Pair", "a b")
CONTAINERS = {
    "list": list,
    "generated": lambda parts: list(iter(parts)),
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
    "dict": lambda parts: dict(enumerate(parts)),
    "ordered": lambda parts: collections.OrderedDict(enumerate(parts)),
    "default": lambda parts: collections.defaultdict(list, {0: list(parts)}),
    "named": lambda parts: Pair(*parts),
    "nested": lambda parts: {"a": [{*parts}]},
}


class TestParts:
    @pytest.mark.parametrize("container", list(CONTAINERS))
    def test_layers_in_containers_are_found(self, rn, container):
        class Block(rn.layers.Layer):
            def __init__(self):
                super().__init__()
                self.parts = CONTAINERS[container]([rn.layers.Dense(2, name="one"), rn.layers.Dense(2, name="two")])

            def call(self, x):
                for layer in self._layers:
                    x = layer(x)
                return x

        block = Block()
        block(np.ones((1, 2), "float32"))
        assert len(block.trainable_variables) == 4
        assert isinstance(block.parts, type(CONTAINERS[container]([1, 2])))
        block.trainable = False
        assert block.trainable_variables == []

    @pytest.mark.parametrize(
        ("make", "add"),
        [
            (list, lambda c, layer: c.append(layer)),
            (set, lambda c, layer: c.add(layer)),
            (set, lambda c, layer: c.update([layer])),
            (collections.deque, lambda c, layer: c.appendleft(layer)),
            (collections.OrderedDict, lambda c, layer: c.setdefault("a", layer)),
            (lambda: collections.defaultdict(list), lambda c, layer: c["a"].append(layer)),
        (lambda: {"a": []}, lambda c, layer: c["a"].append(layer)),
        (lambda: collections.deque([[]]), lambda c, layer: c[0].extend([layer])),
        ],
    )
    def test_layers_that_are_added_later_are_found(self, rn, make, add):
        class Block(rn.layers.Layer):
            def __init__(self):
                super().__init__()
                self.parts = make()

        block = Block()
        assert block.weights == [] and block.parts is not None
        layer = rn.layers.Dense(2)
        layer.build((None, 3))
        add(block.parts, layer)
        assert len(block.weights) == 2

    def test_weights_of_a_set_have_an_order(self, rn):
        class Block(rn.layers.Layer):
            def __init__(self):
                super().__init__()
                self.parts = {rn.layers.Dense(2, name=f"part_{i}") for i in range(12)}

        block = Block()
        assert [layer.name for layer in block._layers] == [f"part_{i}" for i in range(12)]

    def test_one_layer_several_times_in_a_sequential_shares_its_weights(self, rn):
        layer = rn.layers.Dense(3, activation="tanh")
        x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
        model = rn.Sequential([rn.Input((3,)), layer, rn.layers.Dense(3), layer])
        assert len(model.layers) == 3 and len(model.weights) == 4
        np.testing.assert_array_equal(model(x), layer(model.layers[1](layer(x))))
        lazy = rn.Sequential([layer, layer])
        np.testing.assert_array_equal(lazy.predict(x, verbose=0), layer(layer(x)))
        model.compile(rn.optimizers.SGD(0.1), "mse")
        before = layer.kernel.numpy()
        model.fit(x, x, verbose=0)
        assert (layer.kernel.numpy() != before).any()
        for copy in (
            rn.Sequential.from_config(model.get_config()),
            rn.models.clone_model(model),
            rn.models.model_from_json(model.to_json()),
        ):
            assert copy.layers[0] is copy.layers[2] and len(copy.weights) == 4
            copy.set_weights(model.get_weights())
            np.testing.assert_array_equal(copy(x), model(x))
        assert model.pop() is layer and len(model.layers) == 2 and model(x).shape == (4, 3)
        with pytest.raises(ValueError, match="another layer named"):
            rn.Sequential([rn.layers.Dense(2, name="a"), rn.layers.Dense(2, name="a")])


class TestTrainingByPosition:
    def test_layers_models_and_sequentials_take_it(self, rn):
        x = np.ones((8, 16), "float32")
        i = rn.Input((16,))
        for callee in (
            rn.layers.Dropout(0.5),
            rn.Sequential([rn.Input((16,)), rn.layers.Dropout(0.5)]),
            rn.Model(i, rn.layers.Dropout(0.5)(i)),
        ):
            assert (callee(x, True) == 0).any() and not (callee(x, False) == 0).any()
        fixed = rn.Model(i, rn.layers.Dropout(0.5)(i, True))
        assert (fixed(x, training=False) == 0).any()

    def test_it_reaches_layers_inside_and_keeps_what_follows(self, rn):
        class Seen(rn.layers.Layer):
            def call(self, x, training=None, scale=1.0):
                self.seen = training
                return x * scale

        class Outer(rn.layers.Layer):
            def __init__(self):
                super().__init__()
                self.implicit, self.explicit = Seen(), Seen()

            def call(self, x, training):
                return self.explicit(self.implicit(x), training, 2.0)

        x, outer = np.ones((2, 2), "float32"), Outer()
        for value in (True, False, np.True_):
            y = outer(x, value)
            assert outer.implicit.seen is outer.explicit.seen is bool(value)
            np.testing.assert_array_equal(y, 2 * x)
        assert Seen()(x, None, 3.0)[0, 0] == 3
        with pytest.raises(TypeError):
            Seen()(x, True, 1.0, 2.0)
        with pytest.raises(TypeError):
            Seen()(x, True, training=True)


# --- arrays that are used again -------------------------------------------------------------------


class TestBuffers:
    """A generator may fill one array again and again: what was computed from it must not change."""

    @staticmethod
    def batches(count=3):
        buffer = np.empty((2, 2), "float32")
        for step in range(count):
            buffer[...] = step
            yield (buffer,)

    def test_predict_keeps_values(self, rn):
        x = rn.Input((2,))
        expected = np.repeat(np.arange(3, dtype="float32"), 2)[:, None].repeat(2, 1)
        for outputs, pick in [(x, lambda y: y), ([x, x[:, :1]], lambda y: y[0]), ({"k": x}, lambda y: y["k"])]:
            model = rn.Model(x, outputs)
            np.testing.assert_array_equal(pick(model.predict(self.batches(), verbose=0)), expected)
        flat = rn.Model(x, rn.layers.Flatten()(x))
        np.testing.assert_array_equal(flat.predict(self.batches(), verbose=0), expected)
        reused = np.ones((2, 2), "float32")

        class Reuses(rn.layers.Layer):
            def call(self, inputs):
                np.multiply(inputs, 2, out=reused)
                return reused

        class Own(rn.Model):
            def __init__(self):
                super().__init__()
                self.layer = Reuses()

            def call(self, inputs):
                return self.layer(inputs)

        np.testing.assert_array_equal(Own().predict(self.batches(), verbose=0), 2 * expected)

    def test_callbacks_and_on_batch_keep_values(self, rn):
        x = rn.Input((2,))
        model = rn.Model(x, x)
        kept = []
        keep = rn.callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: kept.append(logs["outputs"]))
        model.predict(self.batches(), verbose=0, callbacks=[keep])
        assert [float(k[0, 0]) for k in kept] == [0, 1, 2]
        data = np.zeros((2, 2), "float32")
        y = model.predict_on_batch(data)
        data += 1
        assert not y.any()

    def test_logs_and_history_keep_values(self, rn):
        class Largest(rn.metrics.Metric):
            def __init__(self):
                super().__init__(name="largest")
                self.value = self.add_variable(shape=(2,), name="value")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.value.assign(np.maximum(self.value.numpy(), np.max(y_true)))

            def result(self):
                return self.value

        model = rn.Sequential([rn.Input((1,)), rn.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[Largest()])
        x, seen = np.arange(4, dtype="float32")[:, None], []
        keep = rn.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["largest"]))
        history = model.fit(x, x, batch_size=1, shuffle=False, verbose=0, callbacks=[keep]).history
        model.reset_metrics()
        assert [float(value[0]) for value in seen] == [0, 1, 2, 3]
        np.testing.assert_array_equal(history["largest"], [[3, 3]])


# --- threads --------------------------------------------------------------------------------------


class TestThreads:
    @pytest.mark.parametrize("kind", ["sequential", "subclass", "layer"])
    def test_eight_threads_build_a_model_once(self, rn, kind):
        built = []

        class Slow(rn.layers.Layer):
            def build(self, input_shape):
                built.append(threading.get_ident())
                time.sleep(0.02)
                self.w = self.add_weight(shape=(input_shape[-1], 2), name="w")

            def call(self, x):
                return rn.ops.matmul(x, self.w)

        class Own(rn.Model):
            def __init__(self):
                super().__init__()
                self.a, self.b = Slow(), Slow()

            def call(self, x):
                return self.b(self.a(x))

        model = {"sequential": lambda: rn.Sequential([Slow(), Slow()]), "subclass": Own, "layer": Slow}[kind]()
        x = np.ones((4, 3), "float32")
        barrier, found, errors = threading.Barrier(8), [], []

        def run():
            barrier.wait()
            try:
                found.append(model(x) if kind == "layer" else model.predict(x, verbose=0))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not errors and len(found) == 8
        assert len(built) == len(model.weights) == (1 if kind == "layer" else 2)
        for y in found:
            np.testing.assert_array_equal(y, found[0])

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_a_fork_finds_no_layer_half_built(self, rn):
        """In a process of its own: other libraries that tests import warn of forks."""
        program = FORK.replace("NAMESPACE", rn.__name__)
        assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=60, check=False).returncode == 0


FORK = """
import os, sys, threading, time
import numpy as np
import NAMESPACE as rn

inside = threading.Event()

class Slow(rn.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(3, 2), name="w")
        inside.set()
        time.sleep(0.2)
        self.b = self.add_weight(shape=(2,), name="b")

    def call(self, x):
        return rn.ops.matmul(x, self.w) + self.b

model, x = rn.Sequential([Slow()]), np.ones((4, 3), "float32")
thread = threading.Thread(target=model, args=(x,))
thread.start()
inside.wait(10)
child = os.fork()
if not child:
    fine = model(x).shape == (4, 2) and len(model.weights) == 2 and rn.layers.Dense(2)(x).shape == (4, 2)
    os._exit(0 if fine else 1)
thread.join()
deadline = time.monotonic() + 30
while (found := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
    time.sleep(0.01)
if found == (0, 0):
    os.kill(child, 9)
sys.exit(found != (child, 0))
"""
