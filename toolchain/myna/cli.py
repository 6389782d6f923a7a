# SPDX-License-Identifier: Apache-2.0
"""The command line: ``myna COMMAND``. A command's module is imported only when it is used."""

from __future__ import annotations

import errno
import importlib
import keyword
import sys
from typing import NoReturn

import click

from myna import __version__
from myna.errors import MynaError, show_notes

COMMANDS = {
    "accept": "Tell a board which word it heard.",
    "accuracy": "Measure a pretrained model on held-out speakers.",
    "adapt": "Let a board learn from what nobody labelled.",
    "analyze": "Compute what a training step costs.",
    "bench": "Count instructions and bytes in the emulator.",
    "boards": "List the boards that firmware can be built for.",
    "build": "Compile a model to C and build the firmware.",
    "compare": "Compare ways to learn: results, memory, computation.",
    "contributions": "Measure what training each layer brings.",
    "demo": "Enroll five words on a virtual board and watch it learn.",
    "enroll": "Teach a word to a board.",
    "evaluate": "Measure how well users' words are learned.",
    "export": "Save what a board has learned.",
    "federate": "Let many speakers teach a model together.",
    "flash": "Put a model on a board.",
    "heard": "List what a board took for a word lately.",
    "import": "Make a model of a .tflite or .keras file.",
    "info": "Ask a board what it runs.",
    "listen": "Hear words in a microphone or a long recording.",
    "negatives": "Store what a model makes of speech without words.",
    "ports": "List where boards can be reached.",
    "quantize": "Make the int8 form of a trained model.",
    "recognize": "Ask a board what it hears.",
    "refuse": "Tell a board that what it heard was no word.",
    "report": "Show the rounds of a federation, or draw how words are missed.",
    "reset": "Let a board forget what it has learned.",
    "restore": "Give a board what was saved.",
    "stop": "End a virtual board.",
    "train": "Pretrain a network on recordings.",
    "undo": "Take back what a board saved last.",
    "verifier": "Make a model that tells its user.",
    "verify": "Compare reference and device bit for bit.",
    "verify-user": "Ask a board whether its owner speaks.",
    "voices": "Fit what tells the voices of people apart.",
    "words": "List, rename or remove the words that a board knows.",
}


FIXES = {
    errno.ENOSPC: "free some space on the disk, or name a folder on another one",
    errno.EDQUOT: "free some space on the disk, or name a folder on another one",
    errno.EROFS: "name a folder that can be written, or work in a copy of the project",
    errno.EACCES: "name a folder that you may write, or change its permissions",
    errno.ENOTDIR: "name a folder: part of this path is a file",
    errno.EISDIR: "name a file: this is a folder",
    errno.EEXIST: "name a folder: this is a file",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"myna.commands.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy)
@click.version_option(__version__)
def cli() -> None:
    """On-chip learning for microcontrollers, integer only and bit-exact."""


def main() -> None:
    """Entry point: one message and exit code 1 for what a user can mend."""
    show_notes()
    try:
        cli(prog_name="myna")
    except MynaError as error:
        _fail(error)
    except OSError as error:  # wherever it came from, the disk or the file system has the reason
        where = error.filename if isinstance(error.filename, str) else ""
        fix = FIXES.get(error.errno or 0, "check the path and its permissions")
        _fail(MynaError(f"{error.strerror or error}", where=where, fix=fix))


def _fail(error: MynaError) -> NoReturn:
    click.secho(f"error: {error}", fg="red", err=True)
    sys.exit(1)
