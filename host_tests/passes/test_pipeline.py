# SPDX-License-Identifier: Apache-2.0
"""Choices as a board and a file carry them."""

from __future__ import annotations

import pytest
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.passes.training.hindsight import RangeMode


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(), "--train all"),
        (Options(train="head", ram=65536), "--train head --ram 65536"),
        (Options(train="auto", macs=9), "--train auto --time 9"),
        (
            Options(ranges=RangeMode.DYNAMIC, store_all=True),
            "--train all --ranges dynamic --store-all",
        ),
        (Options(int8_weights=("stem",), rows=True, rate=0.5), "--train all"),
    ],
)
def test_options_come_back_and_are_said(options: Options, words: str) -> None:
    assert Options.from_json(options.to_json(), "here") == options
    assert options.command_line() == words


@pytest.mark.parametrize(
    "text",
    ['{"train": 5}', '{"ram": "64K"}', '{"rows": 1}', '{"trains": "all"}', "[]", "5", "{", "null",
     '{"ranges": "x"}'],
)  # fmt: skip
def test_strange_options_are_refused(text: str) -> None:
    with pytest.raises(MynaError, match="options that this version does not know"):
        Options.from_json(text, "here")
