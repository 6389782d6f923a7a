# SPDX-License-Identifier: Apache-2.0
"""``myna federate``: many speakers learn together, without their recordings leaving them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from myna.audio.dataset import Heard
from myna.commands.common import (
    FiniteRange,
    jobs_option,
    json_option,
    model_argument,
    names,
    progress,
    require_front_end,
    training_options,
    writable,
    write_json,
)
from myna.commands.evaluation_options import data_path, read
from myna.commands.privacy_options import privacy_options
from myna.errors import MynaError
from myna.evaluation.engine import EngineSpec
from myna.federated.client import LOSSLESS, Order
from myna.federated.cohort import CohortRequest
from myna.federated.federation import Federation
from myna.federated.privacy.terms import Privacy
from myna.federated.result import result
from myna.federated.site import engine_specs
from myna.federated.store import Store
from myna.federated.strategies import STRATEGIES
from myna.package.package import Package
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.report.figures import FEDERATED
from myna.sessions.checkpoint import save_checkpoint
from myna.sessions.export import checkpoint_of

BITS_UP, BITS_DOWN = 0.85, 3.75  # usual, for each trained weight: 1/32, 1/8 of float32 with frames
bits = FiniteRange(0, LOSSLESS, min_open=True)
SHOWN = {
    "before": "as built",
    "after": "federated",
    **FEDERATED,
}


@click.command()
@model_argument
@click.option(
    "--data", type=data_path, required=True, help="DIR/<word>/<speaker>_<take>.{wav,flac,opus}"
)
@click.option("--base-data", type=data_path, help="Recordings of what the model knew.")
@click.option("--words", help="A,B,…; absent: all, as far as there are classes for them.")
@click.option("--clients", type=click.IntRange(1), default=30, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--strategy", type=click.Choice(list(STRATEGIES)), default="fedavg", show_default=True
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Clients asked in a round; absent: as the strategy has it.",
)
@click.option("--epochs", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option(
    "--rate",
    type=FiniteRange(0, min_open=True),
    default=8.0,
    show_default=True,
    help="Of learning in the first round; it falls with the square root of the round.",
)
@click.option(
    "--proximal",
    type=FiniteRange(0, 1),
    help="How far an epoch goes back to the server's model; absent: as the strategy has it.",
)
@click.option("--rehearsals", type=click.IntRange(0), default=1, show_default=True)
@click.option("--bits-up", type=bits, show_default=str(BITS_UP), help="A trained weight.")
@click.option("--bits-down", type=bits, show_default=str(BITS_DOWN), help="A trained weight.")
@click.option("--shots", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--engine",
    default="host",
    show_default=True,
    help="A,B,…: host, reference, BOARD, or the port of a board; clients take turns.",
)
@click.option("--dropout", type=FiniteRange(0, 1, max_open=True), default=0.0)
@privacy_options
@click.option("--audit", type=click.IntRange(0), default=0, help="Updates that are replayed.")
@click.option(
    "--results", type=click.Path(path_type=Path, dir_okay=False), help="SQLite file of all rounds."
)
@click.option("--resume", is_flag=True, help="Go on with the run that --results holds.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    help="What was learned, for boards: see myna restore.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@jobs_option
@training_options
@json_option
def federate(
    model: Path,
    data: Path,
    base_data: Path | None,
    words: str | None,
    clients: int,
    rounds: int,
    strategy: str,
    sample: int | None,
    epochs: int,
    rate: float,
    proximal: float | None,
    rehearsals: int,
    bits_up: float | None,
    bits_down: float | None,
    shots: int,
    engine: str,
    dropout: float,
    privacy: Privacy,
    audit: int,
    results: Path | None,
    resume: bool,
    output: Path | None,
    seed: int,
    jobs: int,
    chosen: Options,
    json_file: Path | None,
) -> None:
    """Let speakers teach MODEL together: each learns on an engine of its own, updates are averaged.

    Others, who take no part, say how well it went.
    """
    require_front_end(model)
    if resume and results is None:
        raise MynaError("nothing to resume from", fix="name the file with --results")
    up, down = privacy.bits(bits_up, BITS_UP), privacy.bits(bits_down, BITS_DOWN)
    engines = engine_specs(engine, EngineSpec("host", model, chosen))
    project = open_project(model, chosen)
    package = _teachable(project.package)
    cohort = CohortRequest(
        *(package, Heard.load(model), data, base_data, names(words), clients, shots),
        partial(read, model),
    ).gather()
    asking = STRATEGIES[strategy].adapted(sample, proximal)
    asked = asking.count(clients)
    privacy.check(asked)
    order = Order(0, seed, project.options.clips, dropout, rate, epochs, rehearsals, up)
    order = asking.order(privacy.order(order, asked), project.program)
    federation = Federation(
        project, cohort, engines, asking, order, rounds, audit, jobs, down, privacy=privacy
    )
    settings = _settings(federation, model, data, strategy)
    with Store.open(results, settings, resume=resume) as store:
        with progress(f"{clients} clients on {engine}") as report:
            state = federation.run(store, report)
        if output is not None:
            save_checkpoint(checkpoint_of(project, state), output)
        with progress("examine") as report:
            summary = result(federation, store, report)
    said = {"model": str(model), "data": data.name, "engine": engine, "strategy": strategy}
    write_json(json_file, "federate", said | {"seed": seed, "train": chosen.train} | summary)
    _print(summary)


def _teachable(package: Package) -> Package:
    """A package whose model learns words, as clients here teach them."""
    if not package.labels:
        raise MynaError(
            "knows no words that speakers could teach",
            where=f"model {package.model.model.name}",
            fix="use a model of words; users' codewords are trained together by `myna evaluate "
            "--protocol verification`",
        )
    return package


def _settings(federation: Federation, model: Path, data: Path, strategy: str) -> dict[str, Any]:
    """All that the result depends on but the number of rounds."""
    cohort = federation.cohort
    return {
        "model": f"{model.name} {federation.project.fingerprint:08x}",
        "data": data.name,
        "words": sorted(cohort.classes),
        "clients": [client.speaker for client in cohort.clients],
        "takes": [client.digest for client in cohort.clients],
        "strategy": strategy,
        "sample": federation.strategy.asked,
        "order": federation.order.to_config(),
        "bits_down": federation.bits_down,
        "audit": federation.audit,
        "privacy": asdict(federation.privacy),
    }


def _print(summary: Mapping[str, Any]) -> None:
    unseen = len(summary["unseen"])
    click.echo(
        f"{summary['clients']} clients, {summary['rounds']} rounds; {unseen} unseen speakers"
    )
    for field, title in SHOWN.items():
        value = summary[field]
        if value is None:
            continue
        half = "" if value["ci95"] is None else f" ± {value['ci95']:.1f}"
        click.echo(f"  {title:22} {value['mean']:.1f}{half} %")
    up, down = summary["bytes_up_per_client_round"], summary["bytes_down_per_client_round"]
    click.echo(f"  bytes up, down         {up:.0f}, {down:.0f} per client and round")
    _print_privacy(summary)
    click.echo(f"  state                  {summary['aggregate_digest']}")
    if summary["dropouts"]:
        click.echo(f"  dropouts               {summary['dropouts']}")
        for reason in summary["dropout_reasons"]:
            click.echo(f"    {reason}")
    for failure in summary["audit_failed"]:
        click.echo(
            f"  AUDIT: client {failure['client']}, round {failure['round']}: its update does "
            "not follow from its state"
        )
    if summary["audited"]:
        click.echo(f"  replayed               {summary['audited']}")


def _print_privacy(summary: Mapping[str, Any]) -> None:
    found = summary["membership_auc"]
    half = "" if found["ci95"] is None else f" ± {found['ci95']:.2f}"
    click.echo(f"  membership, AUC        {found['mean']:.2f}{half} (0.5 is chance)")
    if summary["epsilon"] is not None:
        rate, times = summary["sampling_rate"], summary["participations"]
        click.echo(
            f"  privacy                ε = {summary['epsilon']:.2f} at δ = {summary['delta']:g};"
            f" sampling rate {rate:.2f}, {times} rounds of a client at most"
        )
