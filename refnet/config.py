"""Process-wide settings, named as in `keras.config`.

The float type new layers use (`floatx`), the small constant that keeps divisions finite (`epsilon`), the layout of
images (`image_data_format`), and whether training may talk to the terminal (interactive logging).
"""

from typing import Any

import numpy as np

from refnet import public

__all__ = [
    "disable_interactive_logging",
    "enable_interactive_logging",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]

FLOAT_DTYPES = ("float32", "float64")

_settings: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "interactive_logging": True,
}
_changes = [0]  # how often a setting was changed that computations depend on


def floatx() -> str:
    """The float type of newly made layers: `"float32"` (the default) or `"float64"`."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float type.

    Args:
        value: `"float32"` or `"float64"`.

    Raises:
        ValueError: for any other type.

    Example:
        >>> refnet.config.set_floatx("float64")
        >>> refnet.layers.Dense(3).dtype
        'float64'
    """
    _changes[0] += 1
    _settings["floatx"] = float_dtype(value, "set_floatx")


def epsilon() -> float:
    """The small constant used where a division or a logarithm must stay finite. Default 1e-7."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set `epsilon()`."""
    value = float(value)
    if not value > 0:
        raise ValueError(f"`epsilon` must be a positive number. Received: {value}")
    _changes[0] += 1
    _settings["epsilon"] = value


def image_data_format() -> str:
    """`"channels_last"` (the default) or `"channels_first"`."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the default layout of images."""
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"`data_format` must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
        )
    _changes[0] += 1
    _settings["image_data_format"] = data_format


def enable_interactive_logging() -> None:
    """Allow the progress bar (the default)."""
    _settings["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Plain lines instead of a moving progress bar, even in a terminal."""
    _settings["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Whether a moving progress bar may be drawn."""
    return _settings["interactive_logging"]


def float_dtype(dtype, owner: str) -> str:
    """The name of a supported float type, from whatever Keras accepts as a `dtype` argument.

    Args:
        dtype: None (then `floatx()`), a name, a NumPy type, or a serialised Keras dtype policy.
        owner: who asks, for the error message.

    Raises:
        ValueError: for anything but float32 and float64, naming `owner`.
    """
    if dtype is None:
        return _settings["floatx"]
    if isinstance(dtype, dict):  # a Keras config: {"class_name": "DTypePolicy", "config": {"name": "float32"}}
        dtype = dtype.get("config", {}).get("name")
    dtype = getattr(dtype, "compute_dtype", dtype)
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in FLOAT_DTYPES:
        raise ValueError(
            f"{owner} received dtype={name!r}, which is not supported: weights and computations are 'float32' or "
            f"'float64'. Pass dtype='float32' (integer inputs may keep their type: declare it on `Input(dtype=...)`)."
        )
    return name


public.finish(__name__)
