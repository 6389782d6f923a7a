# SPDX-License-Identifier: Apache-2.0
"""The options about the privacy of clients, which a command gets as one argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from myna.commands.common import FiniteRange, options
from myna.errors import MynaError
from myna.federated.privacy.terms import CENTRAL, LOCAL, Privacy

CLIP_MAX = 2**24

_options = options(
    click.option("--secure", is_flag=True, help="The server learns sums of updates only."),
    click.option("--dp", type=click.Choice([CENTRAL, LOCAL]), help="Who adds noise to updates."),
    click.option("--clip", type=click.IntRange(1, CLIP_MAX), help="Norm of an update, at most."),
    click.option(
        "--noise", type=FiniteRange(0, min_open=True), help="Deviation of noise, over --clip."
    ),
)


def privacy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options as `privacy`; those who replay updates, by `audit`, are told if they cannot."""

    @wraps(command)
    def bundled(
        *args: Any,
        secure: bool,
        dp: str | None,
        clip: int | None,
        noise: float | None,
        audit: int,
        **rest: Any,
    ) -> Any:
        if not (dp is None) == (clip is None) == (noise is None):
            raise MynaError(
                "--dp, --clip and --noise need each other", fix="give all three, or none"
            )
        if audit and (secure or dp == LOCAL):
            raise MynaError(
                "updates that the server does not see cannot be replayed",
                fix="leave out --audit, or --secure and --dp local",
            )
        privacy = Privacy(secure, dp, clip or 0, noise or 0.0)
        return command(*args, privacy=privacy, audit=audit, **rest)

    return _options(bundled)
