# SPDX-License-Identifier: Apache-2.0
"""Kinds of instructions, as far as they take different numbers of cycles, and those of an image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

from myna.device.tool import call

# An instruction of a listing: its address, mnemonic and operands.
LINE = re.compile(r" *([0-9a-f]+):\t([0-9a-f ]+)\t(\S+)(?:\t([^@;]*))?")
REGISTERS = 16  # that one instruction loads or stores, at most


class Kind(StrEnum):
    """What an instruction does."""

    OTHER = auto()  # arithmetic, moves, comparisons
    LOAD = auto()  # of one register
    STORE = auto()
    NEIGHBOUR = auto()  # a load or store of one register right behind another: a pipeline has both
    MULTIPLE = auto()  # of several registers
    MULTIPLY = auto()  # MUL, and what the DSP extension multiplies
    MULTIPLY_ADD = auto()  # MLA, MLS
    MULTIPLY_LONG = auto()  # SMULL, UMULL
    MULTIPLY_LONG_ADD = auto()  # SMLAL, UMLAL
    DIVIDE = auto()
    BRANCH = auto()
    LOOP = auto()  # LE, which ends a loop
    VECTOR = auto()  # of Helium
    VECTOR_AGAIN = auto()  # right behind one for the same pipeline


@dataclass(frozen=True)
class Class:
    """What is counted together: a kind, and how many registers where they are several."""

    kind: Kind
    registers: int = 0


CLASSES = (
    *(Class(kind) for kind in Kind if kind is not Kind.MULTIPLE),
    *(Class(Kind.MULTIPLE, count) for count in range(1, REGISTERS + 1)),
)
CONDITION = r"(eq|ne|[ch]s|[cl]o|cc|mi|pl|v[sc]|hi|ls|[gl][et])?(\.[nw])?$"
# The first that a mnemonic begins with says its kind.
MNEMONICS = (
    ("v", Kind.VECTOR),
    ("ldm|stm|push|pop|ldrd|strd", Kind.MULTIPLE),
    ("ldr", Kind.LOAD),
    ("str", Kind.STORE),
    ("[su]div", Kind.DIVIDE),
    ("[su]mull", Kind.MULTIPLY_LONG),
    ("[su]mlal", Kind.MULTIPLY_LONG_ADD),
    ("ml[as]", Kind.MULTIPLY_ADD),
    ("mul|sm[ulm]", Kind.MULTIPLY),
    ("le(tp)?$", Kind.LOOP),
    (f"cbn?z|tb[bh]|wls|bl?x?{CONDITION}", Kind.BRANCH),
    ("", Kind.OTHER),
)
# Of Helium: loads and stores, multiplications, the rest.
PIPELINES = ("v(ldr|str|ld|st)", "v(q?r?d?mul|q?r?d?ml|cmul|fm)", "v")


def classify(elf: Path) -> dict[int, int]:
    """The class of each instruction of an image, as an index of `CLASSES`, by its address.

    Raises:
        MynaError: the program that disassembles is missing or fails.
    """
    return dict(_classes(call("arm-none-eabi-objdump", "-d", str(elf)).stdout.splitlines()))


def _classes(listing: Iterable[str]) -> Iterator[tuple[int, int]]:
    end, last = -1, ""  # of the instruction before: where it ends, its mnemonic
    for line in listing:
        if not (found := LINE.match(line)):
            continue
        address, mnemonic = int(found[1], 16), found[3]
        before = last if address == end else ""
        own = Class(_kind(mnemonic, before))
        if own.kind is Kind.MULTIPLE:
            own = Class(Kind.MULTIPLE, _registers(mnemonic, found[4]))
        yield address, CLASSES.index(own)
        end, last = address + len(found[2].replace(" ", "")) // 2, mnemonic


def _kind(mnemonic: str, before: str) -> Kind:
    """The kind of an instruction behind another; of that nothing is known if it is empty."""
    kind = next(kind for begin, kind in MNEMONICS if re.match(begin, mnemonic))
    single = (Kind.LOAD, Kind.STORE)
    if kind in single and before and _kind(before, "") in single:
        return Kind.NEIGHBOUR
    if kind is Kind.VECTOR and _pipeline(mnemonic) == _pipeline(before):
        return Kind.VECTOR_AGAIN
    return kind


def _pipeline(mnemonic: str) -> str | None:
    return next((begin for begin in PIPELINES if re.match(begin, mnemonic)), None)


def _registers(mnemonic: str, operands: str) -> int:
    """How many registers an instruction loads or stores: `{r4, r5-r7}` are four."""
    if mnemonic.startswith(("ldrd", "strd")):
        return 2
    listed = operands[operands.index("{") + 1 : operands.index("}")]
    return sum(_span(part.strip()) for part in listed.split(","))


def _span(part: str) -> int:
    first, _, last = part.partition("-")
    return int(last[1:]) - int(first[1:]) + 1 if last else 1
