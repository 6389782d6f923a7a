# SPDX-License-Identifier: Apache-2.0
"""What the rounds of a federation brought and cost, as a table and a picture."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from myna.federated.store import ClientRow, Store
from myna.report.picture import BLUE, ORANGE, save_picture

GREY = "#b0b0b0"
HEAD = "round  accuracy  clients  dropouts   bytes up       down  seconds  state"


@dataclass(frozen=True)
class RoundSummary:
    """A round.

    Attributes:
        server_round: counted from 1.
        accuracies: of each client that told it: of the state that it was sent, on the takes that it
            was about to learn, in percent.
        answered, dropouts: clients that did, and that did not.
        bytes_up, bytes_down: of all clients.
        seconds: it took.
        digest: CRC-32 of the state block after it.
    """

    server_round: int
    accuracies: Sequence[float]
    answered: int
    dropouts: int
    bytes_up: int
    bytes_down: int
    seconds: float
    digest: str

    @property
    def line(self) -> str:
        """As a line under `HEAD`."""
        right = f"{statistics.fmean(self.accuracies):.1f} %" if self.accuracies else "-"
        counts = f"{right:>9} {self.answered:>8} {self.dropouts:>9}"
        cost = f"{self.bytes_up:>10,} {self.bytes_down:>10,} {self.seconds:>8.1f}  {self.digest}"
        return f"{self.server_round:>5} {counts} {cost}"


def summarize(store: Store) -> list[RoundSummary]:
    """The rounds of a run that are whole."""
    by_round: defaultdict[int, list[ClientRow]] = defaultdict(list)
    for number, row in store.clients():
        by_round[number].append(row)
    return [
        RoundSummary(
            done.server_round,
            [row.accuracy for row in rows if row.accuracy is not None],
            sum(row.dropout is None for row in rows),
            sum(row.dropout is not None for row in rows),
            sum(row.bytes_up for row in rows),
            sum(row.bytes_down for row in rows),
            done.seconds,
            done.digest,
        )
        for done in store.history()[1:]
        for rows in (by_round[done.server_round],)
    ]


def draw_rounds(rounds: Sequence[RoundSummary], title: str, path: Path) -> None:
    """Accuracy over the rounds; below it bytes, added up, and dropouts.

    Args:
        rounds: at least one.
        title: above all.
        path: a PNG file to write.

    Raises:
        MynaError: the file cannot be written.
    """
    figure = Figure(figsize=(9, 6), dpi=130, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    figure.suptitle(title, fontsize=12)
    _draw_accuracy(upper, rounds)
    _draw_cost(lower, rounds)
    lower.set_xlabel("round")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    save_picture(figure, path)


def _draw_accuracy(axes: Axes, rounds: Sequence[RoundSummary]) -> None:
    dots = [(one.server_round, right) for one in rounds for right in one.accuracies]
    axes.scatter([x for x, _ in dots], [y for _, y in dots], s=9, color=GREY, label="each client")
    answered = [one for one in rounds if one.accuracies]
    means = [statistics.fmean(one.accuracies) for one in answered]
    axes.plot([one.server_round for one in answered], means, "o-", color=BLUE, label="mean")
    axes.set_ylabel("accuracy before learning (%)")
    axes.set_ylim(-3, 103)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right")


def _draw_cost(axes: Axes, rounds: Sequence[RoundSummary]) -> None:
    numbers = [one.server_round for one in rounds]
    for name, values, style in (
        ("up", [one.bytes_up for one in rounds], "-"),
        ("down", [one.bytes_down for one in rounds], "--"),
    ):
        total = [sum(values[: i + 1]) / 1000 for i in range(len(values))]
        axes.plot(numbers, total, style, color=BLUE, label=f"{name}, all clients, added up")
    axes.set_ylabel("kB")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    bars = axes.twinx()
    bars.bar(numbers, [one.dropouts for one in rounds], color=ORANGE, alpha=0.5, label="dropouts")
    bars.set_ylabel("dropouts", color=ORANGE)
    bars.yaxis.set_major_locator(MaxNLocator(integer=True))
    bars.set_ylim(0, 1 + 2 * max(one.dropouts for one in rounds))
    axes.legend(loc="upper left")
