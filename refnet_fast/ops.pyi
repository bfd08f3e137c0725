from refnet.ops import *
