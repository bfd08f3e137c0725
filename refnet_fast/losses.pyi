from refnet.losses import *
