"""`simcore import`: what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from simcore import load_acceptance, load_model
from simcore.config.importers.formats import FORMATS
from simcore.trace.folder import AtomicFile

STATS = {"k": 3, "histogram": {"0": 4, "1": 3, "2": 3, "3": 4}}
CONFIG = {
    "model_type": "llama",
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 512,
    "vocab_size": 1000,
}


@pytest.fixture
def stats(tmp_path: Path) -> Path:
    path = tmp_path / "stats.json"
    path.write_text(json.dumps(STATS))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "toy-model" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONFIG))
    return path


def test_an_acceptance_is_written_and_told(cli, stats):
    outcome = cli("import", "stats", "stats.json", "--out", "mine.yaml")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "wrote mine.yaml",
        "  format        stats.json or stats_meta.json of the public calculator",
        "  kind          histogram",
        "  draft length  K = 3",
        "  bursts        14",
        "  per burst     1.50 accepted drafts, 2.50 tokens",
        "  file counts   accepted drafts, the bonus token excluded",
        "  written as    accepted drafts, the bonus token excluded",
    ]
    assert outcome.err.splitlines() == [
        "next: simcore check mine.yaml",
        "      simcore estimate SCENARIO --set acceptance=mine.yaml",
    ]
    assert load_acceptance("mine.yaml").histogram == {0: 4, 1: 3, 2: 3, 3: 4}
    again = cli("import", "stats", "stats.json", "--out", "mine.yaml", "-q", "--force")
    assert again.code == 0
    assert again.err == ""


def test_what_was_imported_is_checked_estimated_and_run(cli, stats):
    assert cli("import", "auto", "stats.json", "--out", "mine.yaml").code == 0
    assert cli("check", "mine.yaml").code == 0
    change = ("--set", "acceptance=mine.yaml")
    assert cli("estimate", "tiny", *change).code == 0
    assert cli("run", "tiny", *change, "--out", "run").code == 0


def test_json_has_what_the_text_has(cli, stats):
    outcome = cli(
        "import", "stats", "stats.json", "--out", "mine.yaml", "--source", "M", "--json"
    )
    document = json.loads(outcome.out)
    assert document["command"] == "import"
    result = document["result"]
    assert result.pop("source").startswith("M. stats.json or stats_meta.json of the")
    assert result == {
        "path": "mine.yaml",
        "format": "stats",
        "kind": "histogram",
        "draft_length": 3,
        "convention": {"file": "accepted", "written": "accepted"},
        "requests": None,
        "bursts": 14,
        "positions": None,
        "mean_accepted": 1.5,
        "notes": [],
    }
    assert outcome.err == ""


@pytest.mark.parametrize("format_name", ["huggingface", "auto"])
def test_a_model_is_what_the_loader_makes_of_its_config(cli, config, format_name):
    outcome = cli("import", format_name, str(config), "--out", "model.yaml")
    assert outcome.code == 0
    assert outcome.out.splitlines()[:3] == [
        "wrote model.yaml",
        "  format  Hugging Face config.json",
        "  model   toy-model",
    ]
    assert "activation_bits is assumed" in outcome.out
    assert outcome.err.splitlines()[1] == (
        "      simcore estimate SCENARIO --set model=model.yaml"
    )
    assert load_model("model.yaml") == load_model(config)
    assert cli("check", "model.yaml").code == 0
    found = cli("import", "auto", str(config), "--out", "m.yaml", "--json")
    assert json.loads(found.out)["result"]["model"]["n_layers"] == 2


def test_a_model_with_problems_is_refused_with_all_of_them(cli, config):
    config.write_text(json.dumps({**CONFIG, "hidden_size": 0, "num_hidden_layers": -1}))
    outcome = cli("import", "huggingface", str(config), "--out", "model.yaml")
    assert outcome.code == 2
    assert "hidden_size: got 0" in outcome.err
    assert "num_hidden_layers: got -1" in outcome.err
    assert not Path("model.yaml").exists()


def test_what_is_no_config_json_is_told(cli, stats):
    outcome = cli("import", "huggingface", "stats.json", "--out", "model.yaml")
    assert outcome.code == 2
    assert outcome.err.splitlines()[0] == (
        "stats.json: not a config.json of Hugging Face. It has fields like model_type "
        "and hidden_size."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("huggingface", "stats.json", "--out", "m.yaml", "--draft-length", "3"),
            "Error: Invalid value: --draft-length means nothing for a model",
        ),
        (
            ("huggingface", "stats.json", "stats.json", "--out", "m.yaml"),
            "Error: Invalid value for FILE...: a model is one file",
        ),
        (
            ("vlm", "stats.json", "--out", "m.yaml"),
            "Error: Invalid value for FORMAT: 'vlm' is not one of "
            f"{', '.join(FORMATS)}",
        ),
        (
            ("stats", "stats.json", "--out", "mine.json"),
            "mine.json: the name must end in .yaml. It is read by its name.",
        ),
        (
            ("stats", "gone.json", "--out", "mine.yaml"),
            "gone.json: file not found.",
        ),
        (
            ("stats", "stats.json", "--out", "mine.yaml", "--draft-length", "4"),
            "--draft-length: got 4; must be 3, as the file says. Leave it out, or "
            "import a recording of that draft length.",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(cli, stats, arguments, message):
    outcome = cli("import", *arguments)
    assert outcome.code == 2
    assert outcome.err.splitlines()[0].startswith(message)
    assert os.listdir() == ["stats.json"]


def test_the_convention_that_is_missing_has_a_place_in_the_json(cli, stats):
    stats.write_text(json.dumps({"k": 3, "histogram": {"1": 4, "2": 1}}))
    outcome = cli("import", "stats", "stats.json", "--out", "mine.yaml", "--json")
    assert outcome.code == 2
    (problem,) = json.loads(outcome.out)["error"]["problems"]
    assert problem["path"] == "--convention"
    assert problem["message"] == "missing"
    assert problem["allowed"] == "must be accepted or committed"


def test_a_file_that_is_there_is_kept(cli, stats):
    Path("mine.yaml").write_text("mine")
    outcome = cli("import", "stats", "stats.json", "--out", "mine.yaml")
    assert outcome.code == 2
    assert outcome.err.splitlines()[0] == (
        "mine.yaml: the file already exists. Use --force to replace it."
    )
    # A wrong recording does not cost the file either.
    stats.write_text("{}")
    assert cli("import", "stats", "stats.json", "--out", "mine.yaml", "--force").code
    assert Path("mine.yaml").read_text() == "mine"


def test_a_full_disk_leaves_nothing_behind(cli, stats, monkeypatch):
    def full(file: AtomicFile, data: bytes) -> int:
        file._file.write(data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AtomicFile, "write", full)
    outcome = cli("import", "stats", "stats.json", "--out", "mine.yaml")
    assert outcome.code == 4
    assert "No space left on device" in outcome.err
    assert os.listdir() == ["stats.json"]


def test_a_folder_that_is_missing_is_named(cli, stats):
    outcome = cli("import", "stats", "stats.json", "--out", "no/such/mine.yaml")
    assert outcome.code == 4
    assert outcome.err.startswith(
        "OutputError: cannot write no/such/mine.yaml: No such"
    )


def test_the_help_names_every_format(cli):
    text = " ".join(cli("import", "--help").out.split()).replace(
        "spec- bench", "spec-bench"
    )
    for name in FORMATS:
        assert name in text
