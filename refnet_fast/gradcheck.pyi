from refnet.gradcheck import *
