from refnet.random import *
