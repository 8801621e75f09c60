"""Text of at most 80 columns: wrapped paragraphs and aligned tables, plain ASCII."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

#: Columns of every report, whatever the terminal, so that the text is the same.
WIDTH = 80
_GAP = "  "


def paragraph(text: str, *, indent: str = "", first: str | None = None) -> str:
    """Wrap one paragraph.

    Parameters
    ----------
    text : str
        White space is folded.
    indent : str
        Before every line.
    first : str or None
        Before the first line instead, for example a bullet.
    """
    return "\n".join(
        textwrap.wrap(
            " ".join(text.split()),
            width=WIDTH,
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
    )


def bullets(items: Iterable[str], indent: str = "  ") -> str:
    """One wrapped `- item` for each, or an empty text."""
    return "\n".join(
        paragraph(item, indent=f"{indent}  ", first=f"{indent}- ") for item in items
    )


def shorten(text: str, width: int) -> str:
    """Cut a text to a width, with `...` where something is missing."""
    if len(text) <= width:
        return text
    return text[: max(width - 3, 0)] + "..."[:width]


def shorten_middle(text: str, width: int) -> str:
    """Cut a text to a width, but keep how it ends: `draft...bits`."""
    if len(text) <= width:
        return text
    kept = max(width - 3, 0)
    start = kept // 2
    return text[:start] + "..."[:width] + text[len(text) - (kept - start) :]


def table(
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] | None = None,
    indent: str = "  ",
    left: int = 1,
) -> str:
    """Columns aligned by spaces, the first `left` of them to the left.

    A table that would be too wide has its widest left column cut.

    Parameters
    ----------
    rows : sequence of sequence of str
        Cells; all rows of the same length.
    header : sequence of str or None
        First line.
    indent : str
        Before every line.
    left : int
        How many columns hold names rather than numbers.
    """
    lines = [list(row) for row in ([header] if header is not None else [])]
    lines += [list(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(row[i]) for row in lines) for i in range(len(lines[0]))]
    excess = len(indent) + sum(widths) + len(_GAP) * (len(widths) - 1) - WIDTH
    if excess > 0 and left:
        widest = max(range(left), key=lambda i: widths[i])
        widths[widest] = max(widths[widest] - excess, 8)
    return "\n".join(
        (
            indent
            + _GAP.join(
                shorten(cell, width).ljust(width) if i < left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        ).rstrip()
        for row in lines
    )


def sections(parts: Iterable[str]) -> str:
    """Join what is not empty with a blank line between."""
    return "\n\n".join(part for part in parts if part)
