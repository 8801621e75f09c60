"""The public calculator's `stats.json` and `stats_meta.json`: one histogram.

`stats.json` has `k` and `histogram`, accepted drafts to counts. `stats_meta.json` has
the same as shares, with the mean and the number of bursts beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from simcore.config.acceptance import DraftLength
from simcore.config.base import AS_TUPLE, INTEGER_KEYS, FieldIssue
from simcore.config.document import Document
from simcore.config.importers.recording import (
    Convention,
    Foreign,
    ImportOptions,
    Reading,
    Recording,
    accepted_bins,
    agreed,
    list_bins,
    sum_bins,
)

_Weight = Annotated[float, Field(ge=0, le=1e15)]
_Bins = Annotated[dict[int, _Weight], INTEGER_KEYS]


class _Stats(Foreign):
    k: DraftLength
    histogram: Annotated[_Bins, Field(min_length=1)]


class _Meta(Foreign):
    k: DraftLength
    acceptance_probs: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...],
        AS_TUPLE,
        Field(min_length=1),
    ]
    total_bursts: _Weight
    mean_accepted: _Weight


def recognises(record: Document) -> bool:
    """Whether a record is one of these files."""
    data = record.get("stats") if _is_meta(record) else record.data
    names = ("acceptance_probs", "histogram")
    return isinstance(data, dict) and "k" in data and any(n in data for n in names)


def read(
    records: Sequence[Document], options: ImportOptions, reading: Reading
) -> Recording | None:
    """Sum of the files' histograms; None when there are problems."""
    convention = options.convention or "accepted"
    found: list[tuple[Document, int]] = []
    histograms: list[dict[int, float]] = []
    raw: list[Mapping[int, float]] = []
    for record in records:
        read_one = _read_meta if _is_meta(record) else _read_stats
        one = read_one(record, convention, reading)
        if one is None:
            continue
        k, written, bins = one
        found.append((record, k))
        raw.append(written)
        histograms.append(bins)
    recorded = reading.draft_length(agreed(found, "k", reading), options)
    total = sum_bins(raw)
    if len(records) > 1 and any(count % 1 for count in total.values()):
        reading.option(
            "FILE",
            message="shares of several files cannot be added up",
            hint="Give files of counts, or one file.",
        )
    if not reading.problems and options.convention is None and not total.get(0):
        reading.needs_convention("No burst has 0")
    if reading.problems:
        return None
    return Recording(convention, recorded, sum_bins(histograms), notes=_notes(total))


def _is_meta(record: Document) -> bool:
    return isinstance(record.get("stats"), dict)


_Read = tuple[int, Mapping[int, float], dict[int, float]]


def _read_stats(
    record: Document, convention: Convention, reading: Reading
) -> _Read | None:
    stats = reading.check(_Stats, record)
    if stats is None:
        return None
    written = stats.histogram
    bins, issues = accepted_bins(written, convention, stats.k, ("histogram",))
    if not bins:
        issues.append(FieldIssue(("histogram",), message="histogram sum must be > 0"))
    reading.tell(record, issues)
    return stats.k, written, bins


def _read_meta(
    record: Document, convention: Convention, reading: Reading
) -> _Read | None:
    part = record.section("stats")
    meta = reading.check(_Meta, part, ("stats",))
    if meta is None:
        return None
    shares = meta.acceptance_probs
    counts = [share * meta.total_bursts for share in shares]
    if meta.total_bursts and all(_nearly(c, round(c)) for c in counts):
        written = list_bins(round(count) for count in counts)
    else:
        written = {n: share for n, share in enumerate(shares) if share}
    bins, issues = accepted_bins(written, convention, meta.k, ("acceptance_probs",))
    if not _nearly(math.fsum(shares), 1):
        issues.append(
            FieldIssue(
                ("acceptance_probs",),
                message=f"sum is {math.fsum(shares):.9g}",
                allowed="must be 1",
            )
        )
    elif not issues:
        mean = sum(n * c for n, c in bins.items()) / math.fsum(bins.values())
        if not _nearly(mean, meta.mean_accepted):
            hint = None
            if _nearly(abs(mean - meta.mean_accepted), 1):
                hint = "They are one apart: one of the two counts the bonus token."
            issues.append(
                FieldIssue(
                    ("mean_accepted",),
                    got=f"{meta.mean_accepted:.9g}",
                    allowed=f"must be {mean:.9g}, as acceptance_probs has",
                    hint=hint,
                )
            )
    reading.tell(part, issues, ("stats",))
    return meta.k, written, bins


def _nearly(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)


def _notes(total: Mapping[int, float]) -> list[str]:
    if any(count % 1 for count in total.values()):
        return ["The file has shares, not counts: how many bursts is unknown."]
    return []
