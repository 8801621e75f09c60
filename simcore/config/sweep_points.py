"""From a scenario with a sweep to one checked scenario for every point.

A point is the scenario with some fields overridden, read and checked as `--set` would
have it. All problems of all points are told at once, each with its point and field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simcore.config.document import Document, Path, Place, raise_problems
from simcore.config.known_parts import KnownParts
from simcore.config.load import ScenarioLoading, config_dict, open_scenario
from simcore.config.mapping_reader import read_mapping
from simcore.config.overrides import apply_overrides, put_override
from simcore.config.scenario import ScenarioConfig
from simcore.config.sources import Source
from simcore.config.sweep import PointValues, SweepConfig
from simcore.errors import ConfigError, Problem, printable

_MOST_NAMED = 3


@dataclass(frozen=True)
class SweepPoint:
    """One point of a sweep, ready to run.

    Attributes
    ----------
    number : int
        From 0, in the order written.
    values : mapping of str to scalar
        The fields that the point sets.
    scenario : ScenarioConfig
        With these values.
    """

    number: int
    values: PointValues
    scenario: ScenarioConfig

    @property
    def label(self) -> str:
        """`point 7 (workload.draft_length=4)`, bounded, for people."""
        return point_label(self.number, self.values)


@dataclass(frozen=True)
class SweepPoints:
    """A scenario and the points of its sweep.

    Attributes
    ----------
    base : ScenarioConfig
        The scenario as it runs alone.
    config : SweepConfig
        The sweep as it was asked for.
    points : tuple of SweepPoint
        In order.
    """

    base: ScenarioConfig
    config: SweepConfig
    points: tuple[SweepPoint, ...]


def point_label(number: int, values: PointValues) -> str:
    """A point and what it sets, in at most 150 characters."""
    text = ", ".join(f"{field}={value_text(value)}" for field, value in values.items())
    shown = text if len(text) <= 120 else text[:117] + "..."
    return f"point {number} ({shown})"


def value_text(value: object) -> str:
    """A value as it would be written in a file."""
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return printable(value).strip("'\"")


def load_sweep_points(
    source: Source | ScenarioConfig,
    overrides: Sequence[str] = (),
    allow_outside: bool = False,
    *,
    settings: Mapping[str, Any] | None = None,
    given_as: str = "sweep",
) -> SweepPoints:
    """Load a scenario and every point of its sweep.

    Parameters
    ----------
    source : path, str, mapping or ScenarioConfig
        As `load_scenario` takes it. Of an object that is already resolved, components
        that were looked up cannot be swept.
    overrides : sequence of str
        `KEY=VALUE` for all points.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.
    settings : mapping, optional
        Fields of the `sweep` section in place of what is written there. `grid` or
        `list` replaces both, `requests` and `bursts` each other, and method
        `estimate` what is only for simulations.
    given_as : str
        Where problems say that `settings` are from.

    Raises
    ------
    ConfigError
        With the problems of the scenario; without any, with those of all points.
    """
    typed = isinstance(source, Mapping | ScenarioConfig)
    if isinstance(source, ScenarioConfig):
        source = config_dict(source)
    whole = open_scenario(source)
    overridden, problems = apply_overrides(whole.document, overrides)
    problems = [*whole.problems, *problems]
    problems += put_settings(whole.document, settings or {}, given_as)
    problems += _not_swept(whole.document)
    known = KnownParts()
    # Loading writes defaults into the document; points start from what was written.
    written = whole.document.section()
    loading = ScenarioLoading(whole, overridden, allow_outside, problems, known=known)
    base = loading.load()
    assert loading.file is not None  # it could not have loaded
    config = loading.file.sweep
    assert config is not None  # a missing one is a problem
    swept: set[Path] = {tuple(field.split(".")) for field in config.fields}
    raise_problems(_set_and_swept(overridden, swept))
    if typed or {"grid", "list"} & (settings or {}).keys():
        # Paths in such values are relative to here, not to the file.
        overridden = overridden | swept
    found: list[SweepPoint] = []
    wrong: dict[Problem, list[int]] = {}
    values = config.points()
    for number, point in enumerate(values):
        part = replace(whole, document=written.section(), problems=[])
        part.document.remove(("sweep",))
        told = _put_point(part.document, point, written, number)
        opened = ScenarioLoading(part, overridden, allow_outside, told, known=known)
        try:
            scenario = opened.load()
        except ConfigError as error:
            for problem in error.problems:
                wrong.setdefault(problem, []).append(number)
        else:
            found.append(SweepPoint(number, point, scenario))
    raise_problems(labelled(wrong, values))
    return SweepPoints(base, config, tuple(found))


def put_settings(
    document: Document, settings: Mapping[str, Any], given_as: str
) -> list[Problem]:
    """Write settings of a sweep into a scenario document.

    Parameters
    ----------
    document : Document
        The scenario; changed in place.
    settings : mapping
        Fields of its `sweep` section.
    given_as : str
        Where problems say that they are from.

    Returns
    -------
    list of Problem
        Values that cannot be read.
    """
    if not settings:
        return []
    place = Place(given_as)
    section = document.get("sweep")
    if not isinstance(section, dict):
        document.put(("sweep",), Document({}, {(): place}))
    given = read_mapping(settings)
    given.places = {(name,): place for name in settings}
    replaced: dict[str, tuple[str, ...]] = {
        "grid": ("list",),
        "list": ("grid",),
        "requests": ("bursts",),
        "bursts": ("requests",),
    }
    if settings.get("method") == "estimate":
        replaced["method"] = ("requests", "bursts", "baseline")
    for name in settings:
        for other in replaced.get(name, ()):
            document.remove(("sweep", other))
    for name in settings:
        document.put(("sweep", name), given, (name,))
    return [
        replace(problem, path=f"sweep.{problem.path}", file=given_as)
        for problem in given.problems
    ]


def labelled(
    wrong: Mapping[Problem, Sequence[int]], values: Sequence[PointValues]
) -> list[Problem]:
    """Problems with the points that have them, each problem once.

    Parameters
    ----------
    wrong : mapping of Problem to sequence of int
        The numbers of the points with each problem.
    values : sequence of mapping
        What every point sets.
    """
    found = []
    for problem, numbers in wrong.items():
        first = point_label(numbers[0], values[numbers[0]])
        if len(numbers) == len(values) > 1:
            label = f"all {len(values)} points"
        elif len(numbers) == 1:
            label = first
        else:
            label = ", ".join([first, *map(str, numbers[1:_MOST_NAMED])])
            if len(numbers) > _MOST_NAMED:
                label += f" and {len(numbers) - _MOST_NAMED} more"
        path = f"{label}: {problem.path}" if problem.path else label
        found.append(replace(problem, path=path))
    return found


def _not_swept(document: Document) -> Iterator[Problem]:
    if document.get("sweep") is None:
        yield Problem(
            "sweep",
            document.file,
            message="missing",
            hint="Add a sweep section or use --grid, for example "
            "--grid workload.draft_length=0:8.",
        )


def _set_and_swept(overridden: Iterable[Path], swept: set[Path]) -> list[Problem]:
    """Overrides that every point would overwrite."""
    return [
        Problem(
            ".".join(map(str, path)),
            "override",
            message="the sweep sets it at every point",
            hint="Leave the override out, or the field out of the sweep.",
        )
        for path in sorted(overridden, key=str)
        if any(path[: len(field)] == field for field in swept)
    ]


def _put_point(
    document: Document, values: PointValues, written: Document, number: int
) -> list[Problem]:
    """Write the values of a point, whole sections before what is in them."""
    problems: list[Problem] = []
    for field in sorted(values, key=lambda name: name.count(".")):
        place = written.place(("sweep", "list", number, field))
        if written.get("sweep", "grid") is not None:
            axis = ("sweep", "grid", field)
            several = written.get(*axis)
            at = several.index(values[field]) if isinstance(several, list) else 0
            place = written.place((*axis, at))
        path: Path = tuple(field.split("."))
        try:
            put_override(document, path, Document(values[field], {(): place}))
        except ConfigError as error:
            problems += error.problems
    return problems
