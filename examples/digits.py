"""Recognise handwritten digits: the shortest complete program."""

import refnet  # or, for the fast kernels: import refnet_fast as refnet

layers = refnet.layers
(x_train, y_train), (x_test, y_test) = refnet.datasets.digits.load_data()
x_train, x_test = x_train / 16, x_test / 16  # pixels 0..16 -> 0..1

refnet.utils.set_random_seed(0)
model = refnet.Sequential(
    [
        refnet.Input((8, 8)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=30, validation_split=0.1)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.3f}")
