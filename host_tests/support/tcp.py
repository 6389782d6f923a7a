# SPDX-License-Identifier: Apache-2.0
"""Boards behind a TCP port of this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from myna.device.ports import open_port


class _Bridge(socketserver.BaseRequestHandler):
    """Carries bytes between a TCP connection and the port named by the server."""

    def handle(self) -> None:
        with open_port(self.server.port) as port:  # type: ignore[attr-defined]
            self.request.settimeout(0.001)
            while True:
                with suppress(TimeoutError):
                    if not (data := self.request.recv(4096)):
                        return
                    port.write(data)
                self.request.sendall(port.read(port.in_waiting) if port.in_waiting else b"")


@contextmanager
def over_tcp(port: str) -> Iterator[str]:
    """The URL of a board's port, for the duration of the block; one connection at a time."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Bridge) as server:
        server.port = port  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"socket://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
