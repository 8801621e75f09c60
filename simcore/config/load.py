"""Loading: a path, the name of a shipped file, or a mapping becomes a checked object.

All problems of a scenario, those in the files it names included, are reported in one
`ConfigError`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any, TypeVar

from pydantic import BaseModel

from simcore.config.acceptance import (
    ACCEPTANCE_KINDS,
    AcceptanceConfig,
    AnyAcceptance,
    natural_draft_length,
)
from simcore.config.accounting import AccountingConfig
from simcore.config.base import FieldIssue
from simcore.config.document import Document, Path, path_text, raise_problems
from simcore.config.files import SUFFIXES, display, read_document
from simcore.config.hardware import HardwareConfig
from simcore.config.huggingface import from_huggingface, is_huggingface
from simcore.config.library import resolve_hardware
from simcore.config.mapping_reader import read_mapping
from simcore.config.model import ModelConfig, ModelFile
from simcore.config.overrides import apply_overrides
from simcore.config.problems import (
    choices_text,
    did_you_mean,
    issue_problem,
    validate,
)
from simcore.config.scenario import (
    ScenarioConfig,
    ScenarioFile,
    WorkloadConfig,
    scenario_issues,
)
from simcore.config.shipped import Kind, shipped_files, shown_path
from simcore.errors import ConfigError, Problem, printable

#: What every loader accepts: a path, the name of a shipped file, or a mapping.
Source = str | PurePath | Mapping[str, Any]

C = TypeVar("C")
M = TypeVar("M", bound=BaseModel)


def load_model(source: Source | ModelConfig) -> ModelConfig:
    """Load a model from `model.yaml` or a Hugging Face `config.json`.

    Parameters
    ----------
    source : path, str, mapping or ModelConfig
        A string without a suffix is the name of a shipped model.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    if isinstance(source, ModelConfig):
        return source
    part = _open("model", source)
    config, problems = _model(part)
    raise_problems([*part.problems, *problems])
    assert config is not None  # there would be a problem
    return config


def load_hardware(
    source: Source | HardwareConfig, *, allow_outside: bool = False
) -> HardwareConfig:
    """Load an accelerator and look its components up.

    Parameters
    ----------
    source : path, str, mapping or HardwareConfig
        A string without a suffix is the name of a shipped chip.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.

    Raises
    ------
    ConfigError
        With every problem of the file and of its library.
    """
    if isinstance(source, HardwareConfig):
        return source
    part = _open("hardware", source)
    config, problems = _hardware(part, allow_outside)
    raise_problems([*part.problems, *problems])
    assert config is not None  # there would be a problem
    return config


def load_acceptance(source: Source | AcceptanceConfig) -> AcceptanceConfig:
    """Load an acceptance model; a `stats.json` is read as a histogram.

    Parameters
    ----------
    source : path, str, mapping or acceptance object
        A string without a suffix is the name of a shipped file.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    if isinstance(source, AnyAcceptance):
        return source
    part = _open("acceptance", source)
    config, problems = _acceptance(part)
    raise_problems([*part.problems, *problems])
    assert config is not None  # there would be a problem
    return config


def load_scenario(
    source: Source | ScenarioConfig,
    overrides: Sequence[str] = (),
    *,
    allow_outside: bool = False,
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

    Raises
    ------
    ConfigError
        With every problem of the scenario, of its overrides and of its files.
    """
    if isinstance(source, ScenarioConfig):
        if not overrides:
            return source
        source = config_dict(source)
    whole = _open("scenario", source)
    problems = list(whole.problems)
    if not isinstance(whole.document.data, dict):
        problems += validate(ScenarioFile, whole.document)[1]
        raise_problems(problems)
    overridden, wrong = apply_overrides(whole.document, overrides)
    loading = _ScenarioLoading(whole, overridden, allow_outside, [*problems, *wrong])
    return loading.load()


def config_dict(config: BaseModel) -> dict[str, Any]:
    """Resolved configuration as plain data that JSON can hold.

    Loading the result again gives an equal object.
    """
    return config.model_dump(mode="json")


def config_sha256(config: BaseModel) -> str:
    """Hash of everything in a configuration that can change a result.

    Provenance and origins are left out: they say where numbers are from.
    """
    content = config_dict(config)
    for section in (content, content.get("hardware")):
        if isinstance(section, dict):
            section.pop("provenance", None)
            section.pop("origins", None)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


# Opening: from what the caller gave to a document.


@dataclass
class _Part:
    """A document that was opened, and what is needed to understand it.

    Attributes
    ----------
    document : Document
        Its content.
    name : str
        Name of the object when the content gives none.
    folder : pathlib.Path
        What paths in it are relative to.
    problems : list of Problem
        Found while opening.
    prefix : Path
        Where it stands in the scenario.
    failed : bool
        It could not be opened; `problems` says why.
    """

    document: Document
    name: str
    folder: FilePath
    problems: list[Problem]
    prefix: Path = ()
    failed: bool = False


def _open(kind: Kind, source: object) -> _Part:
    """Open what a loader was called with."""
    here = FilePath()
    if isinstance(source, Mapping):
        document = read_mapping(source)
        if kind == "scenario":
            return _Part(document, kind, here, document.problems)
        return _open_section(kind, document, here, ())
    if not isinstance(source, str | PurePath):
        raise ConfigError(
            [
                Problem(
                    "",
                    message=f"cannot load a {kind}",
                    got=printable(source),
                    allowed="must be a path, a shipped name or a mapping",
                )
            ]
        )
    part = _open_file(kind, source, here)
    return part if kind == "scenario" else _as_model_file(kind, part)


def _open_file(kind: Kind, source: str | PurePath, folder: FilePath) -> _Part:
    path, shown = _find(kind, source, folder)
    document = read_document(path, shown)
    return _Part(document, _stem(path), path.parent, list(document.problems))


def _open_section(
    kind: Kind, section: Document, folder: FilePath, prefix: Path
) -> _Part:
    """Open a part that is a name, a mapping, or a mapping with `file`.

    What such a mapping holds beside `file` is laid over the file.
    """
    named = section.data
    if isinstance(named, dict) and "file" in named:
        named = named["file"]
    elif not isinstance(named, str):
        part = _Part(section, kind, folder, list(section.problems), prefix)
        return _as_model_file(kind, part)
    where = (*prefix, "file") if isinstance(section.data, dict) else prefix
    at = section.place(where[len(prefix) :])

    def failed(*problems: Problem) -> _Part:
        return _Part(section, kind, folder, list(problems), prefix, failed=True)

    if not isinstance(named, str) or not named:
        return failed(
            Problem(
                path_text(where),
                at.file,
                at.line,
                got=printable(named),
                allowed="must be a path or a shipped name",
            )
        )
    try:
        part = _open_file(kind, named, folder)
    except ConfigError as error:
        # What is wrong with a file as a whole is told where the file is named.
        return failed(
            *(
                problem
                if problem.line is not None
                else replace(
                    problem,
                    path=path_text(where),
                    file=at.file,
                    line=at.line,
                    message=f"{problem.file}: {problem.message}"
                    if problem.file
                    else problem.message,
                )
                for problem in error.problems
            )
        )
    part.prefix = prefix
    part = _as_model_file(kind, part)
    if isinstance(section.data, dict) and not part.failed:
        section = section.section()
        section.remove(("file",))
        if isinstance(part.document.data, dict):
            part.document.overlay((), section)
        if "library_file" in section.data:
            part.folder = folder
    return part


def _as_model_file(kind: Kind, part: _Part) -> _Part:
    """Rewrite a Hugging Face file, if it is one."""
    if kind != "model" or not is_huggingface(part.document.data):
        return part
    converted, problems = from_huggingface(part.document, part.prefix)
    part.problems += problems
    if converted is None:
        part.failed = True
    else:
        part.document = converted
    return part


def _find(kind: Kind, source: str | PurePath, folder: FilePath) -> tuple[FilePath, str]:
    """File of a path or of a shipped name, and how to show it.

    Raises
    ------
    ConfigError
        If it is a name and nothing of that name is shipped.
    """
    text = str(source)
    path = folder / text
    shipped = shipped_files(kind)
    looks_like_path = (
        isinstance(source, PurePath)
        or "/" in text
        or "\\" in text
        or path.suffix.lower() in SUFFIXES
    )
    if not looks_like_path:
        if text in shipped:
            return shipped[text], shown_path(shipped[text])
        if not _exists(path):
            raise ConfigError(
                [
                    Problem(
                        "",
                        message=f"no {kind} of this name is shipped",
                        got=printable(text),
                        allowed=choices_text(list(shipped)),
                        hint=did_you_mean(text, shipped)
                        or "For a file, give its path.",
                    )
                ]
            )
    elif path.stem in shipped and path.name == text and not _exists(path):
        raise ConfigError(
            [
                Problem(
                    "",
                    display(path),
                    message="file not found",
                    hint=f"Did you mean the shipped {kind} {printable(path.stem)}?",
                )
            ]
        )
    return path, display(path)


def _exists(path: FilePath) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _stem(path: FilePath) -> str:
    stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
    if stem == "config":
        # Every Hugging Face file is called config.json; its folder has the name.
        stem = path.absolute().parent.name or stem
    return display(stem)[:100]


# Understanding: from a document to an object.


def _model(part: _Part) -> tuple[ModelConfig | None, list[Problem]]:
    if part.failed:
        return None, []
    file, problems = validate(ModelFile, part.document, part.prefix)
    if file is None:
        return None, problems
    # Kept at the places of what was written, for problems between fields.
    resolved = Document(file.resolved(part.name), part.document.places)
    resolved.file = part.document.file
    return validate(ModelConfig, resolved, part.prefix)


def _hardware(
    part: _Part, allow_outside: bool
) -> tuple[HardwareConfig | None, list[Problem]]:
    if part.failed:
        return None, []
    return resolve_hardware(
        part.document, part.name, part.folder, allow_outside, part.prefix
    )


def _acceptance(part: _Part) -> tuple[AnyAcceptance | None, list[Problem]]:
    if part.failed:
        return None, []
    document = part.document
    data = document.data
    kind: Any = "histogram"
    if isinstance(data, dict) and ("kind" in data or "histogram" not in data):
        kind = data.get("kind")
    model = ACCEPTANCE_KINDS.get(kind) if isinstance(kind, str) else None
    if model is not None:
        return validate(model, document, part.prefix)
    place = document.place(("kind",))
    names = list(ACCEPTANCE_KINDS)
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


class _ScenarioLoading:
    """One scenario being loaded; collects the problems of all its files."""

    def __init__(
        self,
        whole: _Part,
        overridden: set[Path],
        allow_outside: bool,
        problems: list[Problem],
    ) -> None:
        self.document = whole.document
        self.whole = whole
        self.overridden = overridden
        self.allow_outside = allow_outside
        self.problems = problems
        #: Where each part's fields were written, for rules between parts.
        self.parts: dict[str, Document] = {}

    def load(self) -> ScenarioConfig:
        model = self.part("model", ModelConfig, _model)
        hardware = self.part(
            "hardware",
            HardwareConfig,
            lambda part: _hardware(part, self.allow_outside),
        )
        acceptance = self.part(
            "acceptance", tuple(ACCEPTANCE_KINDS.values()), _acceptance
        )
        self.fill_defaults(acceptance)
        file, wrong = validate(ScenarioFile, self.document)
        self.problems += wrong
        workload = file.workload if file else self.alone("workload", WorkloadConfig)
        accounting = (
            file.accounting if file else self.alone("accounting", AccountingConfig)
        )
        if acceptance is None and self.document.get("acceptance") is not None:
            workload = None  # its draft length may be a stand-in
        for issue in scenario_issues(model, hardware, acceptance, workload, accounting):
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
            }
        )

    def part(
        self,
        kind: Kind,
        built: type[C] | tuple[type[C], ...],
        understand: Callable[[_Part], tuple[C | None, list[Problem]]],
    ) -> C | None:
        """Load one part; None when it is absent or has problems."""
        value = self.document.get(kind)
        if isinstance(value, built):
            return value
        if kind not in self.document.data:
            return None  # reported as missing with the scenario's own fields
        part = _open_section(
            kind, self.document.section(kind), self.folder(kind), (kind,)
        )
        if (kind, "library_file") in self.overridden:
            part.folder = FilePath()
        self.problems += part.problems
        config, problems = understand(part)
        self.problems += problems
        self.parts[kind] = part.document
        return config

    def folder(self, kind: Kind) -> FilePath:
        """What a part's file is relative to: an override is typed in a shell."""
        if {(kind,), (kind, "file")} & self.overridden:
            return FilePath()
        return self.whole.folder

    def fill_defaults(self, acceptance: AcceptanceConfig | None) -> None:
        accounting = self.document.get("accounting")
        if isinstance(accounting, str):
            place = self.document.place(("accounting",))
            self.document.put(
                ("accounting",), Document({"profile": accounting}, {(): place})
            )
        workload = self.document.get("workload")
        if isinstance(workload, dict) and workload.get("draft_length") is None:
            natural = natural_draft_length(acceptance)
            if acceptance is None and "acceptance" in self.document.data:
                natural = 0  # stands in for what could not be loaded
            if natural is not None:
                self.document.put(("workload", "draft_length"), Document(natural))

    def alone(self, name: str, model: type[M]) -> M | None:
        """One section by itself, when the scenario as a whole is not valid."""
        if name not in self.document.data:
            return model() if name == "accounting" else None
        return validate(model, self.document.section(name))[0]

    def placed(self, issue: FieldIssue) -> Problem:
        kind, *rest = issue.path
        part = self.parts.get(str(kind))
        if part is None:
            return issue_problem(issue, self.document)
        return issue_problem(replace(issue, path=tuple(rest)), part, (kind,))
