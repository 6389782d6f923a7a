# SPDX-License-Identifier: Apache-2.0
"""Users told by codewords, and federations of them, which take seconds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from myna.audio.files import write_wav
from myna.evaluation.engine import EngineSpec
from myna.evaluation.protocol import Known
from myna.federated.cohort import Cohort
from myna.federated.federation import Federation
from myna.federated.users import NOBODY, User, Users
from myna.federated.verification import CODEWORDS, HEAD
from myna.learn.examples import Examples
from myna.package.calibration import load_calibration
from myna.package.verifier import make_verifier
from myna.passes.training.user import drawn_codewords
from myna.project import MODELS, Project, open_project

from support.kept import kept

LENGTH, BITS, SHOTS, USERS = 63, 13, 3, 4


@cache
def users() -> Users:
    """Clips of the calibration set, each in one of six voices: what differs is the spectrum.

    Four are users, two never train. Silence, which comes first, has no voice.
    """
    clips = load_calibration(MODELS / "kws")[0][22:].astype(np.int64)
    voice = np.arange(len(clips)) % 6
    spectra = np.random.default_rng(4).normal(0, 12, (6, clips.shape[2]))
    features = np.clip(clips + np.rint(spectra)[voice, None].astype(int), -128, 127).astype(np.int8)
    number = np.where(voice < USERS, voice, NOBODY)
    take = np.arange(len(clips)) // 6
    seen = tuple(
        User(
            f"user {n}",
            Examples(features[(number == n) & (take < SHOTS)], np.full(SHOTS, n)),
            Examples(features[(number == n) & (take == SHOTS)], np.full(1, n)),
        )
        for n in range(USERS)
    )
    rest = (number == NOBODY) | (take > SHOTS)
    return Users(seen, features[rest], number[rest], 2)


def pitches(folder: Path, takes: int) -> Path:
    """Recordings of six speakers, each of a pitch of his own: FOLDER/<speaker>_<n>.wav."""
    folder.mkdir()
    time = np.arange(16000) / 16000
    for speaker in range(6):
        for take in range(takes):
            rng = np.random.default_rng(10 * speaker + take)
            pitch = 250 * 1.5**speaker * rng.uniform(0.98, 1.02)
            sound = 5000 * np.sin(2 * np.pi * pitch * time) * (np.abs(time - 0.5) < 0.3)
            pcm = (sound + rng.normal(0, 100, time.size)).astype(np.int16)
            write_wav(folder / f"s{speaker}_{take}.wav", pcm)
    return folder


@cache
def project() -> Project:
    """A model that tells its user, by a code of random rows."""
    rows = (2 * np.random.default_rng(8).integers(0, 2, (BITS, LENGTH)) - 1).astype(np.int8)
    source = MODELS / "kws"
    folder = kept("user", lambda draft: make_verifier(source, draft, LENGTH, code=rows))
    return open_project(folder, HEAD)


@cache
def cohort() -> Cohort:
    """The users, each with a codeword of the code."""
    code = project().package.code
    assert code is not None
    return Cohort({}, users().clients(drawn_codewords(code, USERS, 1)), (), Known(), users())


def federation(**chosen: Any) -> Federation:
    """One of two rounds on an engine in this process, as `myna federate` makes it."""
    usual = {"cohort": cohort(), "engines": (EngineSpec("host", project().folder, HEAD),)}
    usual |= {"strategy": CODEWORDS.strategy(USERS), "rounds": 2, "audit": 0, "jobs": 1}
    order = replace(CODEWORDS.order(SHOTS), bits=4.0)
    usual |= {"order": order, "bits_down": 4.0}
    return Federation(project(), **(usual | chosen))
