"""What a reader of a foreign format hands on, and the rules of the bonus token.

Two conventions are in use, one apart: *accepted* drafts (0 to K, the bonus token
excluded) and *committed* tokens (1 to K + 1, the bonus token included). A recording in
the wrong one looks plausible and moves every result, so what the data can show is
checked, and what it cannot show must be stated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field

from simcore.config.base import MAX_DRAFT_LENGTH, FieldIssue, FrozenConfig
from simcore.config.document import MAX_PROBLEMS, Document, Path
from simcore.config.problems import issue_problem, validate
from simcore.errors import Problem

Convention = Literal["accepted", "committed"]
#: Kinds of acceptance that a recording can become.
ReplayKind = Literal["histogram", "burst_replay", "position_replay"]

MEANING: dict[Convention, str] = {
    "accepted": "accepted drafts, the bonus token excluded",
    "committed": "committed tokens, the bonus token included",
}

Count = Annotated[int, Field(ge=0, le=10**15)]
Length = Annotated[int, Field(ge=0, le=MAX_DRAFT_LENGTH + 1)]

M = TypeVar("M", bound="Foreign")


class Foreign(FrozenConfig):
    """Base of the records of other programs: keys that nobody needs are ignored."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class ImportOptions:
    """What the user states about a recording.

    Attributes
    ----------
    convention : str or None
        How the file counts; None: as the format says or the data shows.
    draft_length : int or None
        K, where the file does not say it.
    kind : str or None
        Kind of acceptance to make; None: the one that keeps most.
    method : str or None
        Which of several recorded drafters.
    records : int or None
        Only the first so many records of each file.
    """

    convention: Convention | None = None
    draft_length: int | None = None
    kind: ReplayKind | None = None
    method: str | None = None
    records: int | None = None


@dataclass
class Recording:
    """A recording, counted as our files count.

    Attributes
    ----------
    convention : str
        How the file counted.
    k : int or None
        Draft length of every burst; None when the file does not say.
    histogram : mapping of int to float
        Accepted drafts to bursts; empty when there are positions.
    bursts : list of list of int or None
        Per request, accepted drafts in order, where the file has them.
    positions : list of list of int or None
        Per request and token position, committed tokens.
    requests : int or None
        Requests that it covers, where they are known.
    notes : list of str
        What the user should know, a sentence each.
    """

    convention: Convention
    k: int | None
    histogram: Mapping[int, float] = field(default_factory=dict)
    bursts: list[list[int]] | None = None
    positions: list[list[int]] | None = None
    requests: int | None = None
    notes: list[str] = field(default_factory=list)


class Reading:
    """Collects the problems of one import, those of the same cause counted."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @property
    def full(self) -> bool:
        """Whether there are more problems than anybody reads."""
        return len(self.problems) > MAX_PROBLEMS

    def check(self, model: type[M], part: Document, path: Path = ()) -> M | None:
        """Part of a record as an object; None when it has problems.

        Parameters
        ----------
        model : type
            What it should be.
        part : Document
            The part alone.
        path : Path
            Where it stands in its record.
        """
        found, problems = validate(model, part, path)
        self.problems += problems
        return found

    def tell(
        self, part: Document, issues: Iterable[FieldIssue | None], path: Path = ()
    ) -> None:
        """Note what does not hold in a part of a record; None is no issue."""
        self.problems += [
            issue_problem(issue, part, path) for issue in issues if issue is not None
        ]

    def option(
        self,
        name: str,
        *,
        got: str | None = None,
        message: str | None = None,
        allowed: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Note that an option is wrong or missing."""
        self.problems.append(
            Problem(name, message=message, got=got, allowed=allowed, hint=hint)
        )

    def needs_convention(self, why: str) -> None:
        """Note that the user must say how the file counts, and why."""
        self.option(
            "--convention",
            message="missing",
            allowed="must be accepted or committed",
            hint=(
                f"{why}: the file may count accepted drafts (the bonus token excluded) "
                "or committed tokens (included). Whoever recorded it knows."
            ),
        )

    def needs_draft_length(self, why: str) -> None:
        """Note that the user must give K, and why."""
        self.option(
            "--draft-length",
            message="missing",
            allowed="must be the number of drafts of a burst (K)",
            hint=why,
        )

    def draft_length(self, recorded: int | None, options: ImportOptions) -> int | None:
        """K as recorded or as stated; both must agree."""
        stated = options.draft_length
        if None not in (recorded, stated) and recorded != stated:
            self.option(
                "--draft-length",
                got=str(stated),
                allowed=f"must be {recorded}, as the file says",
                hint="Leave it out, or import a recording of that draft length.",
            )
        return recorded if stated is None else stated


def accepted_bins(
    histogram: Mapping[int, float],
    convention: Convention,
    k: int | None,
    path: tuple[str | int, ...],
) -> tuple[dict[int, float], list[FieldIssue]]:
    """Histogram of accepted drafts, and bins that the convention does not have.

    Parameters
    ----------
    histogram : mapping
        As the file counts.
    convention : str
        How that is.
    k : int or None
        Draft length, where it is known.
    path : tuple
        Field of the histogram.
    """
    issues = [
        FieldIssue((*path, n), message=f"bin {n}", allowed="must be >= 0")
        for n in histogram
        if n < 0
    ]
    bonus = 1 if convention == "committed" else 0
    empty = not histogram.get(0)
    if bonus and not empty:
        issues.append(
            FieldIssue(
                path,
                message=f"{bursts_text(histogram[0])} of 0 tokens",
                allowed="a burst commits at least the bonus token",
                hint="These are accepted drafts: --convention accepted.",
            )
        )
    bins = {n - bonus: count for n, count in histogram.items() if count and n >= bonus}
    above = [n for n in bins if k is not None and n > k]
    if above and k is not None:
        hint = "Is --draft-length right?"
        if not bonus and empty and max(above) == k + 1:
            hint = (
                "No burst has 0 and some have K + 1, so the bonus token seems to be "
                "counted: --convention committed."
            )
        issues.append(
            FieldIssue(
                path,
                message=f"{bursts_text(bins[max(above)])} of {max(above) + bonus}",
                allowed=f"must be at most {k + bonus} {_unit(convention)} at K = {k}",
                hint=hint,
            )
        )
    return bins, issues


def total_issue(
    bins: Mapping[int, float],
    convention: Convention,
    total: int,
    path: tuple[str | int, ...],
) -> FieldIssue | None:
    """The issue of a recorded total of accepted drafts that the bins do not have.

    Parameters
    ----------
    bins : mapping
        Accepted drafts to bursts, under the convention.
    convention : str
        Assumed or stated convention of the file.
    total : int
        Accepted drafts as the file sums them up.
    path : tuple
        Field of the total.
    """
    accepted = sum(n * count for n, count in bins.items())
    bursts = sum(bins.values())
    if accepted == total:
        return None
    hint = None
    other: Convention = "committed" if convention == "accepted" else "accepted"
    if accepted - total == (bursts if convention == "accepted" else -bursts):
        hint = f"The histogram counts {MEANING[other]}: --convention {other}."
    elif total - accepted == bursts:
        hint = "The total counts the bonus tokens, the histogram does not."
    return FieldIssue(
        path,
        got=str(total),
        allowed=f"must be {accepted:.0f} accepted drafts, as the histogram has",
        hint=hint,
    )


def list_bins(counts: Iterable[int]) -> dict[int, float]:
    """Counts by index as a histogram, without its empty bins."""
    return {n: float(count) for n, count in enumerate(counts) if count}


def sum_bins(histograms: Iterable[Mapping[int, float]]) -> dict[int, float]:
    """Sum of histograms, its bins in order."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        for n, count in histogram.items():
            total[n] += count  # type: ignore[assignment]
    return {n: float(total[n]) for n in sorted(total)}


def bins_of(bursts: Iterable[Iterable[int]]) -> dict[int, float]:
    """Histogram of bursts."""
    counted = Counter(accepted for request in bursts for accepted in request)
    return {n: float(counted[n]) for n in sorted(counted)}


def agreed(
    values: Iterable[tuple[Document, Any]], name: str, reading: Reading
) -> Any | None:
    """The one value that all records have; another one is a problem.

    Parameters
    ----------
    values : iterable of (Document, object)
        The records and their values; None where a record does not say.
    name : str
        Field, for the problem.
    reading : Reading
        Gets the problems.
    """
    common = None
    for document, value in values:
        if value is None:
            continue
        if common is None:
            common = value
        elif value != common and not reading.full:
            issue = FieldIssue(
                (name,),
                got=str(value),
                allowed=f"must be {common}, as in the records before",
                hint="Import each draft length by itself.",
            )
            reading.tell(document, [issue])
    return common


def bursts_text(count: float) -> str:
    """`1 burst`, `3 bursts`."""
    return f"{count:.15g} {'burst' if count == 1 else 'bursts'}"


def _unit(convention: Convention) -> str:
    return "accepted drafts" if convention == "accepted" else "committed tokens"
