"""What a file is, and where each value of a configuration came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Literal, get_args

from pydantic import BaseModel

from simcore.config.base import RESOLVED_ONLY
from simcore.config.document import Document, Path, path_text, raise_problems
from simcore.config.field_units import unit_of
from simcore.config.files import SUFFIXES, read_document
from simcore.config.hardware import (
    HardwareConfig,
    LeakagePowerConfig,
    PeripheryConfig,
    Provenance,
    SocConfig,
)
from simcore.config.hbm_presets import MAPS, PRESETS
from simcore.config.huggingface import is_huggingface
from simcore.config.library import FoundLibrary, LibraryFile, strip_annotations
from simcore.config.load import (
    config_dict,
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.config.memory import HbmConfig, MemoryConfig
from simcore.config.model import ModelConfig
from simcore.config.overrides import apply_overrides
from simcore.config.problems import choices_text, did_you_mean, validate
from simcore.config.scenario import ScenarioConfig
from simcore.config.shipped import Kind, library_files, shipped_files, shown_path
from simcore.config.sources import open_section, open_source
from simcore.errors import ConfigError, Problem, printable

FileKind = Literal["scenario", "hardware", "model", "acceptance", "library"]
#: In the order in which a shipped name is looked for.
FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
_KINDS: tuple[Kind, ...] = get_args(Kind)

#: Keys that only files of a kind have at their top.
_MARKS: dict[FileKind, frozenset[str]] = {
    "scenario": frozenset({"workload", "model", "hardware", "acceptance"}),
    "hardware": frozenset({"analog", "costs", "components", "library", "soc"}),
    "model": frozenset({"n_layers", "d_model", "n_heads", "activation_bits"}),
    "acceptance": frozenset({"kind", "histogram", "k", "rate", "transitions"}),
}

#: Values that follow from others where they are not written.
_DERIVED: dict[str, frozenset[Path]] = {
    "scenario": frozenset({("name",), ("schedule",), ("workload", "draft_length")}),
    "model": frozenset(
        (name,)
        for name, field in ModelConfig.model_fields.items()
        if field.is_required()
    ),
    "acceptance": frozenset({("kind",)}),
}


_SECTIONS: dict[str, type[BaseModel]] = {
    "analog_periphery": PeripheryConfig,
    "soc": SocConfig,
    "memory": MemoryConfig,
    "leakage_power": LeakagePowerConfig,
}


@dataclass(frozen=True)
class DescribedValue:
    """One value of a resolved configuration.

    Attributes
    ----------
    path : str
        Dotted, from the top of the configuration.
    value : object
        A scalar, or a list of them.
    unit : str or None
        None for counts and words.
    origin : str
        `explicit`, `--set`, `library NAME`, `profile NAME`, `derived` or `default`.
    status, source : str or None
        Of a hardware number, where they are known.
    implied : object
        What a null stands for: a number of the preset that is named beside it.
    idle : str or None
        Why nothing reads the value as the configuration is.
    """

    path: str
    value: Any
    unit: str | None
    origin: str
    status: str | None = None
    source: str | None = None
    implied: Any = None
    idle: str | None = None

    @property
    def used(self) -> Any:
        """The value, or what its null stands for."""
        return self.implied if self.value is None else self.value

    @property
    def is_number(self) -> bool:
        """Whether it is a number of hardware that somebody chose."""
        number = isinstance(self.used, int | float) and not isinstance(self.used, bool)
        chosen = self.status is not None or self.origin not in ("default", "derived")
        return number and chosen

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `implied` and `idle` only where there is one."""
        always = ("path", "value", "unit", "origin", "status", "source")
        data = asdict(self)
        return {k: v for k, v in data.items() if k in always or v is not None}


@dataclass(frozen=True)
class Description:
    """A resolved configuration and its values, one by one.

    Attributes
    ----------
    kind : str
        One of `FILE_KINDS`.
    name : str
        What it is called in reports.
    config : BaseModel
        The object.
    data : dict
        Plain data that loads again; origins and provenance are in `values`.
    values : tuple of DescribedValue
        Every leaf of `data`, in its order.
    """

    kind: FileKind
    name: str
    config: BaseModel
    data: dict[str, Any]
    values: tuple[DescribedValue, ...]


# What a file is.


def kinds_of(source: str) -> list[FileKind]:
    """Kinds of configuration that a shipped name or a file stands for.

    Parameters
    ----------
    source : str
        As a loader takes it.

    Returns
    -------
    list of str
        In the order of `FILE_KINDS`; empty when nothing can be said.
    """
    path = FilePath(source)
    if "/" not in source and path.suffix.lower() not in SUFFIXES:
        named: list[FileKind] = [k for k in _KINDS if source in shipped_files(k)]
        if source in {path.stem for path in library_files()}:
            named.append("library")
        if named:
            return named
    try:
        data = read_document(path).data
    except ConfigError:
        return []  # the loader says what is wrong with it
    if not isinstance(data, dict):
        return []
    if is_huggingface(data):
        return ["model"]
    marked = {kind: len(marks & data.keys()) for kind, marks in _MARKS.items()}
    best = max(marked, key=lambda kind: marked[kind])
    if marked[best]:
        return [best]
    shapes = [
        isinstance(v, dict) and {"adc", "array"} <= v.keys() for v in data.values()
    ]
    return ["library"] if shapes and all(shapes) else []


def load_libraries(source: str) -> dict[str, FoundLibrary]:
    """Component libraries of a file, or the shipped one of a name.

    Parameters
    ----------
    source : str
        Path, or the name of a shipped library.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    shipped = {path.stem: path for path in library_files()}
    path, shown = FilePath(source), None
    if source in shipped:
        path, shown = shipped[source], shown_path(shipped[source])
    elif "/" not in source and path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            [
                Problem(
                    "",
                    message="no library of this name is shipped",
                    got=printable(source),
                    allowed=choices_text(list(shipped)),
                    hint=did_you_mean(source, shipped) or "For a file, give its path.",
                )
            ]
        )
    document = read_document(path, shown)
    problems = list(document.problems)
    found: dict[str, FoundLibrary] = {}
    for name in document.data if isinstance(document.data, dict) else ():
        library = FoundLibrary(document.section(name), f"library {name}", (name,))
        own, wrong = strip_annotations(library.document, (name,))
        library.provenance.update(own)
        library.config, invalid = validate(LibraryFile, library.document, (name,))
        problems += [*wrong, *invalid]
        for section, model in _SECTIONS.items():
            # Checked with the hardware otherwise, once that is laid over them.
            part = library.document.get(section)
            if isinstance(part, dict):
                document_of = library.document.section(section)
                problems += validate(model, document_of, (name, section))[1]
        found[name] = library
    if not found and not problems:
        message = "the top level must be a mapping of libraries"
        problems.append(Problem("", document.file, 1, message=message))
    raise_problems(problems)
    return found


# Where values came from.


def describe(
    kind: FileKind,
    source: str,
    overrides: Sequence[str] = (),
    allow_outside: bool = False,
) -> list[Description]:
    """Resolve a configuration and say where each value came from.

    Parameters
    ----------
    kind : str
        What `source` is.
    source : str
        Path or shipped name.
    overrides : sequence of str
        `KEY=VALUE`; scenarios only.
    allow_outside : bool
        Let `library_file` leave the folder of the hardware file.

    Returns
    -------
    list of Description
        One; for a library file, one for each library.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    if kind == "library":
        return [
            describe_library(name, found)
            for name, found in load_libraries(source).items()
        ]
    if kind == "scenario":
        return [_scenario(source, overrides, allow_outside)]
    document = open_source(kind, source).document
    if kind == "hardware":
        hardware = load_hardware(source, allow_outside)
        values = hardware_values(hardware, document)
        return [Description(kind, hardware.name, hardware, _data(hardware), values)]
    if kind == "model":
        model = load_model(source)
        return [_written(kind, model.name, model, document)]
    accepted: Any = load_acceptance(source)
    return [_written(kind, FilePath(source).stem, accepted, document)]


def hardware_values(
    hardware: HardwareConfig, document: Document | None = None
) -> tuple[DescribedValue, ...]:
    """Every value of a chip, with status and source where they are known.

    Parameters
    ----------
    hardware : HardwareConfig
        The chip.
    document : Document, optional
        What it was read from; tells what of its words was written.
    """
    values = []
    for path, value in _leaves(_data(hardware)):
        dotted = path_text(path)
        known = hardware.provenance.get(dotted)
        origin = hardware.origins.get(dotted)
        if origin is None:
            origin = _hardware_origin(path, hardware, document)
        elif path[-1] == "latency_ns_per_op" and _lanes(path, hardware):
            origin = "derived"  # from the lanes and the clock, whose source it has
        values.append(_described(dotted, value, origin, known))
    return _with_hbm_model(values, hardware)


def _with_hbm_model(
    values: Sequence[DescribedValue], hardware: HardwareConfig, prefix: str = ""
) -> tuple[DescribedValue, ...]:
    """Say which HBM values the model in use reads, and what its preset gives."""
    if hardware.memory is None or hardware.memory.hbm.channel is None:
        return tuple(values)
    hbm = hardware.memory.hbm
    here = f"{prefix}memory.hbm."
    return tuple(
        _hbm_value(value, value.path.removeprefix(here), hbm)
        if value.path.startswith(here)
        else value
        for value in values
    )


def _hbm_value(value: DescribedValue, name: str, hbm: HbmConfig) -> DescribedValue:
    assert hbm.channel is not None  # or there would be nothing to say
    if not name.startswith("channel."):
        # Capacity and area count in both models.
        fits = name in ("model", "capacity_bytes", "area_mm2")
        return (
            value
            if fits or hbm.in_use is None
            else replace(value, idle="for model bandwidth")
        )
    if hbm.in_use is None:
        return replace(value, idle="for model channel")
    name, preset = name.removeprefix("channel."), hbm.channel.preset
    if value.value is not None:
        return value
    if name == "address_map":
        return replace(value, origin=f"preset {preset}", implied=MAPS[preset])
    known = PRESETS[preset].get(name)
    return value if known is None else replace(value, implied=known.value)


def _hardware_origin(
    path: Path, hardware: HardwareConfig, document: Document | None
) -> str:
    if document is not None and document.get(*path) is not None:
        return "explicit"
    if path[0] == "components" or path == ("name",):
        return "derived"
    return "default"


def _lanes(path: Path, hardware: HardwareConfig) -> bool:
    parts = hardware.components
    if parts is None or path[:3] != ("components", "digital", "features"):
        return False
    return parts.digital.feature(str(path[3])).lanes is not None


def describe_library(name: str, library: FoundLibrary) -> Description:
    """Every number that a component library gives, all widths."""
    assert library.config is not None  # it was checked
    data = library.config.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude={"about"}
    )
    for notes in ("source_map", "source_notes", "_about"):
        data.pop(notes, None)
    values = tuple(
        _described(path_text(path), value, "explicit", library.source(path))
        for path, value in _leaves(data)
    )
    return Description("library", name, library.config, {name: data}, values)


def _scenario(
    source: str, overrides: Sequence[str], allow_outside: bool
) -> Description:
    scenario = load_scenario(source, overrides, allow_outside)
    whole = open_source("scenario", source)
    document = whole.document
    changed, _ = apply_overrides(document, overrides)
    parts: dict[str, Document] = {}
    for kind in ("model", "hardware", "acceptance"):
        typed = {(kind,), (kind, "file")} & changed
        folder = FilePath() if typed else whole.folder
        section = document.section(kind)
        parts[kind] = open_section(kind, section, folder, (kind,)).document
    hardware = {
        value.path: value
        for value in hardware_values(scenario.hardware, parts["hardware"])
    }
    values = []
    for path, value in _leaves(_data(scenario)):
        dotted, part = path_text(path), parts.get(str(path[0]))
        if any(path[:end] in changed for end in range(1, len(path) + 1)):
            origin = "--set"
        elif path[0] == "hardware":
            within = hardware[path_text(path[1:])]
            values.append(
                _described(
                    dotted, value, within.origin, None, within.status, within.source
                )
            )
            continue
        elif part is not None:
            origin = _origin(str(path[0]), path[1:], part)
        elif path[0] == "accounting":
            origin = _accounting_origin(path, scenario, document)
        else:
            origin = _origin("scenario", path, document)
        values.append(_described(dotted, value, origin))
    return Description(
        "scenario",
        scenario.name,
        scenario,
        _data(scenario),
        _with_hbm_model(values, scenario.hardware, "hardware."),
    )


def _accounting_origin(path: Path, scenario: ScenarioConfig, document: Document) -> str:
    written = document.get("accounting")
    if path[-1] == "profile":
        return "default" if written is None else "explicit"
    if isinstance(written, dict) and written.get(path[-1]) is not None:
        return "explicit"
    return f"profile {scenario.accounting.profile}"


def _written(
    kind: FileKind, name: str, config: BaseModel, document: Document
) -> Description:
    data = _data(config)
    values = tuple(
        _described(path_text(path), value, _origin(kind, path, document))
        for path, value in _leaves(data)
    )
    return Description(kind, name, config, data, values)


def _origin(kind: str, path: Path, document: Document) -> str:
    """Of a value in a file where what is written is what is used."""
    if document.get(*path) is not None:
        # A family of Hugging Face models implies values that its file does not hold.
        implied = path not in document.places and document.places
        return "derived" if implied else "explicit"
    derived = path in _DERIVED.get(kind, ())
    return "derived" if derived else "default"


def _described(
    path: str,
    value: Any,
    origin: str,
    known: Provenance | None = None,
    status: str | None = None,
    source: str | None = None,
) -> DescribedValue:
    if known is not None:
        status, source = known.status, known.source
    return DescribedValue(path, value, unit_of(path), origin, status, source)


def _data(config: BaseModel) -> dict[str, Any]:
    return _named_first(config_dict(config), config)


def _named_first(data: dict[str, Any], config: BaseModel) -> dict[str, Any]:
    """Without what resolving says about itself, and with the name at the top."""
    kept = {name: data[name] for name in ("name",) if name in data}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if field.json_schema_extra == RESOLVED_ONLY:
            continue
        part = data[name]
        kept[name] = _named_first(part, value) if isinstance(value, BaseModel) else part
    return kept


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    else:
        yield path, value
