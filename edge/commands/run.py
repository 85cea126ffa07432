"""`heychip run`: the daemon in the foreground."""

from __future__ import annotations

import argparse
import gc
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from edge.config import Config
    from edge.own_voice import OwnVoice
    from edge.parts import Ear, Eye, Parts
    from edge.signals import Signals
    from edge.starts import Starts

log = logging.getLogger(__name__)


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "run",
        help="listen, look and answer until told to end",
        description="Runs in the foreground until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--config", metavar="FILE", help="default: ./heychip.toml or /etc/heychip/heychip.toml"
    )
    source.add_argument("--defaults", action="store_true", help="no file: hey_chip, a greeting, no camera")
    parser.add_argument("--json", action="store_true", help="events as JSON lines on standard output")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0 where it ended as asked, else that of what went wrong."""
    from edge import logs
    from edge.activate import models_folder
    from edge.active import state_folder
    from edge.config import load_config
    from edge.errors import HeychipError, ModelError
    from edge.signals import Signals
    from edge.starts import Starts

    signals = Signals()
    signals.catch()
    logs.setup("info")
    config = load_config(args.config, defaults=args.defaults)
    starts = Starts(state_folder(), models_folder())
    if starts.begin():
        starts.go_back(config.listen.bundles)
    try:
        code = run(args, config, signals, starts)
    except (HeychipError, BrokenPipeError) as error:
        if not isinstance(error, ModelError):  # an end with a reason of its own, and not a crash
            starts.end()
        raise
    if code == 0:
        starts.end()
    return code


def run(args: argparse.Namespace, config: Config, signals: Signals, starts: Starts) -> int:
    """One daemon after the other, until one ends for good."""
    from edge import logs
    from edge.config import load_config
    from edge.daemon import Daemon
    from edge.errors import HeychipError
    from edge.eventlog import EventLog
    from edge.notify import Notifier

    notifier, parts = Notifier(), build_in_spite(config)
    prepared: list[tuple[Config, Parts]] = []

    def reload() -> bool:
        """The new configuration as a whole, with all its models loaded, or the old one goes on."""
        try:
            new = load_config(args.config, defaults=args.defaults)
            prepared.append((new, build(new)))
        except HeychipError as error:
            log.error(logs.line("reload_refused", why=str(error)))
            return False
        log.info(logs.line("reload", path=new.path))
        starts.end()
        starts.begin()  # what crashes from here on is the new one's doing
        return True

    greets = True
    while True:
        logs.setup(config.log.level)
        tell = EventLog(config.events.file, as_json=args.json)
        daemon = Daemon(config, parts, tell=tell, signals=signals, notifier=notifier, reload=reload,
                        alongside=starts.step, greets=greets)  # fmt: skip
        code = daemon.run()
        if not daemon.reloading:
            return code
        config, parts = prepared.pop()
        greets = False  # it is still the same start
        del daemon
        gc.collect()  # it is a circle of rooms; without this, old models would lie about for days


def build_in_spite(config: Config) -> Parts:
    """As `build`; where an activated bundle does not do, the one before it is taken."""
    from edge.activate import models_folder
    from edge.errors import ModelError
    from edge.starts import undo_broken

    while True:
        try:
            return build(config)
        except ModelError as error:
            if not undo_broken(error, models_folder()):
                raise


def build(config: Config) -> Parts:
    """The real parts for a configuration; microphone and camera are opened later, by their threads.

    Raises ModelError, DeviceError (speech) and ConfigError (a rule that waits for what no model knows).
    """
    from edge.config import check_words
    from edge.errors import ConfigError
    from edge.parts import Parts
    from edge.remember import Remember
    from edge.speech import open_speech

    eye, labels = _eye(config)
    prior = eye.prior if eye is not None else None
    if config.prior.on and prior is None:
        log.warning('event=prior_idle why="no face will be seen; [camera] needs a backend and model = faces"')
    ear, words, own_voice = _ear(config, config.listen.offset + (prior.lowest if prior is not None else 0))
    moody = None if eye is None else eye.moods is not None
    if problems := check_words(config, words, labels, moods=moody):
        raise ConfigError(config.path, problems)
    memory = ear.listener if ear is not None and isinstance(ear.listener, Remember) else None
    return Parts(open_speech(config.speech), ear, eye, memory, own_voice)


def _ear(config: Config, offset: float) -> tuple[Ear | None, tuple[str, ...], OwnVoice | None]:
    from edge.bundle import load_bundle, told
    from edge.lazy import LazyListener
    from edge.listener import Listener
    from edge.microphone import open_microphone
    from edge.own_voice import OwnVoice
    from edge.parts import Ear, Listening
    from edge.remember import Remember
    from edge.resample import Resampler

    listen = config.listen
    if not listen.bundles:
        return None, (), None
    bundles = [load_bundle(name) for name in listen.bundles]
    listener = Listener(
        bundles,
        refractory_s=listen.refractory_s,
        release=listen.release,
        offset=offset,
    )
    hears: Listening = LazyListener(listener) if listen.lazy else listener
    if config.memory.folder:
        behind = {e: told(b) for e, b in zip(listener.ensembles, bundles, strict=True)}
        remember = Remember(hears, config.memory, bundles=behind, refractory_s=listen.refractory_s)
        listener.watch, hears = remember.watch, cast("Listening", remember)
    ear = Ear(lambda: open_microphone(config.microphone), Resampler, hears)
    return ear, listener.words, OwnVoice(lambda: Listener(bundles, offset=offset))


def _eye(config: Config) -> tuple[Eye | None, tuple[str, ...] | None]:
    from edge.camera import open_camera
    from edge.faces import Faces
    from edge.lookers import open_looker
    from edge.mood import Moods, Steady
    from edge.parts import Eye
    from edge.prior import open_prior

    camera = config.camera
    if camera.backend == "off":
        return None, None  # a rule for what is seen may stand there until there is a camera
    lookers = [open_looker(name) for name in camera.models]
    looks = [(looker, Steady(camera.steady_frames, camera.min_score)) for looker in lookers]
    faces = next((looker for looker in lookers if isinstance(looker, Faces)), None)
    numbers = config.mood if camera.backend != "folder" else replace(config.mood, frozen_frames=0)
    moods = Moods(numbers) if faces else None  # a folder of one picture is not frozen
    prior = open_prior(config.prior) if faces else None
    eye = Eye(lambda: open_camera(camera), *looks[0], more=tuple(looks[1:]), faces=faces, moods=moods,
              prior=prior)  # fmt: skip
    return eye, tuple(label for looker in lookers for label in looker.labels)
