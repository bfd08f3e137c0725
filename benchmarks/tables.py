"""Markdown tables and the way numbers are written in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["cell", "ms", "rows"]


def ms(value: float) -> str:
    """Milliseconds with three significant digits."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column left, the others right."""
    ruler = "|".join(["---"] + ["---:"] * (len(header) - 1))
    return "\n".join(["| " + " | ".join(header) + " |", f"|{ruler}|", *("| " + " | ".join(r) + " |" for r in lines)])


def cell(times: dict[str, Any]) -> str:
    """Median with its quartiles."""
    return f"{ms(times['median'])} ({ms(times['q1'])}-{ms(times['q3'])})"
