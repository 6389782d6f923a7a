# SPDX-License-Identifier: Apache-2.0
"""What ends a round of a secure sum, but not the federation."""

from __future__ import annotations

from myna.errors import MynaError


class SecureSumError(MynaError):
    """No sum can be made in this round: too few are left, or somebody sent what does not fit."""
