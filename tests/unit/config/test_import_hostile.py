"""Any file ends in an acceptance or a ConfigError, soon and in bounded memory."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from fuzzing import fuzz
from hypothesis import strategies as st
from recordings import (
    BURSTS,
    SAME,
    K,
    answers,
    lines,
    stats,
    traces,
    vllm_metrics,
)

from simcore.config.importers import records as records_module
from simcore.config.importers.formats import FORMATS, TITLES
from simcore.config.importers.importing import Imported, import_acceptance
from simcore.config.importers.recording import ImportOptions
from simcore.config.load import load_acceptance
from simcore.errors import ConfigError

#: CPU seconds an import may take.
LIMIT_S = 2.0
SIZES = [60, pytest.param(3000, marks=pytest.mark.slow)]
READERS = sorted(set(TITLES) - {"huggingface"})


def attempt(format_name: str, path: str, **options: Any) -> Imported | None:
    started = time.process_time()
    imported = refused = None
    try:
        imported = import_acceptance(format_name, [path], ImportOptions(**options))
    except ConfigError as error:
        refused = error
    assert time.process_time() - started < LIMIT_S
    if refused is not None:
        text = str(refused)
        assert len(text) < 60_000
        assert all(c.isprintable() or c == "\n" for c in text)
        assert 0 < len(refused.problems) <= 51
    if imported is not None:
        made = Path("made.yaml")
        made.write_text(imported.text, encoding="utf-8")
        assert load_acceptance(made) == imported.acceptance
    return imported


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 7),
    st.sampled_from([10**16, -(10**400), 1.5, -0.0, 1e300, "", "3", "\x1b[2J", [], {}]),
    st.lists(st.integers(-1, 5), max_size=6),
    st.lists(st.floats(0, 1), max_size=4),
    st.dictionaries(st.sampled_from(["0", "1", "-1", "x", "1025"]), st.integers(-1, 9)),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        found += places(item, (*path, key))
    return found


@st.composite
def spoilt_records(draw: st.DrawFn) -> tuple[str, str, str, dict[str, Any]]:
    """A good file in which some values are replaced or removed."""
    name = draw(st.sampled_from([n for n in SAME if not n.startswith("prom")]))
    format_name, file, text = SAME[name]
    whole = file.endswith(".json")
    data = (
        [json.loads(text())]
        if whole
        else [json.loads(n) for n in text().split("\n") if n]
    )
    if draw(st.booleans()) and format_name == "spec-bench":
        data, format_name = traces(), "position-trace"
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from([p for p in places(data) if p]))
        parent: Any = data
        for part in path:
            parent = parent[part]
        if draw(st.booleans()) and isinstance(parent, dict):
            del parent[last]
        else:
            parent[last] = draw(ODD)
        if not data:
            break
    spoilt = json.dumps(data[0]) if whole and data else lines(data)
    options = {
        "convention": draw(st.sampled_from([None, "accepted", "committed"])),
        "draft_length": draw(st.sampled_from([None, 0, 3])),
        "kind": draw(st.sampled_from([None, "histogram", "burst_replay"])),
    }
    return draw(st.sampled_from([format_name, "auto"])), file, spoilt, options


@pytest.mark.parametrize("size", SIZES)
def test_spoilt_records_end_in_an_acceptance_or_in_problems(size, write):
    outcomes = []

    def check(format_name, file, text, options):
        outcomes.append(attempt(format_name, write(file, text or " "), **options))

    fuzz(spoilt_records(), size, check)
    assert not all(outcomes)
    if size > 1000:
        # Of a few, chance may leave none that is still whole.
        assert any(outcomes)


@pytest.mark.parametrize("size", SIZES)
def test_spoilt_counters_end_in_an_acceptance_or_in_problems(size, write):
    good = SAME["prometheus"][2]()
    tokens = st.sampled_from(
        ["{", "}", '"', "\\", ",", "=", " ", "\n", "NaN", "+Inf", "1e400", "-1", "0"]
    )
    cuts = st.tuples(st.integers(0, len(good)), st.integers(0, 30), tokens)

    def check(start, length, token):
        text = good[:start] + token + good[start + length :]
        attempt("prometheus", write("m.txt", text))

    fuzz(cuts, size, check)


@pytest.mark.parametrize("format_name", READERS)
@pytest.mark.parametrize("file", ["x.json", "x.jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"",
        b"\n \n",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"text"',
        b"[[[]]]",
        b"{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"k": 1, "k": 2}',
        b'{"k": 1' + b"0" * 5000 + b"}",
        b'{"k": NaN, "histogram": {"0": Infinity}}',
        b'{"choices": "x", "metrics": 5, "meta_info": [], "stats": {}}',
        b'{"choices": [5, null], "acc_x": {"acc_len": 1}}',
        b'"' + b"\\" * 100_001,
    ],
)
def test_what_is_no_recording_is_refused(write, format_name, file, content):
    assert attempt(format_name, write(file, content), draft_length=3) is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            '{"a": 1,}',
            "r.jsonl:2: not valid JSON at column 9: ",
        ),
        (
            '{"a": [1, 2',
            "r.jsonl:2: not valid JSON at column 12: Expecting ',' delimiter, found "
            "the end of the line.",
        ),
        ('{"a": 1, "a": 2}', "r.jsonl:2: key 'a' given twice."),
        ("[" * 5000, "r.jsonl:2: too deep."),
        ("1" * 5000, "r.jsonl:2: not valid JSON: a number of too many digits."),
    ],
)
def test_a_bad_line_is_told_with_line_and_column(write, errors, line, problem):
    path = write("r.jsonl", f"{json.dumps(vllm_metrics(BURSTS[0]))}\n{line}\n")
    (found,) = errors(import_acceptance, "vllm", [path])
    assert found.startswith(problem)


def test_every_bad_line_is_told(write, errors):
    good = json.dumps(vllm_metrics(BURSTS[0]))
    path = write("r.jsonl", f"{{\n{good}\n[1\n")
    found = errors(import_acceptance, "vllm", [path])
    assert [text.split(":")[1] for text in found] == ["1", "3"]


def test_lines_in_a_json_file_are_told(write, errors):
    path = write("r.json", "{}\n{}\n")
    assert errors(import_acceptance, "vllm", [path]) == [
        "r.json:2: text after the end of the document. One record a line? Name the "
        "file .jsonl."
    ]


def test_sizes_are_bounded(write, errors, monkeypatch):
    large = write("l.json", '{"a": "' + "x" * (1 << 20) + '"}')
    assert errors(import_acceptance, "vllm", [large]) == [
        "l.json: too large for one JSON document: more than 1048576 bytes. One record "
        "a line? Name the file .jsonl."
    ]
    monkeypatch.setattr(records_module, "MAX_LINE_CHARACTERS", 50)
    path = write("r.jsonl", json.dumps(vllm_metrics(BURSTS[0])))
    assert errors(import_acceptance, "vllm", [path]) == [
        "r.jsonl:1: too large: a line of more than 50 characters."
    ]
    monkeypatch.setattr(records_module, "MAX_TOTAL_BYTES", 300)
    first, second = write("a.jsonl", "1" * 200), write("b.jsonl", "2" * 200)
    assert errors(import_acceptance, "vllm", [first, second]) == [
        "b.jsonl: too large: more than 100 bytes."
    ]


def test_what_does_not_fit_one_file_says_what_does(write, errors):
    request = [3, 0, 1] * 8000
    path = write("r.jsonl", lines([vllm_metrics(request)] * 5))
    assert errors(import_acceptance, "vllm", [path]) == [
        "--kind: the recording is larger than one acceptance file: more than 100000 "
        "values. Use --kind histogram, or --records N for a part. The first 4 "
        "requests fit."
    ]
    part = import_acceptance("vllm", [path], ImportOptions(records=4))
    assert part.bursts == 96_000
    made = write("made.yaml", part.text)
    assert load_acceptance(made) == part.acceptance
    whole = import_acceptance("vllm", [path], ImportOptions(kind="histogram"))
    assert whole.bursts == 120_000


def test_problems_of_files_and_options_come_together(write, errors):
    good = write("s.json", json.dumps(stats()))
    copy = write("t.json", json.dumps(stats()))
    os.mkfifo("pipe")
    found = errors(
        import_acceptance,
        "stats",
        [good, copy, "gone.json", "pipe", "."],
        ImportOptions("bonus", 2000, "table", None, 0),  # type: ignore[arg-type]
        source="two\nlines",
        label="",
    )
    assert sorted(found) == [
        "--convention: got 'bonus'; allowed: accepted, committed.",
        "--draft-length: got 2000; must be an integer between 0 and 1024.",
        "--kind: got 'table'; allowed: histogram, burst_replay, position_replay.",
        "--label: got ''; must be 1 to 1000 characters, none of them control "
        "characters.",
        "--records: got 0; must be an integer between 1 and 1000000000.",
        "--source: got 'two\\nlines'; must be 1 to 1000 characters, none of them "
        "control characters.",
        ".: is a folder, not a file.",
        "gone.json: file not found.",
        "pipe: is not a regular file.",
        "t.json: the same content as s.json: it would count twice.",
    ]


@pytest.mark.parametrize(
    ("format_name", "options", "problem"),
    [
        ("stats", {"records": 1}, "--records: format stats has no such choice."),
        ("vllm", {"method": "x"}, "--method: format vllm has no such choice."),
        (
            "stats",
            {"kind": "burst_replay"},
            "--kind: got burst_replay; allowed: histogram. The recording does not have "
            "the order of bursts.",
        ),
        (
            "spec-bench",
            {"kind": "position_replay", "draft_length": K},
            "--kind: got position_replay; allowed: burst_replay, histogram. The "
            "recording does not have every token position.",
        ),
        (
            "statss",
            {},
            "FORMAT: got 'statss'; allowed: stats, vllm, sglang, spec-bench, "
            "position-trace, prometheus, auto. Did you mean 'stats'?",
        ),
    ],
)
def test_options_that_a_format_cannot_have(
    write, errors, format_name, options, problem
):
    texts = {
        "stats": ("s.json", json.dumps(stats())),
        "vllm": ("v.jsonl", lines([vllm_metrics(BURSTS[0])])),
        "spec-bench": ("a.jsonl", lines(answers())),
        "statss": ("s.json", json.dumps(stats())),
    }
    path = write(*texts[format_name])
    assert errors(import_acceptance, format_name, [path], ImportOptions(**options)) == [
        problem
    ]


def test_a_file_that_fits_no_format_or_two_is_not_guessed(write, errors):
    path = write("x.json", "{}")
    names = ", ".join(TITLES)
    assert errors(import_acceptance, "auto", [path]) == [
        f"x.json: FORMAT: of no format that is known; allowed: {names}. Name the "
        "format in place of auto."
    ]
    path = write("y.json", json.dumps({**stats(), **vllm_metrics(BURSTS[0])}))
    assert errors(import_acceptance, "auto", [path]) == [
        "y.json: FORMAT: fits several formats; allowed: stats, vllm. Name the format "
        "in place of auto."
    ]


def test_two_scrapes_are_not_added_up(write, errors):
    first = write("m1.txt", SAME["prometheus"][2]())
    second = write("m2.txt", f"{SAME['prometheus'][2]()}# later\n")
    assert errors(import_acceptance, "prometheus", [first, second]) == [
        "FILE: got 2 files; must be one. Counters run on: a later scrape contains the "
        "earlier one."
    ]


def test_shares_of_several_files_are_not_added_up(write, errors):
    shares = {"k": 1, "histogram": {"0": 0.25, "1": 0.75}}
    first = write("s.json", json.dumps(shares))
    second = write("t.json", json.dumps(stats([[0, 1]], 1)))
    assert errors(import_acceptance, "stats", [first, second]) == [
        "FILE: shares of several files cannot be added up. Give files of counts, or "
        "one file."
    ]


def test_every_format_has_a_fixture():
    formats = {format_name for format_name, _, _ in SAME.values()}
    assert formats | {"position-trace", "huggingface", "auto"} == set(FORMATS)
