# SPDX-License-Identifier: Apache-2.0
"""Every evaluation protocol, by name."""

from __future__ import annotations

from collections.abc import Mapping

from myna.evaluation import noise, open_set, personalization, refusal, self_label
from myna.evaluation.protocol import EvaluationProtocol

PROTOCOLS: Mapping[str, EvaluationProtocol] = {
    protocol.name: protocol
    for protocol in (
        *(personalization.SPEAKER, personalization.NEW_WORDS, open_set.OPEN_SET),
        *(self_label.SELF_LABEL, noise.NOISE, refusal.REFUSAL),
    )
}
