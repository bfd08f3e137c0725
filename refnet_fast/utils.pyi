from refnet.utils import *
