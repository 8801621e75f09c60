"""From a hardware YAML and a component library to final numbers.

Precedence, field by field: written in the YAML (an explicit 0 or null counts) over the
library over the default. `soc.schedule`, `soc.attention_cim_units` and
`memory.kv_cache` never come from a library; a library's memories are used only when
the YAML has a `memory` section. A phase override of `buffers_add` beats the base value
wherever either came from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from simcore.config.base import FieldIssue, Name
from simcore.config.document import Document, Path, Place, path_text
from simcore.config.files import NOT_FOUND, display, inside, read_document
from simcore.config.hardware import (
    BOTH_FORMS,
    FEATURES,
    MODELED_WHEN_MAPPED,
    NEITHER_FORM,
    AnalogConfig,
    ArraySpec,
    ConverterSpec,
    Feature,
    HardwareConfig,
    Phase,
    Provenance,
)
from simcore.config.hbm_presets import PRESETS
from simcore.config.library import (
    DEFAULT_LIBRARY,
    DigitalLibrary,
    FoundLibrary,
    LibraryFile,
    strip_annotations,
)
from simcore.config.problems import (
    choices_text,
    did_you_mean,
    issue_problem,
)
from simcore.config.reading import Reading
from simcore.config.shipped import library_files, shown_path
from simcore.errors import ConfigError, Problem, printable

#: Fields that decide which components are looked up.
LOOKED_UP_BY: frozenset[Path] = frozenset(
    {
        ("library",),
        ("library_file",),
        ("analog", "dac_bits"),
        ("analog", "adc", "draft_bits"),
        ("analog", "adc", "residual_bits"),
        ("analog", "delta_readout", "draft", "enabled"),
        ("analog", "delta_readout", "draft", "dac_bits"),
        ("analog", "delta_readout", "verify", "enabled"),
        ("analog", "delta_readout", "verify", "dac_bits"),
    }
)

_PHASES: tuple[Phase, ...] = get_args(Phase)

#: What only we read of a hardware file, the name aside.
_EXTENSIONS = ("description",)

_MAPPING = "must be a mapping"
_REQUIRED_SECTIONS = ("adc", "dac", "array", "digital")


def is_resolved(data: Any) -> bool:
    """Whether a hardware mapping is what `config_dict` writes."""
    if not isinstance(data, dict):
        return False
    components = data.get("components")
    if isinstance(data.get("costs"), dict):
        return components is None and isinstance(data.get("origins"), dict)
    return isinstance(components, dict) and "adc_draft" in components


def resolve_hardware(
    document: Document,
    default_name: str,
    folder: FilePath,
    allow_outside: bool = False,
    prefix: Path = (),
    reading: Reading | None = None,
) -> tuple[HardwareConfig | None, list[Problem]]:
    """Look everything up and lay the YAML over the library.

    Parameters
    ----------
    document : Document
        The hardware YAML, or the resolved form that `config_dict` writes.
    default_name : str
        Name when the file gives none.
    folder : pathlib.Path
        What `library_file` is relative to.
    allow_outside : bool
        Let `library_file` leave that folder.
    prefix : Path
        Where the document stands in the whole, for the paths of problems.
    reading : Reading, optional
        How strictly; default strict.
    """
    if not isinstance(document.data, dict) or is_resolved(document.data):
        return (reading or Reading()).validate(HardwareConfig, document, prefix)
    document = document.section()
    resolver = _Resolver(document, folder, allow_outside, prefix, reading or Reading())
    return resolver.resolve(default_name)


class _Resolver:
    """One resolution; collects problems on the way."""

    def __init__(
        self,
        document: Document,
        folder: FilePath,
        allow_outside: bool,
        prefix: Path,
        reading: Reading,
    ) -> None:
        self.reading = reading
        self.document = document
        self.folder = folder
        self.allow_outside = allow_outside
        self.prefix = prefix
        self.explicit, self.problems = strip_annotations(document, prefix)

    def problem(self, path: Path, **parts: str | None) -> None:
        place = self.document.place(path)
        self.problems.append(
            Problem(path_text((*self.prefix, *path)), place.file, place.line, **parts)
        )

    def resolve(self, name: str) -> tuple[HardwareConfig | None, list[Problem]]:
        self.check_form()
        if self.reading.lenient:
            self.convert_widths()
        legacy = self.document.get("costs") is not None
        library = None if legacy else self.find_library()
        if library is not None:
            own, wrong = strip_annotations(library.document, library.prefix)
            library.provenance.update(own)
            self.problems += wrong
            library.config, wrong = self.reading.validate(
                LibraryFile, library.document, library.prefix
            )
            self.problems += wrong
        merged = self.merge(library)
        merged.data.setdefault("name", name)
        components = None
        if library is not None and library.config is not None:
            components = self.components(library.config)
        if components is not None:
            merged.data["components"] = components
            written = self.document
            if "components" not in written.data and written.get("library") is None:
                merged.data["library"] = DEFAULT_LIBRARY
        config, wrong = self.reading.validate(
            HardwareConfig, merged, self.prefix, _EXTENSIONS
        )
        self.problems += [
            self.as_the_calculator_says(problem)
            for problem in wrong
            if components is not None
            or problem.path != path_text((*self.prefix, "components"))
        ]
        if config is None or self.problems:
            return None, list(dict.fromkeys(self.problems))
        provenance, origins = self.trace_origins(config, library)
        return (
            config.model_copy(update={"provenance": provenance, "origins": origins}),
            [],
        )

    def as_the_calculator_says(self, problem: Problem) -> Problem:
        """Its users look for these words when a file of theirs is refused."""
        if not self.reading.lenient or self.document.file is None:
            return problem
        more = f": {problem.message}" if problem.message else ""
        return replace(problem, message=f"Invalid hardware config{more}")

    def check_form(self) -> None:
        data = self.document.data
        has_analog = data.get("analog") is not None
        if self.reading.lenient:
            ignored = ["provenance", "origins"]
            if data.get("costs") is not None:
                ignored += ["components", "library", "library_file"]
            if not _is_name(data.get("name")):
                ignored.append("name")
            here: list[Path] = [(key,) for key in ignored if key in data]
            self.reading.pass_over(self.document, here, self.prefix)
        if data.get("costs") is not None:
            if has_analog:
                self.issue(BOTH_FORMS)
            for key in ("components", "library", "library_file"):
                if data.get(key) is not None:
                    self.problem(
                        (key,),
                        message=f"both costs and {key}",
                        hint="Costs per MAC are complete; remove it.",
                    )
        elif not has_analog:
            self.issue(NEITHER_FORM)
        for key in ("provenance", "origins"):
            if key in data:
                self.problem(
                    (key,),
                    message="unknown field",
                    hint="Write {value, status, source} in place of a number.",
                )
                self.document.remove((key,))

    def convert_widths(self) -> None:
        """Make `"4"` a 4 where it decides what is looked up."""
        for path in LOOKED_UP_BY:
            if path[0] != "analog" or self.document.get(*path) is None:
                continue
            kind: TypeAdapter[Any] = TypeAdapter(bool if path[-1] == "enabled" else int)
            with contextlib.suppress(ValidationError):
                value = kind.validate_python(self.document.get(*path), strict=False)
                place: dict[Path, Place] = {(): self.document.place(path)}
                self.document.put(path, Document(value, place))

    def issue(self, issue: FieldIssue) -> None:
        self.problems.append(issue_problem(issue, self.document, self.prefix))

    # Finding the library.

    def find_library(self) -> FoundLibrary | None:
        data = self.document.data
        if "components" in data:
            for key in ("library", "library_file"):
                if data.get(key) is not None:
                    self.problem(
                        (key,),
                        message=f"both components and {key}",
                        hint="Keep one of them.",
                    )
            return FoundLibrary(
                self.document.section("components"),
                "explicit",
                (*self.prefix, "components"),
                {
                    p[1:]: known
                    for p, known in self.explicit.items()
                    if p[0] == "components"
                },
            )
        name = data.get("library")
        name = DEFAULT_LIBRARY if name is None else name
        file = data.get("library_file")
        if not isinstance(name, str) or not isinstance(file, str | None):
            return None  # their types are checked with the rest
        tables = self.shipped() if file is None else self.from_file(file)
        if tables is None:
            return None
        if name not in tables:
            self.problem(
                ("library",),
                message=f"Unknown hardware library {printable(name)}",
                allowed=choices_text(sorted(tables)),
                hint=did_you_mean(name, sorted(tables)),
            )
            return None
        return FoundLibrary(tables[name], f"library {name}", (name,))

    def shipped(self) -> dict[str, Document] | None:
        tables: dict[str, Document] = {}
        for path in library_files():
            try:
                content = read_document(path, shown_path(path))
            except ConfigError as error:
                self.problems += error.problems
                return None
            self.problems += content.problems
            tables.update(self.tables(content) or {})
        return tables

    def from_file(self, file: str) -> dict[str, Document] | None:
        path = self.folder / file
        if not self.allow_outside and not inside(path, self.folder):
            self.problem(
                ("library_file",),
                got=printable(file),
                allowed="must stay in the folder of the hardware file",
                hint="Move the library, or allow files outside.",
            )
            return None
        try:
            content = read_document(path)
        except ConfigError as error:
            for wrong in error.problems:
                if wrong.line is not None:
                    what = (wrong.message or "").removeprefix("not valid JSON: ")
                    message = f"Invalid library JSON: {what}"
                    self.problems.append(replace(wrong, message=message))
                    continue
                # About the file as a whole: told where it is named.
                what = f"Library source file {display(file)}: {wrong.message}"
                if wrong.message == NOT_FOUND:
                    what = f"Library source file not found: {display(file)}"
                self.problem(("library_file",), message=what, hint=wrong.hint)
            return None
        self.problems += content.problems
        return self.tables(content)

    def tables(self, content: Document) -> dict[str, Document] | None:
        """Libraries of a file, None when one of them is none."""
        if not isinstance(content.data, dict):
            self.problems.append(
                Problem(
                    "",
                    content.file,
                    1,
                    message="top-level JSON must be an object of libraries",
                    got=printable(content.data),
                )
            )
            return None
        wrong = list(self.library_problems(content))
        self.problems += wrong
        if wrong:
            return None
        return {name: content.section(name) for name in content.data}

    def library_problems(self, content: Document) -> Iterator[Problem]:
        """What no library may lack, whether it is used or not."""
        for name, library in content.data.items():
            place = content.place((name,))
            where = (path_text((name,)), place.file, place.line)
            if not isinstance(library, dict):
                yield Problem(*where, got=printable(library), allowed=_MAPPING)
                continue
            missing = [key for key in _REQUIRED_SECTIONS if key not in library]
            if missing:
                text = f"missing required sections: {', '.join(missing)}"
                yield Problem(*where, message=text)
            for table in ("adc", "dac"):
                widths = library.get(table)
                for bits in widths if isinstance(widths, dict) else ():
                    what = _bit_key_issue(bits)
                    if what is not None:
                        place = content.place((name, table, bits))
                        path = path_text((name, table, bits))
                        yield Problem(
                            path,
                            place.file,
                            place.line,
                            message=f"{what} bit key {printable(bits)}",
                            allowed="must be an integer > 0",
                        )

    # Laying the YAML over it.

    def merge(self, library: FoundLibrary | None) -> Document:
        merged = Document(data={}, places=dict(self.document.places))
        merged.file = self.document.file
        if library is not None and library.config is not None:
            for target, source in self.sections():
                if source in library.document.data:
                    merged.put(target, library.document, (source,))
        merged.overlay((), self.document)
        merged.data.pop("components", None)
        return merged

    def sections(self) -> list[tuple[Path, str]]:
        """Where each section of a library goes."""
        found: list[tuple[Path, str]] = [
            (("soc",), "soc"),
            (("leakage_power",), "leakage_power"),
        ]
        if isinstance(self.document.get("analog"), dict):
            found.append((("analog", "periphery"), "analog_periphery"))
        if isinstance(self.document.get("memory"), dict):
            found.append((("memory",), "memory"))
        return found

    def components(self, library: LibraryFile) -> dict[str, Any] | None:
        dac = self.converter(library.dac, "DAC", ("analog", "dac_bits"))
        draft = self.converter(library.adc, "ADC", ("analog", "adc", "draft_bits"))
        residual = self.converter(
            library.adc, "ADC", ("analog", "adc", "residual_bits")
        )
        delta = {
            phase: self.converter(library.dac, "DAC", path)
            for phase, path in self.delta_widths()
        }
        if None in (dac, draft, residual, *delta.values()):
            return None  # told by `converter`, or with the width's own type
        digital = library.digital
        return {
            "dac": dac,
            "adc_draft": draft,
            "adc_residual": residual,
            "delta_dac": delta,
            "array": library.array,
            "digital": {
                "features": {name: _coefficient(digital, name) for name in FEATURES},
                "digital_overhead_area_mm2_per_layer": (
                    digital.digital_overhead_area_mm2_per_layer
                ),
            },
        }

    def delta_widths(self) -> Iterator[tuple[Phase, Path]]:
        """Phases whose delta readout is enabled, and where its width is written."""
        for phase in _PHASES:
            path: Path = ("analog", "delta_readout", phase)
            if self.document.get(*path, "enabled") is True:
                own = self.document.get(*path, "dac_bits") is not None
                yield phase, (*path, "dac_bits") if own else ("analog", "dac_bits")

    def converter(
        self, table: dict[int, ConverterSpec], kind: str, path: Path
    ) -> ConverterSpec | None:
        bits = self.document.get(*path)
        if not isinstance(bits, int) or isinstance(bits, bool):
            return None
        if bits not in table:
            dotted = path_text(path)
            widths = ", ".join(str(width) for width in sorted(table)[:64])
            self.problem(
                path,
                message=f"Requested {dotted}={printable(bits)} is not in the library",
                allowed=f"Available {kind} bits: {widths or 'none'}",
            )
        return table.get(bits)

    # Where every number came from.

    def trace_origins(
        self, config: HardwareConfig, library: FoundLibrary | None
    ) -> tuple[dict[str, Provenance], dict[str, str]]:
        provenance: dict[str, Provenance] = {}
        origins: dict[str, str] = {}
        homes = dict(self.sections())
        sections = {"analog", "costs", "soc", "memory", "leakage_power"}
        form = {"analog"} if config.costs is not None else {"costs"}
        dumped = config.model_dump(include=sections - form)
        for path in _leaves(dumped):
            dotted = path_text(path)
            if _has(self.document.data, path):
                origins[dotted] = "explicit"
                if path in self.explicit:
                    provenance[dotted] = self.explicit[path]
                continue
            origins[dotted] = "default"
            preset = _preset_source(config, path)
            if preset is not None:
                origins[dotted], provenance[dotted] = preset
            if library is None:
                continue
            for target, source in homes.items():
                theirs = (source, *path[len(target) :])
                if path[: len(target)] == target and _has(
                    library.document.data, theirs
                ):
                    origins[dotted] = library.label
                    known = library.source(theirs)
                    if known is not None:
                        provenance[dotted] = known
        if library is None:
            return provenance, origins
        for path, theirs in self.component_paths(config, library):
            dotted = path_text(path)
            written = _has(library.document.data, theirs)
            origins[dotted] = library.label if written else "default"
            known = library.source(theirs) if written else None
            if known is not None:
                provenance[dotted] = known
        return provenance, origins

    def component_paths(
        self, config: HardwareConfig, library: FoundLibrary
    ) -> Iterator[tuple[Path, Path]]:
        """Every component number, and where the library has it."""
        assert config.analog is not None  # it has a library
        for role, table, bits in _converters(config.analog, self.delta_widths()):
            for name in ConverterSpec.model_fields:
                yield ("components", *role, name), (table, str(bits), name)
        for name in ArraySpec.model_fields:
            yield ("components", "array", name), ("array", name)
        digital = ("components", "digital")
        overhead = "digital_overhead_area_mm2_per_layer"
        yield (*digital, overhead), ("digital", overhead)
        assert library.config is not None  # or there would be no hardware
        for feature in FEATURES:
            where, block = library.config.digital.block(feature)
            mine = (*digital, "features", feature)
            theirs = ("digital", *where)
            latency = "latency_ns_per_mac"
            if block is not None and block.lanes is not None:
                latency = "lanes"
                yield (*mine, "lanes"), (*theirs, "lanes")
            yield (*mine, "energy_pj_per_op"), (*theirs, "energy_pj_per_mac")
            yield (*mine, "latency_ns_per_op"), (*theirs, latency)


def _preset_source(config: HardwareConfig, path: Path) -> tuple[str, Provenance] | None:
    """Origin of a number that the HBM preset in use gives in place of a null."""
    channel = None if config.memory is None else config.memory.hbm.in_use
    if channel is None or path[:-1] != ("memory", "hbm", "channel"):
        return None
    name = str(path[-1])
    known = PRESETS[channel.preset].get(name)
    if known is None or getattr(channel, name) is not None:
        return None
    source = Provenance(status=known.status, source=known.source)
    return f"preset {channel.preset}", source


def _is_name(value: object) -> bool:
    try:
        TypeAdapter(Name).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _bit_key_issue(bits: str) -> str | None:
    try:
        return None if int(bits) > 0 else "non-positive"
    except ValueError:
        return "non-integer"


def _converters(
    analog: AnalogConfig, enabled: Iterable[tuple[Phase, Path]]
) -> Iterator[tuple[Path, str, int]]:
    """Place among the components, table and width of every converter."""
    yield ("dac",), "dac", analog.dac_bits
    yield ("adc_draft",), "adc", analog.adc.draft_bits
    yield ("adc_residual",), "adc", analog.adc.residual_bits
    for phase, _ in enabled:
        yield ("delta_dac", phase), "dac", analog.delta_dac_bits(phase)


def _coefficient(digital: DigitalLibrary, feature: Feature) -> dict[str, Any]:
    where, block = digital.block(feature)
    assert block is not None  # refused when the library was checked
    own = where == ("features", feature)
    latency = block.latency_ns_per_mac
    if latency is None:
        latency = 1.0 / ((block.lanes or 1) * (digital.clock_ghz or 1.0))
    return {
        "energy_pj_per_op": block.energy_pj_per_mac,
        "latency_ns_per_op": latency,
        "lanes": block.lanes,
        "origin": f"{'explicit' if own else 'mapped'}:digital.{'.'.join(where)}",
        "status": ("modeled" if own or feature in MODELED_WHEN_MAPPED else "proxy"),
    }


def _leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif path:
        yield path


def _has(data: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True
