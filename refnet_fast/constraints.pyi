from refnet.constraints import *
