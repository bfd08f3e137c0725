from refnet.ops.numpy import *
