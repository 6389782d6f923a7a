# SPDX-License-Identifier: Apache-2.0
"""A copy of the project in which one file at a time is wrong: the checkout stays as it is."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from myna.device import pio, target
from myna.device.target import PROJECT

CORES = ("host", "qemu_m4", "qemu_m55")  # each compiles what the others do not
MODEL = Path("host_tests") / "support" / "fake_model"
OBJECTS = Path(".pio") / "objects"  # what firmware has in common is not compiled once more
PATIENCE = 3  # times as long as without a defect, and then
GRACE_S = 20


class Effect(Enum):
    """What another text of a file does to what is compiled."""

    REFUSED, SAME, DIFFERENT = "refused", "same", "different"


class Tree:
    """A copy under a folder, with this environment's Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written = time.time()
        self._seconds: dict[str, float] = {}
        self._sound: dict[tuple[str, ...], bytes | None] = {}

    @classmethod
    def of_project(cls, folder: Path) -> Tree:
        """All that is or could be committed, as it is now."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in listed.stdout.splitlines():
            if (PROJECT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / name, folder / name)
        if (PROJECT / OBJECTS).exists():
            shutil.copytree(PROJECT / OBJECTS, folder / OBJECTS)
        return cls(folder)

    def copy(self, folder: Path) -> Tree:
        """Another, which has what was compiled here and knows how long tests take."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = Tree(folder)
        other._seconds.update(self._seconds)
        return other

    def write(self, path: str, text: str) -> None:
        """Change a file; each time it looks newer by seconds, to what keeps bytecode or objects."""
        self._written = max(self._written, time.time()) + 2
        (self.folder / path).write_text(text, "utf-8")
        os.utime(self.folder / path, (self._written, self._written))

    @contextmanager
    def changed(self, path: str, text: str) -> Iterator[None]:
        """The tree with another text of a file."""
        before = (self.folder / path).read_text("utf-8")
        self.write(path, text)
        try:
            yield
        finally:
            self.write(path, before)

    # -- compilers ---------------------------------------------------------------------------------

    def effect(self, path: str, text: str) -> Effect:
        """What compilers say of another text of a C file."""
        jobs = list(self._compilations(path))
        for job in jobs:
            if job not in self._sound:
                self._sound[job] = self._compile(job)
        with self.changed(path, text):
            for job in jobs:
                made = self._compile(job)
                if made is None:
                    return Effect.REFUSED
                if made != self._sound[job]:
                    return Effect.DIFFERENT
        return Effect.SAME

    def _compilations(self, path: str) -> Iterator[tuple[str, ...]]:
        """Commands that compile a C file, or all that may include a header."""
        file = self.folder / path
        sources = [file] if file.suffix == ".c" else sorted(file.parent.rglob("*.c"))
        includes = (f"-I{self.folder / 'firmware'}", f"-I{self.folder / MODEL}")
        for core in CORES:
            name, flags = target.find_board(core).compiler, pio.compile_flags(core).split()
            for source in sources:
                yield (name, *flags, *includes, "-c", str(source))

    def _compile(self, command: tuple[str, ...]) -> bytes | None:
        """A digest of the object; None if there is none."""
        made = self.folder / "mutant.o"
        result = subprocess.run([*command, "-o", made], capture_output=True, check=False)
        return hashlib.sha256(made.read_bytes()).digest() if result.returncode == 0 else None

    # -- tests -------------------------------------------------------------------------------------

    def measure(self, stages: Sequence[Sequence[str]]) -> None:
        """Run tests, which must pass, to know how long they take.

        Raises:
            RuntimeError: they do not pass.
        """
        for stage in stages:
            if " ".join(stage) not in self._seconds:
                begun = time.monotonic()
                if (failure := self._run(stage, 3600)) is not None:
                    raise RuntimeError(f"without any defect: {failure}")
                self._seconds[" ".join(stage)] = time.monotonic() - begun

    def killer(self, stages: Sequence[Sequence[str]]) -> str | None:
        """The first test that fails, or what took too long; None if all pass."""
        for stage in stages:
            limit = PATIENCE * self._seconds[" ".join(stage)] + GRACE_S
            if (failure := self._run(stage, limit)) is not None:
                return failure
        return None

    def _run(self, stage: Sequence[str], limit: float) -> str | None:
        """The first failure of a run of pytest."""
        options = ["-x", "--tb=no", "-p", "no:cacheprovider", "--basetemp", "pytest"]
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *stage],
            cwd=self.folder, env=self._environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _stop(process)
            return "time limit"
        if process.returncode == 0:
            return None
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
        return found[1] if found else said[-300:]

    def _environment(self) -> Mapping[str, str]:
        paths = {"PYTHONPATH": str(self.folder / "toolchain"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        data = {"MYNA_DATA": os.environ.get("MYNA_DATA") or str(PROJECT.parent / "shared" / "data")}
        return {**os.environ, **paths, **data}


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends a run of pytest; at an interrupt it ends the boards that it started."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
