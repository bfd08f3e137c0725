"""Loads refnet_fast/_machine.py by its path: it is plain Python and can be tested where nothing was compiled."""
import importlib.util
from pathlib import Path


def load_machine():
    import refnet
    path = Path(refnet.__file__).resolve().parent.parent / "refnet_fast" / "_machine.py"
    spec = importlib.util.spec_from_file_location("_machine_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
