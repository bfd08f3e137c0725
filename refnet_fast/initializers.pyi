from refnet.initializers import *
