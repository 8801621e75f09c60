"""Run the pages and write into them what their commands print now.

Usage, from the top of the repository: ``python tests/docs/refresh_readme.py``
(minutes); ``--quick`` leaves alone what takes long; names of pages and scripts limit
it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from document_runner import (
    PAGES,
    ROOT,
    SCRIPTS,
    printed_by,
    render,
    run_page,
    run_script,
)
from generated_tables import SLOW_TABLES, TABLES


def refresh(page: str, *, slow: bool) -> bool:
    """Rewrite one page; returns whether it changed."""
    path = ROOT / page
    text = path.read_text(encoding="utf-8")
    tables = {n: t for n, t in TABLES.items() if slow or n not in SLOW_TABLES}
    with tempfile.TemporaryDirectory() as folder:
        fresh = render(text, run_page(text, Path(folder), tables, slow=slow))
    path.write_text(fresh, encoding="utf-8")
    return fresh != text


def refresh_script(script: str) -> bool:
    """Write what a script prints now; returns whether it changed."""
    path = printed_by(script)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    with tempfile.TemporaryDirectory() as folder:
        fresh = run_script(script, Path(folder))
    path.write_text(fresh, encoding="utf-8")
    return fresh != before


def main() -> None:
    """Refresh the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave slow blocks alone")
    parser.add_argument("pages", nargs="*", help=f"default: {', '.join(PAGES)}")
    arguments = parser.parse_args()
    for page in arguments.pages or (*PAGES, *SCRIPTS):
        if page in SCRIPTS:
            changed = refresh_script(page)
        else:
            changed = refresh(page, slow=not arguments.quick)
        print(f"{page}: {'changed' if changed else 'as it was'}")


if __name__ == "__main__":
    main()
