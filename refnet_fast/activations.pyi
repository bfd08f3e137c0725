from refnet.activations import *
