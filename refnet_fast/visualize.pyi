from refnet.visualize import *
