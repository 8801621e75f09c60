"""Loading: a path, the name of a shipped file, or a mapping becomes a checked object.

All problems of a scenario, those in the files it names included, are reported in one
`ConfigError`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel

from simcore.config.acceptance import (
    ACCEPTANCE_EXTENSIONS,
    ACCEPTANCE_KINDS,
    AcceptanceConfig,
    AnyAcceptance,
    natural_draft_length,
)
from simcore.config.accounting import AccountingConfig
from simcore.config.base import FieldIssue
from simcore.config.document import Document, Path, path_text, raise_problems
from simcore.config.hardware import HardwareConfig
from simcore.config.hardware_resolution import (
    LOOKED_UP_BY,
    is_resolved,
    resolve_hardware,
)
from simcore.config.known_parts import KnownPart, KnownParts
from simcore.config.model import MODEL_EXTENSIONS, ModelConfig, ModelFile
from simcore.config.overrides import apply_overrides
from simcore.config.problems import (
    choices_text,
    did_you_mean,
    issue_problem,
    validate,
)
from simcore.config.reading import LENIENT_PROFILE, Reading
from simcore.config.scenario import (
    ScenarioConfig,
    ScenarioFile,
    WorkloadConfig,
    scenario_issues,
    settings_issues,
)
from simcore.config.shipped import Kind
from simcore.config.sources import Part, Source, open_section, open_source
from simcore.errors import Problem, printable

#: As the field allows; beyond it the field itself is the problem.
_MAX_STREAMS = 100_000

C = TypeVar("C")
M = TypeVar("M", bound=BaseModel)


def load_model(
    source: Source | ModelConfig,
    *,
    lenient: bool = False,
    warnings: list[str] | None = None,
) -> ModelConfig:
    """Load a model from `model.yaml` or a Hugging Face `config.json`.

    Parameters
    ----------
    source : path, str, mapping or ModelConfig
        A string without a suffix is the name of a shipped model.
    lenient : bool
        Accept what the public calculator does: unknown keys, numbers as text.
    warnings : list of str, optional
        Gets a line for everything that was passed over.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    if isinstance(source, ModelConfig):
        return source
    part = open_source("model", source)
    reading = Reading(lenient)
    config, problems = _model(part, reading)
    if warnings is not None:
        warnings += reading.warnings
    raise_problems([*part.problems, *problems])
    assert config is not None  # there would be a problem
    return config


def load_hardware(
    source: Source | HardwareConfig,
    allow_outside: bool = False,
    *,
    lenient: bool = False,
    warnings: list[str] | None = None,
) -> HardwareConfig:
    """Load an accelerator and look its components up.

    Parameters
    ----------
    source : path, str, mapping or HardwareConfig
        A string without a suffix is the name of a shipped chip.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.
    lenient : bool
        Accept what the public calculator does: unknown keys, numbers as text.
    warnings : list of str, optional
        Gets a line for everything that was passed over.

    Raises
    ------
    ConfigError
        With every problem of the file and of its library.
    """
    if isinstance(source, HardwareConfig):
        return source
    part = open_source("hardware", source)
    reading = Reading(lenient)
    config, problems = _hardware(part, allow_outside, reading)
    if warnings is not None:
        warnings += reading.warnings
    raise_problems([*part.problems, *problems])
    assert config is not None  # there would be a problem
    return config


def load_acceptance(
    source: Source | AcceptanceConfig,
    *,
    lenient: bool = False,
    warnings: list[str] | None = None,
) -> AcceptanceConfig:
    """Load an acceptance model; a `stats.json` is read as a histogram.

    Parameters
    ----------
    source : path, str, mapping or acceptance object
        A string without a suffix is the name of a shipped file.
    lenient : bool
        Accept what the public calculator does: unknown keys, numbers as text.
    warnings : list of str, optional
        Gets a line for everything that was passed over.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    if isinstance(source, AnyAcceptance):
        return source
    part = open_source("acceptance", source)
    reading = Reading(lenient)
    config, problems = _acceptance(part, reading)
    if warnings is not None:
        warnings += reading.warnings
    raise_problems([*part.problems, *problems])
    assert config is not None  # there would be a problem
    return config


def load_scenario(
    source: Source | ScenarioConfig,
    overrides: Sequence[str] = (),
    allow_outside: bool = False,
    *,
    lenient: bool = False,
) -> ScenarioConfig:
    """Load a scenario and everything it names.

    Parameters
    ----------
    source : path, str, mapping or ScenarioConfig
        A string without a suffix is the name of a shipped scenario. In a mapping,
        `model`, `hardware` and `acceptance` may be objects that are already built.
    overrides : sequence of str
        `KEY=VALUE`, for example `workload.draft_length=3`; the value is read as YAML.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.
    lenient : bool
        Accept what the public calculator does: unknown keys, numbers as text. Always
        so with accounting profile `selfspec-calculator`. What was passed over is in
        `ScenarioConfig.warnings`.

    Raises
    ------
    ConfigError
        With every problem of the scenario, of its overrides and of its files.
    """
    if isinstance(source, ScenarioConfig):
        if not overrides:
            return source
        source = config_dict(source)
    whole = open_scenario(source)
    overridden, wrong = apply_overrides(whole.document, overrides)
    loading = ScenarioLoading(
        whole, overridden, allow_outside, [*whole.problems, *wrong], lenient=lenient
    )
    return loading.load()


def open_scenario(source: Source) -> Part:
    """Open a scenario without looking at what is in it.

    Raises
    ------
    ConfigError
        If it cannot be read or is not a mapping.
    """
    whole = open_source("scenario", source)
    if not isinstance(whole.document.data, dict):
        raise_problems([*whole.problems, *validate(ScenarioFile, whole.document)[1]])
    return whole


def config_dict(config: BaseModel) -> dict[str, Any]:
    """Resolved configuration as plain data that JSON can hold.

    Loading the result again gives an equal object.
    """
    return config.model_dump(mode="json")


def config_sha256(config: BaseModel) -> str:
    """Hash of everything in a configuration that can change a result.

    Provenance, origins and warnings are left out: they say where numbers are from. So
    is the engine: all engines give the same results.
    """
    content = config_dict(config)
    content.pop("load_warnings", None)
    content.pop("engine", None)
    for section in (content, content.get("hardware")):
        if isinstance(section, dict):
            section.pop("provenance", None)
            section.pop("origins", None)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


# Understanding: from a document to an object.


def _profile(document: Document) -> object:
    accounting = document.get("accounting")
    if isinstance(accounting, dict):
        return accounting.get("profile")
    return getattr(accounting, "profile", accounting)


def _model(part: Part, reading: Reading) -> tuple[ModelConfig | None, list[Problem]]:
    if part.failed:
        return None, []
    file, problems = reading.validate(
        ModelFile, part.document, part.prefix, MODEL_EXTENSIONS
    )
    if file is None:
        return None, problems
    resolved = file.resolved(part.name)
    config, problems = validate(ModelConfig, part.document, part.prefix, resolved)
    return None if problems else config, problems


def _hardware(
    part: Part, allow_outside: bool, reading: Reading
) -> tuple[HardwareConfig | None, list[Problem]]:
    if part.failed:
        return None, []
    return resolve_hardware(
        part.document, part.name, part.folder, allow_outside, part.prefix, reading
    )


def _acceptance(
    part: Part, reading: Reading
) -> tuple[AnyAcceptance | None, list[Problem]]:
    if part.failed:
        return None, []
    document = part.document
    data = document.data
    kind: Any = "histogram"
    if isinstance(data, dict) and ("kind" in data or "histogram" not in data):
        kind = data.get("kind")
    model = ACCEPTANCE_KINDS.get(kind) if isinstance(kind, str) else None
    if model is not None:
        return reading.validate(model, document, part.prefix, ACCEPTANCE_EXTENSIONS)
    place = document.place(("kind",))
    names = list(ACCEPTANCE_KINDS)
    if isinstance(data, dict) and data.keys() & {"k", "kind", "requests"} == {"k"}:
        # A `stats.json` that holds only k.
        return None, [
            Problem(
                path_text((*part.prefix, "histogram")),
                place.file,
                place.line,
                message="missing",
                allowed="histogram sum must be > 0",
            )
        ]
    return None, [
        Problem(
            path_text((*part.prefix, "kind")),
            place.file,
            place.line,
            message="missing" if "kind" not in data else None,
            got=printable(kind) if "kind" in data else None,
            allowed=choices_text(names),
            hint=did_you_mean(kind, names) if isinstance(kind, str) else None,
        )
    ]


class ScenarioLoading:
    """One scenario being loaded; collects the problems of all its files.

    Parameters
    ----------
    whole : Part
        The scenario, overrides already written into it; changed in place.
    overridden : set of Path
        What the overrides wrote.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.
    problems : list of Problem
        Found so far; gets all others.
    lenient : bool
        Read leniently whatever the accounting profile.
    known : KnownParts, optional
        Parts to take instead of reading them again.

    Attributes
    ----------
    file : ScenarioFile or None
        The scenario's own fields as written, after `load`.
    """

    def __init__(
        self,
        whole: Part,
        overridden: set[Path],
        allow_outside: bool,
        problems: list[Problem],
        *,
        lenient: bool = False,
        known: KnownParts | None = None,
    ) -> None:
        profile = _profile(whole.document)
        self.reading = Reading(lenient or profile == LENIENT_PROFILE)
        self.document = whole.document
        self.whole = whole
        self.overridden = overridden
        self.allow_outside = allow_outside
        self.problems = problems
        self.known = known
        self.file: ScenarioFile | None = None
        #: Where each part's fields were written, for rules between parts.
        self.parts: dict[str, Document] = {}
        self.stand_in = False

    def load(self) -> ScenarioConfig:
        """Resolve everything.

        Raises
        ------
        ConfigError
            With every problem.
        """
        model = self.part("model", ModelConfig, _model)
        hardware = self.part(
            "hardware",
            HardwareConfig,
            lambda part, reading: _hardware(part, self.allow_outside, reading),
        )
        acceptance = self.part(
            "acceptance", tuple(ACCEPTANCE_KINDS.values()), _acceptance
        )
        self.fill_defaults(acceptance)
        file, wrong = self.reading.validate(ScenarioFile, self.document)
        self.file = file
        self.problems += [self.as_the_calculator_says(problem) for problem in wrong]
        workload = file.workload if file else self.alone("workload", WorkloadConfig)
        accounting = (
            file.accounting if file else self.alone("accounting", AccountingConfig)
        )
        if self.stand_in:
            workload = None  # a made-up draft length breaks no rule
        for issue in scenario_issues(model, hardware, acceptance, workload, accounting):
            self.problems.append(self.placed(issue))
        if file is not None and hardware is not None:
            schedule = file.schedule or hardware.soc.schedule
            for issue in settings_issues(file, schedule):
                self.problems.append(self.placed(issue))
        raise_problems(self.problems)
        # Each would have left a problem.
        assert file is not None
        assert model is not None
        assert hardware is not None
        assert acceptance is not None
        settings = {
            name: getattr(file, name)
            for name in ScenarioFile.model_fields
            if name in ScenarioConfig.model_fields
        }
        return ScenarioConfig.model_validate(
            {
                **settings,
                "name": file.name or self.whole.name,
                "model": model,
                "hardware": hardware,
                "acceptance": acceptance,
                "schedule": file.schedule or hardware.soc.schedule,
                "load_warnings": tuple(
                    dict.fromkeys([*file.load_warnings, *self.reading.warnings])
                ),
            }
        )

    def as_the_calculator_says(self, problem: Problem) -> Problem:
        """Its users look for these words when a prompt length is negative."""
        if self.reading.lenient and problem.path == "workload.prompt_length":
            return replace(problem, hint=problem.hint or "It needs l_prompt >= 0.")
        return problem

    def part(
        self,
        kind: Kind,
        built: type[C] | tuple[type[C], ...],
        understand: Callable[[Part, Reading], tuple[C | None, list[Problem]]],
    ) -> C | None:
        """Load one part; None when it is absent or has problems."""
        value = self.document.get(kind)
        if isinstance(value, built):
            return value
        if kind not in self.document.data:
            return None  # reported as missing with the scenario's own fields
        section, folder = self.document.section(kind), self.folder(kind)
        key = ""
        if self.known is not None:
            below = sorted(path_text(p) for p in self.overridden if p[0] == kind)
            how = (self.reading.lenient, self.allow_outside, below)
            key = self.known.key(kind, section, folder, how)
            found = self.known.get(key)
            if found is not None:
                self.parts[kind] = found.document
                self.reading.warnings += found.warnings
                shared: C = found.config
                return shared
        part = open_section(kind, section, folder, (kind,))
        if (kind, "library_file") in self.overridden:
            part.folder = FilePath()
        if kind == "hardware" and is_resolved(part.document.data):
            self.keep_resolved(part)
        self.problems += part.problems
        warned = len(self.reading.warnings)
        understood, problems = understand(part, self.reading)
        self.problems += problems
        self.parts[kind] = part.document
        sound = understood is not None and not part.problems and not problems
        if self.known is not None and sound:
            warnings = self.reading.warnings[warned:]
            self.known.add(key, KnownPart(understood, part.document, warnings))
        return understood

    def keep_resolved(self, part: Part) -> None:
        """Overrides of hardware whose components were already looked up."""
        for _, *rest in (path for path in self.overridden if path[0] == "hardware"):
            path = tuple(rest)
            if path in LOOKED_UP_BY:
                place = part.document.place(path)
                part.problems.append(
                    Problem(
                        path_text((*part.prefix, *path)),
                        place.file,
                        place.line,
                        message="its components were looked up already",
                        hint="Override it on the scenario file instead.",
                    )
                )
            for table, value in (("origins", "explicit"), ("provenance", None)):
                known = part.document.get(table)
                if isinstance(known, dict):
                    known.pop(path_text(path), None)
                    if value is not None:
                        known[path_text(path)] = value

    def folder(self, kind: Kind) -> FilePath:
        """What a part's file is relative to: an override is typed in a shell."""
        if {(kind,), (kind, "file")} & self.overridden:
            return FilePath()
        return self.whole.folder

    def fill_defaults(self, acceptance: AcceptanceConfig | None) -> None:
        """Write what follows from other fields into the document."""
        for section, field in (("accounting", "profile"), ("arrival", "kind")):
            written = self.document.get(section)
            if isinstance(written, str):
                place = self.document.place((section,))
                self.document.put((section,), Document({field: written}, {(): place}))
        workload = self.document.get("workload")
        streams = self.document.get("streams")
        if isinstance(workload, dict) and workload.get("requests") is None:
            # One whole replication.
            place = self.document.place(("streams",))
            if type(streams) is int and 1 <= streams <= _MAX_STREAMS:
                self.document.put(
                    ("workload", "requests"), Document(streams, {(): place})
                )
        if isinstance(workload, dict) and workload.get("draft_length") is None:
            # Without an acceptance the default is unknown; that is told already.
            self.stand_in = acceptance is None
            natural = 0 if self.stand_in else natural_draft_length(acceptance)
            if natural is not None:
                self.document.put(("workload", "draft_length"), Document(natural))

    def alone(self, name: str, model: type[M]) -> M | None:
        """One section by itself, when the scenario as a whole is not valid."""
        if name not in self.document.data:
            return model() if name == "accounting" else None
        reading = Reading(self.reading.lenient)
        return reading.validate(model, self.document.section(name))[0]

    def placed(self, issue: FieldIssue) -> Problem:
        """A broken rule between fields, where the field was written."""
        kind, *rest = issue.path
        part = self.parts.get(str(kind))
        if part is None:
            return issue_problem(issue, self.document)
        return issue_problem(replace(issue, path=tuple(rest)), part, (kind,))
