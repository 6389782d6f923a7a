# SPDX-License-Identifier: Apache-2.0
"""Options, progress bars and results that several commands share."""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from myna import __version__, files
from myna.audio.config import AudioConfig
from myna.commands.forecast import Forecast
from myna.errors import MynaError
from myna.frontend.model import load_architecture
from myna.passes.pipeline import Options
from myna.passes.training.hindsight import RangeMode
from myna.passes.training.select import AUTO, HELP

console = Console(stderr=True)
MOST_JOBS = 16  # a process takes 60 MB, with the float engine 650
Report = Callable[[int, int], None]  # (done, total)

model_argument = click.argument("model", type=click.Path(path_type=Path))


def writable(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Fails before the work, not after it, where its result could not be written."""
    if path is not None:
        files.expect_writable(path)
    return path


class FiniteRange(click.FloatRange):
    """A range of numbers, of which NaN is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


# of a word per hour; what an hour and more of stored negatives can tell
FALSE_ACCEPTS = FiniteRange(0.001, 100)

json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    help="Write the result.",
)


def rate_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--false-accepts-per-hour``, None where nobody says how many.

    Args:
        default: what stands in its place then, in the help.
    """
    return click.option(
        "--false-accepts-per-hour",
        "rate",
        type=FALSE_ACCEPTS,
        help="For which each word's threshold is set, by negatives that MODEL has stored."
        f"  [default: {default}]",
    )


port_option = click.option(
    "--port", help="Serial port or pyserial URL of a board that runs; absent: a virtual board."
)

running_port_option = click.option(
    "--port", required=True, help="Serial port or pyserial URL of a board that runs."
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1),
    default=lambda: min(MOST_JOBS, len(os.sched_getaffinity(0))),
    show_default=f"one per core, at most {MOST_JOBS}",
    help="Processes; how many does not change the result.",
)


def board_option(default: str) -> Callable[..., Any]:
    """``--board`` with its default."""
    return click.option(
        "--board", default=default, show_default=True, help="Board to build for and to start."
    )


def options(*decorators: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """One decorator for several options, in the order in which help shows them."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(decorators):
            command = option(command)
        return command

    return decorate


class _Word(click.ParamType[str]):
    """A word in Unicode's composed form (NFC): typed in two ways, it is one."""

    name = "WORD"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """See `click.ParamType`."""
        return unicodedata.normalize("NFC", value)


WORD = _Word()


class _Bytes(click.ParamType[int]):
    """A number of bytes: 65536, or 64K, 64k, 64KB or 64 KiB, or 1M."""

    name = "BYTES"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """See `click.ParamType`."""
        if isinstance(value, int):
            return value
        if not (found := re.fullmatch(r"([1-9]\d{0,9}) ?([KM]?)I?B?", value.upper())):
            self.fail(f"{value!r} is no number of bytes, like 65536 or 64K", param, ctx)
        return int(found[1]) << {"": 0, "K": 10, "M": 20}[found[2]]


ram_option = click.option(
    "--ram", type=_Bytes(), help="RAM of the board, all told (like 64K): learn within it."
)


streaming_option = click.option(
    "--streaming", is_flag=True, help="Infer on sound as it comes, too: for myna listen."
)


def _training_options(plan: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options about training, which the command gets as one argument: `chosen`."""
    decorate = options(
        click.option("--train", default=plan, show_default=True, help=HELP),
        click.option(
            "--ranges",
            type=click.Choice([mode.value for mode in RangeMode]),
            default=RangeMode.RELATIVE.value,
            show_default=True,
            help="How gradient scales are found.",
        ),
        click.option("--store-all", is_flag=True, help="Store activations; invert nothing."),
        ram_option,
        click.option(
            "--time",
            type=click.IntRange(1),
            help="Multiply-accumulates that a step may take, with --train auto.",
        ),
    )

    def bundle(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def bundled(
            *args: Any,
            train: str,
            ranges: str,
            store_all: bool,
            ram: int | None,
            time: int | None,
            **rest: Any,
        ) -> Any:
            if time is not None and train != AUTO:
                raise MynaError(
                    "--time limits only the plan that is chosen by it",
                    where=f"training plan {train!r}",
                    fix=f"leave it out, or choose --train {AUTO}",
                )
            mode = RangeMode(ranges)
            chosen = Options(train=train, ranges=mode, store_all=store_all, ram=ram, macs=time)
            return command(*args, chosen=chosen, **rest)

        return decorate(bundled)

    return bundle


# What is learned best by training (DESIGN.md), and for verification everything that can be trained.
training_options = _training_options("head")
verification_options = _training_options("all")


def require_front_end(model: Path) -> AudioConfig:
    """A model's audio front end; a MynaError if it has none, before anything is done."""
    return AudioConfig.from_json(load_architecture(model).audio)


def counted(count: int, thing: str) -> str:
    """So many things, in words: "1 take", "2 takes"."""
    return f"{count} {thing}{'s' if count != 1 else ''}"


def names(text: str | None) -> tuple[str, ...] | None:
    """The parts of "A,B,…"; None if the option is absent.

    Raises:
        MynaError: one of them is empty, or there twice.
    """
    if not text:
        return None
    found = tuple(text.split(","))
    twice = [name for i, name in enumerate(found) if name in found[:i]]
    if twice or not all(map(str.strip, found)):
        what = f"names {twice[0]!r} twice" if twice else "holds an empty name"
        raise MynaError(what, where=repr(text), fix="name each once, with commas between: A,B,C")
    return found


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """A progress bar on a terminal; elsewhere one line that says how long it takes, if it does."""
    if not console.is_terminal:
        say = f"{title}: ready in at most {{:.0f}} s".format
        yield Forecast(lambda seconds: click.echo(say(seconds), err=True)).report
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _without_json(words: Sequence[str]) -> Iterator[str]:
    """What was asked for, without where the result is to be written."""
    rest = iter(words)
    for word in rest:
        if word == "--json":
            next(rest, None)
        elif not word.startswith("--json="):
            yield word


def write_json(path: Path | None, command: str, result: Mapping[str, Any]) -> None:
    """Write a result where ``--json`` says, with the fields that every result carries.

    Raises:
        MynaError: the file cannot be written.
    """
    if path is None:
        return
    invocation = shlex.join(["myna", *_without_json(sys.argv[1:])])
    record = {"command": command, "version": __version__, "invocation": invocation, **result}
    files.write_json(path, record, "name another file; what the command did is done")
