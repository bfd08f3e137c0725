from refnet.optimizers import *
