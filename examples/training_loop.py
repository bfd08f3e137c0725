"""A training loop written out, with GradientTape: what `fit` does at each step, open to change."""

import numpy as np

import refnet

(x_train, y_train), (x_test, y_test) = refnet.datasets.digits.load_data()
x_train, x_test = x_train.astype("float32") / 16, x_test.astype("float32") / 16

refnet.utils.set_random_seed(0)
model = refnet.Sequential(
    [
        refnet.Input((8, 8)),
        refnet.layers.Flatten(),
        refnet.layers.Dense(64, activation="gelu"),
        refnet.layers.Dense(10),
    ]
)
loss_function = refnet.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = refnet.optimizers.Adam(learning_rate=2e-3)

rng = np.random.default_rng(0)
for epoch in range(10):
    order = rng.permutation(len(x_train))
    for start in range(0, len(order), 32):
        rows = order[start : start + 32]
        with refnet.GradientTape() as tape:
            loss = loss_function(y_train[rows], model(x_train[rows], training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
    accuracy = np.mean(model.predict(x_test, verbose=0).argmax(axis=1) == y_test)
    print(f"epoch {epoch + 1:2d}: test accuracy {accuracy:.3f}")
