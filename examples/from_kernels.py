"""The chapters of refnet/kernels put together by hand: a network, its gradients, its training, no library above them.

This is everything that `model.fit` does, without the conveniences. Every line of the backward pass belongs to the line
of the forward pass that stands opposite, in reverse order, and hands it the gradient of its result: that is all that
backpropagation is. Read it after chapters 0 to 5 of the reading order in README.md; from chapter 7 it borrows the loss.
"""

import numpy as np

from refnet import kernels as k
from refnet.datasets import digits

(x_train, labels_train), (x_test, labels_test) = digits.load_data()
x_train = x_train.reshape(-1, 64).astype(np.float32) / 16  # (1437, 64)
x_test = x_test.reshape(-1, 64).astype(np.float32) / 16  # (360, 64)
labels_train, labels_test = labels_train.astype(np.int64), labels_test.astype(np.int64)

rng = np.random.default_rng(0)


def glorot(inputs, outputs):
    """Weights small enough that signals keep their size from layer to layer."""
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)


w1, b1 = glorot(64, 32), np.zeros(32, np.float32)
w2, b2 = glorot(32, 10), np.zeros(10, np.float32)
parameters = [w1, b1, w2, b2]
velocities = [np.zeros_like(p) for p in parameters]

for epoch in range(20):
    order = rng.permutation(len(x_train))
    total = 0.0
    for start in range(0, len(order), 32):
        rows = order[start : start + 32]
        x, labels = k.gather_rows(x_train, rows), labels_train[rows]

        # Forward: each line keeps what its gradient will need.
        h, saved_1 = k.dense_forward(x, w1, b1, activation="relu")  # (32, 32)
        z, saved_2 = k.dense_forward(h, w2, b2)  # (32, 10)
        losses, saved_3 = k.sparse_categorical_crossentropy_forward(z, labels, from_logits=True)  # (32,)
        loss, saved_4 = k.weighted_sum_forward(losses, scale=1 / len(rows))  # a number: the mean

        # Backward: the same four lines from last to first, from dloss = ∂loss/∂loss = 1. What one returns, the next takes.
        dlosses = k.weighted_sum_backward(np.ones_like(loss), saved_4)
        dz = k.sparse_categorical_crossentropy_backward(dlosses, saved_3)
        dh, dw2, db2 = k.dense_backward(dz, saved_2)
        _, dw1, db1 = k.dense_backward(dh, saved_1, needs=(False, True, True))  # nobody needs dx

        # Learn: each parameter a little downhill.
        for w, dw, velocity in zip(parameters, [dw1, db1, dw2, db2], velocities):
            k.sgd_update(w, dw, velocity, learning_rate=0.1, momentum=0.9)
        total += float(loss) * len(rows)
    print(f"epoch {epoch + 1:2d}: loss {total / len(order):.4f}")

h, _ = k.dense_forward(x_test, w1, b1, activation="relu", save=False)
z, _ = k.dense_forward(h, w2, b2, save=False)
print(f"test accuracy {np.mean(z.argmax(axis=1) == labels_test):.3f}")
