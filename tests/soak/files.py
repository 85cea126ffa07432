"""The daemon's files in the soak: configuration, bundle, command, events; and what faults make of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from edge.model_folders import find_bundle

MEMORY_MB = 4  # some thirty moments: the oldest go all day long


class Files:
    """All in one folder, which is also the daemon's runtime directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config, self.memory = folder / "heychip.toml", folder / "memory"
        self.command_file, self.status = folder / "command", folder / "status.json"
        self.events_are = "well"
        """or "full" or "folder"; see `write_events`"""

    def prepare(self) -> None:
        """Before the first life."""
        shutil.copytree(find_bundle("hey_chip"), self.folder / "bundle")
        self.bundle_data = (self.folder / "bundle" / "detectors.onnx").read_bytes()
        self.write_config("")
        self.write_command("exit 0")

    def write_config(self, more: str) -> None:
        """The configuration file, with `more` in front of the rules."""
        rules = f'[[rules]]\nheard = "*"\ntext = "Yes?"\nrun = ["{self.command_file}"]\n'
        sections = {
            "listen": f'bundles = ["{self.folder}/bundle"]',
            "events": f'file = "{self.folder}/events.jsonl"',
            "speech": 'backend = "silent"',
            "memory": f'folder = "{self.memory}"\nmost_mb = {MEMORY_MB}',
        }
        text = ""
        for name, line in sections.items():
            head = f"[{name}]\n"
            more = more.replace(head, f"{head}{line}\n") if head in more and "bundles" not in more else more
            text += "" if head in more else f"{head}{line}\n"
        self.config.write_text(text + more + rules)

    def spoil_bundle(self, data: bytes) -> None:
        """What stands in the bundle's file."""
        (self.folder / "bundle" / "detectors.onnx").write_bytes(data)

    def write_command(self, script: str) -> None:
        """What the rule's command does."""
        new = self.folder / "command.new"
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o755)
        new.replace(self.command_file)

    def write_events(self, how: str) -> None:
        """The file of events becomes a full disk, a folder, or itself again."""
        path, aside = self.folder / "events.jsonl", self.folder / "events.aside"
        if self.events_are == "well":
            path.touch()
            path.rename(aside)
        elif self.events_are == "full":
            path.unlink()
        else:
            path.rmdir()
        if how == "full":
            path.symlink_to("/dev/full")
        elif how == "folder":
            path.mkdir()
        else:
            aside.rename(path)
        self.events_are = how

    def events_written(self) -> int:
        """Lines."""
        paths = [self.folder / name for name in ("events.jsonl", "events.aside")]
        return sum(len(path.read_text().splitlines()) for path in paths if path.is_file())

    def remembered_mb(self) -> float:
        """What the moments take, wav and JSON."""
        return sum(file.stat().st_size for file in self.memory.glob("*")) / 1e6

    def memory_files(self) -> int:
        """Recordings and JSONs that are there, whole or not."""
        return sum(1 for file in self.memory.glob("*") if file.suffix in {".wav", ".json"})

    def status_is_whole(self) -> bool:
        """Whether status.json tells a state. Raises ValueError where it is no JSON."""
        return "state" in json.loads(self.status.read_bytes())
