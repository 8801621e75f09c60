"""What can be named, one line each."""

from __future__ import annotations

from collections.abc import Mapping

from simcore.report.layout import paragraph, sections


def list_report(listing: Mapping[str, Mapping[str, str]]) -> str:
    """Names with a line about each, under the field or kind they belong to.

    Parameters
    ----------
    listing : mapping of str to mapping of str to str
        Names and lines by field.
    """
    parts = []
    for field, names in listing.items():
        width = max(map(len, names), default=0) + 2
        lines = [
            paragraph(line, indent=" " * (width + 2), first=f"  {name:<{width}}")
            for name, line in names.items()
        ]
        parts.append("\n".join([field, *lines]))
    return sections(parts)
