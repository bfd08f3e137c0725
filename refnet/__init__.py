"""refnet: neural networks with the Keras 3 API, in pure Python on NumPy, written to be read."""
