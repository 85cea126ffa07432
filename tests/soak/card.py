"""The sound card: the day's sound and our own voice, hurt by faults, cut into blocks, given to the microphone
that is open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ
from tests.soak.parts import Room, SoakMicrophone
from tests.soak.world import Converter, World

Samples = NDArray[np.float32]
Treat = Callable[["Card", Samples], Samples]


class Card:
    """What faults change: `piece_s`, `treat`, `lost_share`, `true_hz`, `mute_until_opens` and `wrong`."""

    def __init__(self, world: World, room: Room, rng: np.random.Generator, piece_s: float) -> None:
        """`piece_s`: how long the library's blocks usually are."""
        self.rng, self.room = rng, room
        self.usual_piece_s = self.piece_s = piece_s
        """0: one sample at a time"""
        self.treat: Treat | None = None
        self.lost_share = 0.0
        self.true_hz = 0
        """what the crystal gives; 0: what it should"""
        self.mute_until_opens = 0
        self.wrong: SoakMicrophone | None = None
        """gives another rate than it says"""
        self._world = world
        self._fed: SoakMicrophone | None = None
        self._held: list[Samples] = []
        self._overflow = False

    @property
    def well(self) -> bool:
        """Whether a microphone is open that gives true sound."""
        microphone = self.room.open
        return (
            microphone is not None
            and microphone.alive
            and microphone is not self.wrong
            and self.room.opens >= self.mute_until_opens
        )

    def give(self, begin: int, step: int) -> None:
        """What sounds from this sample of the day on, `step` samples at 16 kHz."""
        microphone = self.room.open
        if microphone is None or self.room.opens < self.mute_until_opens:
            return
        rate_hz = self.true_hz or microphone.device.rate_hz
        if microphone is self.wrong:
            rate_hz = 48_000 if rate_hz == RATE_HZ else RATE_HZ
        if microphone is not self._fed or self._converter.rate_hz != rate_hz:
            self._fed, self._held, self._converter = microphone, [], Converter(rate_hz)
        frames = self._converter.step(self._world.sound(begin, step) + self.room.echo(begin, step))
        if self.treat:
            frames = self.treat(self, frames).astype(np.float32)
        if self.lost_share and self.rng.random() < self.lost_share:
            self._overflow = True
            return
        self._deliver(microphone, frames)

    def _deliver(self, microphone: SoakMicrophone, frames: Samples) -> None:
        if self.piece_s == 0:
            for k in range(len(frames)):
                microphone.feed(frames[k : k + 1])
            return
        self._held.append(frames)
        if sum(map(len, self._held)) >= (self.piece_s - 1e-3) * self._converter.rate_hz:
            microphone.feed(np.concatenate(self._held), overflow=self._overflow)
            self._held, self._overflow = [], False
