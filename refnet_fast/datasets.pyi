from refnet.datasets import *
