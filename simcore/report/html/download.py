"""The numbers of a figure as a tidy table, inside the page beside the figure."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence

from simcore.report.html.markup import Markup, element

Value = str | int | float | bool | None


def csv_link(
    file_name: str, header: Sequence[str], rows: Sequence[Sequence[Value]]
) -> Markup:
    """A link that saves a CSV file; it is in the page, so it works anywhere.

    Parameters
    ----------
    file_name : str
        As it is saved.
    header : sequence of str
        Names of columns, with units.
    rows : sequence of sequence
        With all digits; None is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if v is None else v for v in row] for row in rows])
    data = base64.b64encode(text.getvalue().encode("utf-8")).decode("ascii")
    return element(
        "a",
        f"{file_name}",
        href=f"data:text/csv;charset=utf-8;base64,{data}",
        download=file_name,
    )
