"""Whatever the bytes: an object or a ConfigError with bounded, printable text."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from simcore.config.accounting import AccountingConfig
from simcore.config.base import FrozenConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.library import LibraryFile
from simcore.config.load import (
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.config.model import ModelFile
from simcore.config.scenario import ScenarioConfig, ScenarioFile
from simcore.errors import ConfigError

Mapping = dict[str, Any]
Loader = Callable[[Any], object]

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    -0.0,
    1e300,
    10**400,
    -(10**30),
    float("nan"),
    float("inf"),
    "",
    "x",
    "on",
    "1",
    "\x1b[31m",
    "x" * 5000,
    "\U0001f600",
    "a\x00b",
    "../../x",
    b"x",
    1j,
    {1, 2},
    object(),
    [],
    [None],
    [[[[]]]],
    {},
    {"value": 1},
    {"value": {"value": 1}, "status": "measured", "source": "x"},
    {"0": 1},
    {None: 1},
    {True: 1},
    {"file": "nowhere.yaml"},
    {"adc_draft": 1},
]
KEYS = [
    "x",
    "file",
    "kind",
    "costs",
    "components",
    "library",
    "library_file",
    "provenance",
    "origins",
    "value",
    "0",
    "-1",
    "99999999999",
    "\x1b[0m",
    "n_layers",
    "hidden_size",
    "text_config",
    "histogram",
]
SNIPPETS = [
    "012",
    "1e400",
    ".nan",
    "NaN",
    "*a",
    "&a 1",
    "!!int 1",
    "[[[[",
    "{",
    "}",
    "]",
    '"',
    "'",
    ":",
    "\n",
    "\t",
    "\x00",
    "#",
    "- ",
    "? ",
    "---\n",
    "\\ud800",
    "<<",
    "%",
    "@",
]


def check(load: Loader, source: object) -> None:
    caught: ConfigError | None = None
    try:
        load(source)
    except ConfigError as error:
        caught = error
    if caught is not None:
        text = str(caught)
        assert len(text) < 25_000
        assert all(c.isprintable() or c == "\n" for c in text)
        assert all(len(str(problem)) < 1200 for problem in caught.problems)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from places(item, (*path, key))


@pytest.fixture
def inputs(scenario: Mapping) -> list[tuple[Loader, Mapping]]:
    huggingface = {
        "model_type": "gemma2",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "layer_types": ["full_attention", "sliding_attention"],
    }
    return [
        (load_scenario, scenario),
        (load_model, scenario["model"]),
        (load_hardware, scenario["hardware"]),
        (load_acceptance, scenario["acceptance"]),
        (load_model, huggingface),
        (load_acceptance, {"kind": "burst_replay", "k": 1, "requests": [[0, 1]]}),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_mappings(inputs: list[tuple[Loader, Mapping]], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(250):
        load, source = rng.choice(inputs)
        data = copy.deepcopy(source)
        for _ in range(rng.choice([1, 1, 2, 4])):
            found = list(places(data))
            if not found:
                break
            path = rng.choice(found)
            target = data
            for key in path[:-1]:
                target = target[key]
            action = rng.random()
            if action < 0.6:
                target[path[-1]] = copy.copy(rng.choice(VALUES))
            elif action < 0.8:
                del target[path[-1]]
            elif isinstance(target, dict):
                target[rng.choice(KEYS)] = copy.copy(rng.choice(VALUES))
        check(load, data)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files(
    inputs: list[tuple[Loader, Mapping]], seed: int, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        load, source = rng.choice(inputs)
        as_json = rng.random() < 0.5
        text = json.dumps(source, indent=1) if as_json else yaml.safe_dump(source)
        for _ in range(rng.choice([1, 2, 5])):
            at = rng.randrange(len(text))
            to = at + rng.choice([0, 1, 3, 20])
            text = text[:at] + rng.choice(SNIPPETS) + text[to:]
        path = tmp_path / ("input.json" if as_json else "input.yaml")
        path.write_text(text, errors="replace")
        check(load, path)


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    for suffix in (".yaml", ".json", ""):
        for size in (1, 10, 1000):
            path = tmp_path / f"input{suffix}"
            path.write_bytes(rng.randbytes(size))
            for load in (load_scenario, load_model, load_hardware, load_acceptance):
                with pytest.raises(ConfigError):
                    load(path)


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_scenario, "\n".join(f"k{n}: {n}" for n in range(20_000))),
        (load_hardware, "soc:\n" + "\n".join(f" k{n}: {n}" for n in range(20_000))),
        (
            load_acceptance,
            "k: 1\nhistogram:\n" + "\n".join(f" x{n}: y" for n in range(20_000)),
        ),
        (load_model, '"' + "\\e" * 500 + '": 1'),
    ],
)
def test_text_is_bounded_however_much_is_wrong(
    load: Loader, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "input.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load(path)
    check(load, path)


def models(cls: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A class and every class that its fields hold."""
    seen = {cls}
    todo: list[Any] = [cls]
    while todo:
        item = todo.pop()
        if isinstance(item, type) and issubclass(item, BaseModel):
            if item not in seen or item is cls:
                seen.add(item)
            todo += [field.annotation for field in item.model_fields.values()]
            yield item
        else:
            todo += [
                arg
                for arg in getattr(item, "__args__", ())
                if not (isinstance(arg, type) and arg in seen)
            ]


ALL_MODELS = sorted(
    {
        model
        for root in (
            ScenarioConfig,
            ScenarioFile,
            HardwareConfig,
            ModelFile,
            LibraryFile,
        )
        for model in models(root)
    },
    key=lambda model: model.__name__,
)


def test_the_walk_finds_the_nested_classes() -> None:
    names = {model.__name__ for model in ALL_MODELS}
    assert {"KvFormat", "BlockPolicy", "GeometricAcceptance"} <= names
    assert len(names) > 30


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda model: model.__name__)
def test_every_class_is_frozen_and_strict_and_describes_its_fields(
    model: type[BaseModel],
) -> None:
    assert issubclass(model, FrozenConfig | AccountingConfig)
    assert model.model_config["frozen"]
    assert model.model_config["strict"]
    assert model.model_config["extra"] == "forbid"
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name}"


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda model: model.__name__)
def test_every_number_has_both_ends_of_a_range(model: type[BaseModel]) -> None:
    def walk(schema: Any, where: str) -> None:
        if isinstance(schema, dict):
            if schema.get("type") in {"integer", "number"}:
                assert "minimum" in schema, where
                assert "maximum" in schema, where
            for key, value in schema.items():
                walk(value, f"{where}.{key}")
        elif isinstance(schema, list):
            for item in schema:
                walk(item, where)

    walk(model.model_json_schema()["properties"], model.__name__)
