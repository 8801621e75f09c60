"""SGLang's `meta_info` of a request: a histogram over its verification steps.

Read from a `/generate` answer, from the choices of a chat answer, or by itself. The
histogram counts accepted drafts, `spec_accept_length` has the bonus token in it. Names
have changed; both sets are read. How long the drafts were is not written: only how many
drafts were proposed in all, which for a tree are its nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from simcore.config.base import AS_TUPLE, FieldIssue
from simcore.config.document import Document, Path
from simcore.config.importers.recording import (
    Count,
    Foreign,
    ImportOptions,
    Reading,
    Recording,
    list_bins,
    sum_bins,
)
from simcore.config.importers.served import RequestCounts

_HISTOGRAMS = ("spec_correct_drafts_histogram", "spec_accept_histogram")
_ACCEPTED = (
    "spec_num_correct_drafts",
    "spec_accepted_drafts",
    "spec_accept_token_num",
)
_PROPOSED = (
    "spec_num_proposed_drafts",
    "spec_proposed_drafts",
    "spec_draft_token_num",
)
_STEPS = "spec_verify_ct"
_MOST_CHOICES = 1024

_Bins = Annotated[tuple[Count, ...], AS_TUPLE, Field(min_length=1, max_length=1026)]


class _MetaInfo(Foreign):
    spec_verify_ct: Count | None = None
    spec_correct_drafts_histogram: _Bins | None = None
    spec_accept_histogram: _Bins | None = None
    spec_num_correct_drafts: Count | None = None
    spec_accepted_drafts: Count | None = None
    spec_accept_token_num: Count | None = None
    spec_num_proposed_drafts: Count | None = None
    spec_proposed_drafts: Count | None = None
    spec_draft_token_num: Count | None = None


def recognises(record: Document) -> bool:
    """Whether a record has such a `meta_info`."""
    names = {_STEPS, *_HISTOGRAMS}
    return any(names & record.get(*place).keys() for place in _places(record))


def read(
    records: Sequence[Document], options: ImportOptions, reading: Reading
) -> Recording | None:
    """Histogram of the requests; None when there are problems."""
    convention = options.convention or "accepted"
    histograms, raw = [], []
    parts: list[tuple[Document, Path, _MetaInfo]] = []
    for record in records:
        if reading.full:
            break
        places = list(_places(record))
        if not places:
            issue = FieldIssue(("meta_info",), message="missing")
            reading.tell(record, [issue])
        for place in places:
            part = record.section(*place)
            meta = reading.check(_MetaInfo, part, place)
            if meta is not None:
                parts.append((part, place, meta))
    shown = False
    for part, place, meta in parts:
        name = _name(meta, _HISTOGRAMS)
        if name is None and meta.spec_verify_ct == 0:
            continue
        if name is None:
            reading.tell(part, [_no_histogram(meta)], place)
            continue
        accepted = _name(meta, _ACCEPTED)
        counts = RequestCounts(
            list_bins(getattr(meta, name)),
            name,
            meta.spec_verify_ct,
            _STEPS,
            None if accepted is None else getattr(meta, accepted),
            accepted or "",
        )
        bins, issues = counts.checked(convention, options.draft_length)
        reading.tell(part, issues, place)
        histograms.append(bins)
        raw.append(counts.histogram)
        shown = shown or accepted is not None
    if reading.problems:
        return None
    written = sum_bins(raw)
    if options.convention is None and not shown and written and not written.get(0):
        reading.needs_convention("No burst has 0, and the file has no totals")
    k, notes = _draft_length(parts, options, reading)
    bins = sum_bins(histograms)
    if k is not None and max(bins, default=0) > k:
        reading.option(
            "--draft-length",
            got=str(k),
            allowed=f"must be at least {max(bins)}, as a burst has accepted so many",
        )
    if reading.problems:
        return None
    return Recording(convention, k, bins, requests=len(parts), notes=notes)


def _places(record: Document) -> Iterator[Path]:
    """Where a record has a `meta_info`, or may be one itself."""
    if not isinstance(record.data, dict):
        return
    choices = record.get("choices")
    within: list[Path] = [("meta_info",)]
    if isinstance(choices, list):
        count = min(len(choices), _MOST_CHOICES)
        within += [("choices", n, "meta_info") for n in range(count)]
    found = [place for place in within if isinstance(record.get(*place), dict)]
    if found:
        yield from found
    elif {_STEPS, *_HISTOGRAMS} & record.data.keys():
        yield ()


def _name(meta: _MetaInfo, names: Sequence[str]) -> str | None:
    return next((name for name in names if getattr(meta, name) is not None), None)


def _proposed(meta: _MetaInfo) -> int | None:
    """Proposed drafts of a step, if every step may have had as many."""
    name = _name(meta, _PROPOSED)
    if name is None or not meta.spec_verify_ct:
        return None
    each, rest = divmod(getattr(meta, name), meta.spec_verify_ct)
    return None if rest else int(each)


def _no_histogram(meta: _MetaInfo) -> FieldIssue:
    if meta.spec_verify_ct is None:
        return FieldIssue(
            (_STEPS,),
            message="missing",
            hint="SGLang writes it when speculative decoding is on.",
        )
    return FieldIssue(
        ("spec_accept_histogram",),
        message="missing",
        hint=(
            "Totals give only a mean, which fits many distributions; newer SGLang "
            "writes the histogram. Or write kind: geometric by hand."
        ),
    )


def _draft_length(
    parts: Sequence[tuple[Document, Path, _MetaInfo]],
    options: ImportOptions,
    reading: Reading,
) -> tuple[int | None, list[str]]:
    """K as stated, or as the proposed drafts say if every step had as many."""
    ratios = {_proposed(meta) for _, _, meta in parts if meta.spec_verify_ct}
    proposed = ratios.pop() if len(ratios) == 1 else None
    stated = options.draft_length
    if stated is None:
        if proposed is None:
            reading.needs_draft_length(
                "The proposed drafts are missing or differ from step to step; it is "
                "--speculative-num-steps of the server."
            )
        return proposed, [
            f"K = {proposed} is the number of proposed drafts of a step. If the drafts "
            "were trees, give the depth: --draft-length."
        ]
    if proposed is not None and stated > proposed:
        reading.option(
            "--draft-length",
            got=str(stated),
            allowed=f"must be at most {proposed}, the proposed drafts of a step",
        )
    if proposed is not None and stated < proposed:
        return stated, [
            f"{proposed} drafts were proposed in each step of depth {stated}: the "
            "drafts were trees, which accept more than chains of that length."
        ]
    return stated, []
