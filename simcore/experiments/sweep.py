"""A sweep: every point worked out, in one table, with what the table says."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from simcore.analysis.sweep_findings import (
    BestOfGroup,
    BreakEven,
    best_draft_lengths,
    break_even_prompts,
)
from simcore.analysis.variation import varied
from simcore.config.load import config_dict, config_sha256
from simcore.config.scenario import ScenarioConfig
from simcore.config.sweep import Method, SweepConfig
from simcore.config.sweep_points import SweepPoint, SweepPoints, load_sweep_points
from simcore.errors import ConfigError, Problem, ProgramError
from simcore.experiments.plan import ScenarioSource
from simcore.experiments.provenance import provenance
from simcore.experiments.sweep_figures import Figures, SweepTask, baseline_scenario
from simcore.experiments.sweep_folder import SweepFolder
from simcore.experiments.sweep_table import (
    SWEEP_SCHEMA_VERSION,
    sweep_rows,
    sweep_table,
)
from simcore.experiments.sweep_workers import work_out
from simcore.program.outcomes import requests_for_bursts
from simcore.trace.writer import canonical_json

Progress = Callable[[int, int, str], None]

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found.

    Attributes
    ----------
    scenario : ScenarioConfig
        As it runs alone.
    config : SweepConfig
        What was swept, and how.
    rows : tuple of dict
        One a point: `point`, the swept fields, and the columns of `sweep.parquet`.
    warnings : tuple of str
        Of all points, each once, with the points it is of.
    sweep_sha256 : str
        Hash of everything that can change a row.
    path : Path or None
        The folder, if one was written.
    computed, resumed : int
        Scenarios worked out now, and taken from an earlier attempt.
    wall_s : float
        Wall time in seconds.
    """

    scenario: ScenarioConfig
    config: SweepConfig
    rows: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    sweep_sha256: str
    path: Path | None
    computed: int
    resumed: int
    wall_s: float

    @property
    def fields(self) -> tuple[str, ...]:
        """Dotted fields that change."""
        return self.config.fields

    @property
    def method(self) -> Method:
        """How the points were worked out."""
        return self.config.method

    @property
    def holds(self) -> bool:
        """Whether every check of every point holds."""
        return all(row["checks_hold"] is not False for row in self.rows)

    @cached_property
    def best(self) -> list[BestOfGroup]:
        """Best draft lengths."""
        return best_draft_lengths(self.rows, self.fields)

    @cached_property
    def break_even(self) -> list[BreakEven]:
        """Prompt lengths at which speculation breaks even."""
        return break_even_prompts(self.rows, self.fields)

    @property
    def pareto(self) -> list[int]:
        """Points that no other of the same work beats in latency, energy and area."""
        return [row["point"] for row in self.rows if row["pareto"]]

    def table(self) -> pa.Table:
        """One row a point, as in `sweep.parquet`."""
        metadata = {"simcore.sweep_sha256": self.sweep_sha256}
        return sweep_table(self.rows, self.fields, metadata)

    def findings(self) -> dict[str, Any]:
        """What the table says, as plain data."""
        return {
            "best_draft_lengths": [best.to_dict() for best in self.best],
            "break_even": [found.to_dict() for found in self.break_even],
            "pareto": self.pareto,
            "checks_hold": self.holds,
        }


def sweep(
    scenario: ScenarioSource,
    *,
    grid: Mapping[str, Any] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    method: Method | None = None,
    requests: int | None = None,
    bursts: int | None = None,
    baseline: bool | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    jobs: int = 1,
    allow_outside: bool = False,
    progress: Progress | None = None,
    given_as: str = "sweep",
) -> SweepResult:
    """Work out a scenario at many points.

    With `out`, finished points are kept there, and the same call after an
    interruption goes on where it ended.

    Parameters
    ----------
    scenario : path, name, mapping or ScenarioConfig
        With a `sweep` section, unless `grid` or `points` is given.
    grid : mapping of str to sequence or mapping, optional
        Dotted field to values, or to a range `{"from", "to", "step" or "factor"}`.
    points : sequence of mapping, optional
        Instead: dotted fields to values, one mapping a point.
    method : {"simulate", "estimate"}, optional
        Instead of the section's.
    requests, bursts : int, optional
        Of each point; `bursts` means at least so many, in whole requests.
    baseline : bool, optional
        Simulate each point at K = 0 as well.
    overrides : sequence of str
        `KEY=VALUE` for all points.
    seed : int, optional
        Instead of the scenario's. All points have the same seed: what is drawn does
        not depend on settings, so that points differ by their settings alone.
    out : path, optional
        Folder. Without it nothing is written.
    force : bool
        Replace a sweep that is there.
    jobs : int
        Processes. A script that asks for more than one must keep its own work below
        `if __name__ == "__main__":`.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.
    progress : callable, optional
        Called with (done, total, unit).
    given_as : str
        Where problems say that the arguments are from.

    Returns
    -------
    SweepResult
        Also when checks fail: ask `holds`.

    Raises
    ------
    ConfigError, ProgramError
        With the problems of all points, before any is worked out.
    SimulationError
        If a simulation fails; what is finished is kept.
    OutputError
        If the system refuses to write.
    """
    started = time.perf_counter()
    if jobs < 1:
        raise ConfigError([Problem("jobs", got=str(jobs), allowed="must be >= 1")])
    settings = {
        "grid": None if grid is None else {k: _plain(v) for k, v in grid.items()},
        "list": points,
        "method": method,
        "requests": requests,
        "bursts": bursts,
        "baseline": baseline,
    }
    loaded = load_sweep_points(
        scenario,
        [*overrides, *([] if seed is None else [f"seed={seed}"])],
        allow_outside,
        settings={name: v for name, v in settings.items() if v is not None},
        given_as=given_as,
    )
    plan = _Plan.of(loaded)
    folder = None
    if out is not None:
        folder = SweepFolder(Path(out), plan.manifest(), force=force)
    with folder or nullcontext():
        found, computed = _work(plan, folder, jobs, progress)
        result = SweepResult(
            scenario=loaded.base,
            config=loaded.config,
            rows=tuple(plan.rows(found)),
            warnings=tuple(plan.warnings(found)),
            sweep_sha256=plan.sweep_sha256,
            path=None if folder is None else folder.path,
            computed=computed,
            resumed=len(plan.tasks) - computed,
            wall_s=time.perf_counter() - started,
        )
        if folder is not None:
            folder.finish(
                result.table(),
                {
                    "findings": result.findings(),
                    "warnings": list(result.warnings),
                    "computed": result.computed,
                    "resumed": result.resumed,
                    "wall_s": result.wall_s,
                    **provenance(),
                },
            )
    return result


def _plain(values: Any) -> Any:
    """Values of a field as a list, from a `range` or an array as well."""
    if isinstance(values, Iterable) and not isinstance(values, Mapping | str):
        return list(values)
    return values


def _work(
    plan: _Plan, folder: SweepFolder | None, jobs: int, progress: Progress | None
) -> tuple[dict[str, Figures], int]:
    """Figures of every task, and how many were worked out now."""
    found: dict[str, Figures] = {}
    waiting = []
    for task in plan.tasks.values():
        kept = None if folder is None else folder.finished(task)
        if kept is None:
            waiting.append(task)
        else:
            found[task.config_sha256] = kept
    unit = "estimates" if plan.config.method == "estimate" else "simulations"
    done = 0

    def take(task: SweepTask, figures: Figures) -> None:
        nonlocal done
        done += 1
        if folder is not None:
            folder.add(task, figures)
        found[task.config_sha256] = figures
        if progress is not None:
            progress(done, len(waiting), unit)

    if progress is not None and waiting:
        progress(0, len(waiting), unit)
    work_out(waiting, jobs, take)
    return found, len(waiting)


@dataclass(frozen=True)
class _Plan:
    """Points, and the distinct scenarios that give their figures."""

    base: ScenarioConfig
    config: SweepConfig
    points: tuple[SweepPoint, ...]
    #: By the hash of the configuration, in the order of the points.
    tasks: dict[str, SweepTask]
    #: For each point its task and that of its baseline.
    of_point: tuple[tuple[str, str | None], ...]

    @classmethod
    def of(cls, loaded: SweepPoints) -> _Plan:
        config = loaded.config
        points = tuple(_sized(point, config) for point in loaded.points)
        tasks: dict[str, SweepTask] = {}
        failures: dict[str, list[str]] = {}

        def task_of(label: str, scenario: ScenarioConfig) -> str:
            task = SweepTask.of(label, scenario, config.method)
            if task.config_sha256 not in tasks:
                tasks[task.config_sha256] = task
                try:
                    task.check()
                except ProgramError as error:
                    failures.setdefault(str(error), []).append(label)
            return task.config_sha256

        of_point = []
        simulated = config.method == "simulate" and config.baseline
        for point in points:
            own = task_of(point.label, point.scenario)
            baseline = None
            if simulated and point.scenario.workload.draft_length:
                label = f"{point.label} without speculation"
                baseline = task_of(label, baseline_scenario(point.scenario))
            elif simulated:
                baseline = own
            of_point.append((own, baseline))
        _raise_failures(failures)
        return cls(loaded.base, config, points, tasks, tuple(of_point))

    @cached_property
    def sweep_sha256(self) -> str:
        """Hash of everything that can change a row."""
        content = {
            "schema_version": SWEEP_SCHEMA_VERSION,
            "method": self.config.method,
            "points": self.listed(),
        }
        return hashlib.sha256(canonical_json(content)).hexdigest()

    def listed(self) -> list[dict[str, Any]]:
        """What each point sets and which scenarios it needs."""
        return [
            {
                "point": point.number,
                "values": dict(point.values),
                "config_sha256": own,
                "baseline_sha256": baseline,
            }
            for point, (own, baseline) in zip(self.points, self.of_point, strict=True)
        ]

    def manifest(self) -> dict[str, Any]:
        """What `sweep.json` says before anything is worked out."""
        return {
            "schema_version": SWEEP_SCHEMA_VERSION,
            "scenario": self.base.name,
            "seed": self.base.seed,
            "sweep": self.config.model_dump(
                mode="json", by_alias=True, exclude_none=True
            ),
            "fields": list(self.config.fields),
            "points": self.listed(),
            "sweep_sha256": self.sweep_sha256,
            "config": config_dict(self.base),
            "config_sha256": config_sha256(self.base),
        }

    def rows(self, found: Mapping[str, Figures]) -> list[dict[str, Any]]:
        """One row a point."""
        return sweep_rows(
            self.points,
            self.config.fields,
            self.config.method,
            [
                (own, found[own], None if baseline is None else found[baseline])
                for own, baseline in self.of_point
            ],
        )

    def warnings(self, found: Mapping[str, Figures]) -> list[str]:
        """Warnings of all points, each once."""
        told: dict[str, list[int]] = {}
        for point, (own, _) in zip(self.points, self.of_point, strict=True):
            for warning in found[own]["warnings"]:
                told.setdefault(warning, []).append(point.number)
        return [
            warning
            if len(numbers) == len(self.points)
            else f"{_points_text(numbers)}: {warning}"
            for warning, numbers in told.items()
        ]


def _sized(point: SweepPoint, config: SweepConfig) -> SweepPoint:
    """A point with as many requests as the sweep asks for."""
    requests = config.requests
    if config.bursts is not None:
        requests = requests_for_bursts(point.scenario, config.bursts)
    if requests is None:
        return point
    try:
        scenario = varied(point.scenario, requests=requests)
    except ConfigError as error:
        raise ConfigError(
            [
                Problem(f"{point.label}: sweep.requests", got=p.got, allowed=p.allowed)
                for p in error.problems
            ]
        ) from error
    return SweepPoint(point.number, point.values, scenario)


def _raise_failures(failures: Mapping[str, Sequence[str]]) -> None:
    """Raise one `ProgramError` with what no point can run with."""
    if not failures:
        return
    lines = []
    for text, labels in failures.items():
        more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        lines.append(f"{labels[0]}{more}: {text}")
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"... and {len(lines) - _MOST_PROBLEMS} more"]
    raise ProgramError("\n".join(lines))


def _points_text(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:3]))
    if len(numbers) == 1:
        return f"point {shown}"
    more = f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    return f"points {shown}{more}"
