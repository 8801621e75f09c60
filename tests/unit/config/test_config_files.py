from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simcore.config.files import display, inside, read_document
from simcore.config.load import load_model
from simcore.errors import ConfigError

Errors = Callable[..., list[str]]
Write = Callable[..., str]


def test_suffix_decides_between_yaml_and_json(write: Write) -> None:
    write("a.json", '{"a": 1}')
    write("a.yaml", "a: 1")
    write("a.txt", "a: 1")
    for name in ("a.json", "a.yaml", "a.txt"):
        assert read_document(Path(name)).data == {"a": 1}
    write("b.json", "a: 1")
    with pytest.raises(ConfigError, match=r"b\.json:1: not valid JSON"):
        read_document(Path("b.json"))


def test_a_byte_order_mark_is_not_part_of_the_text(write: Write) -> None:
    write("a.yaml", b"\xef\xbb\xbfa: 1")
    assert read_document(Path("a.yaml")).data == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.yaml: the file is empty."),
        (b" \n\n", "a.yaml: the file is empty."),
        (b"a: \xff", "a.yaml: not UTF-8 text (byte 3)."),
        ("a: 1".encode("utf-16"), "a.yaml: not UTF-8 text (byte 0)."),
        (b"#" * (1 << 20) + b"\n", "a.yaml: too large: more than 1048576 bytes."),
    ],
)
def test_one_problem_for_a_file_that_is_no_text(
    write: Write, errors: Errors, content: bytes, message: str
) -> None:
    write("a.yaml", content)
    assert errors(read_document, Path("a.yaml")) == [message]


def test_a_missing_file_names_the_one_beside_it(write: Write, errors: Errors) -> None:
    write("toy_chip.yaml", "a: 1")
    assert errors(read_document, Path("toy_chp.yaml")) == [
        "toy_chp.yaml: file not found. Did you mean 'toy_chip.yaml'?"
    ]
    assert errors(read_document, Path("no/where.yaml")) == [
        f"{Path('no/where.yaml')}: file not found."
    ]


def test_a_folder_is_not_a_file(tmp_path: Path, errors: Errors) -> None:
    (line,) = errors(load_model, tmp_path)
    assert line.endswith(": is a folder, not a file.")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_refused_and_does_not_block(tmp_path: Path, errors: Errors) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (line,) = errors(load_model, tmp_path / "pipe.yaml")
    assert line.endswith("pipe.yaml: is not a regular file.")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_device_is_refused(errors: Errors) -> None:
    assert errors(load_model, "/dev/zero") == ["/dev/zero: is not a regular file."]


def test_an_unreadable_file_is_one_problem(
    write: Write, errors: Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.yaml", "a: 1")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert errors(read_document, Path("a.yaml")) == ["a.yaml: permission denied."]


@pytest.mark.parametrize("name", ["a\x00b.yaml", "x" * 5000 + ".yaml"])
def test_a_path_no_system_accepts_is_one_problem(errors: Errors, name: str) -> None:
    (line,) = errors(load_model, name)
    assert ": cannot be read: " in line
    assert line.isprintable()
    assert len(line) < 300


def test_shown_paths_have_no_control_characters() -> None:
    assert display("a/b.yaml") == "a/b.yaml"
    assert display("a\x1b[31m") == "'a\\x1b[31m'"


def test_inside_follows_symbolic_links(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "out.json").write_text("{}")
    (folder / "link.json").symlink_to(tmp_path / "out.json")
    (folder / "in.json").write_text("{}")
    assert inside(folder / "in.json", folder)
    assert not inside(folder / "link.json", folder)
    assert not inside(folder / ".." / "out.json", folder)
    assert not inside(Path("/etc/passwd"), folder)
    assert not inside(folder / "a\x00", folder)
