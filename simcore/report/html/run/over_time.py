"""Utilization, queues and SRAM occupancy over the time of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.analysis.occupancy import occupancy_over_time
from simcore.report.html.drawing import Axis, figure
from simcore.report.html.lanes import (
    LANES_LEFT,
    LANES_RIGHT,
    LANES_WIDTH,
    Lane,
    lanes_chart,
)
from simcore.report.html.markup import Content
from simcore.report.html.page import paragraph
from simcore.report.html.run.view import NO_BURSTS, NO_EVENTS, RunView
from simcore.report.html.scale import Scale
from simcore.report.html.tables import Bar, Cell, pretty, shown_unit, table
from simcore.report.numbers import (
    TIME_PS,
    count,
    counted,
    fitting_unit,
    percent,
    share,
    significant,
    size_bytes,
    time_ps,
)

_MOST_QUEUES = 8
_SRAM_BINS = 240
#: Below this share of the capacity the scale is what is reserved, not the capacity.
_SMALL = 0.1
_WAITS = {"layer": "a free layer", "sram_room": "SRAM room"}


def utilization(view: RunView) -> Content:
    """How busy each kind is overall, and over time."""
    kinds = view.summary["utilization"]["by_resource_kind"]
    rows: list[list[Cell]] = [
        [kind, percent(found["max"]), Bar(found["max"], 4), percent(found["mean"])]
        for kind, found in sorted(
            kinds.items(), key=lambda item: (-item[1]["max"], item[0])
        )
    ]
    overall = table(
        ["kind of resource", "busiest one", "", "mean of all"],
        rows,
        caption="Share of the time that resources are held",
    )
    if view.analysis is None:
        return [overall, paragraph(f"Over time: {NO_EVENTS}")]
    found = view.analysis.utilization
    lanes = [
        Lane(
            label=entry["busiest"],
            values=entry["busiest_ratio_over_time"],
            top=max(entry["busiest_ratio_over_time"]),
            note=f"up to {percent(max(entry['busiest_ratio_over_time']))}",
            tips=[percent(ratio) for ratio in entry["busiest_ratio_over_time"]],
            colour=4,
        )
        for _, entry in sorted(
            found["by_resource_kind"].items(),
            key=lambda item: (-item[1]["busiest_ratio"], item[0]),
        )
        if not entry["is_gate"] and entry["busiest_ratio"] > 0
    ]
    picture = lanes_chart(
        "utilization",
        "Utilization over time",
        f"The busiest of each of {counted(len(lanes), 'kind')} of resource; each lane "
        "has its own scale.",
        lanes,
        _parts_of_run(view),
    )
    text = (
        "The busiest resource of each kind; every lane has its own scale, its highest "
        f"part is on the right. {_averaged(view)}"
    )
    return [overall, figure("Busy over time", picture, text, wide=True)]


def _averaged(view: RunView) -> str:
    if view.analysis is None or view.analysis.analysed_replications == 1:
        return view.analysed
    chips = count(view.analysis.analysed_replications)
    means = f"Means of {chips} replications, each cut into equally many parts."
    return f"{means} {view.analysed}"


def _parts_of_run(view: RunView) -> Axis:
    """Time where there is one chip; parts of the run where there are several."""
    right = LANES_WIDTH - LANES_RIGHT
    analysis = view.analysis
    if analysis is not None and analysis.analysed_replications == 1:
        size, unit = fitting_unit(analysis.elapsed_ps, TIME_PS)
        scale = Scale(0.0, max(analysis.elapsed_ps, 1) / size, LANES_LEFT, right)
        return Axis(scale, f"time ({shown_unit(unit)})")
    scale = Scale(0.0, 100.0, LANES_LEFT, right)
    return Axis(scale, "part of the run that has passed (%)")


def queues(view: RunView) -> Content:
    """Who waits where: table, and lengths over time."""
    if view.analysis is None:
        return [_waits_alone(view), paragraph(f"Over time: {NO_EVENTS}")]
    found = sorted(
        view.analysis.queues.items(),
        key=lambda item: (-item[1]["mean_length"], item[0]),
    )
    if not found:
        return paragraph("Nothing waited for a resource.")
    shown = found[:_MOST_QUEUES]
    rows: list[list[Cell]] = [
        [
            name,
            significant(queue["mean_length"]),
            count(queue["longest"]),
            time_ps(queue["mean_wait_ps"]),
            f"{count(queue['waiting_holds'])} of {count(queue['holds'])}",
            time_ps(queue["head_of_line_ps"]),
        ]
        for name, queue in shown
    ]
    more = len(found) - len(shown)
    rest = f" {counted(more, 'shorter queue')} not shown." if more else ""
    lanes = [_queue_lane(name, queue) for name, queue in shown]
    picture = lanes_chart(
        "queues",
        "Queue lengths over time",
        f"Mean length of the {counted(len(lanes), 'longest queue')}; each lane has "
        "its own scale.",
        lanes,
        _parts_of_run(view),
    )
    return [
        table(
            ["queue", "mean length", "longest", "mean wait", "waited", "head of line"],
            rows,
            caption="Queues, the longest on average first",
        ),
        figure(
            "Queue lengths over time",
            picture,
            "Mean length in each part of the run; every lane has its own scale, its "
            f"highest mean is on the right. {_averaged(view)}{rest}",
            wide=True,
        ),
    ]


def _queue_lane(name: str, queue: dict[str, Any]) -> Lane:
    values = queue["mean_length_over_time"]
    highest = max(values)
    return Lane(
        label=name,
        values=values,
        top=highest or 1.0,
        note=f"up to {significant(highest)}",
        tips=[significant(value) for value in values],
        colour=5,
    )


def _waits_alone(view: RunView) -> Content:
    """Queues as far as they are known without events."""
    kinds = view.summary["waits"].get("by_resource_kind", {})
    rows: list[list[Cell]] = [
        [
            _WAITS.get(kind, kind),
            significant(found["mean_queue_length"]),
            time_ps(found["wait_ps"] / found["holds"] if found["holds"] else 0.0),
        ]
        for kind, found in sorted(
            kinds.items(), key=lambda item: (-item[1]["wait_ps"], item[0])
        )
        if found["wait_ps"]
    ]
    if not rows:
        return paragraph("Nothing waited for a resource.")
    return table(["waits for", "mean length", "mean wait"], rows, caption="Queues")


def sram(view: RunView) -> Content:
    """How full the SRAM is in the first replication."""
    if view.sram is None:
        return paragraph(f"SRAM over time: {NO_BURSTS}")
    number = int(view.sram["replication"][0])
    mine = view.sram["replication"] == number
    time, level = view.sram["time_ps"][mine], view.sram["occupied_bytes"][mine]
    end = int(time[-1])
    mean, highest = occupancy_over_time(time, level, n_bins=_SRAM_BINS)
    most = int(level.max(initial=0))
    memory = view.scenario.hardware.memory
    capacity = memory.sram.capacity_bytes if memory is not None else None
    if not most:
        return paragraph("No burst reserves room in the SRAM.")
    size, unit = fitting_unit(end, TIME_PS)
    right = LANES_WIDTH - LANES_RIGHT
    axis = Axis(Scale(0.0, end / size, LANES_LEFT, right), f"time ({shown_unit(unit)})")
    top = most
    if capacity is not None and most > _SMALL * capacity:
        top = capacity
    lanes = [_sram_lane("highest", highest, top, 4)]
    if not np.allclose(mean, highest):
        lanes.append(_sram_lane("mean", mean, top, 0))
    full = (
        f"{share(most, capacity)} of the {size_bytes(capacity)} there are"
        if capacity
        else "the hardware names no capacity"
    )
    text = (
        f"At most {size_bytes(most)} are reserved, {full}. First replication; the full "
        f"height of a lane is {size_bytes(top)}."
    )
    picture = lanes_chart("sram", "SRAM reserved over time", text, lanes, axis)
    return figure("SRAM reserved by bursts", picture, pretty(text), wide=True)


def _sram_lane(
    label: str, values: npt.NDArray[np.float64], top: int, colour: int
) -> Lane:
    return Lane(
        label=label,
        values=values.tolist(),
        top=float(top),
        note=size_bytes(float(values.max() if label == "highest" else values.mean())),
        colour=colour,
    )
