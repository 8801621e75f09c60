"""Component libraries as written, and where their numbers are from.

A number may be written `{value: 0.226, status: published, source: "..."}`; status and
source go to `HardwareConfig.provenance`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
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
from simcore.config.hardware import (
    COARSE_SOURCE,
    FEATURES,
    KV_UPDATE,
    ArraySpec,
    ConverterSpec,
    Feature,
    Provenance,
)
from simcore.config.problems import choices_text, did_you_mean, validate
from simcore.errors import Problem

DEFAULT_LIBRARY = "puma_like_v1"

#: More annotated numbers than any chip has; a file with more is not one.
_MAX_ANNOTATED = 5000


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
        issues = [
            FieldIssue(
                ("features", name),
                message="unknown feature",
                allowed=choices_text(FEATURES),
                hint=did_you_mean(name, FEATURES),
                ignorable=True,
            )
            for name in self.features
            if name not in FEATURES
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

    def block(
        self, feature: Feature
    ) -> tuple[tuple[str, ...], CoefficientBlock | None]:
        """Where the coefficient of a feature is written, and the coefficient."""
        if feature in self.features:
            return ("features", feature), self.features[feature]
        coarse = COARSE_SOURCE[feature]
        if coarse == "kv_cache" and KV_UPDATE in self.features:
            return ("features", KV_UPDATE), self.features[KV_UPDATE]
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
            FieldIssue(path, message="cannot come from a library", ignorable=True)
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
    annotated = list(islice(_annotated(document.data), _MAX_ANNOTATED + 1))
    if len(annotated) > _MAX_ANNOTATED:
        message = f"more than {_MAX_ANNOTATED} numbers with status and source"
        return found, [Problem(path_text(prefix), document.file, message=message)]
    for path in annotated:
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
class FoundLibrary:
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
