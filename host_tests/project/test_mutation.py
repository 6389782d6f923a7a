# SPDX-License-Identifier: Apache-2.0
"""The mutation tests' own: which mutants there are, what is asked of them, what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutation.__main__ import (
    KILLED,
    SURVIVED,
    Outcome,
    candidates,
    known_equivalents,
    strata,
    table,
)
from mutation.c_code import CCode
from mutation.python_code import PythonCode
from mutation.targets import files, stages
from mutation.tree import Effect, Tree
from myna.device.target import PROJECT

PYTHON = '''
def f(x: int = 1 - 2, *rest: int) -> "a - b":
    """1 + 1"""
    if x < 3 and not rest:
        x += 0x10
    raise MynaError(f"{1 + 1}", where=2)

def cases():
    return 1 + 1
'''
C = """
#include "a-1.h"
#define SIZE 4u /* 1 + 1 */
_Static_assert(1 + 1 == 2, "so");
static int f(const int *x) {
    if (*x << 1 >= -SIZE && !x[0]) {
        g(x, 'a');
        return 1;
    }
    for (int i = 0; i < 9; i++) y->z |= i;
    h--;
}
"""


def changes(code: PythonCode | CCode, text: str) -> set[tuple[str, str]]:
    return {(text[m.start : m.end], m.new) for m in code.mutants()}


def test_mutants_of_python() -> None:
    assert changes(PythonCode(PYTHON), PYTHON) == {
        *(("-", "+"), ("1", "0"), ("1", "2"), ("2", "1"), ("2", "3")),
        *(("<", "<="), ("<", ">="), ("3", "2"), ("3", "4"), ("and", "or"), ("not", "")),
        *(("x < 3 and not rest", "not (x < 3 and not rest)"), ("x += 0x10", "pass")),
        *(("+=", "-="), ("0x10", "15"), ("0x10", "17")),
        ('raise MynaError(f"{1 + 1}", where=2)', "pass"),
    }


def test_mutants_of_c() -> None:
    assert changes(CCode(C), C) >= {
        *(("4u", "3u"), ("4u", "5u"), (">=", "<"), (">=", ">"), ("<<", ">>"), ("-", "+")),
        *(
            ("&&", "||"),
            ("!", ""),
            ("(*x << 1 >= -SIZE && !x[0])", "(!(*x << 1 >= -SIZE && !x[0]))"),
        ),
        *(("g(x, 'a')", ""), ("<", "<="), ("<", ">="), ("++", "--"), ("--", "++"), ("h--", "")),
        *(("9", "8"), ("9", "10"), ("0", "1"), ("1", "0"), ("1", "2"), ("|=", "&=")),
    }
    texts = {C[m.start : m.end] for m in CCode(C).mutants()}
    assert not texts & {"return 1", "int i = 0", "'a'", "+", "=="}


def test_a_change_is_told_by_its_line() -> None:
    mutant = next(m for m in CCode(C).mutants() if m.new == "5u")
    assert mutant.change(C) == (3, "#define SIZE 4u /* 1 + 1 */", "#define SIZE 5u /* 1 + 1 */")
    assert mutant.apply(C).splitlines()[2] == "#define SIZE 5u /* 1 + 1 */"


def test_every_mutant_is_in_one_group_and_every_seed_draws_alike() -> None:
    paths = files()
    groups = strata(paths, 150, seed=1)
    whole = [(path, mutant) for path in paths for mutant in candidates(path)]
    assert len(groups) == 150
    assert sorted(one for group in groups for one in group) == sorted(whole)
    sizes = {len(group) for group in groups}
    assert max(sizes) - min(sizes) <= 1
    assert strata(paths, 150, seed=1) == groups != strata(paths, 150, seed=2)
    assert len(strata(paths[:1], 10**6, seed=1)) == len(candidates(paths[0]))


def test_tests_that_are_asked_exist() -> None:
    paths = files()
    assert len(paths) > 100
    for path in paths:
        for stage in stages(path):
            assert all((PROJECT / name).exists() for name in stage if "/" in name)
            assert stage[-2] in {"-k", "-m"}


@pytest.mark.parametrize(("file", "before", "after"), known_equivalents())
def test_what_is_left_out_is_a_mutant(file: str, before: str, after: str) -> None:
    text = (PROJECT / file).read_text("utf-8")
    assert (before, after) in {mutant.change(text)[1:] for mutant in candidates(file)}
    assert len(known_equivalents()[file, before, after]) > 20


def test_a_score_counts_what_could_be_killed() -> None:
    verdicts = (KILLED, KILLED, SURVIVED, "equivalent")
    found = [Outcome("firmware/runtime/a.c", 1, "a", "b", verdict, "") for verdict in verdicts]
    assert [line.split() for line in table(found)] == [
        [name, "66.7", "%", "of", "3", "killed,", "1", "equivalent"]
        for name in ("firmware/runtime/", "all")
    ]


@pytest.mark.qemu
def test_compilers_tell_what_a_mutant_changes(tmp_path: Path) -> None:
    tree, path = Tree.of_project(tmp_path / "copy"), "firmware/kernels/rounding.c"
    text = (PROJECT / path).read_text("utf-8")
    others = {
        Effect.SAME: text + "\n",
        Effect.DIFFERENT: text + "extern int more; int more = 1;\n",
        Effect.REFUSED: text + "int\n",
    }
    for effect, other in others.items():
        assert tree.effect(path, other) is effect
        assert (tree.folder / path).read_text("utf-8") == text
