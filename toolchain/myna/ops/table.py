# SPDX-License-Identifier: Apache-2.0
"""The op table: every op that a graph may hold, as the files of this folder define them."""

from __future__ import annotations

from myna.discovery import subclasses
from myna.ops.base import Op

OPS: tuple[type[Op], ...] = subclasses(__package__, Op, "kernel")
