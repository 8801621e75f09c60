"""`simcore init`: what it writes passes every check, runs, and replaces nothing."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import jsonschema
import pytest
import yaml

from simcore.config.load import load_hardware, load_model, load_scenario
from simcore.config.plausibility import lint_scenario
from simcore.errors import ConfigError
from simcore.experiments import new_study
from simcore.experiments.new_study import STUDY_FILES, write_study

FILES = {*STUDY_FILES, "schemas"}


@pytest.fixture
def study(tmp_path) -> Path:
    folder = tmp_path / "study"
    write_study(folder)
    return folder


def test_the_transcript_of_the_first_minute(cli):
    outcome = cli("init", "study")
    assert outcome.code == 0
    assert outcome.out.splitlines()[:2] == [
        "wrote study",
        "  scenario.yaml    one experiment: names the next three, and the workload",
    ]
    assert outcome.err.splitlines() == [
        "next: simcore check study/scenario.yaml",
        "      simcore run study/scenario.yaml",
        "      simcore sweep study/sweep.yaml",
    ]
    assert {path.name for path in Path("study").iterdir()} == FILES
    assert cli("check", "study/scenario.yaml", "--strict", "-q").code == 0
    run = cli(
        *("run", "study/scenario.yaml", "--requests", "1", "-q", "--out", "made"),
        *("--set", "workload.max_tokens=8"),
    )
    assert run.code == 0
    assert "my-model on my-chip" in run.out


def test_the_sweep_finds_the_best_draft_length(cli):
    assert cli("init", "study").code == 0
    outcome = cli("sweep", "study/sweep.yaml", "-q")
    assert outcome.code == 0
    assert "49 points by the closed form" in outcome.out
    assert "Best K" in outcome.out


@pytest.mark.slow
def test_the_study_runs_whole(cli):
    assert cli("init", "study").code == 0
    outcome = cli("run", "study/scenario.yaml", "-q")
    assert outcome.code == 0
    assert "checks: 30 of 30 hold" in outcome.out


@pytest.mark.parametrize("name", list(STUDY_FILES))
def test_every_file_passes_check_and_its_schema(cli, name):
    cli("init", "study")
    assert cli("check", f"study/{name}", "--strict", "-q").code == 0
    text = Path("study", name).read_text(encoding="utf-8")
    first, second = text.splitlines()[:2]
    schema = Path("study", first.removeprefix("# yaml-language-server: $schema="))
    assert schema.is_file()
    assert second.startswith("# ")
    jsonschema.validate(yaml.safe_load(text), json.loads(schema.read_text()))
    assert max(map(len, (t for t in text.splitlines() if t.startswith("#")))) <= 100


def test_no_number_of_the_study_is_implausible(study):
    findings = lint_scenario(load_scenario(study / "scenario.yaml"))
    assert [f for f in findings if f.level == "warning"] == []


def test_the_chip_has_the_numbers_of_the_reference_and_their_sources(study):
    own = load_hardware(study / "hardware.yaml")
    reference = load_hardware("residual-analog-22nm")
    named = {"name": reference.name, "description": reference.description}
    assert own.model_copy(update=named) == reference
    bare = [
        path
        for path, origin in own.origins.items()
        if origin == "explicit" and path not in own.provenance
    ]
    assert [p for p in bare if isinstance(_value(own, p), int | float)] == []


def _value(config: object, path: str) -> object:
    for part in path.split("."):
        config = config[part] if isinstance(config, dict) else getattr(config, part)
    return config


def test_the_model_has_the_shapes_it_names_as_its_source(study):
    own, named = load_model(study / "model.yaml"), load_model("llama-3.2-1b")
    update = {"name": named.name, "source": named.source}
    assert own.model_copy(update=update) == named


def test_the_rate_is_the_one_that_its_source_counts(study):
    acceptance = load_scenario(study / "scenario.yaml").acceptance
    assert "12734 of 19195" in acceptance.source
    assert acceptance.rate == round(12734 / 19195, 3)
    histogram = load_scenario("llama-3.2-1b-k4").acceptance.histogram
    assert sum(histogram.values()) == 19195
    assert sum(histogram.values()) - histogram[0] == 12734


def test_every_command_in_the_comments_works(cli):
    cli("init", "study")
    os.chdir("study")
    pattern = re.compile(r"simcore ((?:explain hardware|explain|list|check) [\w./]+)")
    commands = {
        found.rstrip(".")
        for name in STUDY_FILES
        for found in pattern.findall(Path(name).read_text(encoding="utf-8"))
    }
    assert len(commands) >= 8
    for command in sorted(commands):
        assert cli(*command.split(), "--json").code == 0, command


def test_an_empty_folder_is_filled_also_when_one_is_in_it(cli):
    Path("here").mkdir()
    before = Path("here").stat().st_ino
    os.chdir("here")
    assert cli("init", ".").code == 0
    assert {path.name for path in Path().iterdir()} == FILES
    assert Path().stat().st_ino == before


def test_folders_on_the_way_are_made(cli):
    assert cli("init", "a/b/study", "-q").err == ""
    assert {path.name for path in Path("a/b/study").iterdir()} == FILES
    assert [path.name for path in Path("a/b").iterdir()] == ["study"]


def test_the_folder_is_open_as_others_are(cli):
    Path("plain").mkdir()
    cli("init", "study")
    assert stat.S_IMODE(Path("study").stat().st_mode) == stat.S_IMODE(
        Path("plain").stat().st_mode
    )


@pytest.mark.parametrize("kind", ["full", "file", "link"])
def test_what_is_there_is_never_replaced(cli, kind):
    if kind == "full":
        Path("study").mkdir()
        Path("study/notes.txt").write_text("mine")
    elif kind == "file":
        Path("study").write_text("mine")
    else:
        Path("study").symlink_to("nowhere")
    outcome = cli("init", "study")
    assert outcome.code == 2
    assert outcome.out == ""
    what = (
        "the folder is there and not empty"
        if kind == "full"
        else "is there already, and not a folder"
    )
    assert outcome.err.splitlines()[0] == (
        f"study: {what}. Give the name of a new folder; nothing is ever replaced."
    )
    assert [path.name for path in Path().iterdir()] == ["study"]
    if kind == "full":
        assert [path.name for path in Path("study").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_refuses_leaves_nothing_half_written(cli, monkeypatch, there):
    def refuse(kind: str) -> str:
        raise OSError(28, os.strerror(28))

    if there:
        Path("study").mkdir()
    monkeypatch.setattr(new_study, "schema_text", refuse)
    outcome = cli("init", "study")
    assert outcome.code == 4
    assert "OutputError: cannot make study: No space left on device" in outcome.err
    left = [path.name for path in Path().rglob("*")]
    assert left == (["study"] if there else [])


def test_a_move_that_fails_takes_back_what_it_moved(tmp_path, monkeypatch):
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.name == "scenario.yaml":
            raise OSError(28, os.strerror(28))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(Exception, match="No space left"):
        write_study(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_json_names_every_file(cli):
    document = json.loads(cli("init", "study", "--json").out)
    assert document["command"] == "init"
    assert document["result"]["path"] == "study"
    files = document["result"]["files"]
    assert files[0] == "study/scenario.yaml"
    assert all(Path(file).is_file() for file in files)


def test_the_study_is_refused_by_the_function_as_well(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(ConfigError, match="not empty"):
        write_study(tmp_path)
