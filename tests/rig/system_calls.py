"""The system calls of a program that writes into a folder, as strace sees them, for `power_cut`."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from power_cut import Ack, Disk, Names, Node, Sync, Write

# One that is not followed below stops the test.
CALLS = ("openat,creat,close,write,pwrite64,writev,sendfile,copy_file_range,lseek,ftruncate,truncate,fsync,"
         "fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,"
         "mkdir,mkdirat,rmdir")  # fmt: skip
_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+|0x\w+|\?)(?: .*)?$")
_ARGUMENT = re.compile(r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?|\[[^\]]*\]|[^,]+')


def can_trace() -> bool:
    """Whether strace is here and may do its work."""
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


@dataclass
class Handle:
    """An open file of the folder, or another one (`path`)."""

    node: int | None
    path: str
    at: int = 0
    append: bool = False


def record(argv: Sequence[str], folder: Path, env: dict[str, str]) -> Disk:
    """Run a program that writes into `folder` and says "ack 3" on standard error after the third write; one
    process, one thread."""
    disk = Disk()
    disk.load(folder)
    with tempfile.NamedTemporaryFile(prefix="strace-") as log:
        trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "10000000", "-e", f"trace={CALLS}",
                 "-e", "signal=none", "-o", log.name]  # fmt: skip
        done = subprocess.run([*trace, *argv], capture_output=True, env=env, check=False, timeout=300)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        reader = Reader(disk, folder)
        for line in Path(log.name).read_text().splitlines():
            reader.read(line)
    return disk


class Reader:
    """Follows handles and names, line by line."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk, self._folder = disk, str(folder.resolve())
        self._now = {n: dict(node.entries) for n, node in disk.nodes.items() if node.entries is not None}
        self._size = {n: len(node.data) for n, node in disk.nodes.items() if node.entries is None}
        self._open: dict[int, Handle] = {}

    def read(self, line: str) -> None:
        """One line of the log; what failed or is elsewhere does not matter."""
        assert "unfinished" not in line, "a program of one thread is wanted"
        if (match := _LINE.match(line)) is None or match[4] in "?" or match[4].startswith("-"):
            return
        arguments = [_value(one.strip()) for one in _ARGUMENT.findall(match[3])]
        does = getattr(self, f"_{match[2].replace('64', '').replace('fdatasync', 'fsync')}", None)
        assert does is not None, f"{match[2]}: not foreseen"
        does(int(match[4], 0), *arguments)

    # Names.

    def _place(self, directory: str, path: str) -> tuple[int, str] | None:
        """The folder's node and the name in it, or None where it is elsewhere."""
        if not path.startswith("/"):
            handle = None if directory == "AT_FDCWD" else self._open.get(int(directory))
            if handle is None or handle.node is None:
                path = os.path.join(handle.path if handle else Path.cwd(), path)  # noqa: PTH118
            else:
                return self._walk(handle.node, path.split("/"))
        path = os.path.normpath(path)
        if not path.startswith(self._folder + "/"):
            return None
        return self._walk(0, path[len(self._folder) + 1 :].split("/"))

    def _walk(self, node: int, parts: list[str]) -> tuple[int, str]:
        for part in parts[:-1]:
            node = self._now[node][part]
        return node, parts[-1]

    def _change(self, home: int, *changes: tuple[int, str, int | None]) -> None:
        for folder, name, what in changes:
            if what is None:
                self._now[folder].pop(name, None)
            else:
                self._now[folder][name] = what
        self._disk.ops.append(Names(changes, home))

    def _openat(self, result: int, directory: str, path: str, flags: str, *_: str) -> None:
        place = self._place(directory, path)
        root = os.path.normpath(path) == self._folder
        if place is None:
            self._open[result] = Handle(0 if root else None, path)
            return
        node = self._now[place[0]].get(place[1])
        if node is None:
            if "O_CREAT" not in flags:  # the folder `..`, or a race: nothing of ours
                return
            node = self._disk.add(Node())
            self._size[node] = 0
            self._change(place[0], (*place, node))
        elif "O_TRUNC" in flags and self._size[node]:
            self._cut(node, 0)
        self._open[result] = Handle(node, path, append="O_APPEND" in flags)

    def _rename(self, result: int, old: str, new: str) -> None:
        self._renameat2(result, "AT_FDCWD", old, "AT_FDCWD", new, "0")

    def _renameat(self, result: int, a: str, old: str, b: str, new: str) -> None:
        self._renameat2(result, a, old, b, new, "0")

    def _renameat2(self, _: int, a: str, old: str, b: str, new: str, flags: str) -> None:
        one, other = self._place(a, old), self._place(b, new)
        assert (one is None) == (other is None), "renamed into or out of the folder"
        if one is None or other is None:
            return
        what, back = self._now[one[0]][one[1]], None
        if "RENAME_EXCHANGE" in flags:
            back = self._now[other[0]][other[1]]
        self._change(other[0], (*one, back), (*other, what))

    def _unlinkat(self, _: int, directory: str, path: str, *__: str) -> None:
        if (place := self._place(directory, path)) is not None:
            self._change(place[0], (*place, None))

    def _unlink(self, result: int, path: str) -> None:
        self._unlinkat(result, "AT_FDCWD", path)

    _rmdir = _unlink

    def _mkdirat(self, _: int, directory: str, path: str, *__: str) -> None:
        if (place := self._place(directory, path)) is not None:
            node = self._disk.add(Node(entries={}))
            self._now[node] = {}
            self._change(place[0], (*place, node))

    def _mkdir(self, result: int, path: str, mode: str) -> None:
        self._mkdirat(result, "AT_FDCWD", path, mode)

    # Data.

    def _close(self, _: int, handle: str) -> None:
        self._open.pop(int(handle), None)

    def _put(self, handle: Handle, data: bytes) -> None:
        assert handle.node is not None
        at = self._size[handle.node] if handle.append else handle.at
        self._disk.ops.append(Write(handle.node, at, data))
        handle.at = at + len(data)
        self._size[handle.node] = max(self._size[handle.node], handle.at)

    def _write(self, result: int, handle: str, data: str, *_: str) -> None:
        raw = data.encode("latin-1")[:result]
        if handle == "2" and raw.startswith(b"ack "):
            self._disk.ops.append(Ack(int(raw.split()[1])))
        elif (file := self._open.get(int(handle))) is not None and file.node is not None:
            self._put(file, raw)

    def _sendfile(self, result: int, out: str, source: str, *_: str) -> None:
        target, origin = self._open.get(int(out)), self._open.get(int(source))
        if target is None or target.node is None:
            return
        assert origin is not None and origin.node is None, "copied from within the folder"
        data = Path(origin.path).read_bytes()[origin.at : origin.at + result]
        origin.at += result
        self._put(target, data)

    def _lseek(self, result: int, handle: str, *_: str) -> None:
        if (file := self._open.get(int(handle))) is not None:
            file.at = result

    def _cut(self, node: int, size: int) -> None:
        self._disk.ops.append(Write(node, 0, b"", size))
        self._size[node] = size

    def _ftruncate(self, _: int, handle: str, size: str) -> None:
        if (file := self._open.get(int(handle))) is not None and file.node is not None:
            self._cut(file.node, int(size))

    def _fsync(self, _: int, handle: str) -> None:
        if (file := self._open.get(int(handle))) is not None and file.node is not None:
            self._disk.ops.append(Sync(file.node))


def _value(argument: str) -> str:
    """A string of strace's as its bytes (latin-1), anything else as it is."""
    if not argument.startswith('"'):
        return argument
    assert not argument.endswith("..."), "strace has cut a string short"
    found: bytes = ast.literal_eval("b" + argument)
    return found.decode("latin-1")
