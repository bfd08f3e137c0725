"""Train a small convolutional network and look at what it has learned; needs matplotlib to draw."""

import refnet

layers, visualize = refnet.layers, refnet.visualize
(x_train, y_train), (x_test, _) = refnet.datasets.digits.load_data()
x_train, x_test = x_train / 16, x_test / 16

refnet.utils.set_random_seed(0)
model = refnet.Sequential(
    [
        refnet.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer=refnet.optimizers.Adam(1e-2), loss="sparse_categorical_crossentropy")
model.fit(x_train[..., None], y_train, batch_size=32, epochs=10)

image = x_test[0]
visualize.filters(model.layers[0]).save("filters.png")
visualize.feature_maps(model, image).save("maps.png")
visualize.saliency(model, image).save("saliency.png")
visualize.grad_cam(model, image).save("cam.png")  # .values are the numbers, without matplotlib
