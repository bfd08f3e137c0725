from typing import Any

from refnet import *
from refnet_fast import kernels as kernels

__version__: str

def get_num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def show_config() -> dict[str, Any]: ...
