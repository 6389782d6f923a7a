# SPDX-License-Identifier: Apache-2.0
"""What a terminal shows while somebody listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from myna.audio.config import RATE
from myna.audio.endpoint import FAINT, QUIET
from myna.learn.detect import FULL, Event
from myna.learn.listening import Heard
from myna.sessions.wake_words import WakeWord

LOUDEST = 240  # level of a square wave at full scale
DECIBELS = 6.02 / 16  # of a step of a level, which is an eighth of an octave of power
WIDTH = 30  # characters of a bar
REFRESH = 10  # times a second
NOTHING = Heard(0, 0, 0, 0, False, {}, ())


def level_bar(level: int) -> Table:
    """A row with how loud it is: `audio.endpoint` says what a level is."""
    row = Table.grid(padding=(0, 1))
    style = "yellow" if level < QUIET else "green"
    bar = ProgressBar(LOUDEST - FAINT, max(level - FAINT, 0), WIDTH, complete_style=style)
    row.add_row("level", bar, f"{(level - LOUDEST) * DECIBELS:.0f} dB")
    return row


class View:
    """A level meter, scores against thresholds, and counters; on no terminal lines of events alone.

    Args:
        words: that are listened for, by their classes.
        console: where to show them.
    """

    def __init__(self, words: Mapping[int, WakeWord], console: Console) -> None:
        self._words, self._console = words, console
        self._heard = NOTHING
        self.loudest = 0  # level that was heard

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show what `show` is told, within the block."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            yield
            return
        with Live(self, console=self._console, refresh_per_second=REFRESH):
            yield

    def show(self, heard: Heard) -> None:
        """Take the latest news."""
        self._heard = heard
        self.loudest = max(self.loudest, heard.level)
        for event in heard.events:
            self._console.print(Text(self._line(event)), soft_wrap=True)

    def _line(self, event: Event) -> str:
        word = self._words[event.word]
        sure, least = event.score / FULL, word.threshold / FULL
        return f"{event.time / RATE:10.2f} s  {word.name}  {sure:.2f} (from {least:.2f} on)"

    def __rich__(self) -> Table:
        """The latest news, as they are when the terminal is written."""
        heard, table = self._heard, Table.grid(padding=(0, 1))
        table.add_row(level_bar(heard.level))
        table.add_row(self._scores(heard))
        counts = f"{heard.samples:,} samples, {heard.lost:,} lost, {heard.samples / RATE:.1f} s"
        table.add_row(Text(counts, style="dim"))
        return table

    def _scores(self, heard: Heard) -> Table:
        rows = Table.grid(padding=(0, 1))
        for label, word in self._words.items():
            score = heard.scores.get(label, 0)
            style = "bold green" if score >= word.threshold else "blue"
            bar = ProgressBar(FULL, max(score, 0), WIDTH, complete_style=style)
            said = f"{score / FULL:.2f} (from {word.threshold / FULL:.2f} on)"
            rows.add_row(Text(word.name), bar, said)
        return rows
