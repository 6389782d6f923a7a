# SPDX-License-Identifier: Apache-2.0
"""The six results that matter most to a user, as the README's table.

``python -m myna.report.highlights docs README.md`` replaces what stands between the document's
lines ``<!-- highlights begin -->`` and ``<!-- highlights end -->``. Everything else that was
measured is in docs/benchmarks.md, which each row links to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from myna.report.counts import PEERS
from myna.report.figures import row
from myna.report.markdown import insert, percent, table
from myna.report.results import Result

KERNEL = "pointwise grad_input"  # most of a backward pass, and what other projects have, too


@dataclass(frozen=True)
class Highlight:
    """A row.

    Attributes:
        title: what was measured, with fields of the result.
        source: the result, a file of the folder.
        section: the heading of docs/benchmarks.md that has it.
        tell: the result in words.
    """

    title: str
    source: str
    section: str
    tell: Callable[[Result], str]

    def cells(self, result: Result) -> Sequence[str]:
        """Title and result."""
        title = self.title.format(**result)
        return f"[{title}](docs/benchmarks.md#{self.section})", self.tell(result)


def render(folder: Path) -> str:
    """The Markdown table, of results in ``figures`` and ``bench`` of a folder.

    Raises:
        MynaError: a file is missing, or not the result that is expected there.
    """
    rows = [row(folder / each.source, each.cells) for each in HIGHLIGHTS]
    return table(("What", "Measured"), rows)


def _accuracy(result: Result) -> str:
    return f"{result['accuracy']:.2f} % of {result['tested']:,} clips"


def _learned(result: Result) -> str:
    before = percent(result["known_before"], interval=False)
    known = f"what it knew: {before} → {percent(result['known_after'])}"
    return f"{percent(result['after'])}, {len(result['speakers'])} users; {known}"


def _open_set(result: Result) -> str:
    right, words, noise = (
        percent(result[field]) for field in ("calibrated_accuracy", "calibrated_far", "noise_far")
    )
    return f"{right} right and accepted; {words} of foreign words accepted, {noise} of noise"


def _step(result: Result) -> str:
    (kernel,) = (each for each in result["kernels"] if each["name"] == KERNEL)
    per_mac = f"{kernel['instructions_per_mac']:.2f} per MAC of {KERNEL} ({PEERS[KERNEL]})"
    return f"{result['train_step']['instructions'] / 1e6:.2f} M instructions; {per_mac}"


def _exact(result: Result) -> str:
    return f"{result['compared']:,} digests compared, {result['differences']} differences"


HIGHLIGHTS = (
    Highlight(
        "Ten English words, other words and silence, by people it never heard",
        "figures/00-accuracy-kws.json",
        "results",
        _accuracy,
    ),
    Highlight(
        "New Arabic words, {shots} take of each",
        "figures/11-new-words-1.json",
        "results",
        _learned,
    ),
    Highlight(
        "New Arabic words, {shots} takes of each, at the threshold that the device finds",
        "figures/42-open-set-5.json",
        "results",
        _open_set,
    ),
    Highlight(
        "New Arabic words, {shots} takes of each, in {ram:,} bytes of RAM all told, where the last "
        "layer learns",
        "figures/13-new-words-5-64K.json",
        "results",
        _learned,
    ),
    Highlight(
        "A training step of all layers of `ds_cnn`, {board}",
        "bench/ds_cnn-qemu_m4.json",
        "instructions",
        _step,
    ),
    Highlight(
        "{steps} training steps on {board} against the reference",
        "figures/80-verify-kws.json",
        "results",
        _exact,
    ),
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(folder: Path, document: Path) -> None:
    """Put the table of six results of FOLDER into DOCUMENT."""
    text = insert(document.read_text("utf-8"), "highlights", render(folder))
    document.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
