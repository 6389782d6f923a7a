# SPDX-License-Identifier: Apache-2.0
"""The ServerApp that a SuperLink runs; its settings are the run's configuration.

They stand in ``[tool.flwr.app.config]`` of an app's pyproject.toml, all of them, as
docs/federated.md shows, and may be changed by ``flwr run -c``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from myna.errors import MynaError
from myna.evaluation.split import assign_classes
from myna.federated.client import LOSSLESS, Order
from myna.federated.cohort import Cohort
from myna.federated.federation import Federation
from myna.federated.fleet_grid import FleetGrid
from myna.federated.flower import Context, Grid, ServerApp
from myna.federated.privacy.terms import Privacy
from myna.federated.store import Store
from myna.federated.strategies import STRATEGIES
from myna.federated.verification import CODEWORDS
from myna.files import expect_writable
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions.checkpoint import save_checkpoint
from myna.sessions.export import checkpoint_of

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Let the clients learn that come, and keep every round.

    Raises:
        MynaError: a setting is missing or wrong, clients do not come, or all fail.
    """
    asked = Settings.of(context.run_config)
    expect_writable(Path(asked.output))
    federation = asked.federation()
    project = federation.project
    model = f"{project.fingerprint:08x}"
    fleet = FleetGrid(grid, model, asked.clients, asked.wait, asked.patience)
    fleet.expect_all()
    with Store.open(Path(asked.results), asked.kept(project), resume=asked.resume) as store:
        state = federation.serve(fleet, store, _silent)
    save_checkpoint(checkpoint_of(project, state), Path(asked.output))


@dataclass(frozen=True)
class Settings:
    """The configuration of a run.

    Attributes:
        model, train, words, clients, rounds, sample, strategy, epochs, rate, rehearsals, seed: as
            for ``myna federate``, with words as "A,B,…", "" where users are told.
        proximal: likewise; 0 for what the strategy has.
        bits_up, bits_down: likewise; 0 for updates that are not compressed.
        secure, dp, clip, noise: likewise; "" and 0 for no noise.
        results: the SQLite file of all rounds.
        resume: whether to go on with the run that it holds.
        output: a file for what was learned.
        wait: seconds, for all clients to come.
        patience: seconds, for the answers to a message.
    """

    model: str
    train: str
    words: str
    clients: int
    rounds: int
    sample: int
    strategy: str
    epochs: int
    rate: float
    proximal: float
    rehearsals: int
    bits_up: float
    bits_down: float
    seed: int
    secure: bool
    dp: str
    clip: int
    noise: float
    results: str
    resume: bool
    output: str
    wait: float
    patience: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """The settings of a run.

        Raises:
            MynaError: one is missing, or there is no such strategy.
        """
        try:
            found = cls(**{name: config[name] for name in cls.__dataclass_fields__})
            _ = STRATEGIES[found.strategy]
            found._expect_types()
        except KeyError as error:
            raise MynaError(
                f"lacks {error}, or there is none of that name",
                where="[tool.flwr.app.config]",
                fix="write all settings, as docs/federated.md shows",
            ) from error
        return found

    def _expect_types(self) -> None:
        """Raise a MynaError if a setting is of another type than it must be."""
        kinds: dict[str, tuple[type, ...]] = {
            "str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)
        }  # fmt: skip
        for name, field in self.__dataclass_fields__.items():
            value = getattr(self, name)
            if not isinstance(value, kinds[str(field.type)]) or (
                isinstance(value, bool) and field.type != "bool"
            ):
                raise MynaError(
                    f"{name} is {value!r}, no {field.type}",
                    where="[tool.flwr.app.config]",
                    fix="write it as docs/federated.md shows",
                )

    def federation(self) -> Federation:
        """The federation of clients elsewhere: of each is known its number only.

        Raises:
            MynaError: no such model, it has too few classes, or what is asked does not go together.
        """
        project = open_project(Path(self.model), Options(train=self.train))
        package = project.package
        tells_user = package.code is not None
        words = () if tells_user and not self.words else self.words.split(",")
        classes = assign_classes(package.labels, words, package.rows)
        cohort = Cohort.elsewhere(classes, self.clients)
        privacy = Privacy(self.secure, self.dp or None, self.clip, self.noise)
        order = Order(
            *(0, self.seed, project.options.clips, 0.0, self.rate, self.epochs, self.rehearsals),
            privacy.bits(self.bits_up, LOSSLESS),
            vary=not tells_user,
        )
        strategy = STRATEGIES[self.strategy]
        if tells_user:
            strategy = CODEWORDS.strategy(self.clients, self.sample, self.strategy)
        strategy = strategy.adapted(self.sample or None, self.clients, self.proximal or None)
        asked = strategy.count(self.clients)
        privacy.check(asked)
        order = strategy.order(privacy.order(order, asked), project.program)
        bits_down = privacy.bits(self.bits_down, LOSSLESS)
        return Federation(
            *(project, cohort, (), strategy, order, self.rounds, 0, 1, bits_down), privacy=privacy
        )

    def kept(self, project: Project) -> dict[str, Any]:
        """What the result depends on, but for the number of rounds; see `Store.open`."""
        depends = asdict(self)
        for name in ("rounds", "results", "resume", "output", "wait", "patience", "train"):
            del depends[name]
        return depends | {"model": f"{Path(self.model).name} {project.fingerprint:08x}"}


def _silent(done: int, total: int) -> None:
    """What a round brought is in the results."""
