"""The timeline of one burst: tokens going through layers, and what they keep busy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simcore.analysis.time.burst_timeline import (
    NO_LAYER,
    BurstTimeline,
    KindLoad,
    TimelineCell,
)
from simcore.report.html.drawing import (
    Axis,
    chart,
    figure,
    legend,
    rectangle,
    text_at,
)
from simcore.report.html.lanes import (
    AXIS_HEIGHT,
    LANES_LEFT,
    LANES_RIGHT,
    LANES_WIDTH,
    Lane,
    drawn_lanes,
    lanes_height,
    time_axis,
)
from simcore.report.html.markup import Content, Markup
from simcore.report.html.page import paragraph
from simcore.report.html.run.view import NO_EVENTS, RunView
from simcore.report.html.scale import Scale
from simcore.report.html.tables import pretty, shown_unit
from simcore.report.numbers import TIME_PS, counted, fitting_unit, significant, time_ps

#: Colour of each phase.
PHASE_COLOURS = {
    "draft": 0,
    "verify_drafted": 1,
    "verify_bonus": 2,
    "draft_ahead": 3,
    "commit": 7,
}
_PHASE_WORDS = {
    "draft": "draft",
    "verify_drafted": "verify a drafted token",
    "verify_bonus": "verify for the bonus token",
    "draft_ahead": "draft ahead for the next burst",
    "commit": "commit",
}
#: The layers together are about so high.
_LAYERS_HEIGHT = 320.0
#: Narrower bars have no outline: it would leave nothing of their colour.
_OUTLINED = 4.0


def timeline(view: RunView) -> Content:
    """The burst whose time is the median."""
    found = view.timeline
    if found is None:
        return paragraph(NO_EVENTS)
    took = found.end_ps - found.begin_ps
    phases = list(dict.fromkeys(cell.phase for cell in found.cells))
    entries = [
        (f"f{PHASE_COLOURS[phase]}", _PHASE_WORDS[phase])
        for phase in PHASE_COLOURS
        if phase in phases
    ]
    if any(not cell.is_kept for cell in found.cells):
        entries.append(("f7 unkept", "faint: nothing of it was kept"))
    intro = (
        f"Burst {found.burst} of request {found.request}, whose {time_ps(took)} are "
        "the median of the first replication. It accepted "
        f"{counted(found.accepted, 'draft')} and committed "
        f"{counted(found.committed, 'token')}."
    )
    caption = (
        "Above: each bar is one token in one layer, from its first hold to its last; a "
        "number is the step. Below: how many instances of each kind of resource are "
        "held, by all requests on the chip; the highest mean of a part of the axis and "
        "the number of instances are on the right."
    )
    return [
        paragraph(pretty(intro)),
        figure(
            "One burst in time",
            [burst_chart(found)],
            legend(entries),
            caption,
            wide=True,
        ),
    ]


def burst_chart(found: BurstTimeline) -> Markup:
    """Layers above, resources below, one time axis."""
    took = max(found.end_ps - found.begin_ps, 1)
    size, unit = fitting_unit(took, TIME_PS)
    right = LANES_WIDTH - LANES_RIGHT
    scale = Scale(0.0, took / size, LANES_LEFT, right)
    axis = Axis(scale, f"time since the burst began ({shown_unit(unit)})")
    rows = _rows(found)
    row_height = min(max(_LAYERS_HEIGHT / max(len(rows), 1), 4.0), 22.0)
    place = {layer: 6 + i * row_height for i, layer in enumerate(rows)}
    cells = [
        _cell(cell, found, place[cell.layer], row_height, scale, size)
        for cell in found.cells
    ]
    lanes_top = 6 + len(rows) * row_height + 14
    by_load = sorted(found.loads, key=lambda load: (-_mean_ratio(load), load.kind))
    lanes = [_lane(load) for load in by_load]
    bottom = lanes_top + lanes_height(len(lanes))
    return chart(
        "burst-timeline",
        "Timeline of one burst",
        _in_words(found),
        time_axis(axis, 6.0, bottom),
        _labels(found, rows, place, row_height),
        cells,
        drawn_lanes(lanes, lanes_top),
        width=LANES_WIDTH,
        height=bottom + AXIS_HEIGHT,
    )


def _rows(found: BurstTimeline) -> list[int]:
    """Layers from top to bottom, what is outside of them first."""
    outside = [NO_LAYER] if any(c.layer == NO_LAYER for c in found.cells) else []
    return [*outside, *range(len(found.layers))]


def _labels(
    found: BurstTimeline, rows: Sequence[int], place: dict[int, float], height: float
) -> list[Markup]:
    every = math.ceil(12 / height)
    last = len(found.layers) - 1
    labels = []
    for layer in rows:
        near_end = last - every < layer < last
        if layer == NO_LAYER:
            continue
        if layer != last and (layer % every or near_end):
            continue
        name = found.layers[layer]
        text = f"layer {name}" if name.isdecimal() else name
        middle = place[layer] + height / 2 + 4
        labels.append(text_at(LANES_LEFT - 6, middle, text, "end", "strong"))
    return labels


def _cell(
    cell: TimelineCell,
    found: BurstTimeline,
    y: float,
    height: float,
    scale: Scale,
    size: float,
) -> list[Markup]:
    left = scale((cell.start_ps - found.begin_ps) / size)
    right = scale((cell.end_ps - found.begin_ps) / size)
    where = (
        "outside of the layers"
        if cell.layer == NO_LAYER
        else f"layer {found.layers[cell.layer]}"
    )
    tip = (
        f"{_PHASE_WORDS.get(cell.phase, cell.phase)}, step {cell.step}, {where}: "
        f"{time_ps(cell.start_ps - found.begin_ps)} + "
        f"{time_ps(cell.end_ps - cell.start_ps)}"
        f"{'' if cell.is_kept else ', not kept'}"
    )
    width = max(right - left, 1.0)
    colour = f"f{PHASE_COLOURS.get(cell.phase, 6)} token"
    if width >= _OUTLINED:
        colour += " cell"
    if not cell.is_kept:
        colour += " unkept"
    drawn = [rectangle(left, y, width, height - 0.6, colour, pretty(tip))]
    if width >= 9 and height >= 8.5:
        middle = left + width / 2
        drawn.append(
            text_at(middle, y + height / 2 + 2.8, str(cell.step), "middle", "tiny")
        )
    return drawn


def _lane(load: KindLoad) -> Lane:
    highest = float(load.busy.max(initial=0.0))
    peak = significant(highest, 2)
    return Lane(
        label=load.kind,
        values=load.busy.tolist(),
        top=highest or 1.0,
        note=f"{peak} of {load.instances}",
        colour=4,
    )


def _mean_ratio(load: KindLoad) -> float:
    return float(load.busy.mean()) / load.instances


def _in_words(found: BurstTimeline) -> str:
    busiest = max(found.loads, key=_mean_ratio)
    ratio = _mean_ratio(busiest) * 100
    return (
        f"{counted(len(found.cells), 'bar')} over "
        f"{counted(len(found.layers), 'layer')} and "
        f"{time_ps(found.end_ps - found.begin_ps)}; busiest in this burst is "
        f"{busiest.kind}, {significant(ratio)} % of its time."
    )
