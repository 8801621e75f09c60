"""How to make this run again, and where to look further."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from simcore.config.load import config_dict, config_sha256, load_scenario
from simcore.config.shipped import shipped_files
from simcore.errors import ConfigError
from simcore.report.html.markup import Content, element
from simcore.report.html.page import code_block, details, paragraph
from simcore.report.html.run.view import RunView
from simcore.report.html.tables import Cell, table

_FILE = "scenario.json"
#: Sections that are files of their own: changed by naming another one.
_FILES = ("model", "hardware", "acceptance")


def reproduce(view: RunView) -> Content:
    """Commands, fingerprints, versions and the whole configuration."""
    command = shipped_command(view.run["config"])
    intro = (
        "The scenario is shipped with simcore; these commands make the same run:"
        if command
        else f"Save the configuration below as {_FILE}; these make the same run:"
    )
    command = command or f"simcore run {_FILE}"
    lines = [f"{command} --out again", "simcore report again"]
    if view.run["events_recorded"]:
        lines += [
            "simcore explain run again",
            "simcore trace export again --bursts 0-1 --out perfetto.json",
        ]
    rows: list[list[Cell]] = [
        ["configuration (sha256)", element("code", view.run["config_sha256"])],
        ["seed", str(view.run["seed"])],
        ["trace schema", view.run["schema_version"]],
        *([name, version] for name, version in view.run["versions"].items()),
    ]
    config = json.dumps(view.run["config"], indent=1, sort_keys=True)
    return [
        paragraph(intro),
        code_block("\n".join(lines)),
        table(["", "value"], rows, caption="Made with", words=2, class_="values"),
        details(f"The whole configuration ({_FILE})", code_block(config)),
    ]


def shipped_command(config: Mapping[str, Any]) -> str | None:
    """The command that runs a shipped scenario with this configuration, if one does.

    Parameters
    ----------
    config : mapping
        As in run.json.

    Returns
    -------
    str or None
        None where no shipped scenario with a few changed fields is the same.
    """
    name = str(config["name"])
    if name not in shipped_files("scenario"):
        return None
    wanted = config_sha256(load_scenario(dict(config)))
    try:
        shipped = config_dict(load_scenario(name))
        changes = list(_changes(shipped, config))
        found = config_sha256(load_scenario(name, changes))
    except ConfigError:
        # The shipped scenario is another one now, and cannot be changed into this.
        return None
    if found != wanted:
        return None
    return " ".join(["simcore run", name, *(f"--set {change}" for change in changes)])


def _changes(
    shipped: Mapping[str, Any], config: Mapping[str, Any], path: str = ""
) -> Iterator[str]:
    for key in sorted(config):
        where = f"{path}.{key}" if path else key
        value, before = config[key], shipped.get(key)
        if value == before or where in (*_FILES, "load_warnings", "description"):
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changes(before, value, where)
        else:
            text = json.dumps(value, separators=(",", ":"))
            plain = text.strip('"')
            is_word = plain.replace("-", "").replace("_", "").replace(".", "").isalnum()
            yield f"{where}={plain}" if is_word else f"'{where}={text}'"
