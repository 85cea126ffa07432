"""What the service manager and the keyboard ask of the daemon."""

from __future__ import annotations

import signal


class Signals:
    """SIGTERM and SIGINT ask to end, SIGHUP to read the configuration again.

    The handlers only set a flag: an Event has a lock, and the thread that a handler interrupts may hold it.
    """

    def __init__(self) -> None:
        self.end = False
        self.reload = False

    def catch(self) -> None:
        """Install the handlers; from the main thread only."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        signal.signal(signal.SIGHUP, self._again)

    def _end(self, *_: object) -> None:
        self.end = True

    def _again(self, *_: object) -> None:
        self.reload = True
