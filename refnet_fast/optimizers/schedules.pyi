from refnet.optimizers.schedules import *
