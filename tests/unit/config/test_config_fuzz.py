"""Any input ends in an object or a ConfigError, soon and without a traceback.

300 generated cases here, 10,000 of each kind in the slow suite. A failing case is
printed as the smallest one found, with the blob that replays it.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import fuzz
from hypothesis import strategies as st
from pydantic import BaseModel

from simcore.config import shipped
from simcore.config.acceptance import ACCEPTANCE_KINDS
from simcore.config.accounting import AccountingConfig
from simcore.config.base import FrozenConfig
from simcore.config.hardware import FEATURES
from simcore.config.load import (
    config_dict,
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.errors import ConfigError

Loader = Callable[..., BaseModel]

#: CPU seconds a load may take.
LIMIT_S = 2.0
SIZES = [100, pytest.param(10_000, marks=pytest.mark.slow)]
LOADERS: dict[shipped.Kind, Loader] = {
    "model": load_model,
    "hardware": load_hardware,
    "acceptance": load_acceptance,
    "scenario": load_scenario,
}


def check_load(load: Loader, source: object, **options: Any) -> None:
    started = time.process_time()
    loaded = refused = None
    try:
        loaded = load(source, **options)
    except ConfigError as error:
        refused = error
    assert time.process_time() - started < LIMIT_S
    if refused is not None:
        text = str(refused)
        assert len(text) < 25_000
        assert all(c.isprintable() or c == "\n" for c in text)
        assert all(len(str(problem)) < 1200 for problem in refused.problems)
    if loaded is not None:
        # What was accepted is plain, finite and the same when it is read again.
        plain = json.loads(json.dumps(config_dict(loaded), allow_nan=False))
        assert load(plain) == loaded


# What cases are made of.


def classes(cls: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield cls
    for below in cls.__subclasses__():
        yield from classes(below)


KEYS = sorted(
    {
        field.alias or name
        for cls in [*classes(FrozenConfig), AccountingConfig]
        for name, field in cls.model_fields.items()
    }
    | {*FEATURES, *ACCEPTANCE_KINDS, "file", "value", "0", "-1", "1e3", "99999999999"}
    | {"model_type", "hidden_size", "text_config", "num_experts", "\x1b[0m", ""}
)
WORDS = [
    *shipped.shipped_files("hardware"),
    *shipped.shipped_files("model"),
    *("serialized", "reuse", "swiglu", "draft", "full", "burst", "generation"),
    *("physical", "selfspec-calculator", "histogram", "fixed", "on", "off", "full"),
    *("llama", "mixtral", "deepseek_v3", "gpt2", "../x", "/etc/passwd", "~", "a\x00b"),
    *("012", "1e400", ".nan", "NaN", "1:30", "2026-01-01", "0x10", "1_000", "\x1b[31m"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.sampled_from([10**6, 10**15, 10**16, 2**63, -(10**30), 10**400]),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=4) | st.integers(-2, 9),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
SNIPPETS = st.one_of(
    st.sampled_from(
        [
            *("*a", "&a 1", "!!int 1", "<<: ", "[[[[", "{", "}", "]", '"', "'", ":"),
            *("\n", "\t", "\x00", "#", "- ", "? ", "---\n", "\\ud800", "%", "@", "| "),
        ]
    ),
    st.sampled_from(WORDS),
    st.sampled_from([f"{key}: " for key in KEYS]),
    st.text(max_size=6),
)


@pytest.fixture(scope="module")
def files() -> list[tuple[str, str, str]]:
    """Kind, suffix and text of every shipped file."""
    found: list[tuple[str, Path]] = [
        (kind, path)
        for kind in LOADERS
        for path in shipped.shipped_files(kind).values()
    ]
    found += [("library", path) for path in shipped.library_files()]
    assert len(found) > 15
    return [
        (kind, path.suffix, path.read_text(encoding="utf-8")) for kind, path in found
    ]


@pytest.fixture
def check_text(tmp_path: Path) -> Callable[..., None]:
    """Load a file of some text; a library through a chip that uses it."""
    chip = tmp_path / "chip.json"
    analog = {
        "xbar_size": 128,
        "num_columns_per_adc": 16,
        "dac_bits": 4,
        "adc": {"draft_bits": 4, "residual_bits": 12},
    }

    def check(kind: str, suffix: str, text: str | bytes, lenient: bool) -> None:
        path = tmp_path / f"input{suffix}"
        content = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        path.write_bytes(content)
        if kind == "library":
            try:
                name = next(iter(json.loads(content)), "x")
            except (ValueError, TypeError):
                name = "x"
            used = {"analog": analog, "library": name, "library_file": path.name}
            chip.write_text(json.dumps(used))
            check_load(load_hardware, chip, lenient=lenient)
        else:
            check_load(LOADERS[kind], path, lenient=lenient)  # type: ignore[index]

    return check


# The three kinds of cases.


@pytest.mark.parametrize("size", SIZES)
def test_generated_values(size: int) -> None:
    top = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6) | VALUES
    cases = st.tuples(st.sampled_from(list(LOADERS)), top, st.booleans())

    def check(kind: shipped.Kind, value: Any, lenient: bool) -> None:
        check_load(LOADERS[kind], value, lenient=lenient)

    fuzz(cases, size, check)


@pytest.mark.parametrize("size", SIZES)
def test_generated_bytes_and_texts(check_text: Callable[..., None], size: int) -> None:
    texts = st.lists(SNIPPETS, max_size=20).map("".join)
    cases = st.tuples(
        st.sampled_from([*LOADERS, "library"]),
        st.sampled_from([".yaml", ".json", ""]),
        st.binary(max_size=200) | texts,
        st.booleans(),
    )
    fuzz(cases, size, check_text)


@pytest.mark.parametrize("size", SIZES)
def test_mutations_of_the_shipped_files(
    files: list[tuple[str, str, str]], check_text: Callable[..., None], size: int
) -> None:
    """Half of them in the text, half in what the text means."""
    share = st.floats(0, 1, exclude_max=True)
    text_edits = st.lists(
        st.tuples(share, st.sampled_from([0, 1, 3, 20, 200]), SNIPPETS),
        min_size=1,
        max_size=5,
    )
    actions = st.sampled_from(["set", "set", "delete", "add", "copy"])
    value_edits = st.lists(
        st.tuples(share, actions, st.sampled_from(KEYS), VALUES),
        min_size=1,
        max_size=4,
    )
    cases = st.tuples(st.sampled_from(files), text_edits | value_edits, st.booleans())

    def check(file: tuple[str, str, str], edits: list[Any], lenient: bool) -> None:
        kind, suffix, text = file
        if len(edits[0]) == 3:
            for at, length, snippet in edits:
                start = int(at * len(text))
                text = text[:start] + snippet + text[start + length :]
        else:
            data = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
            for edit in edits:
                mutate(data, *edit)
            dump = json.dumps if suffix == ".json" else yaml.safe_dump
            text = dump(data, sort_keys=False)
        check_text(kind, suffix, text, lenient)

    fuzz(cases, size, check)


def mutate(data: Any, at: float, action: str, key: str, value: Any) -> None:
    """Change one value somewhere in nested data."""
    places = list(containers(data))
    if not places:
        return
    holder, name = places[int(at * len(places))]
    if action == "set":
        holder[name] = copy.deepcopy(value)
    elif action == "delete":
        del holder[name]
    elif action == "copy":
        holder[name] = copy.deepcopy(places[int(at * 7919 % len(places))][0])
    elif isinstance(holder, dict):
        holder[key] = copy.deepcopy(value)
    else:
        holder.append(copy.deepcopy(value))


def containers(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list in nested data, with each of its keys."""
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for name, below in items:
        yield data, name
        yield from containers(below)
