"""Files written whole, and that nothing is written otherwise."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from edge.files import exchange, make_folder, sweep, sync_tree, write_whole

ROOT = Path(__file__).parents[2]


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all that is flushed to the disk, in order, and what is renamed."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").resolve().name[:9])
        fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        done.append(f"-> {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "replace", rename)
    return done


def test_a_file_is_flushed_then_named_then_its_folder_is_flushed(tmp_path: Path, flushed: list[str]) -> None:
    """In this order, and folders that had to be made are flushed into those above them first."""
    write_whole(tmp_path / "a" / "b" / "file", b"new")
    assert [name[:6] for name in flushed] == ["a", tmp_path.name[:6], ".file.", "-> fil", "b"]
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new"
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    write_whole(tmp_path / "file", b"old")

    def fails(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems cannot; the file is there all the same."""
    fsync = os.fsync

    def only_files(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").resolve().is_dir():
            raise OSError(22, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_sweeping_takes_only_what_writers_of_that_file_left(tmp_path: Path) -> None:
    """Temporary names of this file; those of others, and files of people, stay."""
    for name in (".file.abcdefgh", ".file.x", ".other.abcdefgh", "file", ".file.abc.defghijk"):
        (tmp_path / name).touch()
    sweep(tmp_path / "file")
    assert {path.name for path in tmp_path.iterdir()} == {
        ".file.x", ".other.abcdefgh", "file", ".file.abc.defghijk"}  # fmt: skip


def test_a_tree_is_flushed_from_its_leaves(tmp_path: Path, flushed: list[str]) -> None:
    """Each file, then the folder it is in, then those above; links are left alone."""
    make_folder(tmp_path / "tree" / "in")
    (tmp_path / "tree" / "in" / "leaf").touch()
    (tmp_path / "tree" / "link").symlink_to("/etc/hostname")
    flushed.clear()
    sync_tree(tmp_path / "tree")
    assert flushed == ["leaf", "in", "tree"]


def test_two_folders_change_places(tmp_path: Path) -> None:
    """In one step; where one is missing nothing changes, and that is said."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not exchange(tmp_path / "one", tmp_path / "two"):
        pytest.skip("this file system cannot exchange names")
    assert (tmp_path / "one" / "two").exists()
    assert not exchange(tmp_path / "one", tmp_path / "three")
    assert (tmp_path / "one" / "two").exists()


# Whoever writes otherwise, and why that is fine.
OTHERWISE = {
    "edge/activate.py": "a version, flushed as a tree before it gets its name",
    "edge/eventlog.py": "lines are appended; the next event begins a line of its own",
    "edge/files.py": "write_whole itself",
    "edge/logs.py": "standard error",
    "edge/speech/aloud.py": "a wav in memory",
    "edge/speech/piper_child.py": "answers to a pipe",
    "edge/speech/sound.py": "a wav in memory",
    "edge/trial.py": "/proc/self/oom_score_adj",
    "synth/mixtures.py": "in a temporary folder",
    "synth/voices/fake.py": "in a test's folder",
    "synth/voices/google_pace.py": "a number under a lock; half of one counts as none",
}


def writes(source: str) -> bool:
    """Whether a program opens a file for writing, or writes one by other means than `write_whole`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        texts = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
        texts += [word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)]
        mode = any(isinstance(text, str) and text[:1] in set("wax") and len(text) <= 3 for text in texts)
        if (name in {"open", "fdopen"} and mode) or name in {"write_bytes", "write_text", "tofile"}:
            return True
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name == "save" and isinstance(owner, ast.Name) and owner.id == "np":
            return True
    return False


def test_nothing_is_written_otherwise() -> None:
    """Every file that edge and synth write goes through `write_whole`, or is on the list above with the
    reason; the list names no file that does not need to be there."""
    found = {
        str(path.relative_to(ROOT))
        for folder in ("edge", "synth")
        for path in (ROOT / folder).rglob("*.py")
        if writes(path.read_text())
    }
    assert found == set(OTHERWISE)
