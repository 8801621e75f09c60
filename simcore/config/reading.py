"""How strictly input is read, and what was passed over.

The public calculator ignores keys that it does not know and takes `"5"` for 5. Read
leniently, the files of its users load unchanged, and what was ignored is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from simcore.config.document import MAX_PROBLEMS, Document, Path, path_text
from simcore.config.problems import near_field, passable, shown, translate, validate
from simcore.errors import Problem

M = TypeVar("M", bound=BaseModel)

#: The accounting profile whose files are read leniently.
LENIENT_PROFILE = "selfspec-calculator"


@dataclass
class Reading:
    """One reading of an input and of the files it names.

    Attributes
    ----------
    lenient : bool
        Pass over unknown keys with a warning, and convert text to numbers.
    warnings : list of str
        What was passed over, a line each.
    """

    lenient: bool = False
    warnings: list[str] = field(default_factory=list)

    def validate(
        self,
        model: type[M],
        document: Document,
        prefix: Path = (),
        extensions: Iterable[str] = (),
    ) -> tuple[M | None, list[Problem]]:
        """Check a document against a class, as `problems.validate`.

        Parameters
        ----------
        model : type
            Configuration class.
        document : Document
            What the user wrote; what is passed over is removed from it.
        prefix : Path
            Where the document stands in the whole, for the paths of problems.
        extensions : iterable of str
            Top-level keys that the public calculator does not read: passed over when
            their values are wrong.
        """
        if not self.lenient:
            return validate(model, document, prefix)
        known = frozenset(extensions)
        while True:
            try:
                return model.model_validate(document.data, strict=False), []
            except ValidationError as error:
                unknown, wrong = passable(document, error, known)
                if unknown:
                    hints = [near_field(model, path) for path in unknown[:MAX_PROBLEMS]]
                    self.pass_over(document, unknown, prefix, hints)
                elif wrong:
                    self.pass_over(document, wrong, prefix)
                else:
                    return None, translate(model, document, prefix, error)

    def pass_over(
        self,
        document: Document,
        paths: list[Path],
        prefix: Path = (),
        hints: list[str | None] | None = None,
    ) -> None:
        """Remove values that the public calculator does not read, and tell it.

        Parameters
        ----------
        document : Document
            What the user wrote.
        paths : list of Path
            Where the values are; the first ones are told, the rest is counted.
        prefix : Path
            Where the document stands in the whole.
        hints : list, optional
            One for each of the paths that are told.
        """
        told = paths[:MAX_PROBLEMS]
        for path, hint in zip(told, hints or [None] * len(told), strict=True):
            place = document.place(path)
            problem = Problem(
                path_text((*prefix, *path)),
                place.file,
                place.line,
                message="ignored, as the public calculator does",
                got=shown(document.get(*path)),
                hint=hint,
            )
            self.warnings.append(str(problem))
        if len(paths) > len(told):
            self.warnings.append(f"... and {len(paths) - len(told)} more are ignored.")
        for path in paths:
            document.remove(path)
