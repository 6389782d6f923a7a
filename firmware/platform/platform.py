# SPDX-License-Identifier: Apache-2.0
"""PlatformIO development platform that needs no package: the compilers come from the system."""

from __future__ import annotations

from platformio.platform.base import PlatformBase


class MynaPlatform(PlatformBase):
    """Nothing to configure; PlatformIO asks for the class by name."""
