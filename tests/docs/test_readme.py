"""Every block of the pages runs, and prints what the page says it prints.

When numbers have moved on purpose: ``python tests/docs/refresh_readme.py``.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import typer
from document_runner import PAGES, ROOT, Block, blocks_of, quoted, run_page
from generated_tables import SLOW_TABLES, TABLES

import simcore
from simcore.cli.app import app
from simcore.cli.failures import (
    BUG,
    CHECK_FAILED,
    DONE,
    INTERRUPTED,
    SYSTEM,
    WRONG_INPUT,
)
from simcore.config.importers.importing import import_acceptance
from simcore.config.importers.recording import ImportOptions
from simcore.config.load import (
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.config.shipped import shipped_files

REFRESH = "run `python tests/docs/refresh_readme.py` if the change is meant"
QUICK_TABLES = {n: t for n, t in TABLES.items() if n not in SLOW_TABLES}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


README = page("README.md")
CI = page(".ci/run")
BLOCKS = [(name, block) for name in PAGES for block in blocks_of(page(name))]


def runs(block: Block) -> bool:
    return block.kind not in ("", "bash") and not is_slow(block)


def is_slow(block: Block) -> bool:
    name = block.kind.partition("generated ")[2]
    return "slow" in block.notes or name in SLOW_TABLES


def where(item: object) -> str | None:
    if isinstance(item, Block):
        return f"line-{item.first}-{item.kind.replace(' ', '-')}"
    return item if isinstance(item, str) else None


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Content that the blocks of a page should have; runs each page once."""

    @cache
    def of(name: str, *, slow: bool = False) -> dict[int, list[str]]:
        tables = TABLES if slow else QUICK_TABLES
        return run_page(page(name), tmp_path_factory.mktemp("page"), tables, slow=slow)

    return of


@pytest.mark.parametrize(
    ("name", "block"), [b for b in BLOCKS if runs(b[1])], ids=where
)
def test_a_block_prints_what_the_page_says(contents, name, block):
    assert contents(name)[block.first] == block.lines, REFRESH


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "block"), [b for b in BLOCKS if is_slow(b[1])], ids=where
)
def test_a_long_block_prints_what_the_page_says(contents, name, block):
    assert contents(name, slow=True)[block.first] == block.lines, REFRESH


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_blocks_and_no_empty_one(name):
    blocks = blocks_of(page(name))
    assert blocks
    assert [block.first for block in blocks if not block.lines] == []


def imported(file: Path, **options: Any) -> Any:
    return import_acceptance("auto", [file], ImportOptions(**options)).acceptance


LOADERS = {
    "answers.jsonl": partial(imported, draft_length=3),
    "responses.jsonl": imported,
    "metrics.txt": imported,
    "answer.json": imported,
    "traces.jsonl": partial(imported, method="eagle"),
    "study.yaml": load_scenario,
    "ideal.yaml": load_scenario,
    "chain.yaml": load_scenario,
    "design.yaml": load_scenario,
    "chip.yaml": load_hardware,
    "hbm2.yaml": load_hardware,
    "config.json": load_model,
    "stats.json": load_acceptance,
}


@pytest.mark.parametrize(
    ("name", "block"), [b for b in BLOCKS if b[1].kind in ("yaml", "json")], ids=where
)
def test_a_file_of_a_page_is_valid(name, block, tmp_path):
    file = tmp_path / block.file_name
    file.write_text("\n".join(block.lines), encoding="utf-8")
    loaded = LOADERS[block.file_name](file)
    assert loaded == type(loaded).model_validate(loaded.model_dump())


# The two commands of section 2.


def install_lines() -> list[str]:
    return [b.lines[0] for b in blocks_of(README) if b.kind == "bash"]


def test_the_first_command_installs_and_runs_the_first_scenario():
    clone, enter, venv, install, run = install_lines()[0].split(" && ")
    assert clone == "git clone <URL> simcore"
    assert enter == "cd simcore"
    assert venv == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install -q ."
    assert run == ".venv/bin/simcore run qwen3-1.7b-k5"
    project = tomllib.loads(page("pyproject.toml"))["project"]
    assert project["scripts"] == {"simcore": "simcore.cli.app:main"}
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README


def test_the_second_command_is_what_ci_runs():
    line = install_lines()[1]
    venv, install, tests = line.split(" && ")
    assert venv == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install -q -e '.[test]'"
    assert tests == ".venv/bin/python -m pytest -q"
    for words in ("-m venv", 'pip" install -q ', "-e '.[test]'", "-m pytest -q"):
        assert words in CI
    extras = tomllib.loads(page("pyproject.toml"))["project"]["optional-dependencies"]
    assert any(need.startswith("pytest") for need in extras["test"])


def test_contributing_names_the_commands_of_ci():
    blocks = [b for b in blocks_of(page("CONTRIBUTING.md")) if b.kind == "bash"]
    lines = [line.partition("#")[0].strip() for b in blocks for line in b.lines]
    assert lines == [
        "python3 -m venv .venv",
        ".venv/bin/pip install -e '.[dev]'",
        ".venv/bin/python -m pytest -q",
        ".ci/run",
    ]
    assert "-e '.[dev]'" in CI
    text = page("CONTRIBUTING.md")
    for tool in ("ruff check .", "ruff format", "mypy", "lint-imports"):
        assert tool.split()[0] in CI
        assert f"`{tool}" in text


# Names in the text exist, and what exists is named.


def commands() -> dict[str, Any]:
    """Click commands by full name."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= (
            {name: command}
            if inner is None
            else {f"{name} {sub}": c for sub, c in inner.items()}
        )
    return found


def options(command: Any) -> set[str]:
    return {name for p in command.params for name in (*p.opts, *p.secondary_opts)}


def test_the_readme_lists_every_command_and_no_other():
    (listed,) = re.findall(r"\*\*Commands\*\*: (.*?);", README, flags=re.DOTALL)
    assert re.findall(r"`([^`]+)`", listed) == list(commands())


@pytest.mark.parametrize("name", PAGES)
def test_every_command_line_of_a_page_uses_known_options(name):
    lines = [c for b in blocks_of(page(name)) for c in b.commands]
    lines += re.findall(r"`(simcore [^`]+)`", page(name))
    for line in lines:
        words = line.split()
        if words[0] != "simcore":
            continue
        known = {"--version", "--help"}
        full = " ".join(words[1:3]) if words[1] == "trace" else words[1]
        if not full.startswith("-"):
            assert full in commands(), line
            known |= options(commands()[full])
        assert {w for w in words if w.startswith("--")} <= known, line


def test_every_option_in_the_text_exists():
    known = {o for c in commands().values() for o in options(c)} | {"--version"}
    # Dask's own commands have options of their own.
    ours = "\n".join(row for row in README.splitlines() if not row.startswith("dask "))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours))
    assert named <= known | {"--help"}
    assert {"--requests", "--bursts", "--seed", "--set", "--json"} <= named


def test_the_exit_codes_are_those_of_the_command():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", README, flags=re.MULTILINE)
    codes = [int(code) for code, _ in rows]
    assert codes == [DONE, BUG, WRONG_INPUT, CHECK_FAILED, SYSTEM, INTERRUPTED]


def test_every_shipped_scenario_is_named():
    for name in shipped_files("scenario"):
        assert f"`{name}`" in README


def test_the_acceptance_kinds_are_complete():
    from simcore.config.acceptance import ACCEPTANCE_KINDS

    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+) \|", README, re.MULTILINE))
    for kind, model in ACCEPTANCE_KINDS.items():
        named = re.findall(r"`(\w+)`", rows[kind])
        about = {"kind", "source", "label", "status", "convention"}
        assert named == [n for n in model.model_fields if n not in about]


def test_every_public_function_is_named():
    for name in simcore.__all__:
        if name[0].islower():
            assert re.search(rf"\b{name}\b", README), name


@pytest.mark.parametrize("name", PAGES)
def test_every_path_in_the_text_exists(name):
    text = re.sub(r"```.*?```", "", page(name), flags=re.DOTALL)
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#]+)\)", text)
    paths = re.findall(
        r"`((?:simcore|hardware|scenarios|traces|docs|tests|benchmarks)/[\w./-]+)`",
        text,
    )
    for link in links:
        if not link.startswith("http"):
            assert (folder / link).exists(), link
    for path in paths:
        assert (ROOT / path).exists() or path == "traces/golden/", path


def test_the_readme_has_its_ten_numbered_sections():
    numbers = re.findall(r"^## (\d+)\. ", README, flags=re.MULTILINE)
    assert numbers == [str(n) for n in range(1, 11)]


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_short_where_markdown_lets_them_be(name):
    free = ("|", "- ", "<!--", "git clone", "python3 -m venv", "$ ", "analog: ")
    # JSON lines, and what a command prints.
    free += ('{"', "source: ", "--convention: ")
    long = [
        line
        for line in page(name).splitlines()
        if len(line) > 100 and not line.startswith(free)
    ]
    assert long == []


def test_the_changelog_has_known_tags():
    entries = re.findall(r"^- (\S+)", page("CHANGELOG.md"), flags=re.MULTILINE)
    tags = {"[NEW]", "[FIX]", "[BREAKING]", "[RESULTS]", "[DOCS]"}
    released = [e for e in entries if not e.startswith("`")]
    assert released
    assert set(released) <= tags


# The runner itself: a page must not pass because nothing was compared.


def test_quoting_keeps_paragraphs_and_marks_what_is_left_out():
    output = "one: 1\n  more\n\ntwo: 2\n\nthree: 3\nx\ny\n"
    assert quoted(output, []) == output.splitlines()
    assert quoted(output, ["one"]) == ["one: 1", "  more", "", "..."]
    assert quoted(output, ["two", "three/2"]) == [
        "...",
        "",
        "two: 2",
        "",
        "three: 3",
        "x",
        "...",
    ]
    with pytest.raises(ValueError, match="no paragraph begins with 'four'"):
        quoted(output, ["four"])


def test_a_wrong_number_on_a_page_is_found(tmp_path):
    text = "```console\n$ simcore estimate tiny --prompt-lengths 16 -q\nC* 9.99\n```\n"
    (block,) = blocks_of(text)
    printed = run_page(text, tmp_path, {}, slow=False)[block.first]
    assert printed[0] == block.lines[0]
    assert printed != block.lines
    assert any("E[a+1]" in line for line in printed)


def test_a_block_that_is_never_closed_is_refused():
    with pytest.raises(ValueError, match="'python' at line 1 is never closed"):
        blocks_of("```python\nprint(1)\n")


def test_the_json_of_the_first_result_has_the_numbers_of_the_text(tmp_path):
    from document_runner import run_command

    folder = tmp_path / "run"
    text = run_command(f"simcore run tiny --out {folder}")
    document = json.loads(run_command(f"simcore trace summary {folder} --json"))
    value = document["result"]["summary"]["metrics"]["committed_tokens_per_burst"][
        "value"
    ]
    assert f"tokens per burst{'':>23}{value:.2f} +- " in text
    assert Path(folder, "run.json").is_file()
