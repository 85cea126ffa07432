"""Every error that heychip raises on purpose, drawn once.

HeychipError
├── UsageError    exit 2   the command line asks for something that cannot be done
│   └── WavError           a recording that cannot be read
├── ConfigError   exit 3   the configuration file: all its mistakes together
├── DeviceError   exit 4   a microphone, camera or speaker
└── ModelError    exit 5   a bundle or a model file

A message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence


class HeychipError(Exception):
    """The root: `str(error)` is the whole message; `exit_code` is what the command returns."""

    exit_code = 1


class UsageError(HeychipError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class WavError(UsageError):
    """A recording that cannot be read: `path`, `reason` and, where there is one, `remedy`."""

    def __init__(self, path: object, reason: str, remedy: str = "") -> None:
        self.path, self.reason, self.remedy = str(path), reason, remedy
        super().__init__(f"{self.path}: {reason}" + (f" ({remedy})" if remedy else ""))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        """So that it arrives whole from another process."""
        return type(self), (self.path, self.reason, self.remedy)


class ConfigError(HeychipError):
    """All mistakes of one configuration file, in the order of the file."""

    exit_code = 3

    def __init__(self, path: object, problems: Sequence[str]) -> None:
        self.path, self.problems = str(path), tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        count = "one mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__(f"{self.path}: {count}\n{lines}")


class DeviceError(HeychipError):
    """A microphone, camera or speaker that is absent, ambiguous, busy or gone."""

    exit_code = 4


class ModelError(HeychipError):
    """A bundle or model file that is refused: `path`, `reason` and, where there is one, `remedy`."""

    exit_code = 5

    def __init__(self, path: object, reason: str, remedy: str = "") -> None:
        self.path, self.reason, self.remedy = str(path), reason, remedy
        super().__init__(f"{self.path}: {reason}" + (f" ({remedy})" if remedy else ""))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        """So that it arrives whole from another process."""
        return type(self), (self.path, self.reason, self.remedy)
