"""What the user reads when something they named is wrong: wording is part of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SCENARIO = """\
name: mine
model: {model}
hardware: {hardware}
acceptance: {acceptance}
workload:
  prompt_length: {prompt_length}
  draft_length: 3
  max_tokens: {max_tokens}
  requests: {requests}
seed: {seed}
{more}
"""
GOOD = {
    "model": "tiny",
    "hardware": "toy-ideal",
    "acceptance": "alpha-0.85",
    "prompt_length": "16",
    "max_tokens": "8",
    "requests": "2",
    "seed": "1",
    "more": "",
}
MODEL = (
    "{{name: m, n_layers: 2, d_model: {d_model}, n_heads: {n_heads}, "
    "activation_bits: 8, ffn_expansion: 2}}"
)
HISTOGRAM = "{{k: 3, histogram: {bins}}}"


def scenario(folder: Path, **changes: str) -> None:
    text = SCENARIO.format(**{**GOOD, **changes}).rstrip() + "\n"
    (folder / "mine.yaml").write_text(text)


def test_the_scenario_without_a_mistake_passes(cli, tmp_path):
    scenario(tmp_path)
    assert cli("check", "mine.yaml").code == 0


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"more": "sede: 3"},
            "mine.yaml:11: sede: unknown field. Did you mean 'seed'?",
        ),
        (
            {"requests": "many"},
            "mine.yaml:9: workload.requests: got 'many'; "
            "must be an integer between 1 and 100000000.",
        ),
        (
            {"requests": "0"},
            "mine.yaml:9: workload.requests: got 0; "
            "must be an integer between 1 and 100000000.",
        ),
        (
            {"requests": "1e9"},
            "mine.yaml:9: workload.requests: got 1000000000.0; "
            "must be an integer between 1 and 100000000. "
            "Write 1000000000, without a point or exponent.",
        ),
        (
            {"seed": "-1"},
            "mine.yaml:10: seed: got -1; "
            "must be an integer between 0 and 9223372036854775807.",
        ),
        ({"seed": ".nan"}, "mine.yaml:10: seed: got .nan; must be a finite number."),
        (
            {"prompt_length": ".inf"},
            "mine.yaml:6: workload.prompt_length: got .inf; must be a finite number.",
        ),
        (
            {"acceptance": HISTOGRAM.format(bins="{'4': 1}")},
            "mine.yaml:4: acceptance.histogram.4: histogram bin 4 is out of range; "
            "must be between 0 and k = 3. Bins count accepted drafts, the bonus token "
            "excluded.",
        ),
        (
            {"acceptance": HISTOGRAM.format(bins="{}")},
            "mine.yaml:4: acceptance.histogram: histogram must not be empty.",
        ),
        (
            {"acceptance": HISTOGRAM.format(bins="{'0': 0}")},
            "mine.yaml:4: acceptance.histogram: histogram sum must be > 0.",
        ),
        (
            {"model": MODEL.format(d_model=250, n_heads=8)},
            "mine.yaml:2: model.d_model: got 250; must be divisible by n_heads (8). "
            "Or give head_dim.",
        ),
        (
            {"prompt_length": "5000000"},
            "mine.yaml:6: workload.prompt_length: Max context capacity exceeded; got "
            "prompt_length + max_tokens + draft_length = 5000011; must be at most "
            "hardware.memory.kv_cache.max_context_tokens (4096).",
        ),
    ],
)
def test_one_mistake_in_a_scenario_is_told_at_its_line(cli, tmp_path, changes, line):
    scenario(tmp_path, **changes)
    result = cli("check", "mine.yaml")
    assert result.code == 2
    assert result.err.splitlines() == [line, "1 problem. Nothing was run."]
    assert result.out == ""


def test_all_mistakes_are_told_in_line_order(cli, tmp_path):
    scenario(tmp_path, requests="0", seed=".nan", prompt_length="-2", more="x: 1")
    lines = cli("check", "mine.yaml").err.splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "mine.yaml:6:",
        "mine.yaml:9:",
        "mine.yaml:10:",
        "mine.yaml:11:",
        "4",
    ]
    assert lines[-1] == "4 problems. Nothing was run."


HARDWARE = """\
name: chip
library: {library}
analog:
  xbar_size: {xbar_size}
  dac_bits: 4
  num_columns_per_adc: {columns}
  adc: {{draft_bits: 4, residual_bits: {residual_bits}}}
"""


def hardware(folder: Path, **changes: object) -> None:
    values = {
        "library": "puma_like_v1",
        "xbar_size": 128,
        "columns": 32,
        "residual_bits": 12,
        **changes,
    }
    (folder / "chip.yaml").write_text(HARDWARE.format(**values))
    scenario(folder, hardware="chip.yaml")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"xbar_size": 100},
            "chip.yaml:4: hardware.analog.xbar_size: got 100; "
            "must be divisible by analog.num_columns_per_adc (32).",
        ),
        (
            {"residual_bits": 17},
            "chip.yaml:7: hardware.analog.adc.residual_bits: Requested "
            "analog.adc.residual_bits=17 is not in the library; Available ADC bits: "
            "3, 4, 5, 8, 10, 11, 12, 13, 16.",
        ),
        (
            {"library": "puma_like_v9"},
            "chip.yaml:2: hardware.library: Unknown hardware library 'puma_like_v9'; "
            "allowed: puma_like_v1, puma_like_v2, ",
        ),
        ({"columns": 0}, "chip.yaml:6: hardware.analog.num_columns_per_adc: got 0; "),
    ],
)
def test_a_mistake_in_the_hardware_file_is_told_there(cli, tmp_path, changes, line):
    hardware(tmp_path, **changes)
    result = cli("check", "mine.yaml")
    assert result.code == 2
    assert result.err.startswith(line)
    assert result.err.splitlines()[-1].endswith("Nothing was run.")


def test_a_missing_file_is_named(cli):
    result = cli("run", "nowhere.yaml")
    assert result.code == 2
    assert result.err.splitlines() == [
        "nowhere.yaml: file not found.",
        "1 problem. Nothing was run.",
    ]


def test_an_unknown_name_lists_what_is_shipped(cli):
    result = cli("run", "qwen3")
    assert result.code == 2
    assert "got 'qwen3'; allowed: llama-3.1-8b-k5, " in result.err
    assert "tiny" in result.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: 'x\n", "mine.yaml:1: not valid YAML: "),
        ("- 1\n", "mine.yaml:1: "),
        ("", "mine.yaml"),
    ],
)
def test_a_malformed_scenario_is_told(cli, tmp_path, text, said):
    (tmp_path / "mine.yaml").write_text(text)
    result = cli("check", "mine.yaml")
    assert result.code == 2
    assert result.err.startswith(said)


def test_a_key_given_twice_is_told(cli, tmp_path):
    scenario(tmp_path, more="seed: 2")
    err = cli("check", "mine.yaml").err
    assert err.splitlines()[0] == (
        "mine.yaml:11: seed: key given twice; first on line 10."
    )


def test_malformed_json_is_told(cli, tmp_path):
    (tmp_path / "stats.json").write_text('{"k": 3, "histogram": ')
    scenario(tmp_path, acceptance="stats.json")
    result = cli("check", "mine.yaml")
    assert result.code == 2
    assert result.err.startswith("stats.json:1: not valid JSON")


def test_a_wrong_override_is_told_like_a_wrong_file(cli, tmp_path):
    scenario(tmp_path)
    result = cli("check", "mine.yaml", "--set", "workload.draft_lenght=3")
    assert result.code == 2
    assert "workload.draft_lenght: unknown field. Did you mean 'draft_length'?" in (
        result.err
    )
    assert "Did you mean" in cli("check", "mine.yaml", "--set", "sed=3").err
    assert cli("check", "mine.yaml", "--set", "seed").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum", "tiny"], "Error: No such command 'rum'. Did you mean 'run'"),
        (["run"], "Error: Missing argument"),
        (["run", "tiny", "--request", "3"], "Error: No such option: --request"),
        (["run", "tiny", "--requests", "0"], "Error: Invalid value for '--requests'"),
        (["run", "tiny", "--seed", "-1"], "Error: Invalid value for '--seed'"),
        (
            ["run", "tiny", "--requests", "1", "--bursts", "2"],
            "Error: Invalid value: give one of --requests, --bursts and --until",
        ),
        (["estimate"], "Error: Invalid value: without a scenario, --model, "),
        (["trace", "sumary", "x"], "Error: No such command 'sumary'."),
        (
            ["trace", "export", "x", "--out", "y", "--bursts", "3-1"],
            "Error: Invalid value for --bursts: '3-1': the first must not be above",
        ),
    ],
)
def test_wrong_usage_is_told_with_the_way_to_help(cli, arguments, message):
    result = cli(*arguments)
    assert result.code == 2
    assert result.err.startswith(message)
    assert result.err.splitlines()[-1].startswith("Try 'simcore")
    assert result.out == ""


def test_nothing_is_written_when_the_input_is_wrong(cli, tmp_path):
    scenario(tmp_path, requests="0")
    before = sorted(tmp_path.iterdir())
    assert cli("run", "mine.yaml").code == 2
    assert sorted(tmp_path.iterdir()) == before


def test_with_json_the_problems_are_data(cli, tmp_path):
    scenario(tmp_path, requests="0")
    result = cli("check", "mine.yaml", "--json")
    assert result.code == 2
    error = json.loads(result.out)
    assert error["schema_version"] == "1.0"
    assert error["command"] == "check"
    assert error["error"]["kind"] == "config"
    assert error["error"]["problems"] == [
        {
            "file": "mine.yaml",
            "line": 9,
            "path": "workload.requests",
            "message": None,
            "got": "0",
            "allowed": "must be an integer between 1 and 100000000",
            "hint": None,
            "text": "mine.yaml:9: workload.requests: got 0; must be an integer "
            "between 1 and 100000000.",
        }
    ]
    # The text is there as well, for a reader of stderr.
    assert result.err.startswith("mine.yaml:9: workload.requests: got 0")


def test_control_characters_of_the_input_never_reach_the_terminal(cli):
    result = cli("run", "\x1b[31mred.yaml")
    assert result.code == 2
    assert "\x1b" not in result.err
