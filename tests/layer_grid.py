"""Calls of layers without much of a state: class, arguments, inputs; compared with Keras in tests/golden/layer_grid_keras.npz."""
import numpy as np

_rng = np.random.default_rng(0)


def _x(*shape):
    return _rng.normal(size=shape).round(3).astype("float32")


X, Y, THIN = _x(3, 4, 5), _x(3, 4, 5), _x(3, 1, 5)
STEPS = np.where(np.arange(4)[None, :, None] > np.array([1, 2, 3])[:, None, None], 0, X).astype("float32")
OTHER_STEPS = np.where(np.arange(4)[None, :, None] > np.array([2, 0, 3])[:, None, None], 0, Y).astype("float32")

CASES = [
    ("ReLU", {}, X),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5}, X),
    ("ReLU", {"negative_slope": 0.2}, X),
    ("ReLU", {"threshold": 0.5}, X),
    ("LeakyReLU", {}, X),
    ("LeakyReLU", {"negative_slope": 0.1}, X),
    ("ELU", {}, X),
    ("ELU", {"alpha": 0.5}, X),
    ("Softmax", {}, X),
    ("Softmax", {"axis": 1}, X),
    ("Softmax", {"axis": [1, 2]}, X),
    ("PReLU", {"alpha_initializer": "ones"}, X),
    ("PReLU", {"alpha_initializer": "ones", "shared_axes": [1]}, X),
    ("Add", {}, [X, Y]),
    ("Add", {}, [X, Y, THIN]),
    ("Add", {}, [X, _x(3, 5)]),
    ("Multiply", {}, [X, Y, X]),
    ("Average", {}, [X, Y, THIN]),
    ("Maximum", {}, [X, Y]),
    ("Minimum", {}, [X, Y]),
    ("Subtract", {}, [X, Y]),
    ("Concatenate", {}, [X, Y]),
    ("Concatenate", {"axis": 1}, [X, THIN, Y]),
    ("Dot", {"axes": 2}, [X, Y]),
    ("Dot", {"axes": (1, 1)}, [X, Y]),
    ("Dot", {"axes": -1, "normalize": True}, [X, Y]),
    ("Dot", {"axes": 1}, [_x(3, 4), _x(3, 4)]),
    ("Dot", {"axes": (1, 2)}, [_x(3, 5), X]),
    ("Dot", {"axes": (2, 1)}, [X, _x(3, 5)]),
    ("Dot", {"axes": (3, 1)}, [_x(3, 2, 2, 4), _x(3, 4, 6)]),
    ("Dot", {"axes": (1, 3)}, [_x(3, 4), _x(3, 2, 5, 4)]),
    ("Reshape", {"target_shape": (20,)}, X),
    ("Reshape", {"target_shape": (2, -1, 5)}, X),
    ("Permute", {"dims": (2, 1)}, X),
    ("RepeatVector", {"n": 3}, _x(3, 4)),
    ("Identity", {}, X),
    ("Masking", {}, STEPS),
    ("Rescaling", {"scale": 1 / 255, "offset": -1.0}, (X * 100).astype("int32")),
    ("Rescaling", {"scale": [1.0, 2.0, 3.0, 4.0, 5.0], "offset": 0.5}, X),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, X),
]
MASKED = ["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Concatenate"]


def results(namespace):
    """(key, outputs) of every case and of the merging layers between masks."""
    layers = namespace.layers
    for number, (name, arguments, inputs) in enumerate(CASES):
        layer = getattr(layers, name)(**arguments, name="n")
        yield f"{number} {name}", layer, [np.asarray(layer(inputs))]
    for name in MASKED:
        for both in (False, True):
            first, second = namespace.Input((4, 5)), namespace.Input((4, 5))
            a = layers.Masking()(first)
            b = layers.Masking()(second) if both else second
            layer = getattr(layers, name)()
            merged = layer([a, b])
            model = namespace.Model([first, second], [merged, layers.GlobalAveragePooling1D()(merged)])
            yield f"masked {name} {both}", layer, [np.asarray(y) for y in model.predict([STEPS, OTHER_STEPS], verbose=0)]
