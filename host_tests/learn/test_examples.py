# SPDX-License-Identifier: Apache-2.0
"""Recordings become examples: what is usable, and how far it has come."""

from __future__ import annotations

from pathlib import Path

import pytest
from myna.audio.dataset import scan
from myna.errors import MynaError
from myna.learn.examples import read_examples
from support import tiny, tiny_model


def test_every_recording_is_read_or_said_to_be_unusable(tmp_path: Path) -> None:
    tiny_model.recordings(tmp_path, ("ann", "bob"), ("one", "two"), 2)
    clips = scan(tmp_path)
    clips[2].path.write_bytes(b"RIFF")
    seen: list[tuple[int, int]] = []
    classes = {"one": 4, "two": 5}
    kept, examples, problems = read_examples(
        tiny.AUDIO, clips, classes, lambda *at: seen.append(at)
    )
    assert seen == [(done, 8) for done in range(1, 9)]
    assert kept == (*clips[:2], *clips[3:])
    assert examples.labels.tolist() == [classes[clip.word] for clip in kept]
    assert [problem.where for problem in problems] == [str(clips[2].path)]
    with pytest.raises(MynaError, match="cannot be read"):
        read_examples(tiny.AUDIO, clips[2:3], classes)
