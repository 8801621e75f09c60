"""What a configuration field means, for `simcore explain FIELD`."""

from __future__ import annotations

import json
from typing import Any

from simcore.config.field_examples import FieldExample, example_of
from simcore.config.field_tree import ANY, FieldEntry, FieldForm, fields
from simcore.config.field_uses import use_of
from simcore.report.layout import paragraph, sections

_LABEL = 10
#: Sections that are usually files of their own.
_FILES = ("model", "hardware", "acceptance")


def field_report(entry: FieldEntry) -> str:
    """Meaning, type, unit, default, example and use of a field; or a section's fields.

    Parameters
    ----------
    entry : FieldEntry
        From `simcore.config.fields.find_field`.
    """
    parts = [entry.path or "scenario"]
    for form in entry.forms:
        text = f"{form.meaning} {_more(entry, form)}".strip()
        if form.kind is not None:
            text = f"With kind {form.kind}: {text}"
        parts.append(paragraph(text, indent="  "))
    facts = [
        paragraph(text, indent=" " * (_LABEL + 2), first=f"  {label:<{_LABEL}}")
        for label, text in _facts(entry)
    ]
    return sections(["\n".join(parts), "\n".join(facts), _children(entry)])


def field_result(entry: FieldEntry) -> dict[str, Any]:
    """The same for machines."""
    example, use = example_of(entry), use_of(entry.path)
    return {
        "path": entry.path,
        "unit": entry.unit,
        "written": entry.written,
        "forms": [
            {
                "kind": form.kind,
                "meaning": form.meaning,
                "allowed": form.allowed,
                "choices": list(form.choices),
                "default": form.default,
            }
            for form in entry.forms
        ],
        "about": entry.about or None,
        "fields": [child.path for child in _below(entry)],
        "example": None
        if example is None
        else {
            "value": example.value,
            "from": example.file,
            "status": example.status,
            "source": example.source,
        },
        "used_for": use.effect,
        "modules": [f"simcore/{module}" for module in use.modules],
    }


def next_field(entry: FieldEntry) -> str | None:
    """A command that explains one of the fields of a section; None for a field."""
    below = _below(entry)
    return f"next: simcore explain '{below[0].path}'" if below else None


def _more(entry: FieldEntry, form: FieldForm) -> str:
    """What the class of a section adds to the meaning."""
    return "" if entry.about in (form.meaning, "") else entry.about


def _facts(entry: FieldEntry) -> list[tuple[str, str]]:
    """Label and text of each line below the meaning."""
    found: list[tuple[str, str]] = []
    if not entry.children or entry.forms[0].allowed != "a mapping":
        found.append(("allowed", _of_kinds([(f.kind, f.allowed) for f in entry.forms])))
    if entry.forms[0].default != "none":
        found.append(("default", _of_kinds([(f.kind, f.default) for f in entry.forms])))
    if entry.unit is not None:
        found.append(("unit", entry.unit))
    if entry.keys and ANY in entry.children:
        found.append(("names", ", ".join(entry.keys)))
    if not entry.written:
        text = "by nobody: resolving fills it in; `simcore show` and run.json have it"
        found.append(("written", text))
    example = example_of(entry)
    if example is not None:
        found += _example(entry, example)
    use = use_of(entry.path)
    modules = ", ".join(f"simcore/{module}" for module in use.modules)
    found.append(("used for", f"{use.effect} ({modules})"))
    return found


def _of_kinds(texts: list[tuple[str | None, str]]) -> str:
    """One text when all kinds have the same."""
    if len({text for _, text in texts}) == 1:
        return texts[0][1]
    return "; ".join(f"{kind}: {text}" for kind, text in texts)


def _example(entry: FieldEntry, example: FieldExample) -> list[tuple[str, str]]:
    value = _yaml(example.value)
    where = f"in {example.file}" if example.file else "made up"
    if example.file is not None and example.file.startswith("preset "):
        where = f"the {example.file}"
    found = [("example", f"{entry.parts[-1]}: {value}   ({where})")]
    if example.status is not None:
        found.append(("source", f"of the example: {example.status}; {example.source}"))
    found.append(("where", _place(entry)))
    plain = isinstance(example.value, bool | int | float | str)
    if plain and ANY not in entry.parts and " " not in value:
        found.append(("option", f"--set {entry.path}={value}"))
    return found


def _place(entry: FieldEntry) -> str:
    """In which kind of file people write it."""
    parts = entry.parts
    if parts[0] not in _FILES or len(parts) == 1:
        return f"{entry.path} in a scenario"
    article = "an" if parts[0].startswith("a") else "a"
    text = f"{'.'.join(parts[1:])} in {article} {parts[0]} file"
    if parts[:2] == ("hardware", "components") and len(parts) > 2:
        text += f", {'.'.join(parts[2:])} in a component library"
    return f"{text}; {entry.path} in a scenario"


def _yaml(value: Any) -> str:
    """A value as in a YAML file, on one line."""
    if isinstance(value, str):
        quoted = any(c in value for c in ":#{}[]&*!|>'\"%@`,") or not value
        return json.dumps(value) if quoted else value
    if isinstance(value, list):
        shown = ", ".join(_yaml(item) for item in value[:8])
        return f"[{shown}{', ...' if len(value) > 8 else ''}]"
    if isinstance(value, dict):
        shown = ", ".join(f"{k}: {_yaml(v)}" for k, v in list(value.items())[:8])
        return f"{{{shown}{', ...' if len(value) > 8 else ''}}}"
    return json.dumps(value)


def _below(entry: FieldEntry) -> list[FieldEntry]:
    """Fields of a section, those of any name instead of the name."""
    tree = fields()
    found = [tree[".".join((*entry.parts, name))] for name in entry.children]
    return [child for child in found if child.written or not entry.written]


def _children(entry: FieldEntry) -> str:
    below = _below(entry)
    if not below:
        return ""
    # Long meanings are read one by one; here the first sentence will do.
    if below[0].parts[-1] == ANY:
        return ""
    rows = [
        (child.parts[-1] + ("." if child.children else ""), _short(child))
        for child in below
    ]
    width = max(len(name) for name, _ in rows) + 2
    lines = [
        paragraph(text, indent=" " * (width + 2), first=f"  {name:<{width}}")
        for name, text in rows
    ]
    return "\n".join(["fields", *lines])


def _short(child: FieldEntry) -> str:
    words = [
        f"{form.kind}: {form.meaning}" if form.kind is not None else form.meaning
        for form in child.forms
    ]
    if child.forms[0].default == "required" and child.forms[0].kind is None:
        words.append("Required.")
    return " ".join(words)
