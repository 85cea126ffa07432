"""`heychip run`: the daemon in the foreground."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.config import Config
    from edge.own_voice import OwnVoice
    from edge.parts import Ear, Eye, Parts

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
    from edge.config import load_config
    from edge.daemon import Daemon
    from edge.errors import HeychipError
    from edge.eventlog import EventLog
    from edge.notify import Notifier
    from edge.signals import Signals

    signals, notifier = Signals(), Notifier()
    signals.catch()
    logs.setup("info")
    config = load_config(args.config, defaults=args.defaults)
    parts = build(config)
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
        return True

    while True:
        logs.setup(config.log.level)
        tell = EventLog(config.events.file, as_json=args.json)
        daemon = Daemon(config, parts, tell=tell, signals=signals, notifier=notifier, reload=reload)
        code = daemon.run()
        if not daemon.reloading:
            return code
        config, parts = prepared.pop()


def build(config: Config) -> Parts:
    """The real parts for a configuration; microphone and camera are opened later, by their threads.

    Raises ModelError, DeviceError (speech) and ConfigError (a rule that waits for what no model knows).
    """
    from edge.config import check_words
    from edge.errors import ConfigError
    from edge.parts import Parts
    from edge.speech import open_speech

    ear, words, own_voice = _ear(config)
    eye, labels = _eye(config)
    if problems := check_words(config, words, labels):
        raise ConfigError(config.path, problems)
    return Parts(open_speech(config.speech), ear, eye, own_voice)


def _ear(config: Config) -> tuple[Ear | None, tuple[str, ...], OwnVoice | None]:
    from edge.bundle import load_bundle
    from edge.lazy import LazyListener
    from edge.listener import Listener
    from edge.microphone import open_microphone
    from edge.own_voice import OwnVoice
    from edge.parts import Ear
    from edge.resample import Resampler

    listen = config.listen
    if not listen.bundles:
        return None, (), None
    bundles = [load_bundle(name) for name in listen.bundles]
    listener = Listener(
        bundles,
        refractory_s=listen.refractory_s,
        release=listen.release,
        offset=listen.offset,
    )
    hears = LazyListener(listener) if listen.lazy else listener
    ear = Ear(lambda: open_microphone(config.microphone), Resampler, hears)
    return ear, listener.words, OwnVoice(Listener(bundles, offset=listen.offset))


def _eye(config: Config) -> tuple[Eye | None, tuple[str, ...] | None]:
    from edge.camera import open_camera
    from edge.classifier import Classifier
    from edge.mood import Steady
    from edge.parts import Eye

    camera = config.camera
    if camera.backend == "off":
        return None, None  # a rule for what is seen may stand there until there is a camera
    classifier = Classifier.load(camera.model)
    steady = Steady(camera.steady_frames, camera.min_score)
    return Eye(lambda: open_camera(camera), classifier, steady), tuple(classifier.labels)
