"""`simcore show`: YAML that loads again and says where each value came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simcore.config.describe import load_libraries
from simcore.config.load import (
    config_dict,
    config_sha256,
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.config.shipped import library_files, shipped_files

LOADERS = {
    "scenario": load_scenario,
    "hardware": load_hardware,
    "model": load_model,
    "acceptance": load_acceptance,
}
SHIPPED = [(kind, path) for kind in LOADERS for path in shipped_files(kind).values()]


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda x: getattr(x, "stem", x))
def test_what_is_shown_of_a_shipped_file_loads_to_the_same(cli, kind, path):
    outcome = cli("show", str(path))
    assert outcome.code == 0
    assert outcome.err == ""
    Path("shown.yaml").write_text(outcome.out, encoding="utf-8")
    again, original = LOADERS[kind]("shown.yaml"), LOADERS[kind](path)
    assert config_sha256(again) == config_sha256(original)


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.stem)
def test_what_is_shown_of_a_library_loads_to_the_same(cli, path):
    outcome = cli("show", path.stem)
    assert outcome.code == 0
    Path("shown.yaml").write_text(outcome.out, encoding="utf-8")
    again = load_libraries("shown.yaml")[path.stem].config
    original = load_libraries(str(path))[path.stem].config
    dropped = {"about", "source_map", "source_notes"}
    assert again.model_dump(exclude=dropped) == original.model_dump(exclude=dropped)


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda x: getattr(x, "stem", x))
def test_every_value_has_a_comment(cli, kind, path):
    shown = cli("show", str(path)).out
    lines = [line for line in shown.splitlines()[1:] if ": " in line]
    # A list that takes several lines has its comment after the last of them.
    lines = [line for line in lines if not line.endswith("[")]
    assert [line for line in lines if "  # " not in line] == []
    assert shown.count("[\n") == shown.count("\n" + " " * 2 + "]") + shown.count(
        "\n" + " " * 4 + "]"
    )


def test_comments_name_origin_status_and_unit(cli):
    lines = [
        line.split() for line in cli("show", "residual-analog-22nm").out.split("\n")
    ]
    comments = {
        line[0]: " ".join(line[line.index("#") :]) for line in lines if "#" in line[1:]
    }
    assert comments["xbar_size:"] == "# explicit, assumed"
    assert comments["reuse_policy:"] == "# explicit"
    assert comments["library:"] == "# default"
    assert comments["sram_nw:"] == "# explicit, derived, nW"


def test_a_library_value_and_one_without_a_source_are_told(cli):
    Path("chip.yaml").write_text(
        "library: puma_like_v2\nanalog: {xbar_size: 128, dac_bits: 4, "
        "num_columns_per_adc: 16, adc: {draft_bits: 4, residual_bits: 12}}\n"
    )
    shown = cli("show", "chip.yaml").out
    assert "# library puma_like_v2, assumed, pJ/conversion" in shown
    assert "xbar_size: 128" in shown
    assert "# explicit, no source\n" in shown


def test_an_override_is_shown_as_one(cli):
    shown = cli("show", "tiny", "-q", "--set", "workload.draft_length=2").out
    (line,) = [line for line in shown.splitlines() if "draft_length" in line]
    assert line.split() == ["draft_length:", "2", "#", "--set,", "tokens"]


def test_text_that_yaml_takes_for_something_else_is_quoted(cli):
    name = 'say "no": #1 \\ \u2028 12'
    Path("m.yaml").write_text(
        f"name: {json.dumps(name)}\nsource: 'off'\nn_layers: 1\nd_model: 8\n"
        "n_heads: 2\nactivation_bits: 8\nsliding_window: 9\n",
        encoding="utf-8",
    )
    outcome = cli("show", "m.yaml")
    Path("again.yaml").write_text(outcome.out, encoding="utf-8")
    model = load_model("again.yaml")
    assert model.name == name
    assert model.source == "off"
    assert model == load_model("m.yaml")


def test_numbers_keep_every_digit_and_long_lists_are_wrapped(cli):
    weights = {str(n): 1e-7 * (n + 1) / 3 for n in range(6)}
    requests = [[n % 6 for n in range(40)], [5]]
    Path("h.json").write_text(json.dumps({"k": 5, "histogram": weights}))
    Path("r.json").write_text(
        json.dumps({"kind": "burst_replay", "k": 5, "requests": requests})
    )
    for name in ("h.json", "r.json"):
        shown = cli("show", name).out
        Path("again.yaml").write_text(shown)
        assert load_acceptance("again.yaml") == load_acceptance(name)


def test_a_name_of_two_kinds_is_told_and_can_be_chosen(cli):
    outcome = cli("show", "tiny")
    assert outcome.err == "tiny taken as scenario; --kind for model\n"
    model = cli("show", "tiny", "--kind", "model")
    assert model.err == ""
    assert "n_layers: 2" in model.out
    assert "workload" not in model.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "tiny", "--kind", "chip"), "'chip' is not one of scenario, hardware"),
        (
            ("show", "toy-ideal", "--set", "a=1"),
            "--set changes a scenario, and this is a hardware",
        ),
        (("show", "nothing"), "no scenario of this name is shipped"),
        (("show", "nothing", "--kind", "library"), "no library of this name"),
        (("show", "no/file.yaml"), "no/file.yaml: file not found"),
    ],
)
def test_what_cannot_be_shown_is_refused(cli, arguments, message):
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err


def test_json_has_the_configuration_and_every_value(cli):
    document = json.loads(cli("show", "toy-ideal", "--json").out)
    assert document["command"] == "show"
    assert document["result"]["kind"] == "hardware"
    (found,) = document["result"]["configurations"]
    expected = config_dict(load_hardware("toy-ideal"))
    del expected["provenance"], expected["origins"]
    assert found["configuration"] == expected
    values = {value["path"]: value for value in found["values"]}
    assert values["analog.xbar_size"] == {
        "path": "analog.xbar_size",
        "value": 64,
        "unit": None,
        "origin": "explicit",
        "status": "assumed",
        "source": "toy",
    }
