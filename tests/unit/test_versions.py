"""Versions that are named, and the git revision read from git's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore import __version__, versions

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


@pytest.fixture
def checkout(tmp_path) -> Path:
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").write_text(f"{SHA}\n")
    return tmp_path


def test_a_branch_names_its_commit(checkout):
    assert versions.git_revision(checkout) == SHA


def test_a_detached_head_is_the_commit_itself(checkout):
    (checkout / ".git/HEAD").write_text(f"{OTHER}\n")
    assert versions.git_revision(checkout) == OTHER


def test_a_branch_may_be_packed(checkout):
    (checkout / ".git/refs/heads/main").unlink()
    (checkout / ".git/packed-refs").write_text(
        f"# pack-refs with: peeled\n{OTHER} refs/heads/maintenance\n"
        f"{SHA} refs/heads/main\n"
    )
    assert versions.git_revision(checkout) == SHA


def test_a_worktree_has_its_own_head_and_common_branches(checkout, tmp_path_factory):
    own = checkout / ".git/worktrees/side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text("../..\n")
    side = tmp_path_factory.mktemp("side")
    (side / ".git").write_text(f"gitdir: {own}\n")
    assert versions.git_revision(side) == SHA


@pytest.mark.parametrize("head", ["", "ref: refs/heads/gone\n", "not a commit\n"])
def test_what_cannot_be_read_is_no_revision(checkout, head):
    (checkout / ".git/HEAD").write_text(head)
    assert versions.git_revision(checkout) is None


def test_a_folder_that_is_no_checkout_has_none(tmp_path):
    assert versions.git_revision(tmp_path) is None
    (tmp_path / ".git").write_bytes(b"\xff\xfe")
    assert versions.git_revision(tmp_path) is None


def test_the_version_has_the_revision_where_there_is_one(monkeypatch):
    monkeypatch.setattr(versions, "git_revision", lambda root: SHA)
    assert versions.simcore_version() == f"{__version__} (git {SHA[:12]})"
    monkeypatch.setattr(versions, "git_revision", lambda root: None)
    assert versions.simcore_version() == __version__


def test_a_package_that_is_not_there_has_no_version():
    assert versions.package_version("numpy")
    assert versions.package_version("no-such-package-of-ours") is None
