# SPDX-License-Identifier: Apache-2.0
"""The way of a layer, from a `.keras` file to its kernel, only goes down.

A module's floor is above that of all that it imports, and of all that the tables of layers and
formats load for it. Whoever follows a layer from file to file so never has to come back up.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

import pytest
from myna.device.target import PROJECT
from myna.formats.table import FROM_KERAS, TO_KERAS
from myna.layers.table import LAYERS
from myna.passes.lowering.lower import lower
from support import examples
from support.examples import EXAMPLES, TESTED

PACKAGE = PROJECT / "toolchain" / "myna"
KERNELS = PROJECT / "firmware" / "kernels"
# Folders of which a table loads every file.
LOADED = {"ops.table": "ops", "layers.table": "layers", "formats.table": "formats/layers"}
START = ("commands.import_", "package.importing", "formats.keras_import", "formats.table")


def imports(module: str) -> Iterator[str]:
    """Modules of the package that a module imports, or loads."""
    path = PACKAGE / f"{module.replace('.', '/')}.py"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("myna."):
            home = str(node.module)[5:]
            for alias in node.names:
                inner = f"{home}.{alias.name}"
                file = PACKAGE / f"{inner.replace('.', '/')}.py"
                yield inner if file.is_file() else home
    for file in (PACKAGE / LOADED[module]).glob("*.py") if module in LOADED else ():
        if file.stem not in ("__init__", "table"):
            yield f"{LOADED[module]}.{file.stem}".replace("/", ".")


@cache
def floor(module: str) -> int:
    """One more than the highest floor of what a module imports."""
    return 1 + max((floor(name) for name in set(imports(module)) if name != module), default=0)


def home(value: object) -> str:
    """The module that defines a class or function, without `myna.`."""
    return str(getattr(value, "__module__", ""))[5:]


def walks() -> Iterator[tuple[str, list[str]]]:
    """For each layer that Keras has, too: the modules it passes through."""
    for case, (op, _) in EXAMPLES.items():
        rule = home(TO_KERAS[op])
        if hasattr(import_module(f"myna.{rule}"), "FROM_KERAS"):
            nodes = lower(examples.quantized(case)).nodes
            node = next(node for node in nodes if node.name.startswith(TESTED))
            yield case, [*START, rule, home(type(LAYERS[op])), home(type(node.op))]


WALKS: Mapping[str, list[str]] = dict(walks())


@pytest.mark.parametrize("case", WALKS)
def test_a_layer_of_keras_only_goes_down(case: str) -> None:
    floors = [floor(module) for module in WALKS[case]]
    assert floors == sorted(set(floors), reverse=True), list(zip(WALKS[case], floors, strict=True))


@pytest.mark.parametrize("case", WALKS)
def test_it_ends_at_a_kernel_of_the_op_s_name(case: str) -> None:
    op = WALKS[case][-1].rpartition(".")[2]
    header = (KERNELS / f"{op}.h").read_text("utf-8")
    assert f"toolchain/myna/ops/{op}.py" in header
    included = re.findall(r'#include "([\w/]+\.h)"', header)
    assert all(name.startswith("kernels/") for name in included)


def test_every_rule_for_a_layer_of_keras_stands_in_one_folder() -> None:
    assert {home(rule).rpartition(".")[0] for rule in FROM_KERAS.values()} <= {
        "formats.layers",
        "formats",
    }


def test_a_climb_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    floor.cache_clear()
    real = imports

    def climbing(module: str) -> Iterator[str]:
        yield from real(module)
        if module == "ops.dense":
            yield "layers.dense"

    monkeypatch.setattr(f"{__name__}.imports", climbing)
    with pytest.raises((AssertionError, RecursionError)):
        test_a_layer_of_keras_only_goes_down("dense0")
    floor.cache_clear()
