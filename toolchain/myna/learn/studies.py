# SPDX-License-Identifier: Apache-2.0
"""Every evaluation protocol, by name."""

from __future__ import annotations

from collections.abc import Mapping

from myna.learn import enrolling, noise, openset, selflabel
from myna.learn.study import Study

STUDIES: Mapping[str, Study] = {
    study.name: study
    for study in (
        *(enrolling.SPEAKER, enrolling.NEW_WORDS, openset.OPEN_SET),
        *(selflabel.SELF_LABEL, noise.NOISE),
    )
}
