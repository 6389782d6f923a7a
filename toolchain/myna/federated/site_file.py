# SPDX-License-Identifier: Apache-2.0
"""A site as a file: which clients it serves, where their takes are, what they learn on.

.. code:: toml

    model = "models/kws"            # and everything else from the folder that the file is in
    train = "head"                  # as for myna build
    data = "recordings"             # DIR/<word>/<speaker>_<take>.wav
    words = ["lamp", "radio"]       # in the order of the federation
    engine = "host,/dev/ttyACM0"    # as for myna federate
    [clients]                       # number = speaker
    0 = "alice"
    1 = "bob"
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from myna.audio.dataset import scan, select
from myna.errors import MynaError
from myna.evaluation.engine import HOST, EngineSpec
from myna.evaluation.split import assign_classes
from myna.federated.cohort import clients_of
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
        folder, words = path.parent, [str(word) for word in asked["words"]]
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
    clips = select(scan(data), words=words, speakers={*speakers.values()})
    if missing := {*speakers.values()} - {clip.speaker for clip in clips}:
        raise MynaError(f"speaker {min(missing)} said none of the words", where=str(data))
    kept, examples, _ = read_examples(package.front_end, clips, classes)
    engines = engine_specs(engine, EngineSpec(HOST, model, options))
    return Site(clients_of(speakers, kept, examples), engines)
