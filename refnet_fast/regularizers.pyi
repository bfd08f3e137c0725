from refnet.regularizers import *
