# The public names, declared: see refnet/public.py.
from refnet.datasets import digits as digits
