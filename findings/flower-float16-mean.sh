#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: FedAvg of clients that all send 1.0 as float16 is 1.0, or the nearest float16 to it.
# Happens: FedAvg multiplies by each client's share and adds up in the type that was sent. In
#   float16 a share of 1/1000 is rounded, and so is each sum: 100 clients give 0.988, 1000 give
#   0.979. With 10,000 the sum stops at 0.25, where a share is less than half a step, and three
#   quarters of the clients are not counted. float32 is right to 0.1 %. FedTrimmedAvg, which cuts
#   nobody with beta=0, takes NumPy's mean and is right in float16.
# Software: flwr 1.42.0. Not found documented, nor among Flower's issues.
# Why it matters: weights are sent as float16 to halve the traffic of many clients. All of them
#   shrink by the same factor in every round, which looks like weight decay.
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
from flwr.serverapp.strategy import FedAvg, FedTrimmedAvg
from flwr.supercore.task_identity import TaskIdentity

logging.getLogger("flwr").setLevel(logging.CRITICAL)
TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1  # messages belong to a run
print("flwr", version("flwr"), "numpy", np.__version__)


def mean_of_ones(strategy, clients, dtype):
    replies = []
    for _ in range(clients):
        content = RecordDict({"arrays": ArrayRecord({"w": Array(np.ones(1, dtype))}),
                              "metrics": MetricRecord({"num-examples": 1})})
        replies.append(Message(content, reply_to=Message(RecordDict(), message_type="train", dst_node_id=1)))
    return float(strategy.aggregate_train(1, replies)[0]["w"].numpy()[0])


got = {}
print("clients   FedAvg float16   FedAvg float32   FedTrimmedAvg float16")
for n in 10, 100, 1000, 10000:
    half, single = (mean_of_ones(FedAvg(), n, dtype) for dtype in (np.float16, np.float32))
    trimmed = mean_of_ones(FedTrimmedAvg(beta=0.0), n, np.float16)
    print("%7d   %14.4f   %14.4f   %21.4f" % (n, half, single, trimmed))
    got[n] = half
    if abs(single - 1) > 1e-3 or trimmed != 1:
        sys.exit("changed: a case that was right is wrong")
if not (0.98 < got[100] < 0.995 and 0.97 < got[1000] < 0.985 and got[10000] == 0.25):
    sys.exit("changed: the mean of float16 is another")
PY
