"""The report of the engine against queueing theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.report.checks_text import failing_check, verdict
from simcore.report.layout import paragraph, sections, table
from simcore.report.numbers import count, significant, time_ps


def theory_report(data: Mapping[str, Any], *, with_verdict: bool = True) -> str:
    """Theory and simulation for each queue, the exact laws, and the verdict.

    Parameters
    ----------
    data : mapping
        Of `TheoryReport.to_dict`.
    with_verdict : bool
        Whether the last line says if all checks hold.
    """
    return sections(
        [
            _heading(data),
            _points(data["points"]),
            _notes(data),
            "\n".join(failing_check(c) for c in data["checks"] if not c["holds"]),
            verdict(data["checks"]) if with_verdict else "",
        ]
    )


def _heading(data: Mapping[str, Any]) -> str:
    text = (
        "Queueing theory: mean wait in queue (Wq) of customers that go through the "
        f"resources of the engine, mean service {time_ps(data['mean_service_ps'])}, "
        f"seed {data['seed']}"
    )
    return paragraph(text, indent="  ", first="")


def _points(points: Sequence[Mapping[str, Any]]) -> str:
    numbers = ["rho", "customers", "theory Wq", "Wq", "+-", "+- %", "Little"]
    header = ["", "queue", *numbers]
    return table([_row(point) for point in points], header=header, left=2)


def _row(point: Mapping[str, Any]) -> list[str]:
    wait = point["wait_ps"]
    little = max(point["little_queue_ps"], point["little_system_ps"])
    exact = not little and not point["order_ps"]
    return [
        "ok" if point["is_inside"] and exact else "FAIL",
        point["queue"],
        f"{point['utilization']:.1f}",
        f"{point['replications']} x {count(point['customers'])}",
        _ns(point["theory_wait_ps"]),
        _ns(wait["value"]),
        _ns(wait["half_width"]),
        f"{100 * point['half_width_ratio']:.1f}",
        f"{count(little)} ps",
    ]


def _ns(value_ps: float) -> str:
    return f"{value_ps / 1e3:,.1f} ns"


def _notes(data: Mapping[str, Any]) -> str:
    order = max(point["order_ps"] for point in data["points"])
    texts = (
        f"ok: theory lies inside the {data['confidence']:.1%} interval of Student over "
        f"the replications. With another seed a right engine fails at least one of "
        f"the {len(data['points'])} with a chance of about "
        f"{significant(100 * data['false_alarm_chance'], 2)} %.",
        "Little: integral of the number of customers over time minus the sum of their "
        "times, in the queue and in the system, the larger.",
        f"First come first served: times differ from the rule by {count(order)} ps at "
        "most.",
    )
    return "\n".join(paragraph(text, indent="    ", first="  ") for text in texts)
