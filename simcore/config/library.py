"""From a hardware YAML and a component library to final numbers.

Precedence, field by field: written in the YAML (an explicit 0 or null counts) over the
library over the default. `soc.schedule`, `soc.attention_cim_units` and
`memory.kv_cache` never come from a library; a library's memories are used only when
the YAML has a `memory` section. A phase override of `buffers_add` beats the base value
wherever either came from.

A number may be written `{value: 0.226, status: published, source: "..."}`; status and
source go to `HardwareConfig.provenance`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import Field, model_validator

from simcore.config.base import (
    INTEGER_KEYS,
    FieldIssue,
    FrozenConfig,
    NonNegative,
    PositiveCount,
    Text,
    raise_issues,
)
from simcore.config.document import Document, Path, path_text
from simcore.config.files import display, inside, read_document
from simcore.config.hardware import (
    FEATURES,
    ArraySpec,
    ConverterSpec,
    HardwareConfig,
    Provenance,
)
from simcore.config.problems import choices_text, did_you_mean, validate
from simcore.config.shipped import library_files, shown_path
from simcore.errors import ConfigError, Problem, printable

DEFAULT_LIBRARY = "puma_like_v1"

_COARSE = {
    "attention_qk": "attention",
    "attention_pv": "attention",
    "attention_softmax": "softmax",
    "kv_pack": "kv_cache",
    "kv_unpack": "kv_cache",
}
_MODELED_WHEN_MAPPED = {
    "attention_qk",
    "attention_softmax",
    "attention_pv",
    "ffn_activation",
    "ffn_gate_multiply",
}
#: The public format's one KV feature; stands for both of ours.
_KV_UPDATE = "kv_cache_update"


class CoefficientBlock(FrozenConfig):
    """Cost per operation, written with a latency or with a number of lanes."""

    energy_pj_per_mac: NonNegative = Field(description="pJ per operation.")
    latency_ns_per_mac: NonNegative | None = Field(
        default=None, description="ns per operation."
    )
    lanes: PositiveCount | None = Field(
        default=None, description="Operations per cycle of digital.clock_ghz."
    )

    @model_validator(mode="after")
    def _check_one_latency(self) -> CoefficientBlock:
        if (self.latency_ns_per_mac is None) == (self.lanes is None):
            raise_issues(
                [
                    FieldIssue(
                        ("latency_ns_per_mac",),
                        message="give either latency_ns_per_mac or lanes",
                    )
                ]
            )
        return self


class DigitalLibrary(FrozenConfig):
    """Digital coefficients as written: coarse ones, and features of their own."""

    attention: CoefficientBlock | None = Field(default=None, description="qk and pv.")
    softmax: CoefficientBlock | None = Field(default=None, description="Softmax.")
    elementwise: CoefficientBlock | None = Field(
        default=None, description="Everything without a coefficient of its own."
    )
    kv_cache: CoefficientBlock | None = Field(
        default=None, description="Packing and unpacking of KV."
    )
    features: dict[str, CoefficientBlock] = Field(
        default_factory=dict, description="Coefficients of single features."
    )
    clock_ghz: Annotated[float, Field(ge=1e-6, le=1000)] | None = Field(
        default=None, description="Clock of the lanes."
    )
    digital_overhead_area_mm2_per_layer: NonNegative = Field(
        default=0.0, description="mm2 of digital logic per layer."
    )

    @model_validator(mode="after")
    def _check_features(self) -> DigitalLibrary:
        known = (*FEATURES, _KV_UPDATE)
        issues = [
            FieldIssue(
                ("features", name),
                message="unknown feature",
                allowed=choices_text(known),
                hint=did_you_mean(name, known),
            )
            for name in self.features
            if name not in known
        ]
        for feature in FEATURES:
            path, block = self.block(feature)
            if block is None:
                issues.append(FieldIssue(path, message=f"missing; needed by {feature}"))
            elif block.lanes is not None and self.clock_ghz is None:
                issues.append(
                    FieldIssue((*path, "lanes"), message="needs digital.clock_ghz")
                )
        raise_issues(list(dict.fromkeys(issues)))
        return self

    def block(self, feature: str) -> tuple[tuple[str, ...], CoefficientBlock | None]:
        """Where the coefficient of a feature is written, and the coefficient."""
        if feature in self.features:
            return ("features", feature), self.features[feature]
        coarse = _COARSE.get(feature, "elementwise")
        if coarse == "kv_cache" and _KV_UPDATE in self.features:
            return ("features", _KV_UPDATE), self.features[_KV_UPDATE]
        return (coarse,), getattr(self, coarse)


class LibraryFile(FrozenConfig):
    """One component library, or the `components` of a hardware YAML, as written."""

    about: Text | None = Field(
        default=None,
        alias="_about",
        description='What it is; "Status: derived." says how far to trust it.',
    )
    adc: Annotated[dict[int, ConverterSpec], INTEGER_KEYS] = Field(
        description="ADC by bits."
    )
    dac: Annotated[dict[int, ConverterSpec], INTEGER_KEYS] = Field(
        description="DAC by bits."
    )
    array: ArraySpec = Field(description="Crossbar array.")
    digital: DigitalLibrary = Field(description="Digital coefficients.")
    # The four below have the shape of the YAML's own sections and are checked as
    # part of those, once the YAML's values are laid over them.
    analog_periphery: dict[str, Any] = Field(
        default_factory=dict, description="As analog.periphery."
    )
    soc: dict[str, Any] = Field(default_factory=dict, description="As soc.")
    memory: dict[str, Any] = Field(default_factory=dict, description="As memory.")
    leakage_power: dict[str, Any] = Field(
        default_factory=dict, description="As leakage_power."
    )
    source_map: dict[str, Text] = Field(
        default_factory=dict, description="Pattern of a path to its source."
    )
    source_notes: dict[str, Any] = Field(
        default_factory=dict, description="Free notes about the sources."
    )

    @model_validator(mode="after")
    def _check_keys(self) -> LibraryFile:
        issues = [
            FieldIssue((table, bits), message=f"non-positive bit key {bits}")
            for table, widths in (("adc", self.adc), ("dac", self.dac))
            for bits in widths
            if bits <= 0
        ]
        issues += [
            FieldIssue(path, message="cannot come from a library")
            for path in (
                ("soc", "schedule"),
                ("soc", "attention_cim_units"),
                ("memory", "kv_cache"),
            )
            if path[1] in getattr(self, path[0])
        ]
        raise_issues(issues)
        return self


def strip_annotations(
    document: Document, prefix: Path = ()
) -> tuple[dict[Path, Provenance], list[Problem]]:
    """Replace every `{value, status, source}` in a document by its value.

    Returns
    -------
    dict of Path to Provenance
        Status and source of each number that had them.
    list of Problem
        Annotations that are not complete.
    """
    found: dict[Path, Provenance] = {}
    problems: list[Problem] = []
    for path in list(_annotated(document.data)):
        number = document.section(*path)
        value = number.section("value")
        number.remove(("value",))
        provenance, wrong = validate(Provenance, number, (*prefix, *path))
        problems += wrong
        if provenance is not None:
            found[path] = provenance
        document.put(path, value)
    return found, problems


def _annotated(value: Any, path: Path = ()) -> Iterator[Path]:
    if not isinstance(value, dict):
        return
    if "value" in value and path:
        yield path
        return
    for key, item in value.items():
        yield from _annotated(item, (*path, key))


@dataclass
class _Library:
    """A library that was found: its document and where it came from."""

    document: Document
    label: str
    prefix: Path
    provenance: dict[Path, Provenance] = field(default_factory=dict)
    config: LibraryFile | None = None

    def source(self, path: Path) -> Provenance | None:
        """Provenance of one of its numbers: its own, by pattern, or the library's."""
        own = self.provenance.get(path)
        if own is not None or self.config is None:
            return own
        dotted = ".".join(str(part) for part in path)
        status = _about_status(self.config.about)
        for pattern, text in self.config.source_map.items():
            if fnmatch.fnmatchcase(dotted, pattern):
                return Provenance.model_validate({"status": status, "source": text})
        if self.config.about is None:
            return None
        return Provenance.model_validate(
            {"status": status, "source": self.config.about}
        )


def _about_status(about: str | None) -> str:
    # Unless the library says so itself, nobody vouches for its numbers.
    pattern = r"\bStatus: (measured|published|derived|assumed)\."
    match = re.search(pattern, about or "")
    return match.group(1) if match else "assumed"


def resolve_hardware(
    document: Document,
    default_name: str,
    folder: FilePath,
    allow_outside: bool = False,
    prefix: Path = (),
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
    """
    components = document.get("components")
    if not isinstance(document.data, dict) or (
        isinstance(components, dict) and "adc_draft" in components
    ):
        return validate(HardwareConfig, document, prefix)
    document = document.section()
    resolver = _Resolver(document, folder, allow_outside, prefix)
    return resolver.resolve(default_name)


class _Resolver:
    """One resolution; collects problems on the way."""

    def __init__(
        self, document: Document, folder: FilePath, allow_outside: bool, prefix: Path
    ) -> None:
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
        written = self.document
        self.check_form()
        if "costs" in written.data:
            return None, self.problems
        library = self.find_library()
        if library is not None:
            own, wrong = strip_annotations(library.document, library.prefix)
            library.provenance.update(own)
            self.problems += wrong
            library.config, wrong = validate(
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
            if "components" not in written.data:
                merged.data.setdefault("library", DEFAULT_LIBRARY)
        config, wrong = validate(HardwareConfig, merged, self.prefix)
        self.problems += [
            problem
            for problem in wrong
            if components is not None
            or problem.path != path_text((*self.prefix, "components"))
        ]
        if config is None or self.problems or library is None:
            return None, self.problems
        provenance, origins = self.trace_origins(config, library)
        return (
            config.model_copy(update={"provenance": provenance, "origins": origins}),
            [],
        )

    def check_form(self) -> None:
        if "costs" in self.document.data:
            both = "analog" in self.document.data
            self.problem(
                ("costs",),
                message="ambiguous: both analog and costs" if both else None,
                got=None if both else "per-MAC costs (the legacy form)",
                allowed="write analog and a library instead",
                hint="Costs per MAC have no converters or tiles to simulate.",
            )
        for key in ("provenance", "origins"):
            if key in self.document.data:
                self.problem(
                    (key,),
                    message="unknown field",
                    hint="Write {value, status, source} in place of a number.",
                )
                self.document.remove((key,))

    # Finding the library.

    def find_library(self) -> _Library | None:
        data = self.document.data
        if "components" in data:
            for key in ("library", "library_file"):
                if data.get(key) is not None:
                    self.problem(
                        (key,),
                        message=f"both components and {key}",
                        hint="Keep one of them.",
                    )
            return _Library(
                self.document.section("components"),
                "explicit",
                (*self.prefix, "components"),
                {
                    p[1:]: known
                    for p, known in self.explicit.items()
                    if p[0] == "components"
                },
            )
        name = data.get("library", DEFAULT_LIBRARY)
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
        return _Library(tables[name], f"library {name}", (name,))

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
                if wrong.line is None:
                    # About the file as a whole: told where it is named.
                    self.problem(
                        ("library_file",),
                        message=f"Library source file {display(file)}: {wrong.message}",
                        hint=wrong.hint,
                    )
                else:
                    self.problems.append(wrong)
            return None
        self.problems += content.problems
        return self.tables(content)

    def tables(self, content: Document) -> dict[str, Document] | None:
        if not isinstance(content.data, dict):
            self.problems.append(
                Problem(
                    "",
                    content.file,
                    1,
                    message="the top level must be a mapping of libraries",
                    got=printable(content.data),
                )
            )
            return None
        return {name: content.section(name) for name in content.data}

    # Laying the YAML over it.

    def merge(self, library: _Library | None) -> Document:
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
        if None in (dac, draft, residual):
            return None  # told by `converter`, or with the width's own type
        digital = library.digital
        return {
            "dac": dac,
            "adc_draft": draft,
            "adc_residual": residual,
            "array": library.array,
            "digital": {
                "features": {name: _coefficient(digital, name) for name in FEATURES},
                "digital_overhead_area_mm2_per_layer": (
                    digital.digital_overhead_area_mm2_per_layer
                ),
            },
        }

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
        self, config: HardwareConfig, library: _Library
    ) -> tuple[dict[str, Provenance], dict[str, str]]:
        provenance: dict[str, Provenance] = {}
        origins: dict[str, str] = {}
        homes = dict(self.sections())
        sections = {"analog", "soc", "memory", "leakage_power"}
        dumped = config.model_dump(include=sections)
        for path in _leaves(dumped):
            dotted = path_text(path)
            if _has(self.document.data, path):
                origins[dotted] = "explicit"
                if path in self.explicit:
                    provenance[dotted] = self.explicit[path]
                continue
            origins[dotted] = "default"
            for target, source in homes.items():
                theirs = (source, *path[len(target) :])
                if path[: len(target)] == target and _has(
                    library.document.data, theirs
                ):
                    origins[dotted] = library.label
                    known = library.source(theirs)
                    if known is not None:
                        provenance[dotted] = known
        for path, theirs in self.component_paths(config, library):
            dotted = path_text(path)
            written = _has(library.document.data, theirs)
            origins[dotted] = library.label if written else "default"
            known = library.source(theirs) if written else None
            if known is not None:
                provenance[dotted] = known
        return provenance, origins

    def component_paths(
        self, config: HardwareConfig, library: _Library
    ) -> Iterator[tuple[Path, Path]]:
        """Every component number, and where the library has it."""
        for role, table, bits in (
            ("dac", "dac", config.analog.dac_bits),
            ("adc_draft", "adc", config.analog.adc.draft_bits),
            ("adc_residual", "adc", config.analog.adc.residual_bits),
        ):
            for name in ConverterSpec.model_fields:
                yield ("components", role, name), (table, str(bits), name)
        for name in ArraySpec.model_fields:
            yield ("components", "array", name), ("array", name)
        digital = ("components", "digital")
        overhead = "digital_overhead_area_mm2_per_layer"
        yield (*digital, overhead), ("digital", overhead)
        if library.config is None:
            return
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


def _coefficient(digital: DigitalLibrary, feature: str) -> dict[str, Any]:
    where, block = digital.block(feature)
    if block is None:  # refused when the library was checked
        raise AssertionError(feature)
    own = where == ("features", feature)
    latency = block.latency_ns_per_mac
    if latency is None:
        latency = 1.0 / ((block.lanes or 1) * (digital.clock_ghz or 1.0))
    return {
        "energy_pj_per_op": block.energy_pj_per_mac,
        "latency_ns_per_op": latency,
        "lanes": block.lanes,
        "origin": f"{'explicit' if own else 'mapped'}:digital.{'.'.join(where)}",
        "status": ("modeled" if own or feature in _MODELED_WHEN_MAPPED else "proxy"),
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
