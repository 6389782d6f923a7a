# SPDX-License-Identifier: Apache-2.0
"""Modules that take seconds to load, for tests that every process reads but only one runs."""

from __future__ import annotations

import importlib
from typing import Any


class Lazy:
    """A module that is imported when it is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest asks every name of a test's module for these
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)
