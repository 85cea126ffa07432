"""Our own voice out of what the microphone hears, while we speak.

A line is known before it sounds. While it begins, what is heard is held back, at most a second of it, until
the line is found in it; the filter learns the way from what was held, and from then on what is heard comes
out without us. Nothing is lost or moved: each sample that goes in comes out once, in order, and where nothing
is said, at once and to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.echo_delay import CLEAR, find
from edge.echo_filter import BLOCK, LATE, EchoFilter

Samples = NDArray[np.float32]

NOTHING = np.zeros(0, np.float32)
FIRST, EACH = 15, 5  # blocks after which the line is first looked for, and between two looks
LONGEST = 500  # blocks, 8 s: after so long it is not looked for any more
SAME = 2  # samples that two looks may differ
LEAD = 128  # the way begins so many samples before the loudest path, in case that is not the first
HELD = 16_000  # samples; more is never held back
LESSONS = 2  # how often the filter goes through what was held before its answer counts
MEMORY = 0.9  # of the energies that tell how much was subtracted: some 10 blocks
SOUND = 0.02  # of the largest energy since the line began: below it is a pause, which tells nothing
GOOD = 0.2  # what may be left of the energy where the line is believed to be found
WORSE = 2.0  # with more than this left the filter is lost, and begins anew


class Echo:
    """State: idle; looking for the line; following it; or given up until the next."""

    def __init__(self) -> None:
        self._filter = EchoFilter()
        self._forget()

    def _forget(self) -> None:
        self._line, self._speaks = NOTHING, False
        self.start: int | None = None
        """the sample, counted from `begin`, at which the line begins to be heard; None: not found"""
        self.found = 0
        """samples that had come, since `begin`, when it was found"""
        self.following = False
        """the line was found, and most of it is subtracted"""
        self.left = 1.0
        """how much of the energy of what was heard is left, at best"""
        self._rest = NOTHING  # of an unfinished block
        self._wait = NOTHING  # went in and did not come out
        self._given = 0  # samples that came out, since `begin`
        self._past: list[Samples] = []  # blocks since `begin`, while looking
        self._look, self._seen = FIRST, -1
        self._at = 0  # samples that the filter was given, since the line began
        self._heard = self._kept = self._loudest = 0.0  # energies

    @property
    def held(self) -> int:
        """Samples that went in and have not come out."""
        return len(self._wait) + len(self._rest)

    def begin(self, line: Samples) -> Samples:
        """A line (16 kHz, full scale -1..1) is about to sound. Gives what was held back of the one before."""
        rest = self.end()
        self._line, self._speaks = line.astype(np.float32), True
        self._filter.reset()
        return rest

    def end(self) -> Samples:
        """The line and its tail are over. Gives what is held back, as it was heard."""
        rest = np.concatenate([self._wait, self._rest])
        self._forget()
        return rest

    def step(self, heard: Samples) -> Samples:
        """What was heard [n] to what others said [m], later by `held` samples."""
        if not self._speaks:
            return heard
        finite = np.isfinite(heard)
        sound = heard if finite.all() else np.where(finite, heard, np.float32(0))
        sound = np.concatenate([self._rest, sound])
        blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
        self._rest = sound[blocks.size :]
        out = [self._block(block) for block in blocks]
        return np.concatenate(out) if out else NOTHING

    def _block(self, block: Samples) -> Samples:
        self._wait = np.concatenate([self._wait, block])
        if self.start is not None:
            return self._give(self._subtract(block))
        if len(self._past) < LONGEST:
            self._past.append(block)
            if len(self._past) == self._look:
                self._search()
        if self.start is not None:
            return self._begin_to_follow()
        return self._give(self._wait[: max(0, len(self._wait) - HELD)])

    def _give(self, out: Samples) -> Samples:
        self._wait = self._wait[len(out) :]
        self._given += len(out)
        return out

    def _search(self) -> None:
        """Two looks in a row that agree have found it."""
        place, clear = find(np.concatenate(self._past), self._line)
        if clear >= CLEAR and self._seen >= 0 and abs(place - self._seen) <= SAME:
            self.start, self.found = place, BLOCK * len(self._past)
        self._seen = place if clear >= CLEAR else -1
        self._look += EACH * max(1, self._look // (8 * EACH))  # later looks are longer, so there are fewer

    def _begin_to_follow(self) -> Samples:
        """Go through what was heard so far, until the way is learned; then give what is held, without us."""
        begin = max(0, (self.start or 0) - LEAD)
        blocks, self._past = self._past[begin // BLOCK :], []
        self._line = np.concatenate([np.zeros(begin % BLOCK, np.float32), self._line])
        begin -= begin % BLOCK
        out = [self._give(self._wait[: max(0, begin - self._given)])]
        before = self._given - begin  # samples that came out with us in them: too late for those
        left: list[Samples] = []
        for _ in range(LESSONS + 1):
            self._filter.rewind()
            self._at = 0
            left = [self._subtract(block) for block in blocks]
        out.append(self._give(np.concatenate([NOTHING, *left])[max(0, before) :]))
        return np.concatenate(out)

    def _subtract(self, block: Samples) -> Samples:
        """A block without us; the first few give less than a block, because the filter lags behind."""
        ours = self._line[self._at : self._at + BLOCK]
        if len(ours) < BLOCK:
            ours = np.concatenate([ours, np.zeros(BLOCK - len(ours), np.float32)])
        left = self._filter.step(ours, block)
        self._at += BLOCK
        self._judge()
        return left[max(0, BLOCK + LATE - self._at) :]

    def _judge(self) -> None:
        """How much is left tells whether the line was found at all, and whether the filter is lost."""
        heard, left = self._filter.energies
        self._heard = MEMORY * self._heard + (1 - MEMORY) * heard
        self._kept = MEMORY * self._kept + (1 - MEMORY) * left
        self._loudest = max(self._loudest, self._heard)
        if self._heard <= SOUND * self._loudest:
            return
        share = self._kept / self._heard
        self.left = min(self.left, share)
        if share < GOOD:
            self.following = True
        elif share > WORSE:
            self.following = False
            self._filter.forget()
