# SPDX-License-Identifier: Apache-2.0
"""What many clients cost, as the document has it, and what follows for a million."""

from __future__ import annotations

from myna.device.target import PROJECT
from myna.federated.scale import Crowd, Scale
from myna.report.scale import CLIENTS, render

GUIDE = PROJECT / "docs" / "federated.md"


def test_a_million_devices_cost_so_many_times_one() -> None:
    crowd = Crowd(10**6, 212_000_000, 0.05)
    text = render([Scale(1000, 30, 95_000_000, 0.060, 4.25, 2_000, 500)], crowd)
    assert "| 1,000 | 30 | 95 MB | 60 ms | 4.2 s | 60,000, 15,000 |" in text
    assert "costs the server 2.00 ms, 2,000 bytes up and 500 down" in text
    assert "2.0 GB up, 0.5 GB down and 33 minutes" in text
    assert "takes 212 MB, and 50 ms a round" in text


def test_the_document_has_every_size() -> None:
    guide = GUIDE.read_text("utf-8")
    for clients in CLIENTS:
        assert f"| {clients:,} | 30 |" in guide
