"""What rules may do: voice, commands, photos, lights, messages. One place that opens them and begins each.

Nothing here waits: each has a queue, a child process or a thread of its own, and what fails is told in the
log and costs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from edge.actions import Actions
from edge.buttons import Buttons, open_buttons
from edge.config import Config
from edge.errors import DeviceError, UsageError
from edge.eyes import Eyes
from edge.lights import Lights, open_lights
from edge.mqtt import NoOutbox, Outbox, open_outbox
from edge.photos import Photos, Pictures
from edge.rule_config import MOOD
from edge.rules import Action, Light, Photo, Publish, Run, Say, Sight
from edge.voice import Voice


class Outlets:
    """`do`, `glow` and `command` may be called from any thread, `step` and `close` from the main one."""

    def __init__(
        self,
        config: Config,
        voice: Voice,
        *,
        tell: Callable[..., None],
        stream_s: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        """Opens lights and outbox. `tell(event, time_s, …)` is told of what is shown and sent; `stream_s` is
        the time of the stream, `now_s` a clock that never goes back. Raises DeviceError."""
        self.voice, self.actions = voice, Actions()
        self._tell, self._stream_s, self._now_s = tell, stream_s, now_s
        self._buttons: Buttons | None = None
        self.photos: Photos | None = None
        """where there is a camera, and a rule that takes them"""
        self._eyes: Eyes | None = None
        self._follows, self._joy = True, 0.0
        self._named = {name for name, _ in config.lights.leds}
        with ExitStack() as stack:
            self.lights: Lights = stack.enter_context(open_lights(config.lights))
            self.outbox: Outbox | NoOutbox = open_outbox(config.mqtt, self.command)
            stack.pop_all()  # whoever made us closes them

    def attach(self, config: Config, *, press: Callable[[str], None], eyes: Eyes | None) -> None:
        """What they need of the others: `press` is told of buttons, by `step`; `eyes` give the pictures of
        photos. Raises DeviceError, with the lights out."""
        self._eyes = eyes
        try:
            if eyes is not None and any(rule.photo for rule in config.rules):
                self.photos = self._open_photos(config, eyes)
            self._buttons = open_buttons(config.buttons, press)
        except BaseException:
            self.lights.close()
            raise

    def _open_photos(self, config: Config, eyes: Eyes) -> Photos:
        from edge.annotate import annotated, encoded
        from edge.lettering import pillow

        try:
            pillow()
        except UsageError as error:  # of the command line it is not
            raise DeviceError(f"photos: {error}") from error
        return Photos(
            config.photos,
            Pictures(encoded, annotated),
            look=lambda: eyes.latest,
            hurry=eyes.hurry,
            tell=lambda **row: self._tell("photo", self._stream_s(), **row),
            now_s=self._now_s,
        )

    @property
    def sight(self) -> Sight:
        """What the eyes know."""
        faces = self._eyes.faces_now if self._eyes is not None else -1
        return Sight(faces if faces >= 0 else None, self._joy)

    def do(self, action: Action) -> None:
        """Begin one action."""
        if isinstance(action, Say):
            self.voice.offer(action.text, action.file)
        elif isinstance(action, Run):
            self.actions.start(action.argv)
        elif isinstance(action, Photo):
            if self.photos is not None:  # else there is no camera, which the configuration was refused for
                self.photos.ask(fresh=action.fresh)
        elif isinstance(action, Light):
            self._show(action)
        else:
            self._publish(action)

    def command(self, kind: str, text: str) -> None:
        """What somebody asks for through the broker: a line to say, or a light."""
        if kind == "say":
            self.voice.offer(text)
        else:
            self._show(Light(text, None))

    def glow(self, joy: float) -> None:
        """How joyful what the camera sees is: the light follows, unless a rule has set it for good."""
        self._joy = joy
        if self._follows:
            self.lights.blend(joy)

    def _show(self, light: Light) -> None:
        if light.colour == MOOD:
            self._follows = True
            self.lights.blend(self._joy)
        else:
            named = light.colour in self._named
            self._follows = self._follows and (named or light.for_s is not None)
            self.lights.show(light.colour, light.for_s, self._now_s())
        self._tell("light", self._stream_s(), colour=light.colour, for_s=light.for_s)

    def _publish(self, publish: Publish) -> None:
        self.outbox.publish(publish.topic, publish.message)
        self._tell("mqtt", self._stream_s(), topic=publish.topic, message=publish.message)

    @property
    def idle(self) -> bool:
        """Whether all that was begun is done."""
        photos = self.photos is None or self.photos.idle
        return photos and self.voice.idle and not self.actions.running

    def step(self) -> float:
        """Looks after commands, lights and buttons; never blocks. Gives the seconds after which the lights
        want it again."""
        self.actions.step()
        if self._buttons is not None:
            self._buttons.step()
        self.lights.step(self._now_s())
        return self.lights.nap_s

    def stop(self) -> None:
        """End what is said, what runs, and the wait for a picture. Raises what went wrong, at the end."""
        with ExitStack() as stack:  # each, also where another fails
            for room in (self.photos, self.actions, self.voice):  # the last is the first to be closed
                if room is not None:
                    stack.callback(room.close)

    def close(self) -> None:
        """Buttons and lights, once the camera is closed. The outbox is closed by its thread."""
        with ExitStack() as stack:
            stack.callback(self.lights.close)
            if self._buttons is not None:
                stack.callback(self._buttons.close)
