# SPDX-License-Identifier: Apache-2.0
"""`make mutate`: a sample of mutants against the tests, and the percentage that is killed."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

from myna.device.target import PROJECT

from mutation.c_code import CCode
from mutation.operators import Mutant
from mutation.python_code import PythonCode
from mutation.targets import PARTS, files, stages
from mutation.tree import Effect, Tree

EQUIVALENTS = Path(__file__).with_name("equivalent.json")
KILLED, SURVIVED, EQUIVALENT = "killed", "survived", "equivalent"
Candidate = tuple[str, Mutant]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: `by` is the test that failed, or why no test can."""

    file: str
    line: int
    before: str
    after: str
    verdict: str
    by: str


def candidates(path: str) -> list[Mutant]:
    """All mutants of a file, in order."""
    text = (PROJECT / path).read_text("utf-8")
    return sorted((PythonCode if path.endswith(".py") else CCode)(text).mutants())


def strata(paths: Sequence[str], count: int, seed: int) -> list[list[Candidate]]:
    """So many groups of equal size, each of neighbours or of files that follow each other.

    One mutant of each is tried, the first that compiles: so every part of the code has its share.
    """
    found = [(path, mutant) for path in paths for mutant in candidates(path)]
    count = min(count, len(found))
    bounds = [len(found) * i // count for i in range(count + 1)]
    groups = [found[low:high] for low, high in pairwise(bounds)]
    for number, group in enumerate(groups):
        random.Random(f"{seed} {number}").shuffle(group)
    return groups


def known_equivalents() -> dict[tuple[str, str, str], str]:
    """Reasons, by file, line, and what becomes of it."""
    entries = json.loads(EQUIVALENTS.read_text("utf-8"))
    return {(e["file"], e["before"], e["after"]): e["reason"] for e in entries}


class Laboratory:
    """Tries mutants, each in a copy of the project that no other uses meanwhile."""

    def __init__(self, folder: Path, jobs: int, paths: Sequence[str]) -> None:
        self._known = known_equivalents()
        self._trees: SimpleQueue[Tree] = SimpleQueue()
        first = Tree.of_project(folder / "0")
        first.measure([stage for path in paths for stage in stages(path)])
        for tree in (first, *(first.copy(folder / str(job)) for job in range(1, jobs))):
            self._trees.put(tree)

    def try_one_of(self, group: Sequence[Candidate]) -> Outcome | None:
        """The outcome of the first that compiles; None if none does."""
        tree = self._trees.get()
        try:
            return next((o for one in group if (o := self._outcome(tree, *one)) is not None), None)
        finally:
            self._trees.put(tree)

    def _outcome(self, tree: Tree, path: str, mutant: Mutant) -> Outcome | None:
        text = (tree.folder / path).read_text("utf-8")
        wrong, change = mutant.apply(text), (path, *mutant.change(text))
        if reason := self._known.get((path, *change[2:])):
            return Outcome(*change, EQUIVALENT, reason)
        if not path.endswith(".py"):
            effect = tree.effect(path, wrong)
            if effect is Effect.REFUSED:
                return None
            # elsewhere some code is for models of another configuration
            if effect is Effect.SAME and path.startswith("firmware/kernels"):
                return Outcome(*change, EQUIVALENT, "compiles to the same on every core")
        with tree.changed(path, wrong):
            killer = tree.killer(stages(path))
        return Outcome(*change, KILLED if killer else SURVIVED, killer or "")


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Each part's score, and in all."""
    for part in (*PARTS, ""):
        folder = part.partition("*")[0]
        count = Counter(o.verdict for o in outcomes if o.file.startswith(folder))
        if tried := count[KILLED] + count[SURVIVED]:
            score = f"{100 * count[KILLED] / tried:5.1f} % of {tried:4} killed"
            yield f"{folder or 'all':32} {score}, {count[EQUIVALENT]} equivalent"


def tell(outcome: Outcome) -> None:
    """Shows a mutant that no test noticed."""
    if outcome.verdict == SURVIVED:
        where = f"\r{outcome.file}:{outcome.line}"
        print(where, f"- {outcome.before}", f"+ {outcome.after}", sep="\n", flush=True)


def options() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mutants (200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at once (processors)")
    parser.add_argument("--only", default="", help="files whose path begins so")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    return parser.parse_args()


def main() -> int:
    """Status 1 if any survived."""
    chosen = options()
    paths = [path for path in files() if path.startswith(chosen.only)]
    groups = strata(paths, chosen.count, chosen.seed)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="myna-mutation-") as folder:
        laboratory = Laboratory(Path(folder), chosen.jobs, paths)
        with ThreadPoolExecutor(chosen.jobs) as pool:
            for done, outcome in enumerate(pool.map(laboratory.try_one_of, groups), 1):
                print(f"\r{done} of {len(groups)}", end="", file=sys.stderr, flush=True)
                if outcome is not None:
                    outcomes.append(outcome)
                    tell(outcome)
    print(*table(outcomes), sep="\n")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(o) for o in outcomes], indent=1) + "\n")
    return any(outcome.verdict == SURVIVED for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
