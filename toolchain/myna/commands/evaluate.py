# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate``: how well users' words are learned."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from myna.audio.dataset import Heard
from myna.commands.common import (
    jobs_option,
    json_option,
    model_argument,
    names,
    port_option,
    progress,
    training_options,
    write_json,
)
from myna.commands.evaluation_options import (
    DATA,
    code_length_option,
    data_path,
    read,
    require_sound,
)
from myna.commands.scene_evaluation import SCENE, evaluate_scene
from myna.commands.scene_evaluation import USED as SCENE_USED
from myna.commands.stream_evaluation import ONLY as STREAM_ONLY
from myna.commands.stream_evaluation import (
    STREAM,
    Asked,
    StreamOptions,
    evaluate_stream,
    stream_options,
)
from myna.commands.stream_evaluation import USED as STREAM_USED
from myna.commands.stream_refusal_evaluation import STREAM_REFUSAL, evaluate_stream_refusal
from myna.commands.stream_refusal_evaluation import USED as STREAM_REFUSAL_USED
from myna.commands.verification import USED, USERS, VERIFICATION, verification
from myna.errors import MynaError
from myna.evaluation import owner, split
from myna.evaluation.engine import FLOAT, EngineSpec
from myna.evaluation.evaluate import examine_all, summarize
from myna.evaluation.protocol import EvaluationProtocol, Request
from myna.evaluation.protocols import PROTOCOLS
from myna.evaluation.sources import are_examples
from myna.learn.recipe import Recipe
from myna.package.budget import fit_ram
from myna.package.package import load_package
from myna.passes.pipeline import Options
from myna.passes.training.select import ALL

OWNER = "owner"  # examines voices, not an engine that learns
LISTENING = {
    STREAM: evaluate_stream,
    SCENE: evaluate_scene,
    STREAM_REFUSAL: evaluate_stream_refusal,
}


@click.command()
@model_argument
@click.option("--data", type=data_path, required=True, help=DATA)
@click.option(
    "--protocol", type=click.Choice([*PROTOCOLS, OWNER, *LISTENING, VERIFICATION]), required=True
)
@click.option("--shots", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--speakers", help="A,B,… or all; absent: those with the most takes, held out of training."
)
@click.option(
    "--max-speakers",
    type=click.IntRange(1),
    show_default=f"{split.SPEAKERS}; users to verify: {USERS}",
    help="How many speakers to choose.",
)
@click.option("--new-words", help="Absent: the alphabetically first that the model never heard.")
@click.option("--base-data", type=data_path, help="The same of what the model knew.")
@code_length_option
@stream_options
@click.option(
    "--engine", default="host", show_default=True, help="float, reference, host, stream, BOARD."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@jobs_option
@port_option
@training_options
@json_option
def evaluate(
    model: Path,
    data: Path,
    protocol: str,
    shots: int,
    speakers: str | None,
    max_speakers: int | None,
    new_words: str | None,
    base_data: Path | None,
    code_length: int,
    listening: StreamOptions,
    engine: str,
    seed: int,
    jobs: int,
    port: str | None,
    chosen: Options,
    json_file: Path | None,
) -> None:
    """Let users enroll words in MODEL and examine it on their other takes, before and after.

    speaker: K takes of every word that the model knows. new-words: K takes of each new word. open-
    set: K takes of each new word, against all other words and noise. self-label: K takes of each
    new word, then as many takes unlabelled as tested. refusal, stream-refusal: K takes of each new
    word, then a foreign one is refused. verification: K takes of each user, of any words, train
    codewords together; no board does. noise: K seconds of the noise of a room, and with --new-words
    K takes of each. owner: K takes of each word by its owner, against others who say the same.
    stream: K takes of each new word, listened for, and in hours without it. scene: in 20 minutes.
    """
    asked = {"model": str(model), "data": data.name, "engine": engine}
    _refuse_unused(protocol)
    if protocol == VERIFICATION:
        found = verification(model, data, shots, max_speakers or USERS, code_length, engine, seed)
    elif protocol in LISTENING:
        wanted = Asked(model, data, new_words, shots, max_speakers, listening, seed, jobs)
        found = LISTENING[protocol](wanted, engine)
    if protocol in (VERIFICATION, *LISTENING):
        write_json(json_file, "evaluate", asked | found)
        return
    chosen_protocol = PROTOCOLS.get(protocol)
    if chosen_protocol is None or chosen_protocol.needs_sound or not are_examples(data):
        require_sound(model, data)
    spec = EngineSpec(engine, model, chosen, port)
    spec.check()
    package = load_package(model)
    fitted = fit_ram(package, chosen)[1]
    request = Request(
        package,
        Heard.load(model),
        data,
        base_data,
        shots,
        () if speakers == "all" else names(speakers),
        max_speakers or split.SPEAKERS,
        names(new_words),
        Recipe.of(whole=fitted.train == ALL, vary=package.has_front_end),
        seed,
        partial(read, model),
        package.measured_for(fitted.train),
    )
    if chosen_protocol is None:
        write_json(json_file, "evaluate", asked | _owners(spec, request, model))
        return
    found = _examine(chosen_protocol, spec, request, 1 if port else jobs)
    _print(chosen_protocol, found, fitted)
    write_json(json_file, "evaluate", asked | {"train": chosen.train, "ram": chosen.ram} | found)


def _examine(
    protocol: EvaluationProtocol, spec: EngineSpec, request: Request, jobs: int
) -> dict[str, Any]:
    """Examine all users; the figures by name."""
    exams = protocol.exams(request)
    with progress(f"{protocol.name} on {spec.name}") as report:
        people = examine_all(spec, exams, jobs, report)
    found = summarize(people, protocol.fields)
    about = {"protocol": protocol.name, "shots": request.shots}
    return {**about, **found, **protocol.conclude(found), "seed": request.seed}


def _refuse_unused(protocol: str) -> None:
    """Raise a MynaError if an option was given that would do nothing."""
    context = click.get_current_context()
    takes = {
        VERIFICATION: USED,
        STREAM: STREAM_USED,
        SCENE: SCENE_USED,
        STREAM_REFUSAL: STREAM_REFUSAL_USED,
    }
    others = {option.name for option in context.command.params} - STREAM_ONLY - {"code_length"}
    for option in context.command.params:
        name = option.name or ""
        used = name in takes.get(protocol, others)
        if not used and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise MynaError(
                f"{option.opts[0]} does nothing", where=f"protocol {protocol}", fix="leave it out"
            )


def _owners(spec: EngineSpec, request: Request, model: Path) -> dict[str, Any]:
    """Examine voices, which no engine does, and show what came of it."""
    if spec.on_board or spec.name == FLOAT:
        raise MynaError(
            "examines voices in this process; boards give the same bytes",
            where=f"protocol {OWNER}",
            fix="leave --engine and --port out",
        )
    figures = owner.examine(request, model)
    _print_owners(figures)
    return {"protocol": OWNER, **figures}


def _print(protocol: EvaluationProtocol, summary: Mapping[str, Any], fitted: Options) -> None:
    people = len(summary["speakers"])
    click.echo(f"{protocol.name}, {summary['shots']} shots, {people} speakers")
    for field, title in protocol.shown.items():
        if summary[field] is not None:
            click.echo(f"  {title:24} {_figure(summary[field])}")
    _warn(summary, fitted)


def _print_owners(figures: Mapping[str, Any]) -> None:
    click.echo(f"owner, {figures['shots']} shots, {len(figures['owners'])} owners")
    for place in (name for name in figures if isinstance(figures[name], dict)):
        click.echo(f"  {place}")
        for field, title in owner.SHOWN.items():
            value = figures[place][field]
            low, high = value["ci95"]
            click.echo(f"    {title:42} {value['mean']:5.1f} [{low:.0f}, {high:.0f}] %")
    if figures["heard"]:
        heard = ", ".join(figures["heard"])
        click.echo(f"warning: {heard} had a part in the projection or its threshold", err=True)


def _warn(summary: Mapping[str, Any], fitted: Options) -> None:
    """Say so if a board with the RAM asked for cannot keep what was enrolled here."""
    most = max(person.get("enrolled", 0) for person in summary["per_speaker"])
    if fitted.ram is not None and most > fitted.clips:
        held = f"this --ram holds {fitted.clips} clips"
        click.echo(f"warning: {most} takes were enrolled; {held}", err=True)


def _figure(value: Mapping[str, float | None]) -> str:
    half = value["ci95"]
    return f"{value['mean']:.1f} %" if half is None else f"{value['mean']:.1f} ± {half:.1f} %"
