#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: a reply is a dictionary of named tensors, so that the order of the names does not
#   matter. FedAvg, FedMedian and FedTrimmedAvg keep to that, and the check of replies compares names only.
# Happens: Bulyan and QFedAvg, and clipping on the server for differential privacy, pair tensors by
#   position. If one client of three names its tensors in another order, Bulyan averages one layer
#   into the other, QFedAvg moves a layer away from what all clients sent, and clipping subtracts
#   one layer's old weights from another's new ones. No message where the shapes agree.
# Software: flwr 1.42.0. Not found among the issues about these; a review of a proposed strategy
#   (pull request 7757) warns of the same.
# Why it matters: clients with runtimes of their own (a phone, a board) write names in theirs, say
#   sorted. Biases and normalization layers of equal size are mixed up, and nothing is raised.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'flwr==1.42.0' 'numpy==2.4.6'
FLWR_TELEMETRY_ENABLED=0 "$work/venv/bin/python" - <<'PY'
import logging
import sys
from importlib.metadata import version

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import (
    Bulyan, DifferentialPrivacyServerSideFixedClipping, FedAvg, FedMedian, FedTrimmedAvg, QFedAvg)
from flwr.supercore.task_identity import TaskIdentity

logging.getLogger("flwr").setLevel(logging.CRITICAL)
TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1  # messages belong to a run
print("flwr", version("flwr"), "numpy", np.__version__)


def aggregate(strategy, orders):
    """What comes of a = 0 and b = 10 if every client moves both by 1."""
    strategy.current_arrays = ArrayRecord({"a": Array(np.zeros(2)), "b": Array(np.full(2, 10.0))})
    sent, replies = {"a": np.ones(2), "b": np.full(2, 11.0)}, []
    for order in orders:
        content = RecordDict({"arrays": ArrayRecord({k: Array(sent[k]) for k in order}),
                              "metrics": MetricRecord({"num-examples": 1, "train_loss": 1.0})})
        replies.append(Message(content, reply_to=Message(RecordDict(), message_type="train", dst_node_id=1)))
    arrays = strategy.aggregate_train(1, replies)[0]
    return {k: round(float(arrays[k].numpy()[0]), 2) for k in "ab"}


def clipping():
    return DifferentialPrivacyServerSideFixedClipping(FedAvg(), 0.0, 2.0, 3)  # 2 is the update's norm


differs = {}
for make in (FedAvg, FedMedian, FedTrimmedAvg, Bulyan, lambda: QFedAvg(client_learning_rate=1.0), clipping):
    same, mixed = aggregate(make(), ("ab", "ab", "ab")), aggregate(make(), ("ba", "ab", "ab"))
    name = type(make()).__name__
    differs[name] = same != mixed
    print("%-42s same order %s, one in another %s" % (name, same, mixed))
if list(differs.values()) != [False] * 3 + [True] * 3:
    sys.exit(f"changed: the order of names matters elsewhere: {differs}")
PY
