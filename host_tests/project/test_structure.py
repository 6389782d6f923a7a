# SPDX-License-Identifier: Apache-2.0
"""The shape of the project: one direction of imports, small files, light commands."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import myna
import pytest
from myna.device.target import PROJECT
from support.structure import FIRMWARE, circle, firmware_files, tracked

PACKAGE = PROJECT / "toolchain" / "myna"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# A part is a folder or a file of the package. A module may import from its own part, and from the
# parts in the lines above its own.
LAYERS = (
    "errors fixed names discovery",
    "files ir device tensorflow",
    "audio ops",
    "layers",
    "frontend",
    "tflite",
    "passes.check passes.execute passes.macs passes.prune",
    "passes.lowering",
    "passes.training",
    "passes.memory",
    "passes.bounds passes.layout passes.pipeline passes.streaming",
    "formats",
    "pretrain",
    "learn",
    "package codegen",
    "engines",
    "project",
    "analysis sessions",
    "evaluation",
    "bench experiments federated",
    "report",
    "commands",
    "cli",
    "__main__",
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts.split()}
# These serve outside the compiler, too, and know nothing of it.
ALONE = {
    "audio": {"errors", "fixed"},
    "pretrain": {"errors", "files", "audio", "frontend", "formats", "tensorflow"},
}
HEAVY = {
    "tensorflow",
    "keras",
    "flwr",
    "ray",
    "cryptography",
    "Crypto",
    "dp_accounting",
    "matplotlib",
    "hypothesis",
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of the package that a file imports, also inside functions or for type checkers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            root, _, rest = (node.module or "").partition(".")
            if root == "myna":
                for alias in node.names:
                    own = f"{rest}.{alias.name}".removeprefix(".")
                    home = own if own in MODULES else rest or alias.name
                    yield f"{home}.__init__" if f"{home}.__init__" in MODULES else home
        elif isinstance(node, ast.Import):
            yield from (a.name[5:] for a in node.names if a.name.startswith("myna."))


def part_of(module: str) -> str:
    """The part that a module belongs to."""
    words = module.split(".")
    wide, narrow = ".".join(words[:1]), ".".join(words[:2])
    return narrow if narrow in LEVEL else wide


IMPORTS = {
    module: set(imports(ast.parse(path.read_text("utf-8")))) - {"__version__"}
    for module, path in MODULES.items()
}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_imports_run_one_way(module: str) -> None:
    own = part_of(module)
    if module.endswith("__init__") and not IMPORTS[module]:
        return
    assert own in LEVEL, f"say in LAYERS where myna.{module} stands"
    allowed = ALONE.get(own) or {part for part in LEVEL if LEVEL[part] < LEVEL[own]}
    for name in IMPORTS[module]:
        assert part_of(name) in {own, *allowed}, f"myna.{module} must not import myna.{name}"


@pytest.mark.parametrize("part", LEVEL)
def test_every_part_that_has_a_level_exists(part: str) -> None:
    assert any(module == part or module.startswith(f"{part}.") for module in MODULES)


def test_no_module_imports_itself_in_a_circle() -> None:
    assert not circle(IMPORTS)


def test_importing_the_package_loads_none_of_its_modules() -> None:
    code = "import sys, myna; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "myna" in loaded
    assert not [name for name in loaded if name == "numpy" or name.startswith("myna.")]


def test_public_names_are_defined_and_documented() -> None:
    names = set(myna.__all__)
    assert {"MynaError", "Options", "open_project"} < names <= set(dir(myna))
    for name in names:
        found = getattr(myna, name)
        assert found.__module__.startswith("myna.")
        assert found.__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = myna.nonsense


def test_every_kind_of_import_is_seen() -> None:
    text = """
if TYPE_CHECKING:
    from myna.ops import add
def f():
    from myna.device.link import Link
import myna.ir
from myna import fixed
from myna.codegen import fingerprint
"""
    found = {"ops.add", "device.link", "ir", "fixed", "codegen.__init__"}
    assert set(imports(ast.parse(text))) == found
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


@pytest.mark.parametrize("command", ["build", "verify", "flash"])
def test_commands_import_nothing_heavy(command: str) -> None:
    code = f"import sys, myna.commands.{command}; print(*{{m.split('.')[0] for m in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & HEAVY


# -- files -----------------------------------------------------------------------------------------


def generated(path: Path) -> bool:
    return (FIRMWARE / "generated") in path.parents


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_every_source_file_names_its_licence() -> None:
    sources = tracked("*.py", "*.c", "*.h", "*.j2", "*.sh", "*.ld", "*.js", "*.html", "*.css")
    assert len(sources) > 100
    head = re.compile(r"(# |/\* |// |<!-- )SPDX-License-Identifier: Apache-2\.0( \*/| -->)?")
    for path in sources:
        first = [line for line in path.read_text("utf-8").splitlines()[:3] if line[:2] != "#!"]
        first = [line for line in first if not line.startswith("<!doctype")]
        if path.stat().st_size:
            assert head.fullmatch(first[0]), path


TABLES = ("messages.h", "bodies.py")  # of the protocol: they grow with it


def test_no_file_is_long() -> None:
    limits = {"toolchain/*.py": 300, "host_tests/*.py": 480, "firmware/*.[ch]": 250}
    long = {
        f"{path.relative_to(PROJECT)}: {lines(path)} lines"
        for pattern, limit in limits.items()
        for path in tracked(pattern)
        if lines(path) > limit and not generated(path) and path.name not in TABLES
    }
    assert not long


def test_ops_and_kernels_are_small() -> None:
    for pattern, limit in (("toolchain/myna/ops/*.py", 175), ("firmware/kernels/*.c", 150)):
        files = tracked(pattern)
        assert len(files) > 5
        assert not [path.name for path in files if lines(path) > limit]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.name}: {node.name}", (node.end_lineno or 0) - node.lineno + 1


def c_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Functions of a file in the repository's format, which end at a brace in the first column."""
    text = path.read_text("utf-8")
    for found in re.finditer(r"^(\w[^;{}=]*\)) \{\n.*?^\}", text, re.MULTILINE | re.DOTALL):
        yield f"{path.name}: {found[1]}", found[0].count("\n") + 1


def test_functions_are_short() -> None:
    python = [f for path in tracked("toolchain/*.py") for f in functions(path)]
    c = [f for path in tracked("firmware/*.c") if not generated(path) for f in c_functions(path)]
    assert len(python) > 300
    assert len(c) > 100
    assert not [f"{name} ({size} lines)" for name, size in python + c if size > 65]


# -- tests -----------------------------------------------------------------------------------------

TESTS = PROJECT / "host_tests"
WHOLE = {
    "project": {
        *("conditions", "docs", "findings", "groups"),
        *("guide", "mutation", "recipe", "structure", "walk"),
    }
}  # what is tested of the project as a whole


def subjects() -> dict[str, set[str]]:
    """What a folder of tests may test: that part itself, and its modules or C files."""
    found = defaultdict(set, {folder: set(names) for folder, names in WHOLE.items()})
    for path in MODULES.values():
        module = path.relative_to(PACKAGE)
        found[module.parent.as_posix()] |= {module.stem, module.parent.name}
    firmware = PROJECT / "firmware"
    for path in firmware_files("**/*.[chS]"):
        folder = firmware / path.relative_to(firmware).parts[0]
        own = folder if folder.is_dir() else firmware
        found[own.relative_to(PROJECT).as_posix()] |= {path.stem, own.name}
    return found


def homes(test: str, subjects: Mapping[str, set[str]]) -> set[str]:
    """The folders for test_SUBJECT or test_SUBJECT_ASPECT."""
    words = test.split("_")[1:]
    for end in range(len(words), 0, -1):
        subject = "_".join(words[:end])
        if found := {folder for folder, names in subjects.items() if subject in names}:
            return found
    return set()


def test_tests_lie_where_their_subject_does() -> None:
    known, files = subjects(), list(TESTS.rglob("*.py"))
    tests = [path.relative_to(TESTS) for path in files if path.name.startswith("test_")]
    assert len(tests) > 50
    for path in tests:
        assert path.parent.as_posix() in homes(path.stem, known), path
    others = {path for path in files if not path.name.startswith("test_")}
    assert {path.parent.name for path in others} == {"host_tests", "mutation", "support"}


def test_a_test_in_a_wrong_folder_is_found() -> None:
    known = subjects()
    assert homes("test_select", known) == {"passes/training"}
    assert homes("test_pipeline_budgets", known) == {"passes"}
    assert homes("test_server_privacy", known) == {"firmware/server"}
    assert homes("test_fixed", known) == {".", "firmware/kernels"}
    assert not homes("test_things", known)


def test_no_sound_is_committed() -> None:
    assert not tracked("*.wav", "*.flac", "*.mp3", "*.ogg", "*.opus")
