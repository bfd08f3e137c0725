"""Names: `dense`, `dense_1`, ...; the path of a weight (`sequential/dense/kernel`); and the nearest match of a typo."""

import contextlib
import difflib
import os
import re
import threading

from refnet import absent

__all__ = ["auto_name", "clear_session", "get_uid", "name_scope", "to_snake_case"]

_counters: dict[str, int] = {}
_counter_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # held while a process forks: else a child may inherit it locked, and nobody to unlock it
    os.register_at_fork(
        before=_counter_lock.acquire, after_in_parent=_counter_lock.release, after_in_child=_counter_lock.release
    )
_scopes = threading.local()


def to_snake_case(name: str) -> str:
    """`"MaxPooling2D"` -> `"max_pooling2d"`, as Keras names its layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def get_uid(prefix: str = "") -> int:
    """1, 2, 3, ... for each prefix."""
    with _counter_lock:
        _counters[prefix] = uid = _counters.get(prefix, 0) + 1
    return uid


def auto_name(class_name: str) -> str:
    """`"dense"` for the first object of a class, then `"dense_1"`, `"dense_2"`, ..."""
    prefix = to_snake_case(class_name)
    uid = get_uid(prefix)
    return prefix if uid == 1 else f"{prefix}_{uid - 1}"


def clear_session(free_memory: bool = True) -> None:
    """Start the automatic names afresh: the next Dense is `dense` again.

    Args:
        free_memory: accepted for Keras' sake; there is no global state that holds memory.
    """
    del free_memory
    with _counter_lock:
        _counters.clear()


@contextlib.contextmanager
def name_scope(name: str):
    """Within it, `current_path()` ends in `name`."""
    stack = _scopes.__dict__.setdefault("stack", [])
    stack.append(name)
    try:
        yield
    finally:
        stack.pop()


def current_path() -> str:
    """The names of the open scopes, joined by slashes."""
    return "/".join(_scopes.__dict__.get("stack", ()))


def did_you_mean(name, known) -> str:
    """`" Did you mean 'x'?"` with the nearest known name, or an empty string."""
    known = [str(k) for k in known]
    matches = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    if not matches:
        lower = {k.lower(): k for k in known}
        matches = [lower[m] for m in difflib.get_close_matches(str(name).lower(), lower, n=1, cutoff=0.5)]
    return f" Did you mean {matches[0]!r}?" if matches else ""


# What an error calls a kind of object  ->  the module that Keras keeps it in
_MODULES = {
    "loss": "losses", "metric": "metrics", "activation": "activations", "optimizer": "optimizers",
    "initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints",
}  # fmt: skip


def unknown_name(kind: str, name, known) -> ValueError:
    """The error for a name that refnet does not know: whether Keras does, else the nearest match; and the alternatives.

    Args:
        kind: "loss", "metric", ... or "class in keras.layers".
        name: what was asked for.
        known: the names that would do.
    """
    names = ", ".join(sorted({str(k) for k in known}))
    hint = absent.in_keras(_MODULES.get(kind) or kind.rpartition("keras.")[2], name)
    hint = f" {hint}" if hint else did_you_mean(name, known)
    return ValueError(f"Unknown {kind}: {name!r}.{hint} Known names: {names}.")
