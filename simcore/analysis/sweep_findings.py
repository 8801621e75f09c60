"""What a table of points says: the best draft length, break-even, the Pareto front.

Rows are those of `sweep.parquet`. Points are compared with those that differ from them
in one field alone, so whatever else was swept makes groups of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simcore.analysis.crossover import break_even_prompt_length
from simcore.analysis.pareto import pareto_front

DRAFT_LENGTH = "workload.draft_length"
PROMPT_LENGTH = "workload.prompt_length"

#: What the Pareto front is of; all are better the smaller.
PARETO = ("latency_ns_per_token", "energy_pj_per_token", "area_mm2")

#: Sections that say what work is done; a chip is not better for having less of it.
_WORK = frozenset(
    {"model", "acceptance", "workload", "streams", "arrival", "jitter_cv", "seed"}
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class BestOfGroup:
    """Best draft lengths where everything else is the same; the smaller of equals.

    Attributes
    ----------
    values : dict
        The other swept fields of the group.
    prompt_length : int
        Of the group, or of its first point.
    draft_length_by_throughput, draft_length_by_tokens_per_joule : int or None
        None when no point of the group has that figure.
    speedup : float or None
        Of the best by throughput.
    """

    values: dict[str, Any]
    prompt_length: int
    draft_length_by_throughput: int | None
    draft_length_by_tokens_per_joule: int | None
    speedup: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class BreakEven:
    """Where speculation stops and starts to pay as the prompt grows.

    Attributes
    ----------
    values : dict
        The other swept fields of the group.
    draft_length : int
        Of the group, or of its first point.
    faster_up_to : int or None
        Longest prompt asked for that is faster than the baseline.
    slower_from : int or None
        Shortest prompt asked for beyond it, or of all, that is not faster.
    equal_at : float or None
        Prompt at which both take the same time per token, on the straight line of
        the time saved between these two; None without both.
    tokens_per_joule_from : int or None
        Shortest prompt asked for with more tokens per joule than the baseline.
    """

    values: dict[str, Any]
    draft_length: int
    faster_up_to: int | None
    slower_from: int | None
    equal_at: float | None
    tokens_per_joule_from: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def best_draft_lengths(rows: Sequence[Row], fields: Sequence[str]) -> list[BestOfGroup]:
    """The best K of every group of points that differ in K alone.

    Parameters
    ----------
    rows : sequence of mapping
        Points of the sweep.
    fields : sequence of str
        Dotted fields that change.

    Returns
    -------
    list of BestOfGroup
        In the order of the points; empty when no group has several draft lengths.
    """
    found = []
    for values, group in _groups(rows, fields, DRAFT_LENGTH):
        ordered = _ascending(group, "draft_length")
        if not ordered:
            continue
        fast = _largest(ordered, "throughput_tokens_per_s")
        lean = _largest(ordered, "tokens_per_joule")
        found.append(
            BestOfGroup(
                values=values,
                prompt_length=group[0]["prompt_length"],
                draft_length_by_throughput=(
                    None if fast is None else fast["draft_length"]
                ),
                draft_length_by_tokens_per_joule=(
                    None if lean is None else lean["draft_length"]
                ),
                speedup=None if fast is None else fast["speedup"],
            )
        )
    return found


def break_even_prompts(rows: Sequence[Row], fields: Sequence[str]) -> list[BreakEven]:
    """Break-even prompt lengths of every group of points that differ in it alone.

    Parameters
    ----------
    rows : sequence of mapping
        Points of the sweep.
    fields : sequence of str
        Dotted fields that change.

    Returns
    -------
    list of BreakEven
        In the order of the points; empty when no group has several prompt lengths, or
        nothing was compared with a baseline.
    """
    found = []
    for values, group in _groups(rows, fields, PROMPT_LENGTH):
        compared = [
            row for row in group if row["draft_length"] and row["speedup"] is not None
        ]
        ordered = _ascending(compared, "prompt_length")
        if not ordered:
            continue
        faster = [i for i, row in enumerate(ordered) if row["speedup"] > 1]
        last = faster[-1] if faster else -1
        beyond = ordered[last + 1] if last + 1 < len(ordered) else None
        found.append(
            BreakEven(
                values=values,
                draft_length=group[0]["draft_length"],
                faster_up_to=ordered[last]["prompt_length"] if faster else None,
                slower_from=None if beyond is None else beyond["prompt_length"],
                equal_at=_equal_at(ordered[last], beyond) if faster else None,
                tokens_per_joule_from=break_even_prompt_length(
                    [row["prompt_length"] for row in ordered],
                    [row["tokens_per_joule_ratio"] for row in ordered],
                ),
            )
        )
    return found


def work_fields(fields: Sequence[str]) -> list[str]:
    """The swept fields that change what work is done, not how.

    Parameters
    ----------
    fields : sequence of str
        Dotted fields that change.
    """
    return [
        field
        for field in fields
        if field.partition(".")[0] in _WORK and field != DRAFT_LENGTH
    ]


def pareto_points(rows: Sequence[Row], fields: Sequence[str]) -> list[bool]:
    """Which points are on the Pareto front of those that do the same work.

    Parameters
    ----------
    rows : sequence of mapping
        Points of the sweep, with `PARETO`.
    fields : sequence of str
        Dotted fields that change.

    Returns
    -------
    list of bool
        One for each row, in order.
    """
    work = work_fields(fields)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(tuple(row[field] for field in work), []).append(i)
    on_front = [False] * len(rows)
    for members in groups.values():
        figures: list[list[float | None]] = [
            [rows[i][name] for name in PARETO] for i in members
        ]
        for i, best in zip(members, pareto_front(figures), strict=True):
            on_front[i] = best
    return on_front


def _groups(
    rows: Sequence[Row], fields: Sequence[str], but: str
) -> list[tuple[dict[str, Any], list[Row]]]:
    """Rows with the same values of all fields but one, in the order they begin."""
    others = [field for field in fields if field != but]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[field] for field in others), []).append(row)
    return [
        (dict(zip(others, key, strict=True)), group) for key, group in groups.items()
    ]


def _ascending(rows: Sequence[Row], name: str) -> list[Row]:
    """Rows by a figure; none of them when it is the same everywhere."""
    if len({row[name] for row in rows}) < 2:
        return []
    return sorted(rows, key=lambda row: row[name])


def _largest(rows: Sequence[Row], name: str) -> Row | None:
    known = [row for row in rows if row[name] is not None]
    # The first of equals.
    return max(known, key=lambda row: row[name], default=None)


def _equal_at(faster: Row, slower: Row | None) -> float | None:
    if slower is None:
        return None
    left, right = _saved_ns(faster), _saved_ns(slower)
    at, width = faster["prompt_length"], slower["prompt_length"]
    return float(at + (width - at) * left / (left - right))


def _saved_ns(row: Row) -> float:
    saved: float = row["baseline_latency_ns_per_token"] - row["latency_ns_per_token"]
    return saved
