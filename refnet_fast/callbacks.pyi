from refnet.callbacks import *
