# SPDX-License-Identifier: Apache-2.0
"""The settings of a run: all of them, and a federation as `myna federate` makes it."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from myna.commands.federate import BITS_DOWN, BITS_UP, federate
from myna.commands.learners import EPOCHS, RATE, REHEARSALS
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.federated.client import LOSSLESS
from myna.federated.superlink import Settings
from myna.federated.verification import CODEWORDS
from support import tiny_model, voices

GUIDE = PROJECT / "docs" / "federated.md"


def config(**changed: Any) -> dict[str, Any]:
    """What the guide writes."""
    section = re.compile(r"^\[tool\.flwr\.app\.config\]\n.*?(?=^END)", re.MULTILINE | re.DOTALL)
    (text,) = section.findall(GUIDE.read_text("utf-8"))
    found = tomllib.loads(text)["tool"]["flwr"]["app"]["config"]
    return found | {"model": str(tiny_model.folder()), "words": "a,two,one"} | changed


def test_a_federation_knows_numbers_and_words() -> None:
    made = Settings.of(config(sample=2)).federation()
    assert [client.number for client in made.cohort.clients] == [0, 1, 2, 3]
    assert made.cohort.classes == {"a": 0, "b": 1, "c": 2, "silence": 3, "two": 4, "one": 5}
    assert (made.strategy.asked, made.rounds) == (2, 2)
    assert made.order.most == made.project.options.clips


def test_the_guide_learns_as_the_command_does_by_default() -> None:
    usual = {option.name: option.default for option in federate.params}
    shown = config()
    usual |= {"epochs": EPOCHS, "rate": RATE, "rehearsals": REHEARSALS}
    for name in ("strategy", "epochs", "rate", "rehearsals", "seed"):
        assert shown[name] == usual[name], name
    assert (shown["bits_up"], shown["bits_down"]) == (BITS_UP, BITS_DOWN)


def test_users_are_told_without_words() -> None:
    made = Settings.of(config(model=str(voices.project().folder), words="", sample=2)).federation()
    assert made.cohort.classes == {}
    assert made.strategy == CODEWORDS.strategy(4, 2)
    assert not made.order.vary
    for more in ({"words": "a"}, {"words": "", "strategy": "fedper"}):
        with pytest.raises(MynaError):
            Settings.of(config(model=str(voices.project().folder), **more)).federation()


def test_private_updates_are_not_compressed() -> None:
    made = Settings.of(config(secure=True, bits_up=0, bits_down=0)).federation()
    assert (made.order.bits, made.bits_down) == (LOSSLESS, LOSSLESS)
    for more in ({"bits_up": 0}, {"bits_down": 0}):
        with pytest.raises(MynaError, match="cannot be compressed"):
            Settings.of(config(secure=True, **more)).federation()


@pytest.mark.parametrize(
    ("changed", "says"),
    [({"rounds": None}, "lacks 'rounds'"), ({"strategy": "fedsgd"}, "lacks 'fedsgd'")],
)
def test_what_is_missing_is_named(changed: dict[str, Any], says: str) -> None:
    found = {name: value for name, value in config(**changed).items() if value is not None}
    with pytest.raises(MynaError, match=says):
        Settings.of(found)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"epochs": "2"}, "epochs is '2', no int"),
        ({"rounds": True}, "rounds is True, no int"),
        ({"rate": "fast"}, "rate is 'fast', no float"),
        ({"secure": 1}, "secure is 1, no bool"),
    ],
)
def test_a_setting_of_another_type_is_named(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(MynaError, match=says):
        Settings.of(config(**changed))


def test_a_whole_number_may_stand_for_a_rate() -> None:
    assert Settings.of(config(rate=8)).rate == 8


def test_what_the_result_does_not_depend_on_does_not_prevent_going_on() -> None:
    one, other = (Settings.of(config(rounds=n, wait=n, patience=n, resume=n > 1)) for n in (1, 2))
    project = one.federation().project
    assert one.kept(project) == other.kept(project)
    assert one.kept(project) != Settings.of(config(seed=9)).kept(project)
    assert one.kept(project) != Settings.of(config(sample=3)).kept(project)
