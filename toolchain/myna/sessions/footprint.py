# SPDX-License-Identifier: Apache-2.0
"""The memory that training takes on a board, as built and as measured."""

from __future__ import annotations

from dataclasses import dataclass

from myna.device.pio import Firmware
from myna.device.session import Board


@dataclass(frozen=True)
class Footprint:
    """Bytes; RAM is what the firmware's static data take and the stack's measured high water.

    Attributes:
        arena: activations, gradients and scratch of one step.
        state: weights, residuals, ranges, counters.
        clips: features of the stored clips.
        stack: high-water mark since the board started.
        other: buffers of protocol and front end, and the rest of the static data.
        flash: code and constants, with the initial state.
    """

    arena: int
    state: int
    clips: int
    stack: int
    other: int
    flash: int

    @property
    def ram(self) -> int:
        """All of it."""
        return self.arena + self.state + self.clips + self.stack + self.other


def measure(firmware: Firmware, session: Board) -> Footprint:
    """The footprint of a board that has run at least one step of `firmware`."""
    info, status = session.info, session.status()
    known = info.arena_bytes + info.state_bytes + status.clip_bytes
    return Footprint(
        info.arena_bytes,
        info.state_bytes,
        status.clip_bytes,
        status.stack_high_water,
        firmware.static_bytes - known,
        firmware.flash_bytes,
    )
