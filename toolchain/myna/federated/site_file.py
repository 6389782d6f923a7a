# SPDX-License-Identifier: Apache-2.0
"""A site as a file: which clients it serves, where their takes are, what they learn on.

.. code:: toml

    model = "models/kws"                   # as for myna federate, like all but the clients
    train = "head"
    data = "recordings"
    words = "lamp,radio"
    engine = "/dev/ttyACM0,/dev/ttyACM1"
    [clients]                              # number = speaker
    0 = "alice"
    1 = "bob"

Where users are told, words are "", each client is the user of a board, and engine names its port.
Paths that are not absolute count from the folder of the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from myna.audio.dataset import scan, select
from myna.errors import MynaError
from myna.evaluation.engine import HOST, EngineSpec
from myna.evaluation.split import assign_classes
from myna.federated.board_users import users_of_boards
from myna.federated.client import Client
from myna.federated.cohort import clients_of, expect_takes
from myna.federated.site import Site, engine_specs
from myna.federated.users import speakers_of
from myna.learn.examples import read_examples
from myna.package.package import Package
from myna.passes.pipeline import Options
from myna.project import open_project


def open_site(path: Path) -> Site:
    """The site that a file describes.

    Raises:
        MynaError: the file is missing or damaged, lacks something, or a client has no takes.
    """
    try:
        asked = tomllib.loads(path.read_text("utf-8"))
        speakers = {int(number): str(speaker) for number, speaker in asked["clients"].items()}
        folder, words = path.parent, str(asked["words"]).split(",")
        model, data = folder / asked["model"], folder / asked["data"]
        options, engine = Options(train=str(asked["train"])), str(asked["engine"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MynaError(
            f"describes no site ({type(error).__name__}: {error})",
            where=str(path),
            fix="write it as docs/federated.md shows",
        ) from error
    package = open_project(model, options).package
    engines = engine_specs(engine, EngineSpec(HOST, model, options))
    if package.code is not None:
        return Site(_users(speakers, data, package, engines), engines)
    classes = assign_classes(package.labels, words, package.rows)
    own = select(scan(data), speakers={*speakers.values()})
    clips = [clip for clip in own if clip.word in words]  # not all words are said at each site
    expect_takes(speakers.values(), clips, data)
    kept, examples, _ = read_examples(package.front_end, clips, classes)
    expect_takes(speakers.values(), kept, data)
    return Site(clients_of(speakers, kept, examples), engines)


def _users(
    speakers: Mapping[int, str], data: Path, package: Package, engines: Sequence[EngineSpec]
) -> tuple[Client, ...]:
    """Users of boards, each with all of his takes, whatever is said.

    Raises:
        MynaError: one has no board of his own, or no takes.
    """
    own = speakers_of(data)
    clips = [clip for speaker in {*speakers.values()} for clip in own.get(speaker, ())]
    expect_takes(speakers.values(), clips, data)
    kept, examples, _ = read_examples(package.front_end, clips, {clip.word: 0 for clip in clips})
    expect_takes(speakers.values(), kept, data)
    clients = users_of_boards(clients_of(speakers, kept, examples), engines)
    if not all(client.draws for client in clients):
        raise MynaError(
            "only a board keeps its user's codeword",
            where="engine",
            fix="name the port of a board for each client",
        )
    return clients
