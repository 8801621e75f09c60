from __future__ import annotations

from pathlib import Path

import pytest

from simcore.config import shipped


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package beside whose folder the data may lie."""
    package = tmp_path / "simcore"
    (package / "config").mkdir(parents=True)
    monkeypatch.setattr(shipped, "__file__", str(package / "config" / "shipped.py"))
    for folder in ("", "simcore/_data/"):
        for name in (
            "hardware/chip.yaml",
            "hardware/libraries/lib.json",
            "scenarios/b.yaml",
            "scenarios/a.yaml",
            "scenarios/notes.txt",
            "scenarios/models/m.yaml",
            "scenarios/models/m.json",
            "scenarios/models/n.v1.json",
            "scenarios/acceptance/s.json",
        ):
            path = tmp_path / f"{folder}{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
    return tmp_path


def test_an_installed_package_has_its_data_inside(root: Path) -> None:
    assert shipped.data_root() == root / "simcore" / "_data"
    chip = shipped.shipped_files("hardware")["chip"]
    assert chip == root / "simcore" / "_data" / "hardware" / "chip.yaml"
    assert shipped.shown_path(chip) == "hardware/chip.yaml"


def test_a_checkout_has_its_data_beside_the_package(root: Path) -> None:
    (root / "simcore" / "_data").rename(root / "elsewhere")
    assert shipped.data_root() == root
    assert list(shipped.shipped_files("scenario")) == ["a", "b"]
    models = shipped.shipped_files("model")
    assert {name: path.name for name, path in models.items()} == {
        "m": "m.yaml",
        "n.v1": "n.v1.json",
    }
    assert list(shipped.shipped_files("acceptance")) == ["s"]
    assert [path.name for path in shipped.library_files()] == ["lib.json"]


def test_nothing_shipped_is_an_empty_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x" / "config" / "shipped.py"
    monkeypatch.setattr(shipped, "__file__", str(file))
    assert shipped.shipped_files("scenario") == {}
    assert shipped.library_files() == []
