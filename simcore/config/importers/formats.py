"""The formats that can be imported, by name; to add one, add a line here.

A format's reader turns records into a `Recording` and notes every problem; it neither
opens nor writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simcore.config.document import Document
from simcore.config.huggingface import is_huggingface
from simcore.config.importers import (
    position_trace,
    prometheus,
    sglang,
    spec_bench,
    stats,
    vllm,
)
from simcore.config.importers.recording import ImportOptions, Reading, Recording
from simcore.config.importers.records import InputFile, read_records

_ReadRecords = Callable[[Sequence[Document], ImportOptions, Reading], Recording | None]


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    title : str
        What it is, for sources and lists.
    options : frozenset of str
        Options beyond --convention, --draft-length and --kind that it takes.
    recognises : callable
        Whether a record is of this format.
    read : callable
        Makes a recording of all records.
    keeps : callable or None
        Whether a key of a record is of use, where others are large.
    """

    title: str
    options: frozenset[str]
    recognises: Callable[[Document], bool]
    read: _ReadRecords
    keeps: Callable[[str], bool] | None = None


_BY_RECORD = frozenset({"--records"})

#: Formats of records. `prometheus` is text, and `huggingface` becomes a model.
RECORD_FORMATS: dict[str, Format] = {
    "stats": Format(
        "stats.json or stats_meta.json of the public calculator",
        frozenset(),
        stats.recognises,
        stats.read,
    ),
    "vllm": Format(
        "vLLM acceptance metrics of requests", _BY_RECORD, vllm.recognises, vllm.read
    ),
    "sglang": Format(
        "SGLang meta_info of requests", _BY_RECORD, sglang.recognises, sglang.read
    ),
    "spec-bench": Format(
        "Spec-Bench, EAGLE or Medusa answers",
        _BY_RECORD,
        spec_bench.recognises,
        spec_bench.read,
    ),
    "position-trace": Format(
        "SpecDecode-Bench position traces",
        _BY_RECORD | {"--method"},
        position_trace.recognises,
        position_trace.read,
        position_trace.keeps,
    ),
}
TITLES: dict[str, str] = {
    "huggingface": "Hugging Face config.json",
    **{name: entry.title for name, entry in RECORD_FORMATS.items()},
    "prometheus": "vLLM Prometheus counters",
}
#: Names on the command line; `auto` looks at the first record.
FORMATS = (*TITLES, "auto")


def formats_of(source: InputFile) -> list[str]:
    """Formats that the beginning of a file fits; empty when it fits none."""
    found = ["prometheus"] if prometheus.recognises(source) else []
    records, problems = read_records(source, 1)
    if problems or not records:
        return found
    if is_huggingface(records[0].data):
        found.append("huggingface")
    return found + [
        name for name, entry in RECORD_FORMATS.items() if entry.recognises(records[0])
    ]
