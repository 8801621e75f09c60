"""What can be named, with what it is and where it is defined."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import simcore
from simcore.config.files import read_document
from simcore.config.shipped import Kind, library_files, shipped_files, shown_path
from simcore.program.catalogue import OPERATIONS
from simcore.program.schedules import SCHEDULES
from simcore.program.verification import VERIFICATIONS
from simcore.report.layout import WIDTH, paragraph, sections

_LONGEST = 130
_PACKAGE = Path(simcore.__file__).parent


class Listed(NamedTuple):
    """Something that can be named.

    Attributes
    ----------
    summary : str
        One line.
    where : str
        File that defines it: of the package, or shipped with it.
    """

    summary: str
    where: str


#: Names by the field or kind that they belong to.
Listing = Mapping[str, Mapping[str, Listed]]


def listing(kind: str) -> Listing:
    """Everything of a kind.

    Parameters
    ----------
    kind : str
        One of `LIST_KINDS`.
    """
    return _KINDS[kind]()


def list_report(listing: Listing) -> str:
    """Names with a line about each, under the field or kind they belong to.

    Parameters
    ----------
    listing : mapping of str to mapping of str to Listed
        Names by field.
    """
    parts = []
    for field, names in listing.items():
        width = max(map(len, names), default=0) + 2
        indent = " " * (width + 2)
        lines = []
        for name, entry in names.items():
            first = f"  {name:<{width}}"
            lines += [
                paragraph(_one_line(entry.summary), indent=indent, first=first),
                " " * min(len(indent), WIDTH - len(entry.where)) + entry.where,
            ]
        parts.append("\n".join([field, *lines]))
    return sections(parts)


def _one_line(text: str) -> str:
    """Short enough to be read among others; `--json` has the whole."""
    return textwrap.shorten(text, _LONGEST, placeholder=" ...")


def list_result(listing: Listing) -> dict[str, Any]:
    """The same for machines."""
    return {
        field: {name: entry._asdict() for name, entry in names.items()}
        for field, names in listing.items()
    }


# What there is.


def _operations() -> Listing:
    return {
        "operations": {
            name: Listed(entry.summary, f"simcore/program/{entry.module}.py")
            for name, entry in OPERATIONS.items()
        }
    }


def _policies() -> Listing:
    return {
        field: {
            policy.name: Listed(policy.summary, _source(type(policy)))
            for policy in policies
        }
        for field, policies in (
            ("schedule", SCHEDULES),
            ("verification", VERIFICATIONS),
        )
    }


def _source(made: type) -> str:
    path = Path(inspect.getfile(made))
    return f"simcore/{path.relative_to(_PACKAGE).as_posix()}"


def _libraries() -> Listing:
    found = {}
    for path in library_files():
        for name, library in read_document(path, shown_path(path)).data.items():
            found[name] = Listed(_about_library(library), shown_path(path))
    return {"libraries": found}


def _about_library(library: dict[str, Any]) -> str:
    about = str(library.get("_about", "a component library"))
    # The first sentence of every one says that it was re-typed.
    return about.partition("re-typed. ")[2] or about


def _shipped(kind: Kind, title: str) -> Listing:
    return {
        title: {
            name: Listed(
                _ABOUT[kind](read_document(path, shown_path(path)).data),
                shown_path(path),
            )
            for name, path in shipped_files(kind).items()
        }
    }


def _described(data: dict[str, Any]) -> str:
    return str(data.get("description", "no description"))


def _about_model(data: dict[str, Any]) -> str:
    shape = f"{data['n_layers']} layers, d_model {data['d_model']}"
    source = data.get("source")
    return shape if source is None else f"{shape}; {source}"


def _about_acceptance(data: dict[str, Any]) -> str:
    words = [str(data.get("kind", "histogram")).replace("_", " ")]
    if "k" in data:
        words.append(f"K = {data['k']}")
    if "rate" in data:
        words.append(f"rate {data['rate']:g}")
    words += [str(data[key]) for key in ("label", "source") if key in data]
    return "; ".join(words)


_ABOUT: dict[Kind, Callable[[dict[str, Any]], str]] = {
    "scenario": _described,
    "hardware": _described,
    "model": _about_model,
    "acceptance": _about_acceptance,
}
_KINDS: dict[str, Callable[[], Listing]] = {
    "scenarios": lambda: _shipped("scenario", "scenarios"),
    "hardware": lambda: _shipped("hardware", "hardware"),
    "libraries": _libraries,
    "models": lambda: _shipped("model", "models"),
    "acceptance": lambda: _shipped("acceptance", "acceptance"),
    "policies": _policies,
    "operations": _operations,
}
#: What can be listed.
LIST_KINDS = tuple(_KINDS)
