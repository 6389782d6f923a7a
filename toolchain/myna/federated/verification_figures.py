# SPDX-License-Identifier: Apache-2.0
"""How well users are verified: the fields of ``myna evaluate --protocol verification --json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.evaluation.roc import Curve, Trials, interval
from myna.federated.users import NOBODY, Users
from myna.federated.verification import Scores, Verifier
from myna.learn.user import WANTED, threshold

FALSE_POSITIVES = (1, 5, 10)  # percent
RESAMPLES = 200  # of users, for intervals


def figures(users: Users, own: Verifier, others: Mapping[str, Verifier], seed: int) -> Any:
    """All figures by name: against all impostors, and against seen and unseen ones alone.

    Args:
        users: who was trained with, and what is examined.
        own: the verifier by codewords.
        others: what it is compared with, by name.
        seed: of the users drawn for intervals.
    """
    scores = {name: one.scores(users.examined) for name, one in others.items()}
    by_codeword = own.scores(users.examined)
    groups = {
        "all": np.ones(len(users.owner), bool),
        "seen": users.owner != NOBODY,
        "unseen": users.owner == NOBODY,
    }
    found = {
        group: {
            **rates(users, by_codeword, impostors, seed),
            **{name: rates(users, other, impostors, seed) for name, other in scores.items()},
        }
        for group, impostors in groups.items()
    }
    warm_up = {group: _warmed_up(users, own, by_codeword, groups[group]) for group in found}
    return {**found.pop("all"), **found, "warm_up": warm_up}


def rates(
    users: Users, scores: Scores, impostors: npt.NDArray[np.bool_], seed: int
) -> dict[str, Any]:
    """Equal error rate and true positives, in percent, with 95 % intervals over users."""
    trials = [
        Trials(own[users.owner == number], own[impostors & (users.owner != number)])
        for number, own in enumerate(scores)
        if (users.owner == number).any()
    ]
    rng = np.random.default_rng(seed)
    draws = [Curve(trials)]
    draws += [
        Curve([trials[i] for i in rng.integers(len(trials), size=len(trials))])
        for _ in range(RESAMPLES)
    ]
    rates = [one.equal_error_rate() for one in draws]
    accepted = {
        str(share): [one.true_positives(share) for one in draws] for share in FALSE_POSITIVES
    }
    return {
        "eer": rates[0],
        "eer_ci95": interval(rates[1:]),
        "tpr_at_fpr": {share: values[0] for share, values in accepted.items()},
        "tpr_at_fpr_ci95": {share: interval(values[1:]) for share, values in accepted.items()},
    }


def _warmed_up(
    users: Users, own: Verifier, scores: Scores, impostors: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """What each user's threshold accepts, in percent, the mean over users."""
    right, wrong = [], []
    for number, user in enumerate(users.seen):
        is_own = users.owner == number
        if not (is_own.any() and len(user.warm_up)):
            continue
        least = threshold(own.scores(user.warm_up.features)[number].tolist(), WANTED)
        right.append(float((scores[number][is_own] >= least).mean()))
        wrong.append(float((scores[number][impostors & ~is_own] >= least).mean()))
    return {
        "wanted": WANTED,
        "accepted": 100 * float(np.mean(right)),
        "impostors_accepted": 100 * float(np.mean(wrong)),
    }
