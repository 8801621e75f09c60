"""Sizes, paths and scalars made to hurt: what is opened, and how long it takes."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import simcore.config
from simcore.config import shipped
from simcore.config.load import (
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.errors import ConfigError

Mapping = dict[str, Any]
LOADERS = [load_model, load_hardware, load_acceptance, load_scenario]
MEBIBYTE = 1 << 20


# Sizes.

#: 9 levels of 9 aliases: 387 million leaves when they are followed.
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
SIZES = {
    "alias bomb": (".yaml", BOMB, "anchors and aliases"),
    "merge keys": (".yaml", "a: &a {b: 1}\nc: {<<: *a}\n", "anchors and aliases"),
    "nested lists": (".yaml", "[" * 2000, "too deep"),
    "nested lists in JSON": (".json", "[" * 2000, "too deep"),
    "nested mappings": (".json", '{"a":' * 2000, "too deep"),
    "nested by indent": (
        ".yaml",
        "\n".join(" " * n + "a:" for n in range(900)),
        "deep",
    ),
    "many values": (".yaml", "- 1\n" * 100_001, "too many values"),
    "many values in JSON": (".json", "[" + "1," * 100_001, "too many values"),
    "large": (".yaml", "# " + "x" * MEBIBYTE, "too large"),
    "large in JSON": (".json", " " * (MEBIBYTE + 1), "too large"),
    "one long word": (".yaml", "x" * (MEBIBYTE - 1), "must be a mapping"),
    "one long string": (".json", '"' + "x" * (MEBIBYTE - 3) + '"', "must be a mapping"),
    "unclosed string": (".json", '"' + "\\\\" * (MEBIBYTE // 2 - 1), "not valid JSON"),
    "huge integer": (".yaml", f"k: {'9' * 500_000}", "must have at most 40 digits"),
    "huge integer in JSON": (".json", f'{{"k": {"9" * 500_000}}}', "40 digits"),
    "many keys": (".yaml", "".join(f"k{n}: 1\n" for n in range(49_000)), "unknown"),
    "many equal keys": (".yaml", "k: 1\n" * 49_000, "key given twice"),
    "one long key": (".yaml", f"? {'k' * 500_000}\n: 1", "unknown field"),
    "many scales": (
        ".yaml",
        "soc:\n" + "".join(f" k{n}: {{value: 1}}\n" for n in range(9000)),
        "more than 5000 numbers with status and source",
    ),
}


@pytest.mark.parametrize(
    ("what", "load"),
    [
        # One loader each; all of them in the slow suite.
        pytest.param(what, load, marks=[pytest.mark.slow] if (n + m) % 4 else [])
        for n, what in enumerate(SIZES)
        for m, load in enumerate(LOADERS)
    ],
)
def test_large_inputs_are_refused_soon_and_in_little_memory(
    tmp_path: Path, what: str, load: Callable[..., object]
) -> None:
    suffix, text, message = SIZES[what]
    path = tmp_path / f"input{suffix}"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert time.process_time() - started < 2.0
    text = str(caught.value)
    # Only hardware has numbers with a source; other files lack what they need.
    assert message in text or (load is not load_hardware and "missing" in text)
    assert len(str(caught.value)) < 25_000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs VmHWM")
def test_memory_is_bounded(tmp_path: Path) -> None:
    """Resident memory above what a small file needs, in a process of its own."""
    for name in ("many values in JSON", "many keys", "many scales", "one long key"):
        suffix, text, _ = SIZES[name]
        (tmp_path / f"{name}{suffix}").write_text(text)
    program = """
import sys, pathlib
from simcore.config.load import load_hardware
from simcore.errors import ConfigError
def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
load_hardware("toy-ideal")
before = peak()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        load_hardware(path)
    except ConfigError:
        print(path.name, file=sys.stderr)
print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("\n") == 4
    assert 0 < int(done.stdout) * 1024 < 200 * MEBIBYTE


# Paths.

WATCHED: list[list[str]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and WATCHED:
        WATCHED[-1].append(os.fsdecode(arguments[0]) if arguments[0] else "")


# An audit hook cannot be removed; it does nothing outside of `opened`.
sys.addaudithook(_watch)


def opened(load: Callable[[], object]) -> list[str]:
    """Paths that a refused load opens."""
    WATCHED.append([])
    try:
        with pytest.raises(ConfigError):
            load()
    finally:
        seen = WATCHED.pop()
    return seen


ESCAPES = [
    *("..", "../", "../..", "/", "//", "/etc", "/etc/", "~", "~/", "~root", "", "."),
    *("/dev/zero", "/dev/stdin", "/dev/fd/0", "/proc/self/environ", "/etc/passwd"),
    *("file:///etc/passwd", "http://localhost/l.json", "\\\\host\\l.json"),
    *(
        "..\\l.json",
        "C:\\l.json",
        "%2e%2e/l.json",
        "..%2fl.json",
        "\uff0e\uff0e/l.json",
    ),
    *("a\x00b", "\x00", "../l.json\x00.json", "l.json\x00", "\n../l.json", "\x1b[2J"),
    *("x" * 300, "x/" * 3000, "../" * 1000 + "etc/passwd", "$HOME/l.json", "`id`"),
    *("$(cat ../l.json)", "{{ l }}", "l.json;../l.json", "*.json", "?.json"),
    *("inside", "fifo", "loop", "link.json", "linked/l.json", "linked/../l.json"),
    *("chain.json", "absolute.json", "inside/../../l.json", "nowhere/../../l.json"),
]
HEADS = ["", "./", "inside/", "inside/../", "./inside/./../", "linked/", "nowhere/../"]
TAILS = ["../l.json", "../../l.json", "../outside/l.json", "..//l.json", ".././l.json"]
PATHS = [*ESCAPES, *(h + t for h, t in itertools.product(HEADS, TAILS))]
PATHS += [f"{folder}{path}" for folder in ("inside/../", "./") for path in ESCAPES]


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder with ways out of it; what is beyond is a valid library."""
    folder = tmp_path / "chips"
    outside = tmp_path / "outside"
    for path in (folder, outside, folder / "inside"):
        path.mkdir()
    library = shipped.library_files()[0].read_text()
    for path in (tmp_path / "l.json", outside / "l.json"):
        path.write_text(library)
    (folder / "linked").symlink_to("../outside")
    (folder / "link.json").symlink_to("../l.json")
    (folder / "chain.json").symlink_to("link.json")
    (folder / "absolute.json").symlink_to(outside / "l.json")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "fifo")
    return folder


def test_nothing_outside_of_the_folder_is_opened(
    trap: Path, hardware: Mapping, tmp_path: Path
) -> None:
    assert len(set(PATHS)) > 130
    del hardware["components"]
    chip = trap / "chip.json"
    for path in PATHS:
        hardware |= {"library": "puma_like_v1", "library_file": path}
        chip.write_text(json.dumps(hardware))
        seen = opened(lambda: load_hardware(chip))
        assert seen[:1] == [str(chip)]
        for other in seen[1:]:
            assert Path(other).resolve().is_relative_to(trap), path


def test_the_same_paths_in_a_scenario(
    trap: Path, scenario: Mapping, tmp_path: Path
) -> None:
    del scenario["hardware"]["components"]
    file = trap / "s.json"
    for path in PATHS:
        scenario["hardware"] |= {"library": "puma_like_v1", "library_file": path}
        file.write_text(json.dumps(scenario))
        seen = opened(lambda: load_scenario(file))
        for other in seen[1:]:
            assert Path(other).resolve().is_relative_to(trap), path


def test_the_watch_sees_what_is_opened(
    trap: Path, hardware: Mapping, tmp_path: Path
) -> None:
    (tmp_path / "l.json").write_text("{}")
    del hardware["components"]
    chip = trap / "chip.json"
    chip.write_text(json.dumps({**hardware, "library_file": "../l.json"}))
    seen = opened(lambda: load_hardware(chip, allow_outside=True))
    assert [Path(path).resolve() for path in seen] == [chip, tmp_path / "l.json"]


# Scalars, written as YAML, in a field of each type.

#: Written, and the value it may become in a field (None: refused everywhere).
HOSTILE: dict[str, Any] = {
    "1": 1,
    "0": 0,
    "-1": -1,
    "-0": 0,
    "-0.0": 0.0,
    "1.0": 1.0,
    "1.5": 1.5,
    "1e0": 1.0,
    "1e400": None,
    "-1e400": None,
    ".inf": None,
    "-.INF": None,
    ".nan": None,
    "012": None,
    "0x10": "0x10",
    "0o7": "0o7",
    "1_000": "1_000",
    "1,000": "1,000",
    "1:30": "1:30",
    "9" * 39: int("9" * 39),
    "9" * 5000: None,
    "true": True,
    "false": False,
    "on": "on",
    "no": "no",
    "null": None,
    "~": None,
    "'1'": "1",
    '"1.5"': "1.5",
    "2026-01-01": "2026-01-01",
    "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "''": "",
    "' '": " ",
    "[1]": None,
    "{}": None,
    "{value: 1}": None,
    "!!int 1": None,
    "*x": None,
    "٣": "٣",
}
#: Field of a chip and the types that its values have; null where it is allowed.
FIELDS: list[tuple[str, tuple[type, ...], bool]] = [
    ("analog.xbar_size", (int,), False),
    ("soc.attention_cim_units", (int,), False),
    ("soc.draft_activation_bits", (int,), True),
    ("soc.control.energy_pj_per_token", (int, float), False),
    ("memory.hbm.read_bandwidth_GBps", (int, float), False),
    ("memory.hbm.capacity_bytes", (int,), True),
    ("memory.kv_cache.max_context_tokens", (int,), True),
    ("analog.delta_readout.draft.enabled", (bool,), False),
    ("reuse_policy", (), False),
    ("soc.schedule", (), False),
    ("name", (str,), False),
    ("description", (str,), True),
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field[0])
def test_a_scalar_is_read_as_what_it_is_or_refused(
    tmp_path: Path, hardware: Mapping, field: tuple[str, tuple[type, ...], bool]
) -> None:
    dotted, types, nullable = field
    *sections, key = dotted.split(".")
    hardware["memory"] = {}
    hardware["analog"]["num_columns_per_adc"] = 1
    target = hardware
    for section in sections:
        target = target.setdefault(section, {})
    target[key] = "HERE"
    template = yaml.safe_dump(hardware)
    path = tmp_path / "chip.yaml"
    accepted = 0
    for written, value in HOSTILE.items():
        path.write_text(template.replace("HERE", written))
        try:
            loaded: Any = load_hardware(path)
        except ConfigError:
            continue
        accepted += 1
        for part in dotted.split("."):
            loaded = getattr(loaded, part)
        if value is None:
            assert loaded is None
            assert nullable
            assert written in ("null", "~")
        else:
            assert type(value) in types
            assert loaded == value
    assert accepted >= (2 if nullable else 1) or not types


# Code.


def test_nothing_in_a_file_can_be_run() -> None:
    forbidden = {"pickle", "marshal", "shelve", "subprocess", "importlib", "jinja2"}
    sources = sorted(Path(simcore.config.__file__).parent.glob("*.py"))
    assert len(sources) > 15
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not forbidden & {name.name for name in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert node.module not in forbidden, path
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "compile", "__import__"}, path
                assert not called.startswith(("yaml.load", "yaml.unsafe")), path
