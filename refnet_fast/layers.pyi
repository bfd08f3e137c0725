from refnet.layers import *
