# SPDX-License-Identifier: Apache-2.0
"""Results of commands as one table of a document, a row for each file.

``python -m myna.report.figures FOLDER DOCUMENT.md`` replaces what stands between the document's
lines ``<!-- figures begin -->`` and ``<!-- figures end -->`` by a table of the folder's ``*.json``,
in order of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from myna.evaluation.protocols import PROTOCOLS
from myna.package.example_file import SUFFIX
from myna.report.markdown import insert, percent, table
from myna.report.results import Result, read_result

ROWS = "What", "Result", "Command"


def render(folder: Path) -> str:
    """The Markdown table of a folder's results.

    Raises:
        MynaError: a file is no result that can be shown.
    """
    paths = sorted(folder.glob("*.json"))
    return table(ROWS, [row(path, _described) for path in paths])


def row(path: Path, describe: Callable[[Result], Sequence[str]]) -> Sequence[str]:
    """The cells that describe the result in a file.

    Raises:
        MynaError: the file is missing, or no result that can be described so.
    """
    return read_result(path, describe, "that a table can show")


def _described(result: Result) -> Sequence[str]:
    return [*DESCRIPTIONS[result["command"]](result), f"`{result['invocation']}`"]


def _accuracy(result: Result) -> tuple[str, str]:
    asked = "clips of held-out speakers"
    if result["data"].endswith(SUFFIX):
        asked = f"examples of {result['data']}"
    what = f"{_name(result)}: accuracy on {result['tested']:,} {asked}"
    return f"{what}, {result['engine']}", f"{result['accuracy']:.2f} %"


def _verify(result: Result) -> tuple[str, str]:
    what = f"{_name(result)}: {result['steps']} training steps on {result['board']}"
    return what, f"{result['compared']:,} digests compared, {result['differences']} differences"


def _federate(result: Result) -> tuple[str, str]:
    tells_user = "code_length" in result
    unseen = result["unseen_speakers"] if tells_user else len(result["unseen"])
    what = (
        f"{_name(result)}: {result['clients']} speakers of {result['data']} learn together, "
        f"{result['rounds']} rounds, {result['strategy']}, {unseen} unseen"
    )
    start = percent(result["before"], interval=False)
    whom = "EER with unseen impostors" if tells_user else "for everybody"
    measured = [f"{whom} {start} → {percent(result['after'])}"]
    measured += [
        f"{title} {percent(result[field])}"
        for field, title in FEDERATED.items()
        if result[field] is not None
    ]
    up, down = result["bytes_up_per_client_round"], result["bytes_down_per_client_round"]
    return what, f"{'; '.join(measured)}; {up:,.0f} bytes up, {down:,.0f} down"


def _verification(result: Result) -> tuple[str, str]:
    what = (
        f"{_name(result)}: {len(result['speakers'])} users verified by codewords of "
        f"{result['code_length']} bits, {result['data']}, {_shots(result)}"
    )
    found = []
    for group in ("seen", "unseen"):
        rates = {"codewords": result[group], "softmax": result[group].get("baseline")}
        errors = ", ".join(f"{n} {r['eer']:.1f} %" for n, r in rates.items() if r is not None)
        found.append(f"{group} impostors, EER: {errors}")
    return what, "; ".join(found)


def _shots(result: Result) -> str:
    shots = result["shots"]
    return f"{shots} shot{'s' if shots > 1 else ''}"


def _evaluate(result: Result) -> tuple[str, str]:
    if "code_length" in result:
        return _verification(result)
    people, takes = len(result["speakers"]), _shots(result)
    what = f"{_name(result)}: {result['protocol']}, {result['data']}, {takes}, {people} users"
    return f"{what}, {result['engine']}{_limit(result)}", "; ".join(_measured(result))


def _limit(result: Result) -> str:
    """The RAM that was allowed, if any was named, and what was to be trained in it."""
    if (ram := result.get("ram")) is None:
        return ""
    return f", --train {result['train']} --ram {ram if ram % 1024 else f'{ram // 1024}K'}"


def _measured(result: Result) -> Iterator[str]:
    """The averaged figures that the protocol shows; before and after in one."""
    shown = PROTOCOLS[result["protocol"]].shown
    for field, title in shown.items():
        later = field.replace("before", "after")
        if result.get(field) is None or (field != later and later not in shown):
            continue
        if "before" in field:
            start = percent(result[field], interval=False)
            yield f"{title.replace(' before', '')} {start} → {percent(result[later])}"
        elif field.replace("after", "before") not in shown or "after" not in field:
            yield f"{title} {percent(result[field])}"


def _memory(result: Result) -> tuple[str, str]:
    stored, planned = (result[f"activations_{form}"] for form in ("store_all", "planned"))
    what = f"{_name(result)}: activations of a training step, all stored → planned"
    return what, f"{stored:,} → {planned:,} bytes, {result['ratio']:.1f} times fewer"


def _traffic(result: Result) -> tuple[str, str]:
    what = f"{_name(result)}: bytes moved to quantize gradients, in hindsight against dynamically"
    most, total = result["reduction_max"], result["reduction_total"]
    return what, f"up to {most:.1f} % less, {total:.1f} % in all"


def _bench(result: Result) -> tuple[str, str]:
    what = f"{_name(result)}: --train {result['train']} on {result['board']}"
    counted = [
        f"{title} {result[part]['instructions'] / 1e6:,.1f} M"
        for part, title in BENCHED.items()
        if result[part]
    ]
    return what, f"{', '.join(counted)} instructions; {result['ram']['total']:,} bytes of RAM"


def _name(result: Result) -> str:
    return Path(result["model"]).name


FEDERATED = {
    "centralized": "all takes pooled",
    "local_only": "own takes only",
    "personalized": "federated, own takes",
}
BENCHED = {
    "inference": "inference",
    "train_step": "training step",
    "enroll": "enrolling 5 × 5 takes",
}
DESCRIPTIONS = {
    "accuracy": _accuracy,
    "analyze memory": _memory,
    "analyze traffic": _traffic,
    "bench": _bench,
    "evaluate": _evaluate,
    "federate": _federate,
    "verify": _verify,
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(folder: Path, document: Path) -> None:
    """Put the table of FOLDER's results into DOCUMENT."""
    text = insert(document.read_text("utf-8"), "figures", render(folder))
    document.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
