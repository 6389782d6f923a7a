# SPDX-License-Identifier: Apache-2.0
"""From how often each instruction ran to what each function took, by the debug information."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from myna.device.tool import call

ADDRESS = re.compile(r"0x([0-9a-f]+)")


def by_function(elf: Path, ran: Path) -> dict[str, int]:
    """Instructions of every function.

    An instruction counts for the function that it was compiled for and for all those that this one
    was inlined into, but not for callers.

    Args:
        elf: the image, with debug information.
        ran: lines of an instruction's address (hexadecimal) and how often it was executed.

    Raises:
        MynaError: the program that reads debug information is missing or fails.
    """
    times: Counter[str] = Counter()
    for line in ran.read_text("ascii").splitlines():
        address, executed = line.split()
        times[address.lstrip("0") or "0"] += int(executed)
    options = ("-a", "-f", "-i", "-e", str(elf))
    output = call("arm-none-eabi-addr2line", *options, given="\n".join(times)).stdout
    functions: Counter[str] = Counter()
    frames: set[str] = set()
    address = ""
    lines = iter(output.splitlines())
    for line in lines:
        if found := ADDRESS.fullmatch(line):
            address, frames = found[1].lstrip("0") or "0", set()
            continue
        next(lines)  # file and line
        if line not in frames:  # a function inlined into itself counts once
            frames.add(line)
            functions[line] += times[address]
    return dict(functions)
