"""The progress bar: epoch, steps, time per step, loss, metrics.

In a terminal it is drawn by rich; in a notebook it is a line of text that is written over, for a widget would leave
nothing in the notebook that is saved or converted; in a pipe (or with verbose=2) it is one plain line an epoch. Between
two drawings it costs one look at the clock, and it draws less often where drawing is slow: never more than about 2 %
of the time.
"""

import math
import sys
import time

import numpy as np

from refnet import config

__all__ = ["Progbar"]


def interactive() -> bool:
    """Whether a moving bar can be drawn: in a terminal or a notebook."""
    if not config.is_interactive_logging_enabled():
        return False
    isatty = getattr(sys.stdout, "isatty", None)
    return in_notebook() or bool(isatty and isatty())


def in_notebook() -> bool:
    """Whether standard output goes to a notebook: Jupyter's kernel has then put a stream of its own in its place."""
    return type(sys.stdout).__module__.partition(".")[0] == "ipykernel"


class Progbar:
    """A progress bar.

    Args:
        target: the number of steps, None if unknown.
        width: of the bar, in characters.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: the least time between two drawings, in seconds.
        stateful_metrics: names whose values are shown as they are; others are averaged over the steps.
        stateless_metrics: the other way round: names whose values are averaged, all others are shown as they are.
        unit_name: what a step is called.

    Example:
        >>> bar = refnet.utils.Progbar(100)
        >>> for step in range(100):
        ...     bar.update(step + 1, [("loss", 1 / (step + 1))])
    """

    def __init__(self, target, width=20, verbose=1, interval=0.05, stateful_metrics=None, stateless_metrics=None,
                 unit_name="step"):  # fmt: skip
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: pass `stateful_metrics` or `stateless_metrics`, not both.")
        self.target = target
        self.width = width
        self.verbose = 2 if verbose == 1 and not interactive() else verbose
        self.interval = interval
        self.unit_name = unit_name
        self._stateful = set(stateful_metrics or ())
        self._stateless = None if stateless_metrics is None else set(stateless_metrics)
        self._values: dict = {}
        self._seen = 0
        self._start = time.perf_counter()
        self._first_step = None
        self._steps_ended = None
        self._drawing = 0.0  # seconds spent on drawing: not part of a step's time
        self._display = None
        self.next_drawing = self._start + interval if self.verbose == 1 else math.inf

    def update(self, current, values=None, finalize=None):
        """Report progress.

        Args:
            current: the number of steps done.
            values: pairs (name, value of the last step).
            finalize: whether this is the last report; by default when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._collect(current, values or (), finalize)
        now = time.perf_counter()
        if current and self._first_step is None:
            self._first_step = (now, current)
        if self.verbose == 1 and (finalize or now >= self.next_drawing):
            self._draw(current, now, finalize)
            drawn = time.perf_counter()
            self._drawing += drawn - now
            # Drawing takes at most a fiftieth of the time; all of it for those who ask for no interval.
            self.next_drawing = drawn + (max(self.interval, 50 * (drawn - now)) if self.interval else 0.0)
        elif self.verbose == 2 and finalize:
            print(self._line(current, now), flush=True)

    def add(self, n, values=None):
        """Report `n` more steps."""
        self.update(self._seen + n, values)

    def steps_end(self):
        """The steps are over, though not the epoch: what follows (a validation) does not count in the time per step."""
        self._steps_ended = time.perf_counter()

    def close(self):
        """Stop drawing (after an interruption)."""
        if self._display is not None:
            self._display.close()
            self._display = None

    def _collect(self, current, values, finalize):
        steps = max(current - self._seen, 1)
        for name, value in values:
            if type(value) is not float:  # a list or an array: its mean
                value = float(np.mean(value))
            averaged = name in self._stateless if self._stateless is not None else name not in self._stateful
            if averaged and not finalize:
                total, count = self._values.get(name, (0.0, 0))
                self._values[name] = (total + value * steps, count + steps)
            else:
                self._values[name] = (value, 1)
        self._seen = current

    def _metrics(self) -> str:
        parts = []
        for name, (total, count) in self._values.items():
            value = total / max(count, 1)
            parts.append(f"{name}: {value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{name}: {value:.4e}")
        return " - ".join(parts)

    def _time_per_step(self, current, now) -> float:
        """Seconds per step, the first (with its one-time costs) left out where there are more."""
        now = self._steps_ended or now
        if self._first_step is not None and current > self._first_step[1]:
            return (now - self._first_step[0] - self._drawing) / (current - self._first_step[1])
        return (now - self._start - self._drawing) / current if current else 0.0

    def _pace(self, current, now) -> str:
        seconds = self._time_per_step(current, now)
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/{self.unit_name}"
        return (
            f"{seconds * 1e3:.0f}ms/{self.unit_name}" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/{self.unit_name}"
        )

    def _line(self, current, now) -> str:
        steps = f"{current}/{self.target}" if self.target else f"{current}"
        metrics = self._metrics()
        return f"{steps} - {now - self._start:.0f}s - {self._pace(current, now)}" + (f" - {metrics}" if metrics else "")

    def _draw(self, current, now, finalize):
        if self._display is None:
            self._display = _Line() if in_notebook() else _Display(self.width)
        remaining = "" if finalize or not self.target else self._time_per_step(current, now) * (self.target - current)
        elapsed = f"{now - self._start:.0f}s" if remaining == "" else _duration(remaining)
        info = " ".join((elapsed, self._pace(current, now)))
        metrics = self._metrics()
        self._display.draw(current, self.target, info + (f" - {metrics}" if metrics else ""), finalize)
        if finalize:
            self.close()


def _duration(seconds) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}" if minutes else f"{seconds}s"


class _Line:
    """One line of text, written over: the display of a notebook. It needs no widget, and stays when the cell is done."""

    def __init__(self):
        self._length = 0

    def draw(self, current, target, info, last):
        line = f"{_count(current, target)} {info}"
        sys.stdout.write("\r" + line.ljust(self._length))  # what a longer line left is covered with spaces
        sys.stdout.flush()
        self._length = len(line)

    def close(self):
        sys.stdout.write("\n")
        sys.stdout.flush()


class _Display:
    """One moving line of a terminal, drawn by rich."""

    def __init__(self, width):
        from rich.console import Console
        from rich.live import Live

        self._width = width
        console = Console(highlight=False, force_jupyter=False)
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def draw(self, current, target, info, last):
        """Draw the line; the last time in full length, over several lines if need be."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        line = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=target or 100, completed=current if target else 0, width=self._width, pulse=not target,
                          style="grey37", complete_style="green", finished_style="green")  # fmt: skip
        line.add_row(
            Text(_count(current, target), style="bold", no_wrap=True),
            bar,
            Text(info, no_wrap=not last, overflow="fold" if last else "ellipsis"),
        )
        self._live.update(line, refresh=True)

    def close(self):
        self._live.stop()


def _count(current, target) -> str:
    return f"{current:>{len(str(target))}}/{target}" if target else f"{current}/Unknown"
