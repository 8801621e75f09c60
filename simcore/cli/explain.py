"""`simcore explain`: a field, a chip's numbers, why a run took as long as it did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from simcore.cli.failures import DONE, problem
from simcore.cli.kinds import chosen_kind
from simcore.cli.options import AllowOutsideOption, JsonOption, QuietOption
from simcore.cli.output import write_note, write_result
from simcore.errors import ConfigError


def explain_command(
    topic: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC",
            help="A field (workload.draft_length), a section (hardware.memory), a word "
            "(deadlock); or hardware or run with a SOURCE.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="hardware: a chip, a scenario (its hardware) or a component library, "
            "by name or file. run: the folder that `simcore run` wrote.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="hardware: when a name stands for several things."
        ),
    ] = None,
    request: Annotated[
        int | None,
        typer.Option(
            "--request", metavar="N", min=0, help="run: only this request, from 0."
        ),
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(
            "--burst",
            metavar="N",
            min=0,
            help="run: only this burst of the --request, from 0.",
        ),
    ] = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Explain a field, a chip or a run.

    FIELD: meaning, what is allowed, default, unit, an example and what it changes; any
    field of a scenario, model, hardware, acceptance or library file. hardware SOURCE:
    its numbers with unit, status and source, assumed ones first, then those that are
    implausible and why. run SOURCE: bottleneck, critical path, waits, wasted work, and
    what would help.
    """
    if topic == "run":
        if source is None:
            raise typer.BadParameter("needs the folder of a run", param_hint="SOURCE")
        if kind is not None:
            raise typer.BadParameter("is for hardware", param_hint="--kind")
        if burst is not None and request is None:
            raise typer.BadParameter("needs --request", param_hint="--burst")
        return _explain_run(Path(source), request, burst, as_json, quiet)
    for name, value in (("--request", request), ("--burst", burst)):
        if value is not None:
            raise typer.BadParameter("is for runs", param_hint=name)
    if source is None:
        if kind is not None:
            raise typer.BadParameter("is for hardware SOURCE", param_hint="--kind")
        return _explain_word(topic, as_json, quiet)
    if topic != "hardware":
        raise typer.BadParameter(
            f"{topic[:60]!r} is not a topic; there are: hardware, run",
            param_hint="TOPIC",
        )
    return _explain_hardware(source, kind, allow_outside, as_json, quiet)


def _explain_word(word: str, as_json: bool, quiet: bool) -> int:
    """A field, a section, or a topic that needs no file."""
    from simcore.config.fields import find_field
    from simcore.report.field_text import field_report, field_result, next_field
    from simcore.report.json_report import result_document
    from simcore.report.topics import TOPICS, topic_report

    following = None
    if word in TOPICS:
        result = {"topic": word, "text": list(TOPICS[word])}
        text = topic_report(word)
    else:
        try:
            entry = find_field(word)
        except ConfigError as error:
            raise _with_topics(word, error) from None
        result, text = field_result(entry), field_report(entry)
        following = next_field(entry)
    write_result(result_document("explain", result) if as_json else text)
    if following is not None and not quiet:
        write_note(following)
    return DONE


def _with_topics(word: str, error: ConfigError) -> ConfigError:
    """The same, with a word of the topics when that is near."""
    from simcore.config.problems import did_you_mean
    from simcore.report.topics import TOPICS

    (problem,) = error.problems
    hint = problem.hint or did_you_mean(word, TOPICS)
    return ConfigError([replace(problem, hint=hint)])


def _explain_hardware(
    source: str, kind: str | None, allow_outside: bool, as_json: bool, quiet: bool
) -> int:
    from simcore.config.describe import describe, hardware_values
    from simcore.config.load import load_scenario
    from simcore.config.plausibility import lint_description, lint_hardware
    from simcore.report.explain_text import hardware_report, hardware_result
    from simcore.report.json_report import result_document
    from simcore.report.layout import sections

    found = chosen_kind(source, kind, ("hardware", "library", "scenario"), quiet)
    if found == "scenario":
        scenario = load_scenario(source, allow_outside=allow_outside)
        chip = scenario.hardware
        findings = lint_hardware(chip, scenario.accounting)
        entries = [(chip.name, hardware_values(chip), findings)]
    else:
        entries = [
            (each.name, each.values, lint_description(each))
            for each in describe(found, source, allow_outside=allow_outside)
        ]
    if as_json:
        results = [hardware_result(*entry) for entry in entries]
        write_result(result_document("explain hardware", {"hardware": results}))
    else:
        write_result(sections(hardware_report(*entry) for entry in entries))
    return DONE


def _explain_run(
    folder: Path, request: int | None, burst: int | None, as_json: bool, quiet: bool
) -> int:
    if not folder.exists():
        hint = "Give the folder that `simcore run` wrote, not the scenario."
        raise problem(str(folder), "there is no such run folder", hint)
    from simcore.analysis.time import analyse_time, path_of
    from simcore.report.json_report import result_document
    from simcore.report.time_text import (
        request_time_report,
        request_time_result,
        run_time_report,
        run_time_result,
    )
    from simcore.trace.reader import read_trace

    trace = read_trace(folder)
    name = str(trace.run["scenario"])
    if request is not None:
        path = path_of(trace, request, burst)
        result = request_time_result(name, folder, path)
        text = request_time_report(name, path)
    else:
        analysis = analyse_time(trace)
        result = run_time_result(name, folder, analysis)
        text = run_time_report(name, analysis)
    write_result(result_document("explain run", result) if as_json else text)
    if request is None and not quiet:
        write_note(f"next: simcore explain run {folder} --request 0")
    return DONE
