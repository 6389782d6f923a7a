# SPDX-License-Identifier: Apache-2.0
"""What the files of a folder define, so that adding a file is all it takes to add an op or a layer.

Tables made so need no list to be kept by hand, and none that two people edit at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of a package, by name."""
    folder = import_module(package).__path__
    for found in sorted(iter_modules(folder), key=lambda module: module.name):
        yield import_module(f"{package}.{found.name}")


def subclasses(package: str, base: type[Kind], having: str) -> tuple[type[Kind], ...]:
    """The subclasses of a class that the modules of a package define and that have an attribute.

    Args:
        package: its dotted name.
        base: the class.
        having: an attribute that only complete ones have, and no mere base of others.

    Raises:
        TypeError: a class without that attribute is no base of others: it would be lost.
    """
    found = [
        value
        for module in list(modules(package))  # all, before it is known which are bases
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    for kind in found:
        if not hasattr(kind, having) and not kind.__subclasses__():
            raise TypeError(f"{kind.__module__}.{kind.__name__} has no {having!r}")
    return tuple(kind for kind in found if hasattr(kind, having))


def constants(package: str, name: str) -> Iterator[Any]:
    """The values of a constant, in those modules of a package that have it."""
    for module in modules(package):
        if name in vars(module):
            yield vars(module)[name]


def by_name(parts: Iterable[Mapping[Any, Any]]) -> dict[Any, Any]:
    """One table of the parts that several files define.

    Raises:
        ValueError: two files define the same entry, of which one would be lost.
    """
    table: dict[Any, Any] = {}
    for part in parts:
        if twice := table.keys() & part.keys():
            raise ValueError(f"two files define {', '.join(map(str, twice))}")
        table |= part
    return table
