"""`python -m refnet` is the command `refnet`."""

import sys

from refnet.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
