#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: the wrapper for differential privacy with noise_multiplier=1 adds noise as large as
#   what one client can change in the new model, whoever it is; that is what the multiplier means.
# Happens: the noise is multiplier * norm / clients, right for an even mean, but the wrapped FedAvg
#   still weights by num-examples. A client with 910 of 1000 examples changes nine times as much
#   as was planned for: noise of 0.11 instead of 1, a budget of epsilon 81 instead of 4.4 in one round.
#   No message, and the guide wraps a plain FedAvg. Only with the optional accountant are unequal
#   weights an error, and asked for in the docstring.
# Software: flwr 1.42.0, dp-accounting 0.6.0. Not found among Flower's issues.
# Why it matters: whoever computes the budget from the multiplier reports it too small, most
#   of all for the client with the most examples. The remedy is to send num-examples = 1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'flwr==1.42.0' 'dp-accounting==0.6.0' 'numpy==2.4.6'
FLWR_TELEMETRY_ENABLED=0 "$work/venv/bin/python" - <<'PY'
import logging
import sys
from importlib.metadata import version

import numpy as np
from dp_accounting import GaussianDpEvent
from dp_accounting.pld import PLDAccountant
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import DifferentialPrivacyServerSideFixedClipping, FedAvg
from flwr.supercore.task_identity import TaskIdentity

logging.getLogger("flwr").setLevel(logging.CRITICAL)
TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1  # messages belong to a run
print("flwr", version("flwr"), "dp-accounting", version("dp-accounting"), "numpy", np.__version__)
SIZE, got = 10000, {}


def release(first, weights):
    """The model after a round in which the first client's update has that norm, the others' 1."""
    strategy = DifferentialPrivacyServerSideFixedClipping(FedAvg(), 1.0, 1.0, len(weights))
    strategy.current_arrays = ArrayRecord({"w": Array(np.zeros(SIZE))})
    replies = []
    for norm, weight in zip([first] + [1.0] * (len(weights) - 1), weights, strict=True):
        content = RecordDict({"arrays": ArrayRecord({"w": Array(np.full(SIZE, norm / SIZE**0.5))}),
                              "metrics": MetricRecord({"num-examples": weight})})
        replies.append(Message(content, reply_to=Message(RecordDict(), message_type="train", dst_node_id=1)))
    np.random.seed(0)  # the same noise, so that the difference is the client's
    return strategy.aggregate_train(1, replies)[0]["w"].numpy()


for name, weights in ("even", [100] * 10), ("uneven", [910] + [10] * 9):
    one = release(1.0, weights)
    change = float(np.linalg.norm(one - release(1e-9, weights)))
    multiplier = float(one.std()) / change
    got[name] = PLDAccountant().compose(GaussianDpEvent(multiplier)).get_epsilon(1e-5)
    print("%-6s examples: noise %.3f, the client changes %.3f, multiplier %.2f, epsilon %.1f at delta 1e-5"
          % (name, one.std(), change, multiplier, got[name]))
if not (4 < got["even"] < 5 and got["uneven"] > 40):
    sys.exit("changed: the noise follows the weights")
PY
