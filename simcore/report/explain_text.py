"""The numbers of a chip with unit, status and source, the doubtful ones first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from simcore.config.describe import DescribedValue
from simcore.config.plausibility import Finding
from simcore.report.layout import paragraph, sections, shorten
from simcore.report.numbers import count, counted
from simcore.report.plausibility_text import findings_result, plausibility_section

#: The least trustworthy first; None: nobody said where a number is from.
_STATUSES = ("assumed", None, "derived", "published", "measured")
_TITLES = {
    "assumed": "Assumed",
    None: "No source",
    "derived": "Derived",
    "published": "Published",
    "measured": "Measured",
}
_PATH_WIDTH = 62


def hardware_report(
    name: str, values: Sequence[DescribedValue], findings: Sequence[Finding]
) -> str:
    """Count line, every number with its source, and the findings.

    Parameters
    ----------
    name : str
        Of the chip or library.
    values : sequence of DescribedValue
        All its values.
    findings : sequence of Finding
        What the plausibility rules found.
    """
    numbers = [value for value in values if value.is_number]
    return sections(
        [
            paragraph(f"{name}: {count_line(values)}", indent="  ", first=""),
            *(
                _group(_TITLES[status], [v for v in numbers if v.status == status])
                for status in _STATUSES
            ),
            _defaults(values),
            _lower_bound(values),
            plausibility_section(findings),
        ]
    )


def hardware_result(
    name: str, values: Sequence[DescribedValue], findings: Sequence[Finding]
) -> dict[str, Any]:
    """The same for machines."""
    numbers = [value for value in values if value.is_number]
    found = Counter(value.status or "none" for value in numbers)
    order = {status: place for place, status in enumerate(_STATUSES)}
    return {
        "name": name,
        "hardware_numbers": len(numbers),
        "by_status": dict(found),
        "values": [
            value.to_dict()
            for value in sorted(numbers, key=lambda value: order[value.status])
        ],
        "defaults": [value.path for value in values if _is_default(value)],
        "plausibility": findings_result(findings),
    }


def count_line(values: Sequence[DescribedValue]) -> str:
    """`65 of 112 hardware numbers are assumed, 43 derived, 4 published`."""
    numbers = [value for value in values if value.is_number]
    found = Counter(value.status for value in numbers)
    text = (
        f"{count(found['assumed'])} of {counted(len(numbers), 'hardware number')} "
        f"{'is' if found['assumed'] == 1 else 'are'} assumed"
    )
    others = [
        f"{count(found[status])} {status or 'without a source'}"
        for status in _STATUSES[1:]
        if found[status]
    ]
    return ", ".join([text, *others])


def _group(title: str, values: Sequence[DescribedValue]) -> str:
    if not values:
        return ""
    lines = [f"{title} ({count(len(values))})"]
    for value in values:
        number = f"{value.used:.10g}"
        shown = number if value.unit is None else f"{number} {value.unit}"
        path = shorten(value.path, _PATH_WIDTH)
        notes = [value.origin] if value.origin != "explicit" else []
        if value.idle is not None:
            notes.append(f"not in use, {value.idle}")
        where = f" ({'; '.join(notes)})" if notes else ""
        lines.append(paragraph(f"{path} = {shown}{where}", indent="    ", first="  "))
        if value.source is not None:
            lines.append(paragraph(value.source, indent="      "))
    return "\n".join(lines)


def _lower_bound(values: Sequence[DescribedValue]) -> str:
    """Which static power is 0, and what that makes of the energy."""
    start, end = "leakage_power.", "_nw"
    names = [
        value.path.removeprefix(start).removesuffix(end)
        for value in values
        if value.path.startswith(start) and value.value == 0
    ]
    if not names:
        return ""
    return paragraph(
        "Static power is a lower bound: it is 0, not counted, for "
        f"{', '.join(names)} (those of them that the chip has).",
        indent="  ",
        first="",
    )


def _is_default(value: DescribedValue) -> bool:
    number = isinstance(value.value, int | float) and not isinstance(value.value, bool)
    return number and value.origin == "default"


def _defaults(values: Sequence[DescribedValue]) -> str:
    names = [value.path for value in values if _is_default(value)]
    if not names:
        return ""
    text = f"Left at the default, mostly 0 for not counted ({count(len(names))})"
    return f"{text}\n" + paragraph(", ".join(names), indent="  ")
