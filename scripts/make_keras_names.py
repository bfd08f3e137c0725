"""Write refnet/keras_names.py: the public names of the Keras that is installed here.

    KERAS_BACKEND=jax python scripts/make_keras_names.py

Needs Keras; run it again when a new Keras comes out. What refnet has itself is in the list too: `refnet.absent` takes
the difference when somebody asks for a name, so nothing need be deleted when a name is added to refnet.
"""

import inspect
import textwrap
import types
from pathlib import Path

import keras

LEFT_OUT = {"", "applications", "legacy", "src", "version"}  # submodules whose names are not listed one by one
DEEPER = ("optimizers.schedules", "ops.image", "ops.linalg", "preprocessing.image", "preprocessing.sequence")
CLASSES = ("Layer", "Model", "Optimizer", "Loss", "Metric", "Variable", "KerasTensor", "callbacks.Callback",
           "layers.Dense", "layers.Conv2D")
STUBS = {"add_metric", "add_variable"}  # of Keras 2; in Keras 3 they do nothing
TARGET = Path(__file__).resolve().parent.parent / "refnet" / "keras_names.py"


def find(path):
    found = keras
    for part in filter(None, path.split(".")):
        found = getattr(found, part)
    return found


def public(path):
    return [name for name in dir(find(path)) if not name.startswith("_") and name not in ("src", "legacy", "version")]


def methods(path):
    return [name for name in dir(find(path)) if not name.startswith("_") and name not in STUBS
            and callable(getattr(find(path), name))]


def block(name, variable):
    text = textwrap.fill(" ".join(name), width=112, initial_indent="        ", subsequent_indent="        ")
    return f'    "{variable}": """\n{text}\n    """,\n'


modules = [name for name in public("") if isinstance(getattr(keras, name), types.ModuleType) and name not in LEFT_OUT]
names = "".join(block(public(path), path) for path in ("", *modules, *DEEPER))
members = "".join(block(methods(path), path.split(".")[-1]) for path in CLASSES if inspect.isclass(find(path)))
TARGET.write_text(f'''"""The public names of Keras {keras.__version__}: data of `refnet.absent`, by scripts/make_keras_names.py."""

__all__ = ["METHODS", "NAMES"]

# A module of Keras ("" is keras itself) -> its public names.
NAMES = {{
{names}}}

# A class of Keras -> its public methods, inherited ones included.
METHODS = {{
{members}}}
''', encoding="utf-8")
