# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate --protocol verification``: users told by codewords, and by a softmax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from myna.audio.dataset import Heard
from myna.commands.common import progress
from myna.commands.evaluation_options import read, require_sound
from myna.errors import MynaError
from myna.evaluation.engine import HOST
from myna.federated.users import Users, gather
from myna.federated.verification import (
    CENTRAL,
    CODEWORDS,
    SOFTMAX,
    Verifier,
    centralize_softmax,
    federate_codewords,
    federate_softmax,
)
from myna.federated.verification_figures import figures
from myna.ops.loss import MAX_CLASSES
from myna.project import BUILD

VERIFICATION = "verification"
USERS = 30
# Options of the command that mean something here, or at least nothing else.
USED = frozenset(
    (
        *("model", "data", "protocol", "shots", "max_speakers", "code_length", "engine", "seed"),
        *("jobs", "json_file"),
    )
)
TITLES = {"baseline": "softmax, shared head", "centralized": "softmax, takes pooled"}


def verification(
    model: Path, data: Path, shots: int, most: int, length: int, engine: str, seed: int
) -> dict[str, Any]:
    """Train the networks, show how they verify users, and return all figures by name.

    Args:
        model: folder of the model whose first layers are kept.
        data: folder of recordings.
        shots: takes that each user trains with.
        most: users.
        length: of a codeword.
        engine: must be "host".
        seed: of everything random.

    Raises:
        MynaError: the model or the recordings do not suffice, or no such engine.
    """
    if engine != HOST:
        raise MynaError(
            "users are verified in this process alone",
            where=f"engine {engine}",
            fix=f"use --engine {HOST}",
        )
    require_sound(model, data)
    users = gather(data, shots, most, Heard.load(model).speakers, seed, partial(read, model))
    place = BUILD / f"{model.resolve().name}-verification"
    with progress(f"codewords of {length}, together") as report:
        own = federate_codewords(
            model, place / str(length), users, length, replace(CODEWORDS, seed=seed), report
        )
    others = _softmaxes(model, place, users, seed) if len(users.seen) <= MAX_CLASSES else {}
    summary = {
        "protocol": VERIFICATION,
        "shots": shots,
        "code_length": length,
        "baseline": None,
        **figures(users, own, others, seed),
        "speakers": [user.speaker for user in users.seen],
        "unseen_speakers": users.unseen,
        "seed": seed,
    }
    _print(summary)
    return summary


def _softmaxes(model: Path, place: Path, users: Users, seed: int) -> dict[str, Verifier]:
    folder = place / f"softmax-{len(users.seen)}"
    with progress("softmax, together") as report:
        shared = federate_softmax(model, folder, users, replace(SOFTMAX, seed=seed), report)
    with progress("softmax, pooled") as report:
        pooled = centralize_softmax(model, folder, users, replace(CENTRAL, seed=seed), report)
    return {"baseline": shared, "centralized": pooled}


def _print(summary: Mapping[str, Any]) -> None:
    count, strangers = len(summary["speakers"]), summary["unseen_speakers"]
    click.echo(f"{count} users, {summary['shots']} takes each; {strangers} speakers never trained")
    print_rates(summary)


def print_rates(summary: Mapping[str, Any]) -> None:
    """How well users are told from seen and from unseen impostors, as far as that was measured."""
    for group in ("seen", "unseen"):
        if (found := summary.get(group)) is None:
            continue
        click.echo(f"  impostors {group}")
        rows = {f"codewords of {summary['code_length']}": found}
        rows |= {title: found[name] for name, title in TITLES.items() if name in found}
        for title, rates in rows.items():
            low, high = rates["eer_ci95"]
            accepted = ", ".join(
                f"{value:.0f} at {share} %" for share, value in rates["tpr_at_fpr"].items()
            )
            click.echo(
                f"    {title:22} EER {rates['eer']:.1f} [{low:.1f}, {high:.1f}] %, "
                f"accepted {accepted}"
            )
