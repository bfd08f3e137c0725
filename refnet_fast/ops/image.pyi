from refnet.ops.image import *
