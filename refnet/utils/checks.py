"""Numbers that users set: a learning rate, a momentum, a rate of dropout. Checked where they are set, by name, because a
NaN or a value out of range is not seen before the results are."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Range"]


@dataclass(frozen=True)
class Range:
    """Which numbers an argument may be: finite ones between `low` and `high`.

    Args:
        low, high: the bounds.
        open_low, open_high: leave out the bound itself.
        integer: whole numbers only.
        optional: None is allowed too.
        infinite: an infinite number is allowed too.
        hint: a remedy, for the message.

    Example:
        >>> Range(0, 1).check(0.5, "momentum", "SGD")
        0.5
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    integer: bool = False
    optional: bool = False
    infinite: bool = False
    hint: str = ""

    def check(self, value, name: str, owner: str):
        """`value` as a Python number.

        Args:
            value: a number, also one of NumPy's or an array of no axes.
            name: of the argument.
            owner: whose argument it is, for the message.

        Raises:
            ValueError: for anything that is not such a number.
        """
        if value is None and self.optional:
            return None
        number = value
        if not isinstance(value, (int, float)) and hasattr(value, "__array__") and np.ndim(value) == 0:
            number = np.asarray(value).item()
        if isinstance(number, (int, float)) and not isinstance(number, bool) and self._holds(number):
            return number
        hint = f" {self.hint}" if self.hint else ""
        raise ValueError(f"{owner}: `{name}` must be {self.describe()}. Received: {name}={value!r}.{hint}")

    def _holds(self, number) -> bool:
        if not math.isfinite(number) and not (self.infinite and math.isinf(number)):
            return False
        if self.integer and not isinstance(number, int):
            return False
        above = number > self.low if self.open_low else number >= self.low
        return above and (number < self.high if self.open_high else number <= self.high)

    def describe(self) -> str:
        """The range in words."""
        kind = "an integer" if self.integer else "a number" if self.infinite else "a finite number"
        if math.isinf(self.low) and math.isinf(self.high):
            where = ""
        elif math.isinf(self.high):
            where = f" {'>' if self.open_low else '>='} {self.low}"
        elif math.isinf(self.low):
            where = f" {'<' if self.open_high else '<='} {self.high}"
        else:
            kind = "an integer" if self.integer else "a number"
            where = f" in {'(' if self.open_low else '['}{self.low}, {self.high}{')' if self.open_high else ']'}"
        return kind + where + (" or None" if self.optional else "")
