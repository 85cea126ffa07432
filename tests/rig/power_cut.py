"""What a disk may hold after a power cut: from the system calls of a real run, by the weakest rules.

A file system keeps what was flushed (fsync of the file for its data, of the folder for its names). Of all
else it may have kept any part: data may be missing, cut short, zeros, or pages of either; names may be there
in any choice or, as on journaling file systems, up to some moment. A rename is kept as a whole or not at all.
After Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PAGE = 4096
DATA_WAYS = ("all", "none", "short", "zeros", "pages")


@dataclass(frozen=True)
class Write:
    """Data to a file; `size` instead of data: it was cut to that."""

    file: int
    at: int
    data: bytes
    size: int | None = None


@dataclass(frozen=True)
class Names:
    """Entries of folders that change together: (folder, name, what it names or nothing)."""

    changes: tuple[tuple[int, str, int | None], ...]
    home: int
    """the folder whose flush makes it last"""


@dataclass(frozen=True)
class Sync:
    """A file or folder was flushed."""

    what: int


@dataclass(frozen=True)
class Ack:
    """The program said that a write was done."""

    number: int


Op = Write | Names | Sync | Ack


@dataclass
class Node:
    """A file, a folder or a link."""

    data: bytes = b""
    entries: dict[str, int] | None = None
    link: str = ""


@dataclass
class Disk:
    """A folder as it was before the run, and all that happened to it. Node 0 is the folder."""

    nodes: dict[int, Node] = field(default_factory=lambda: {0: Node(entries={})})
    ops: list[Op] = field(default_factory=list)

    def add(self, node: Node) -> int:
        """A new node."""
        self.nodes[len(self.nodes)] = node
        return len(self.nodes) - 1

    def load(self, folder: Path, into: int = 0) -> None:
        """What is there; all of it is on the disk."""
        entries = self.nodes[into].entries
        assert entries is not None
        for path in sorted(folder.iterdir()):
            if path.is_symlink():
                entries[path.name] = self.add(Node(link=str(path.readlink())))
            elif path.is_dir():
                entries[path.name] = self.add(Node(entries={}))
                self.load(path, entries[path.name])
            else:
                entries[path.name] = self.add(Node(path.read_bytes()))

    def cut(self, at: int, chance: random.Random, out: Path) -> int:
        """What the disk may hold if the power goes before operation `at`, as files in `out`; gives the number
        of the last write that the program said was done."""
        past = self.ops[:at]
        entries = {n: dict(node.entries) for n, node in self.nodes.items() if node.entries is not None}
        for change in self._kept_names(past, chance):
            for folder, name, what in change.changes:
                if what is None:
                    entries[folder].pop(name, None)
                else:
                    entries[folder][name] = what
        ways = chance.choice((DATA_WAYS, ("all",)))  # sometimes all the data is there, and the names are not
        self._build(0, out, entries, lambda file: self._content(file, past, chance, ways))
        return max((op.number for op in past if isinstance(op, Ack)), default=0)

    @staticmethod
    def _kept_names(past: list[Op], chance: random.Random) -> list[Names]:
        flushed: set[int] = set()
        rows: list[tuple[Names, bool]] = []
        for op in reversed(past):
            if isinstance(op, Sync):
                flushed.add(op.what)
            elif isinstance(op, Names):
                rows.append((op, op.home in flushed))
        rows.reverse()
        if chance.random() < 0.5:  # a journal: in order
            sure = max((k + 1 for k, (_, kept) in enumerate(rows) if kept), default=0)
            return [op for op, _ in rows[: chance.randint(sure, len(rows))]]
        return [op for op, kept in rows if kept or chance.random() < 0.5]

    def _build(
        self, node: int, out: Path, entries: dict[int, dict[str, int]], content: Callable[[int], bytes]
    ) -> None:
        out.mkdir(exist_ok=True)
        for name, what in entries[node].items():
            if what in entries:
                self._build(what, out / name, entries, content)
            elif self.nodes[what].link:
                (out / name).symlink_to(self.nodes[what].link)
            else:
                (out / name).write_bytes(content(what))

    def _content(self, file: int, past: list[Op], chance: random.Random, ways: tuple[str, ...]) -> bytes:
        sure = whole = self.nodes[file].data
        for op in past:
            if isinstance(op, Write) and op.file == file:
                whole = applied(whole, op)
            elif isinstance(op, Sync) and op.what == file:
                sure = whole
        way = chance.choice(ways)
        if sure == whole or way == "all":
            return whole
        if way == "none":
            return sure
        if way == "short":
            return whole[: chance.randint(min(len(sure), len(whole)), len(whole))]
        pages = range(0, len(whole), PAGE)
        lost = {at for at in pages if way == "zeros" or chance.random() < 0.5}
        old = sure.ljust(len(whole), b"\0")
        return b"".join((old if at in lost else whole)[at : at + PAGE] for at in pages)[: len(whole)]


def applied(data: bytes, op: Write) -> bytes:
    """The data of a file after a write to it."""
    if op.size is not None:
        return data[: op.size].ljust(op.size, b"\0")
    return data[: op.at].ljust(op.at, b"\0") + op.data + data[op.at + len(op.data) :]
