from refnet.metrics import *
