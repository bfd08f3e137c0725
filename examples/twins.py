"""The two twins side by side: the same program on both, and how far the results are apart."""

import time

import numpy as np

import refnet
import refnet_fast

(x, y), _ = refnet.datasets.digits.load_data()
x = x.astype("float32") / 16


def train(namespace):
    """Train the same network, made of the classes of one namespace; return its predictions and the seconds it took."""
    namespace.utils.set_random_seed(0)
    model = namespace.Sequential(
        [
            namespace.Input((8, 8)),
            namespace.layers.Flatten(),
            namespace.layers.Dense(256, activation="tanh"),
            namespace.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")
    begin = time.perf_counter()
    model.fit(x, y, epochs=10, verbose=0)
    return model.predict(x, verbose=0), time.perf_counter() - begin


reference, reference_seconds = train(refnet)
fast, fast_seconds = train(refnet_fast)
print(f"largest difference of the predictions: {np.max(np.abs(reference - fast)):.1e}")
ratio = reference_seconds / fast_seconds
print(f"reference {reference_seconds:.2f} s, fast {fast_seconds:.2f} s: {ratio:.1f} times as fast")
