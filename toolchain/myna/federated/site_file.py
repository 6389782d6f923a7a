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

Paths that are not absolute count from the folder of the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from myna.audio.dataset import scan, select
from myna.errors import MynaError
from myna.evaluation.engine import HOST, EngineSpec
from myna.evaluation.split import assign_classes
from myna.federated.cohort import clients_of, expect_takes
from myna.federated.site import Site, engine_specs
from myna.learn.examples import read_examples
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
    classes = assign_classes(package.labels, words, package.rows)
    own = select(scan(data), speakers={*speakers.values()})
    clips = [clip for clip in own if clip.word in words]  # not all words are said at each site
    expect_takes(speakers.values(), clips, data)
    kept, examples, _ = read_examples(package.front_end, clips, classes)
    expect_takes(speakers.values(), kept, data)
    engines = engine_specs(engine, EngineSpec(HOST, model, options))
    return Site(clients_of(speakers, kept, examples), engines)
