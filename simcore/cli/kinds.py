"""Which kind of configuration a command was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from simcore.cli.output import write_note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simcore.config.describe import FileKind


def chosen_kind(
    source: str, wanted: str | None, allowed: Sequence[FileKind], quiet: bool
) -> FileKind:
    """Kind of a name or file; a name that stands for several is said so.

    Parameters
    ----------
    source : str
        Name or file as typed.
    wanted : str or None
        The kind that was asked for.
    allowed : sequence of str
        Kinds that the command takes; the first one when nothing can be said, so that
        its loader tells what is wrong.
    quiet : bool
        No note about other kinds.

    Raises
    ------
    typer.BadParameter
        If it is of another kind.
    """
    from simcore.config.describe import FILE_KINDS, kinds_of

    if wanted is not None:
        found = next((kind for kind in FILE_KINDS if kind == wanted), None)
        if found is None or found not in allowed:
            raise typer.BadParameter(
                f"{wanted[:60]!r} is not one of {', '.join(allowed)}",
                param_hint="--kind",
            )
        return found
    found_kinds = kinds_of(source)
    kinds = [kind for kind in found_kinds if kind in allowed]
    if found_kinds and not kinds:
        raise typer.BadParameter(
            f"{source[:200]!r} is of kind {found_kinds[0]}; "
            f"must be one of {', '.join(allowed)}"
        )
    if len(kinds) > 1 and not quiet:
        others = " or ".join(kinds[1:])
        write_note(f"{source} taken as {kinds[0]}; --kind for {others}")
    return kinds[0] if kinds else allowed[0]
