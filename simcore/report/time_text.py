"""Why a run took as long as it did, in words: `simcore explain run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simcore.analysis.time import RequestPath, TimeAnalysis
from simcore.report.layout import bullets, paragraph, sections, table
from simcore.report.numbers import (
    count,
    counted,
    energy_pj,
    percent,
    share,
    significant,
    time_ps,
)

#: Most rows of a table, most waits and most ways to save that people are shown.
_MOST_ROWS = 14
_MOST_WAITS = 5
_MOST_SAVINGS = 4
_MOST_STRETCHES = 12

_CAUSES = {
    "other_request": "waits for other requests",
    "reserved": "waits behind reservations",
    "sram_room": "waits for SRAM room",
    "admission": "waits for admission",
    "not_arrived": "not arrived yet",
    "cancelled": "until work was cancelled",
}
WASTE_LABELS = {
    "verify_beyond": "verify beyond what is accepted",
    "rejected_drafts": "drafts of rejected tokens",
    "discarded": "beyond the end of the request",
    "cancelled_ahead": "cancelled drafts ahead",
}
_TITLES = {
    "stage": "stage",
    "phase": "phase",
    "resource_kinds": "resource held",
}


def run_time_report(name: str, analysis: TimeAnalysis) -> str:
    """The answer for a whole run, at most 80 columns wide.

    Parameters
    ----------
    name : str
        The scenario.
    analysis : TimeAnalysis
        Of the run.
    """
    path = analysis.chip_path
    requests = analysis.request_paths
    several = requests["paths"] > path["paths"]
    return sections(
        [
            _head(name, analysis),
            _bottleneck(analysis.utilization, path),
            _over_time(analysis.utilization),
            _critical_path(path, "the makespan", several),
            _all_requests(requests) if several else "",
            _waits(analysis, requests),
            _queues(analysis),
            _wasted(analysis.wasted),
            _help(path, "the makespan"),
        ]
    )


def run_time_result(name: str, folder: Path, analysis: TimeAnalysis) -> dict[str, Any]:
    """The same for machines, with all digits."""
    return {
        "scenario": name,
        "path": str(folder),
        "is_complete": analysis.is_complete,
        **analysis.as_dict(),
    }


def request_time_report(name: str, path: RequestPath) -> str:
    """The answer for one request or burst, at most 80 columns wide.

    Parameters
    ----------
    name : str
        The scenario.
    path : RequestPath
        Its critical path.
    """
    what = f"request {path.request}"
    if path.burst is not None:
        what = f"burst {path.burst} of {what}"
    total = path.shares["total_ps"]
    head = paragraph(
        f"{name}: {what} (replication {path.replication}) took {time_ps(total)}, from "
        f"{time_ps(path.begin_ps)} to {time_ps(path.end_ps)}",
        indent="  ",
        first="",
    )
    whole = "the burst" if path.burst is not None else "the request"
    return sections(
        [
            head,
            _critical_path(path.shares, whole, False),
            _waits_of_path(path.shares),
            _stretches(path.segments, total),
            _help(path.shares, whole),
        ]
    )


def request_time_result(name: str, folder: Path, path: RequestPath) -> dict[str, Any]:
    """The same for machines, with all digits."""
    return {"scenario": name, "path": str(folder), **path.as_dict()}


def _head(name: str, analysis: TimeAnalysis) -> str:
    chips = analysis.analysed_replications
    text = (
        f"{name}: {counted(analysis.analysed_requests, 'request')} took "
        f"{time_ps(analysis.elapsed_ps)}"
    )
    if chips > 1:
        text += f", added over {count(chips)} replications of the chip"
    lines = [paragraph(text, indent="  ", first="")]
    if not analysis.is_complete:
        left = analysis.n_requests - analysis.analysed_requests
        lines.append(
            paragraph(
                f"analysed are the first {count(analysis.analysed_requests)} of "
                f"{counted(analysis.n_requests, 'request')}; the events of the other "
                f"{count(left)} are too many to read in a short time",
                indent="  ",
            )
        )
    return "\n".join(lines)


def _bottleneck(utilization: Mapping[str, Any], path: Mapping[str, Any]) -> str:
    found = utilization["bottleneck"]
    if found is None:
        return ""
    kinds = _by_business(utilization)
    others = [
        f"{entry['busiest']} {percent(entry['busiest_ratio'])}"
        for kind, entry in kinds
        if kind != found["kind"] and entry["busiest_ratio"] > 0
    ]
    text = (
        f"bottleneck: {found['name']}, the busiest resource, "
        f"{percent(found['ratio'])} of the time"
    )
    if others:
        text += f"; then {', '.join(others[:3])}"
    works = [item for item in path["by_resource_kinds"].items() if ": " not in item[0]]
    lines = [paragraph(text, indent="  ", first="")]
    if works:
        # A kind with many instances may rule the path while each is mostly idle.
        kinds, ps = works[0]
        lines.append(
            paragraph(
                f"most of the critical path is work of {kinds.replace('+', ' and ')}: "
                f"{share(ps, path['total_ps'])}",
                indent="  ",
            )
        )
    return "\n".join(lines)


def _by_business(utilization: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Kinds of resource that work, those with the busiest instance first."""
    kinds = utilization["by_resource_kind"].items()
    return sorted(
        (item for item in kinds if not item[1]["is_gate"]),
        key=lambda item: (-item[1]["busiest_ratio"], item[0]),
    )


def _over_time(utilization: Mapping[str, Any]) -> str:
    n_bins = len(utilization["bin_ps"])
    rows = [
        [
            entry["busiest"],
            significant(entry["busiest_ratio"] * 100),
            *(f"{r * 100:.0f}" for r in entry["busiest_ratio_over_time"]),
        ]
        for _, entry in _by_business(utilization)[:6]
        if entry["busiest_ratio"] > 0
    ]
    if not rows or n_bins > _MOST_ROWS:
        return ""
    header = ["busiest of its kind", "all", *(str(i + 1) for i in range(n_bins))]
    title = f"Busy % over time, in {n_bins} equal parts of the run"
    return f"{title}\n{table(rows, header=header)}"


def _critical_path(shares: Mapping[str, Any], whole: str, several: bool) -> str:
    text = f"Critical path: what {whole} consists of"
    if several:
        text += ", through all requests"
    parts = [
        _share_table(title, shares[f"by_{key}"], shares["total_ps"])
        for key, title in _TITLES.items()
    ]
    exact = (
        f"each table sums to {whole} exactly: {count(shares['total_ps'])} ps, of "
        f"which {count(shares['work_ps'])} ps are work"
    )
    return "\n\n".join(
        [f"{text}\n{parts[0]}", *parts[1:], paragraph(exact, indent="  ")]
    )


def _share_table(title: str, found: Mapping[str, int], total: int) -> str:
    rows = [
        [cause_named(name), time_ps(ps), share(ps, total)] for name, ps in found.items()
    ]
    if len(rows) > _MOST_ROWS:
        small = list(found.values())[_MOST_ROWS - 1 :]
        rows = rows[: _MOST_ROWS - 1]
        rest = f"{len(small)} others"
        rows.append([rest, time_ps(sum(small)), share(sum(small), total)])
    added = sum(found.values())
    rows.append(["sum", time_ps(added), share(added, total)])
    return table(rows, header=[title, "time", "share"])


def cause_named(name: str) -> str:
    """A row of a critical path in words: work as it is named, waits by cause."""
    prefix, _, cause = name.partition(": ")
    return _CAUSES[cause] if prefix == "waiting" and cause else name


def _all_requests(shares: Mapping[str, Any]) -> str:
    total = shares["total_ps"]
    parts = [f"work {share(shares['work_ps'], total)}"]
    parts += [
        f"{cause_named(name)} {share(ps, total)}"
        for name, ps in shares["by_stage"].items()
        if name.startswith("waiting: ")
    ]
    text = (
        f"all {counted(shares['paths'], 'request')}: latencies of {time_ps(total)} "
        f"added, {time_ps(total / shares['paths'])} on average; of these "
        f"{', '.join(parts)}"
    )
    return paragraph(text, indent="  ", first="")


def _waits(analysis: TimeAnalysis, requests: Mapping[str, Any]) -> str:
    stalls = analysis.stalls
    total = stalls["total_ps"]
    if not total:
        return "Waits: nothing waited for a resource."
    on_path = sum(wait["wait_ps"] for wait in requests["waits"])
    text = (
        f"Waits: {time_ps(total)} in all, holds added; "
        f"{time_ps(on_path)} of it on critical paths of requests (waits for the "
        "request's own work are that work's time there)"
    )
    found = [
        f"{share(cell['wait_ps'], total)}: {cell['waiting']} waits for "
        f"{_held_by(cell['resource_kind'], cell['blocking'], cell['relation'])}; "
        f"{counted(cell['holds'], 'wait')}, {time_ps(cell['wait_ps'])}"
        for cell in stalls["cells"][:_MOST_WAITS]
    ]
    blocked = analysis.head_of_line
    if blocked["holds"]:
        found.append(
            f"head-of-line blocking: {counted(blocked['holds'], 'hold')} waited "
            f"{time_ps(blocked['wait_ps'])} although all they needed was free, because "
            "an older hold had reserved it"
        )
    return f"{paragraph(text, indent='  ', first='')}\n{bullets(found)}"


def _held_by(kind: str, blocking: str, relation: str) -> str:
    if relation == "reserved":
        return f"{kind}, kept for an older hold"
    whose = "of the same request" if relation == "own" else "of another request"
    if blocking.endswith(" layer_gate"):
        # A gate is a container: what holds the layer is the token inside.
        phase = blocking.partition(" ")[0]
        return f"a layer that a {phase} token {whose} is in"
    return f"{kind} held by {blocking} {whose}"


def _waits_of_path(shares: Mapping[str, Any]) -> str:
    waits = shares["waits"]
    if not waits:
        return "Waits: no hold of the path waited for another request."
    found = [
        f"{share(wait['wait_ps'], shares['total_ps'])}: for "
        + _held_by(
            wait["resource_kind"],
            wait["blocking"],
            "other" if wait["cause"] == "other_request" else "reserved",
        )
        for wait in waits[:_MOST_WAITS]
    ]
    lines = [f"Waits on the path\n{bullets(found)}"]
    by_request = shares["waits_by_blocking_request"]
    if by_request:
        longest = sorted(by_request.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(
            f"request {request} {time_ps(ps)}" for request, ps in longest[:_MOST_WAITS]
        )
        lines.append(paragraph(f"held by {named}", indent="    ", first="  - "))
    return "\n".join(lines)


def _queues(analysis: TimeAnalysis) -> str:
    longest = sorted(
        analysis.queues.items(), key=lambda item: (-item[1]["mean_length"], item[0])
    )
    rows = [
        [
            name,
            significant(found["mean_length"]),
            count(found["longest"]),
            time_ps(found["mean_wait_ps"]),
            f"{count(found['waiting_holds'])} of {count(found['holds'])}",
            time_ps(found["head_of_line_ps"]),
        ]
        for name, found in longest[:_MOST_WAITS]
    ]
    if not rows:
        return ""
    header = ["queue", "mean length", "longest", "mean wait", "waited", "head of line"]
    return f"Queues, the longest on average first\n{table(rows, header=header)}"


def _wasted(wasted: Mapping[str, Mapping[str, Any]]) -> str:
    everything = wasted["all"]
    if not everything["busy_ps"] and not everything["energy_pj"]:
        return "Wasted work: none."
    rows = []
    for name, label in WASTE_LABELS.items():
        found = wasted[name]
        if found["steps"]:
            rows.append([label, count(found["steps"]), *_cost_cells(found)])
    rows.append(["sum", "", *_cost_cells(everything)])
    title = "Wasted work: shares of the busy time and dynamic energy of all work"
    header = ["", "steps", "busy", "share", "energy", "share"]
    return f"{title}\n{table(rows, header=header)}"


def _cost_cells(found: Mapping[str, Any]) -> list[str]:
    return [
        time_ps(found["busy_ps"]),
        share(found["busy_ratio"], 1.0),
        energy_pj(found["energy_pj"]),
        share(found["energy_ratio"], 1.0),
    ]


def _stretches(segments: Sequence[Mapping[str, Any]], total: int) -> str:
    longest = sorted(
        segments, key=lambda s: (s["begin_ps"] - s["end_ps"], s["begin_ps"])
    )[:_MOST_STRETCHES]
    rows = [
        [
            _stretch(found),
            time_ps(found["begin_ps"]),
            time_ps(found["end_ps"] - found["begin_ps"]),
            share(found["end_ps"] - found["begin_ps"], total),
        ]
        for found in sorted(longest, key=lambda s: s["begin_ps"])
    ]
    header = ["longest stretches, in order of time", "at", "time", "share"]
    return table(rows, header=header)


def _stretch(found: Mapping[str, Any]) -> str:
    step = "" if found["phase"] == "commit" else f" {found['step']}"
    where = f"burst {found['burst']} {found['phase']}{step}"
    if found["cause"] == "work":
        return f"{where}: work"
    if "resource" not in found:
        return f"burst {found['burst']}: {_CAUSES[found['cause']]}"
    holder = found.get("held_by_request")
    by = "kept" if holder is None else f"held by request {holder}"
    return f"{where}: {found['resource']} {by}"


def _help(shares: Mapping[str, Any], whole: str) -> str:
    total, waiting = shares["total_ps"], shares["waiting_ps"]
    found = []
    for kind, saving in list(shares["savings"].items())[:_MOST_SAVINGS]:
        text = (
            f"a faster {kind} can save at most {percent(saving['hold_ratio'])} "
            f"({time_ps(saving['hold_ps'])})"
        )
        if waiting:
            text += f", {percent(saving['at_most_ratio'])} if no wait were left"
        found.append(text)
    for kinds, ps in shares["by_resource_kinds"].items():
        if "+" in kinds and ps > 0.01 * total:
            found.append(
                f"{kinds.replace('+', ' and ')} work together for {share(ps, total)}: "
                "there a faster one helps only with the other"
            )
    if waiting:
        found.append(f"without any wait at most {percent(waiting / total)} are saved")
    if not found:
        return ""
    intro = (
        f"What would help: bounds from the critical path of {whole}, as long as the "
        "order of work stays; real savings are smaller when another path takes over"
    )
    return f"{paragraph(intro, indent='  ', first='')}\n{bullets(found)}"
