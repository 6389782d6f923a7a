# SPDX-License-Identifier: Apache-2.0
"""Attacks that find who took part, where it can be found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from myna.federated.privacy.membership import auc, losses, membership
from support.federations import ORDER, cohort, federation, quiet, run


def test_the_area_is_the_chance_to_be_right() -> None:
    members, others = np.array([3.0, 1.0]), np.array([0.0, 1.0, 2.0])
    assert auc(members, others) == (3 + 1.5) / 6
    assert auc(others, others) == 0.5
    assert auc(others + 9, others) == 1.0


def test_losses_are_cross_entropy() -> None:
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert np.allclose(losses(logits, np.array([0, 1])), -np.log([0.7, 0.1]))


def test_takes_that_were_learned_are_told_from_those_that_were_not() -> None:
    """Unseen speakers' takes have other labels here, so what was learned shows."""
    some = cohort()
    turned = tuple(
        replace(
            task,
            enrolled=replace(task.enrolled, labels=task.enrolled.labels[::-1].copy()),
            examined=replace(task.examined, labels=task.examined.labels[::-1].copy()),
        )
        for task in some.unseen
    )
    order = replace(ORDER, most=16, rate=4.0, epochs=4)
    asked = replace(federation(order=order), cohort=replace(some, unseen=turned))
    found = membership(asked, asked.start(), run(asked), quiet)
    assert found["membership_auc"]["mean"] > 0.7
    assert found["membership_auc_loss"]["mean"] > 0.7
    assert set(found) == {"membership_auc", "membership_auc_loss", "membership_auc_before"}


def test_where_nothing_was_learned_nothing_is_told() -> None:
    asked = federation()
    found = membership(asked, asked.start(), asked.start(), quiet)
    assert found["membership_auc"] == {"mean": 0.5, "ci95": 0.0}
    assert found["membership_auc_loss"] == found["membership_auc_before"]
