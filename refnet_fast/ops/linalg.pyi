from refnet.ops.linalg import *
