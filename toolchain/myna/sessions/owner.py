# SPDX-License-Identifier: Apache-2.0
"""The owner's voice on a board: enrolled with his words, and asked for behind them."""

from __future__ import annotations

from dataclasses import dataclass

from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.owner import Verdict
from myna.names import OWNER
from myna.package.voice import MAKE
from myna.project import Project

# what a user is told; of a foreign sound, or of a word without an owner, there is nothing to tell
SAID = {Verdict.OWNER: "the owner", Verdict.OTHER_VOICE: "refused: not the owner"}


@dataclass(frozen=True)
class Verified:
    """Whose word a clip is.

    Attributes:
        label: the class that it is taken for.
        verdict: the owner's, or why not.
        score: cosine of the voice with the owner's template of the class (Q15).
    """

    label: int
    verdict: Verdict
    score: int

    @property
    def said(self) -> str | None:
        """What a user is told of the voice; None where there is nothing to tell."""
        return SAID.get(self.verdict)


def require_owner_check(project: Project) -> None:
    """Raise a MynaError with the reason if a program cannot tell its owner's voice."""
    if OWNER in project.program.state:
        return
    if project.package.projection is None:
        what, fix = "has no voice.npz, which tells voices apart", MAKE
    else:
        what = "leaves the check of the owner's voice out, as it was built with --ram"
        fix = "build and flash it without --ram"
    raise MynaError(what, where=f"model {project.package.model.model.name}", fix=fix)


def enroll_owner(session: Board, label: int) -> int:
    """Make the takes of a class that a board stores the owner's voice; how many these are."""
    return session.link.request(m.ENROLL_OWNER, b.EnrollOwner(label)).takes


def verify(session: Board, slot: int) -> Verified:
    """Ask a board whether it is the owner who says the clip in a slot, labelled or not."""
    reply = session.link.request(m.VERIFY, b.Verify(slot))
    return Verified(reply.label, Verdict(reply.verdict), reply.score)
