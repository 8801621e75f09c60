"""vLLM's acceptance metrics of a request (`--per-request-spec-decode-metrics`).

In a response they are `metrics.speculative_decoding`; that object alone is read too.
`acceptance_histogram` counts accepted drafts; `mean_acceptance_length` has the bonus
token in it. With `detailed` there is the outcome of every step in order. Steps for
which nothing was drafted are in none of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from simcore.config.acceptance import DraftLength
from simcore.config.base import AS_TUPLE, INTEGER_KEYS, FieldIssue
from simcore.config.document import Document, Path
from simcore.config.importers.recording import (
    Convention,
    Count,
    Foreign,
    ImportOptions,
    Length,
    Reading,
    Recording,
    accepted_bins,
    agreed,
    bursts_text,
    list_bins,
    sum_bins,
)
from simcore.config.importers.served import RequestCounts

_PLACES: tuple[Path, ...] = (
    ("metrics", "speculative_decoding"),
    ("speculative_decoding",),
    (),
)
_HISTOGRAM = "acceptance_histogram"
_BY_LENGTH = "acceptance_histogram_by_draft_length"
_K = "num_spec_tokens"
_NAMES = (_HISTOGRAM, "num_spec_steps")

_UNSEEN = "Steps for which nothing was drafted are not in these metrics."


def _as_bins(value: Any) -> Any:
    # A list by index, or, in the records of load generators, a sparse mapping.
    return dict(enumerate(value)) if isinstance(value, list) else value


_Bins = Annotated[dict[int, Count], INTEGER_KEYS, BeforeValidator(_as_bins)]
_Steps = Annotated[tuple[Length, ...], AS_TUPLE]


class _Metrics(Foreign):
    acceptance_histogram: _Bins
    num_spec_steps: Count
    num_accepted_draft_tokens: Count
    num_draft_tokens: Count
    num_spec_tokens: DraftLength | None = None
    mean_acceptance_length: Annotated[float, Field(ge=0, le=1e6)] | None = None
    acceptance_histogram_by_draft_length: (
        Annotated[dict[int, _Bins], INTEGER_KEYS] | None
    ) = None
    per_step_accepted: _Steps | None = None
    per_step_drafted: _Steps | None = None


def recognises(record: Document) -> bool:
    """Whether a record has these metrics."""
    found = record.get(*_place(record))
    return isinstance(found, dict) and all(name in found for name in _NAMES)


def read(
    records: Sequence[Document], options: ImportOptions, reading: Reading
) -> Recording | None:
    """Histogram or steps of the requests; None when there are problems."""
    convention = options.convention or "accepted"
    found: list[tuple[Document, Path, _Metrics]] = []
    for record in records:
        if reading.full:
            break
        part, place = _part(record, reading)
        metrics = None if part is None else reading.check(_Metrics, part, place)
        if part is not None and metrics is not None:
            found.append((part, place, metrics))
    stated = agreed(((part, m.num_spec_tokens) for part, _, m in found), _K, reading)
    longest = options.draft_length if stated is None else stated
    varying = any(_varies(metrics, longest) for _, _, metrics in found)
    k = reading.draft_length(None if varying else stated, options)
    if k is None and not reading.problems:
        k = stated
    if found and k is None and stated is None:
        reading.needs_draft_length("The file has no num_spec_tokens.")
    if k is None or reading.problems:
        return None
    histograms, bursts, left_out = [], [], 0
    for part, place, metrics in found:
        bins, issues = _checked(metrics, convention, longest)
        if not issues and varying:
            whole = bins
            bins, issues = _at_length(metrics, convention, k)
            left_out += round(sum(whole.values()) - sum(bins.values()))
        reading.tell(part, issues, place)
        histograms.append(bins)
        steps = metrics.per_step_accepted
        if steps is not None and not varying:
            bonus = 1 if convention == "committed" else 0
            bursts.append([accepted - bonus for accepted in steps])
    if reading.problems:
        return None
    notes = [_UNSEEN]
    if left_out:
        notes.append(
            f"{bursts_text(left_out)} of other draft lengths than {k} are left out."
        )
    in_order = [request for request in bursts if request]
    complete = len(bursts) == len(found) and bool(in_order)
    return Recording(
        convention,
        k,
        sum_bins(histograms),
        bursts=in_order if complete else None,
        requests=len(found),
        notes=notes,
    )


def _place(record: Document) -> Path:
    return next((p for p in _PLACES if p and record.get(*p) is not None), ())


def _part(record: Document, reading: Reading) -> tuple[Document | None, Path]:
    place = _place(record)
    if not isinstance(record.data, dict):
        reading.tell(record, [FieldIssue((), message="must be a mapping")])
        return None, place
    if not place and _HISTOGRAM not in record.data:
        reading.tell(
            record,
            [
                FieldIssue(
                    ("metrics", "speculative_decoding"),
                    message="missing or null",
                    hint=(
                        "vLLM writes it with --per-request-spec-decode-metrics, and "
                        "not for requests with n > 1."
                    ),
                )
            ],
        )
        return None, place
    return record.section(*place), place


def _varies(metrics: _Metrics, k: int | None) -> bool:
    """Whether some step drafted another number than K."""
    if k is None:
        return False
    drafted = metrics.per_step_drafted
    if drafted is not None and any(length != k for length in drafted):
        return True
    return metrics.num_draft_tokens != k * metrics.num_spec_steps


def _checked(
    metrics: _Metrics, convention: Convention, k: int | None
) -> tuple[dict[int, float], list[FieldIssue]]:
    """Accepted drafts of a request's steps, and what contradicts itself."""
    written = {n: float(c) for n, c in metrics.acceptance_histogram.items() if c}
    counts = RequestCounts(
        written,
        _HISTOGRAM,
        metrics.num_spec_steps,
        "num_spec_steps",
        metrics.num_accepted_draft_tokens,
        "num_accepted_draft_tokens",
    )
    bins, issues = counts.checked(convention, k)
    if not issues:
        issues = [*_mean_issues(metrics), *_step_issues(metrics, convention, written)]
    return bins, issues


def _mean_issues(metrics: _Metrics) -> list[FieldIssue]:
    mean, steps = metrics.mean_acceptance_length, metrics.num_spec_steps
    if mean is None or not steps:
        return []
    accepted = metrics.num_accepted_draft_tokens / steps
    # Some clients round it.
    if math.isclose(mean, 1 + accepted, abs_tol=0.006):
        return []
    hint = None
    if math.isclose(mean, accepted, abs_tol=0.006):
        hint = "It leaves the bonus token out, which vLLM counts here."
    return [
        FieldIssue(
            ("mean_acceptance_length",),
            got=f"{mean:.9g}",
            allowed=f"must be {1 + accepted:.9g} (1 + accepted / steps)",
            hint=hint,
        )
    ]


def _step_issues(
    metrics: _Metrics, convention: Convention, written: dict[int, float]
) -> list[FieldIssue]:
    accepted, drafted = metrics.per_step_accepted, metrics.per_step_drafted
    by_length = metrics.acceptance_histogram_by_draft_length
    issues = []
    if by_length is not None:
        whole = sum_bins(by_length.values())
        if {n: count for n, count in whole.items() if count} != written:
            issues.append(
                FieldIssue(
                    (_BY_LENGTH,), message=f"its sum is not that of {_HISTOGRAM}"
                )
            )
    if accepted is not None:
        steps = list_bins(
            [accepted.count(n) for n in range(max(accepted, default=0) + 1)]
        )
        if steps != written:
            issues.append(
                FieldIssue(
                    ("per_step_accepted",),
                    message=f"{len(accepted)} steps that are not those of {_HISTOGRAM}",
                )
            )
    if accepted is None or drafted is None:
        return issues
    if len(accepted) != len(drafted):
        return [
            *issues,
            FieldIssue(
                ("per_step_drafted",),
                got=f"{len(drafted)} entries",
                allowed=f"must have {len(accepted)}, as per_step_accepted",
            ),
        ]
    if sum(drafted) != metrics.num_draft_tokens:
        issues.append(
            FieldIssue(
                ("num_draft_tokens",),
                got=str(metrics.num_draft_tokens),
                allowed=f"must be {sum(drafted)}, as per_step_drafted has",
            )
        )
    bonus = 1 if convention == "committed" else 0
    issues += [
        FieldIssue(
            ("per_step_accepted", step),
            got=str(n),
            allowed=f"must be at most the {most} drafted in this step",
        )
        for step, (n, most) in enumerate(zip(accepted, drafted, strict=True))
        if n - bonus > most
    ]
    return issues


def _at_length(
    metrics: _Metrics, convention: Convention, k: int
) -> tuple[dict[int, float], list[FieldIssue]]:
    """The steps that drafted K, of a request whose draft lengths vary."""
    by_length = metrics.acceptance_histogram_by_draft_length
    accepted, drafted = metrics.per_step_accepted, metrics.per_step_drafted
    if by_length is not None:
        path: Path = (_BY_LENGTH, str(k))
        written = {n: float(c) for n, c in by_length.get(k, {}).items() if c}
        return accepted_bins(written, convention, k, path)
    if accepted is not None and drafted is not None:
        chosen = [a for a, d in zip(accepted, drafted, strict=True) if d == k]
        counts = [chosen.count(n) for n in range(max(chosen, default=0) + 1)]
        return accepted_bins(list_bins(counts), convention, k, ("per_step_accepted",))
    if not _varies(metrics, k):
        written = {n: float(c) for n, c in metrics.acceptance_histogram.items() if c}
        return accepted_bins(written, convention, k, (_HISTOGRAM,))
    issue = FieldIssue(
        ("num_draft_tokens",),
        got=str(metrics.num_draft_tokens),
        allowed=f"must be {_K} x num_spec_steps ({k * metrics.num_spec_steps})",
        hint=(
            "The draft length varies, and a short draft looks like a rejection; "
            "record acceptance_histogram_by_draft_length or detailed metrics."
        ),
    )
    return {}, [issue]
