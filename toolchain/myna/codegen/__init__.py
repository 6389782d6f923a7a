# SPDX-License-Identifier: Apache-2.0
"""Program -> C."""

from myna.codegen.emit import fingerprint, generate

__all__ = ["fingerprint", "generate"]
