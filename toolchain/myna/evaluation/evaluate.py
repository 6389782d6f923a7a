# SPDX-License-Identifier: Apache-2.0
"""Examine users before and after enrollment, on any engine, in parallel."""

from __future__ import annotations

import atexit
import math
import multiprocessing
import os
import statistics
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from typing import Any

import numpy as np

from myna.errors import MynaError, show_notes
from myna.evaluation.engine import EngineSpec, Labels
from myna.evaluation.protocol import Exam
from myna.learn.examples import Progress

# 97.5 % quantile of Student's t for 1 … 30 degrees of freedom
STUDENT_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


def percent_right(found: Labels, labels: Labels) -> float:
    """Share of right predictions, in percent."""
    return 100.0 * float(np.mean(found == labels))


def digest(found: Labels) -> str:
    """CRC-32 of predicted classes, one byte each: equal engines have equal digests."""
    return f"{zlib.crc32(found.astype(np.uint8).tobytes()):08x}"


def mean_with_ci(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and half the 95 % confidence interval by Student's t; None for a single value."""
    freedom = len(values) - 1
    half = None
    if freedom:
        # beyond the table, the first term of the Cornish-Fisher expansion: error below 0.002
        t = STUDENT_T[freedom - 1] if freedom <= len(STUDENT_T) else 1.96 + 2.4 / freedom
        half = t * statistics.stdev(values) / math.sqrt(len(values))
    return {"mean": statistics.fmean(values), "ci95": half}


def mean_difference(
    own: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]], field: str
) -> dict[str, float | None]:
    """Mean, with its interval, of what the same users have of a figure beyond another result."""
    pairs = zip(own, other, strict=True)
    return mean_with_ci([one[field] - another[field] for one, another in pairs])


def examine_all(
    spec: EngineSpec, exams: Sequence[Exam], jobs: int, progress: Progress
) -> list[dict[str, Any]]:
    """Examine every user, `jobs` at a time, each process with an engine of its own.

    Raises:
        MynaError: the engine cannot be made, or failed.
    """
    spec.prepare()
    progress(0, len(exams))
    if jobs == 1 or len(exams) == 1:
        with spec.open() as engine:
            results = []
            for exam in exams:
                results.append(exam(engine))
                progress(len(results), len(exams))
            return results
    pool = ProcessPoolExecutor(
        min(jobs, len(exams)), multiprocessing.get_context("spawn"), _begin, (spec,)
    )
    with pool:
        futures = [pool.submit(_work, exam) for exam in exams]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                progress(done, len(exams))
        except BrokenProcessPool as error:
            raise MynaError(
                "a process was ended while it examined a user",
                where=f"{spec.name} engine, {jobs} jobs",
                fix="if memory ran out, use fewer --jobs; then start again",
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


_own: dict[str, Any] = {}  # a worker process's engine, opened at its first task


def _begin(spec: EngineSpec) -> None:
    _own["spec"] = spec
    show_notes()
    threading.Thread(target=leave_with_parent, daemon=True).start()


def leave_with_parent() -> None:
    """Ends a worker process whose parent was killed: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(exam: Exam) -> dict[str, Any]:
    """One exam in a worker process."""
    try:
        if "engine" not in _own:
            stack = ExitStack()
            atexit.register(stack.close)
            _own["engine"] = stack.enter_context(_own["spec"].open())
        return exam(_own["engine"])
    except MynaError as error:
        # its subclasses cannot travel between processes
        raise MynaError(error.what, where=error.where, fix=error.fix) from None


def by_user(exams: Sequence[dict[str, Any]], fields: Sequence[str]) -> list[dict[str, Any]]:
    """One entry for each user, in order of first appearance: means of `fields` over his exams.

    Args:
        exams: entries of `personalization.WordsExam`.
        fields: what to average, where it was measured.
    """
    own: dict[str, list[dict[str, Any]]] = {}
    for exam in exams:
        own.setdefault(exam["speaker"], []).append(exam)
    return [
        {
            "speaker": speaker,
            **{f: statistics.fmean(e[f] for e in taken) for f in fields if f in taken[0]},
            "predictions": [exam["predictions"] for exam in taken],
        }
        for speaker, taken in own.items()
    ]


def summarize(people: Sequence[dict[str, Any]], fields: Sequence[str]) -> dict[str, Any]:
    """Means over users, and every user: the measured fields of ``evaluate --json``.

    Args:
        people: entries of ``per_speaker``.
        fields: what to average; null where the exam did not measure it.
    """
    means = {
        field: mean_with_ci([person[field] for person in people]) if field in people[0] else None
        for field in fields
    }
    return {"speakers": [p["speaker"] for p in people], **means, "per_speaker": list(people)}
