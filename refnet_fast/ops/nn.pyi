from refnet.ops.nn import *
