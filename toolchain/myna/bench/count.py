# SPDX-License-Identifier: Apache-2.0
"""Runs bench firmware in QEMU and reads the counters at its marks.

Instructions, never cycles or seconds: QEMU models no timing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from myna.bench.counters import NOTHING, Count, total
from myna.bench.instructions import CLASSES, classify
from myna.bench.profile import by_function
from myna.device import pio
from myna.device.target import find_board
from myna.device.tool import call
from myna.errors import MynaError
from myna.learn.examples import Examples
from myna.learn.recipe import AT_ONCE, Recipe

PLUGIN = Path(__file__).with_name("counter.c")
STEPS, ENROLL, UPDATE = "bench/steps.c", "bench/enroll.c", "bench/update.c"
STREAM = "bench/stream.c"
LISTEN = "bench/listen.c"
LISTENS = (
    "stream_kept",
    "stream_arena",
    "stream",
    "audio",
)  # variables of a stream, in model.c and runtime/stream.c
# of runtime/listening.c, templates.c, sightings.c
DETECTS = ("rows", "input", "hearing", "myna_templates", "embeddings", "sightings")
DONE = "bench: done"  # as in firmware/bench/mark.h
FRAMES = 50  # that firmware/bench/steps.c and stream.c take in, of a second


@dataclass(frozen=True)
class Steps:
    """What firmware/bench/steps.c ran, section by section.

    Attributes:
        features: of one second of sound; nothing if the model hears none.
        infer: per node of an inference.
        train_step: per node of a training step.
        functions: instructions of every function, inlined ones included: see `profile`.
    """

    features: Count
    infer: tuple[Count, ...]
    train_step: tuple[Count, ...]
    functions: Mapping[str, int]


@dataclass(frozen=True)
class Enrollment:
    """What an enrollment took, from its takes' features on.

    Attributes:
        whole: of all of it, and
        after_last_take: of what is left to do when the last take is there.
        first_answer: of what makes the first take alone a word.
        epochs: passes over the clips until it stopped.
    """

    whole: Count
    after_last_take: Count
    first_answer: Count
    epochs: int


@dataclass(frozen=True)
class Update:
    """What it takes to encode an update of 0.85 bits a weight, and to apply one of 3.75."""

    encode: Count
    apply: Count


@dataclass(frozen=True)
class Listening:
    """What it takes to listen for a word in sound as it comes.

    Attributes:
        period_ms: from decision to decision.
        second: of sound, with features and the detector of one word.
        without_word: of the same, by the network alone.
        in_silence: of a second in which the gate is closed.
        stream_ram: bytes of all that is kept, of a step's values, and of the front end.
        session_ram: bytes of rows that wait, gate, detector, templates of all words, and of sounds
            that were or may be refused.
    """

    period_ms: int
    second: Count
    without_word: Count
    in_silence: Count
    stream_ram: int
    session_ram: int


def count_steps(board: str, generated: Path, infer_nodes: int, train_nodes: int) -> Steps:
    """Count the front end, an inference and a training step of a generated model.

    Args:
        board: name of an emulated board.
        generated: folder with the generated model's C files.
        infer_nodes: nodes of an inference.
        train_nodes: nodes of a training step.

    Raises:
        MynaError: the board is not emulated, a tool is missing, or the firmware stopped early.
    """
    marks, functions = _run(board, generated, STEPS, everything=True)
    nodes = 2 + infer_nodes + train_nodes
    sound = len(marks) - nodes
    if sound not in (0, 2 * FRAMES):  # none of a model that hears nothing
        expected = f"{nodes} or {nodes + 2 * FRAMES}"
        raise MynaError(f"{STEPS} made {len(marks)} marks, not {expected}", where=str(generated))
    sections = [
        after.since(before) for before, after in zip([NOTHING, *marks], marks, strict=False)
    ]
    infer, train = sound + 1, sound + 2 + infer_nodes
    return Steps(
        total(sections[1:sound:2]),
        tuple(sections[infer : infer + infer_nodes]),
        tuple(sections[train:]),
        functions,
    )


def count_enrollment(board: str, generated: Path, examples: Examples, recipe: Recipe) -> Enrollment:
    """Count how a generated model learns examples whose classes follow those that it knows.

    Args:
        board: name of an emulated board.
        generated: folder with the generated model's C files; receives ``enrollment.h``.
        examples: clips to learn, at most as many as the model has room for.
        recipe: how to learn them.

    Raises:
        MynaError: see `count_steps`.
    """
    (generated / "enrollment.h").write_text(_enrollment(examples, recipe), "utf-8")
    marks, _ = _run(board, generated, ENROLL)
    asked, answered, begun, last, done, *epochs = marks
    return Enrollment(done.since(begun), done.since(last), answered.since(asked), len(epochs))


def count_update(board: str, generated: Path) -> Update:
    """Count how a generated model tells what it learned, and is told what others did.

    Raises:
        MynaError: see `count_steps`.
    """
    (begun, encoded, told, applied), _ = _run(board, generated, UPDATE, everything=True)
    return Update(encoded.since(begun), applied.since(told))


def count_listening(board: str, generated: Path) -> Listening:
    """Count how a model that was generated with streaming hears a second of sound.

    Raises:
        MynaError: see `count_steps`.
    """
    marks, _ = _run(board, generated, STREAM)
    sections = [after.since(before) for before, after in pairwise(marks[: 2 * FRAMES])]
    sizes = pio.variables(board, pio.build(board, generated, main=STREAM))
    whole, _ = _run(board, generated, LISTEN)
    words = [after.since(before) for before, after in pairwise(whole)][::2]
    more = pio.variables(board, pio.build(board, generated, main=LISTEN))
    return Listening(
        1000 // (len(marks) - 2 * FRAMES),
        total(words[:FRAMES]),
        total(sections[::2]),
        total(words[FRAMES:]),
        sum(sizes[name] for name in LISTENS),
        sum(more[name] for name in DETECTS),
    )


def compiler(board: str) -> str:
    """Name and version of a board's compiler: counts are exact for one compiler only."""
    return call(find_board(board).compiler, "--version").stdout.splitlines()[0]


def machine_of(board: str) -> str:
    """QEMU's name of an emulated board.

    Raises:
        MynaError: there is no such board, or it is no emulated Cortex-M, whose instructions are
            told apart.
    """
    found = find_board(board)
    if not found.machine or found.emulator != "qemu-system-arm":
        raise MynaError(
            "instructions are counted in the emulator of Cortex-M boards",
            where=board,
            fix="name one, such as qemu_m4",
        )
    return found.machine


def _enrollment(examples: Examples, recipe: Recipe) -> str:
    maps = ",\n    ".join(
        "{" + ", ".join(map(str, features.reshape(-1))) + "}" for features in examples.features
    )
    return (
        '#include "protocol/messages.h"\n#include "config.h"\n'
        f"static const struct message_learn how_to_answer = {{{_options(AT_ONCE)}}};\n"
        f"static const struct message_learn how_to_learn = {{{_options(recipe)}}};\n"
        f"static const uint16_t clip_labels[] = {{{', '.join(map(str, examples.labels))}}};\n"
        f"static const int8_t clip_features[][MYNA_FEATURE_BYTES] = {{\n    {maps}}};\n"
    )


def _options(recipe: Recipe) -> str:
    """The fields of a LEARN request."""
    return (
        f".enough = {recipe.enough_q16}u, .vary = {int(recipe.vary)}u, "
        f".epochs = {recipe.epochs}u, .rehearsals = {recipe.rehearsals}u"
    )


def _run(
    board: str, generated: Path, main: str, *, everything: bool = False
) -> tuple[list[Count], dict[str, int]]:
    """The counters at every mark, and the functions' instructions.

    Without ``everything`` it counts no bytes at the marks, and is much faster.
    """
    machine = machine_of(board)
    elf = pio.build(board, generated, main=main).elf
    with tempfile.TemporaryDirectory(prefix="myna-") as name:
        folder = Path(name)
        plugin, marks, ran = folder / "counter.so", folder / "marks.txt", folder / "ran.txt"
        call("gcc", "-O2", "-shared", "-fPIC", str(PLUGIN), "-o", str(plugin))
        classes = folder / "classes.txt"
        lines = (f"{address:x} {index}\n" for address, index in classify(elf).items())
        classes.write_text("".join(lines), "ascii")
        start, end = pio.addresses(board, elf, "stack_start", "stack_end")
        options = f"stack={start:x}:{end:x},profile={ran}" if everything else "bytes=off"
        result = call(
            *("qemu-system-arm", "-machine", machine, "-display", "none"),
            *("-monitor", "none", "-serial", "null", "-kernel", str(elf)),
            *("-semihosting-config", "enable=on,target=native"),
            *("-plugin", f"{plugin},out={marks},classes={len(CLASSES)}:{classes},{options}"),
            fine=(0, 1),  # it ends with a semihosting call that reports an error
        )
        said = result.stdout + result.stderr
        if DONE not in said:
            raise MynaError(f"the bench firmware stopped: {said.strip()}", where=str(elf))
        counts = [Count.parse(line) for line in marks.read_text("ascii").splitlines()]
        return counts, by_function(elf, ran) if everything else {}
