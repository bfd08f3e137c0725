from refnet.models import *
