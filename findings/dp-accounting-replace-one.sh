#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: two accountants of one library agree about one event. The Renyi accountant's epsilon
#   is an upper bound, so it is a little larger than that of privacy loss distributions.
# Happens: when neighbours differ by the replacement of a record, the Renyi accountant says 4.7 and
#   the other 10.0 for the same Gaussian event. The event is documented with deviation / norm of a
#   record; replacing one by its opposite changes twice the norm. One accountant knows that, the
#   other does not, and its "bound" is half the truth. Added or removed records agree.
# Software: dp-accounting 0.6.0. Known: issue 378 of google/differential-privacy, open, with a
#   proposed fix (pull request 464). Flower's accountant offers the same pair of choices.
# Why it matters: sampling a fixed number of clients is only accounted for with replacement of one,
#   by the Renyi accountant only. The reported budget is half of what was spent.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'dp-accounting==0.6.0' 'numpy==2.4.6'
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

from dp_accounting import GaussianDpEvent, NeighboringRelation, SampledWithoutReplacementDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

print("dp-accounting", version("dp-accounting"))
GAUSSIAN = GaussianDpEvent(1.0)  # deviation of the noise over the norm of a record


def epsilon(accountant, relation, event):
    accountant = accountant(neighboring_relation=relation)
    accountant.compose(event)
    return float(accountant.get_epsilon(1e-5))


for relation in NeighboringRelation.ADD_OR_REMOVE_ONE, NeighboringRelation.REPLACE_ONE:
    renyi, exact = (epsilon(a, relation, GAUSSIAN) for a in (RdpAccountant, PLDAccountant))
    print("%-18s epsilon at delta 1e-5: Renyi %.2f, privacy loss distribution %.2f" % (relation.name, renyi, exact))
    bound = renyi > exact
    if bound != (relation is NeighboringRelation.ADD_OR_REMOVE_ONE):
        sys.exit("changed: the accountants agree, or disagree elsewhere")
# all of ten, drawn without replacement, are all: the same event, with twice the multiplier's norm
everybody = epsilon(RdpAccountant, NeighboringRelation.REPLACE_ONE, SampledWithoutReplacementDpEvent(10, 10, GAUSSIAN))
halved = epsilon(RdpAccountant, NeighboringRelation.REPLACE_ONE, GaussianDpEvent(0.5))
print("all of ten sampled: Renyi %.2f; with half the multiplier, as twice the norm asks: %.2f" % (everybody, halved))
if not (everybody < 0.6 * exact and halved > exact):
    sys.exit("changed: the Renyi accountant counts another sensitivity")
PY
