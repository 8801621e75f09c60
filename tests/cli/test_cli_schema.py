"""`simcore schema`: prints one schema, or writes them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simcore.config.json_schema import SCHEMA_KINDS, json_schema, schema_text


@pytest.mark.parametrize("kind", SCHEMA_KINDS)
def test_a_kind_prints_its_schema_alone(cli, kind):
    outcome = cli("schema", kind)
    assert outcome.code == 0
    assert json.loads(outcome.out) == json_schema(kind)
    assert outcome.err == ""


def test_without_a_kind_the_kinds_are_listed(cli):
    outcome = cli("schema")
    assert outcome.out.split() == list(SCHEMA_KINDS)
    assert outcome.err.startswith("next: simcore schema KIND")
    assert cli("schema", "-q").err == ""


def test_out_writes_one_file_each_and_never_over_another(cli):
    outcome = cli("schema", "--out", "made/here")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "wrote made/here/model.schema.json"
    for kind in SCHEMA_KINDS:
        path = Path(f"made/here/{kind}.schema.json")
        assert path.read_text(encoding="utf-8") == schema_text(kind)
    path.write_text("mine")
    again = cli("schema", "library", "--out", "made/here")
    assert again.code == 2
    assert again.err.splitlines()[0] == (
        f"{path}: the file already exists. Use --force to replace it."
    )
    assert path.read_text() == "mine"
    assert cli("schema", "library", "--out", "made/here", "--force").code == 0
    assert path.read_text(encoding="utf-8") == schema_text("library")


def test_an_unknown_kind_is_named_with_those_there_are(cli):
    outcome = cli("schema", "chip")
    assert outcome.code == 2
    assert outcome.err.startswith(
        "Error: Invalid value for KIND: 'chip' is not one of model, hardware, "
        "acceptance, scenario, library"
    )


def test_json_has_the_envelope_of_every_command(cli):
    document = json.loads(cli("schema", "model", "--json").out)
    assert document["command"] == "schema"
    assert document["result"] == {"schemas": {"model": json_schema("model")}}
    files = json.loads(cli("schema", "model", "--out", ".", "--json").out)
    assert files["result"] == {"files": {"model": "model.schema.json"}}
