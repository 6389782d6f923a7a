# SPDX-License-Identifier: Apache-2.0
"""Flower, imported here alone: without telemetry or update check, or with a word on how to get it.

Only the modules that are Flower apps, and the command, import this one.
"""

from __future__ import annotations

import logging
import os

from myna.errors import MynaError, install

__all__ = [
    "ArrayRecord",
    "ClientApp",
    "ConfigRecord",
    "Context",
    "Error",
    "FedAvg",
    "Grid",
    "Message",
    "MessageType",
    "MetricRecord",
    "RecordDict",
    "ServerApp",
    "TaskIdentity",
]

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"  # both are read when Flower is imported
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"

try:
    from flwr.app import (
        ArrayRecord,
        ConfigRecord,
        Context,
        Error,
        Message,
        MessageType,
        MetricRecord,
        RecordDict,
    )
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.supercore.task_identity import TaskIdentity
except ImportError as error:
    raise MynaError(f"Flower cannot be used ({error})", fix=install("federated")) from error

logging.getLogger("flwr").setLevel(logging.ERROR)  # what a round brought is reported by Myna
