"""What rules may do: voice, commands, photos, lights, messages. One place that begins each of them.

Nothing here waits: each has a queue, a child process or a thread of its own, and what fails is told in the
log and costs nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from edge import logs
from edge.actions import Actions
from edge.photos import Photos
from edge.rules import Action, Light, Photo, Publish, Run, Say
from edge.voice import Voice

log = logging.getLogger(__name__)


class Shining(Protocol):
    """See edge.lights.Lights."""

    def show(self, colour: str, for_s: float | None = None) -> None: ...

    def blend(self, joy: float) -> None: ...

    def privacy(self, on: bool) -> None: ...

    def step(self, now_s: float) -> None: ...

    def close(self) -> None: ...


class Posting(Protocol):
    """See edge.mqtt.Outbox."""

    def publish(self, topic: str, message: str) -> object: ...

    def step(self) -> None: ...

    def close(self) -> None: ...


class Outlets:
    """`do` may be called from any thread, `step` and `close` from the main one."""

    def __init__(
        self,
        voice: Voice,
        actions: Actions,
        *,
        tell: Callable[..., None],
        stream_s: Callable[[], float],
        photos: Photos | None = None,
        lights: Shining | None = None,
        outbox: Posting | None = None,
    ) -> None:
        """`tell(event, time_s, …)` is told of lights and messages; `stream_s` is the time of the stream."""
        self.voice, self.actions, self.photos = voice, actions, photos
        self._lights, self._outbox = lights, outbox
        self._tell, self._stream_s = tell, stream_s

    def do(self, action: Action) -> None:
        """Begin one action."""
        if isinstance(action, Say):
            self.voice.offer(action.text, action.file)
        elif isinstance(action, Run):
            self.actions.start(action.argv)
        elif isinstance(action, Photo):
            self._photo(action)
        elif isinstance(action, Light):
            self._light(action)
        else:
            self._publish(action)

    def _photo(self, photo: Photo) -> None:
        if self.photos is None:
            log.warning(logs.line("photo_not_saved", why="there is no camera"))
        else:
            self.photos.ask(fresh=photo.fresh)

    def _light(self, light: Light) -> None:
        if self._lights is None:
            return  # they are optional, and not there: that was told at the start
        self._lights.show(light.colour, light.for_s)
        self._tell("light", self._stream_s(), colour=light.colour, for_s=light.for_s)

    def _publish(self, publish: Publish) -> None:
        if self._outbox is None:
            return
        self._outbox.publish(publish.topic, publish.message)
        self._tell("mqtt", self._stream_s(), topic=publish.topic, message=publish.message)

    @property
    def idle(self) -> bool:
        """Whether all that was begun is done."""
        photos = self.photos is None or self.photos.idle
        return photos and self.voice.idle and not self.actions.running

    def step(self, now_s: float) -> None:
        """Looks after commands, lights and messages; never blocks."""
        self.actions.step()
        if self._lights is not None:
            self._lights.step(now_s)
        if self._outbox is not None:
            self._outbox.step()
