# SPDX-License-Identifier: Apache-2.0
"""What imported networks forget over one new class: `python -m support.forgetting`, in host_tests.

Each classifier of the zoo is imported with calibration and without, and learns five takes of a new
pattern by the recipe of docs/train-your-own-model.md. What `myna enroll` undoes counts as nothing
lost and nothing learned.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from myna.engines.library import HostLibrary
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.learn import Learned, Learner
from myna.learn.recipe import Recipe
from myna.names import RATE
from myna.package.importing import ImportRequest, import_tflite
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions.learning import rate_pair

from support import zoo

CLASSIFIERS = [name for name, entry in zoo.ZOO.items() if entry.classes]
RECIPE = Recipe(vary=False)
TAKES, KNOWN, NEW = 5, 400, 100  # examples learned, and asked for


@dataclass(frozen=True)
class Outcome:
    """Percent right of the known classes before and after, and of the new one; how it came.

    Undone, the known ones are as before, and there is no new one.
    """

    before: float
    after: float
    new: float
    learned: Learned
    undone: bool


def imported(name: str, folder: Path, *, calibrated: bool) -> Project:
    """A network of the zoo, imported into a folder."""
    source = zoo.folder(name)
    examples = source / "examples.npz" if calibrated else None
    import_tflite(source / "model.tflite", ImportRequest(name, examples=examples), folder)
    return open_project(folder, Options(train="head"), folder=folder / "generated")


def teach(project: Project, core: HostLibrary, seed: int) -> Outcome:
    """A new class with the pattern of a seed, learned from the first state."""
    model = project.package.model
    entry, quant = zoo.ZOO[model.model.name], model.quants[model.model.input_name]

    def int8(x: Array) -> Array:
        steps = np.rint(x / quant.scale[0]) + quant.zero_point
        return np.clip(steps, -128, 127).astype(np.int8)

    rng = np.random.default_rng(seed)
    pattern = rng.normal(size=entry.shape)
    for axis, size in enumerate(entry.shape):
        if size > 4:
            pattern += np.roll(pattern, 1, axis) + np.roll(pattern, 2, axis)
    shape = (TAKES + NEW, *(1 for _ in entry.shape))
    found = pattern / pattern.std() * rng.uniform(0.5, 1.5, shape)
    found = int8(found + rng.normal(0, 0.4, found.shape))
    known, labels = zoo.samples(entry, KNOWN, seed=10_000 + seed)

    def right(inputs: Array, expected: Array) -> float:
        return 100 * float(np.mean([core.predict(x) for x in inputs] == expected))

    core.reset()
    core.set_state(RATE, rate_pair(RECIPE.rate))
    before = right(int8(known), labels)
    takes = Examples(found[:TAKES], np.full(TAKES, entry.classes))
    learned = Learner(core, project.package.audio, None, takes, RECIPE).learn()
    if learned.forgot(len(core.program.replay.labels)):
        return Outcome(before, before, 0.0, learned, undone=True)
    after = right(int8(known), labels)
    new = right(found[TAKES:], np.full(NEW, entry.classes))
    return Outcome(before, after, new, learned, undone=False)


def main(seeds: Sequence[int]) -> None:
    """Print a table."""
    print("| network | calibration | known before | lost (± 95 %) | most | new | undone |")
    print("|---|---|---|---|---|---|---|")
    for calibrated in (True, False):
        for name in CLASSIFIERS:
            with tempfile.TemporaryDirectory() as folder:
                project = imported(name, Path(folder) / name, calibrated=calibrated)
                core = project.library()
                all_of_them = [teach(project, core, seed) for seed in seeds]
            lost = np.array([one.before - one.after for one in all_of_them])
            interval = 1.96 * lost.std(ddof=1) / len(lost) ** 0.5
            before = float(np.mean([one.before for one in all_of_them]))
            new = float(np.mean([one.new for one in all_of_them if not one.undone]))
            undone = sum(one.undone for one in all_of_them)
            print(
                f"| {name} | {'yes' if calibrated else 'no'} | {before:.1f} % | "
                f"{lost.mean():.1f} ± {interval:.1f} | {lost.max():.1f} | {new:.0f} % | "
                f"{undone} of {len(seeds)} |",
                flush=True,
            )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    main(range(1000, 1000 + count))  # the known patterns have another seed
