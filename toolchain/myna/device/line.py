# SPDX-License-Identifier: Apache-2.0
"""Frames over a serial line: read, written, counted."""

from __future__ import annotations

from dataclasses import dataclass

from myna.device import frame
from myna.device.frame import Frame
from myna.device.ports import Channel
from myna.errors import MynaError


@dataclass
class Statistics:
    """What went over the line since it was opened."""

    frames_sent: int = 0
    frames_resent: int = 0
    frames_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class Line:
    """An open port.

    Methods raise MynaError when the port is gone.

    Args:
        channel: the port (`ports.open_port`).
        name: its name, for messages.

    Attributes:
        statistics: what went over it.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        self.statistics = Statistics()
        self._channel, self._name = channel, name
        self._decoder = frame.Decoder()

    @property
    def damaged(self) -> int:
        """Received frames that were dropped because their bytes were wrong."""
        return self._decoder.damaged

    @property
    def has_input(self) -> bool:
        """Whether `read` would not wait."""
        try:
            return self._channel.in_waiting > 0
        except OSError as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Free the port."""
        self._channel.close()

    def read(self) -> list[Frame]:
        """What has arrived; it waits a little if there is nothing."""
        try:
            data = self._channel.read(1)
            data += self._channel.read(self._channel.in_waiting) if data else b""
        except OSError as error:
            raise self._gone(error) from error
        self.statistics.bytes_received += len(data)
        frames = self._decoder.feed(data)
        self.statistics.frames_received += len(frames)
        return frames

    def write(self, data: bytes) -> None:
        """Send encoded frames."""
        self.statistics.bytes_sent += len(data)
        try:
            self._channel.write(data)
        except OSError as error:
            raise self._gone(error) from error

    def _gone(self, error: OSError) -> MynaError:
        what, fix = f"the connection was lost: {error}", "check the cable, then connect again"
        return MynaError(what, where=self._name, fix=fix)
