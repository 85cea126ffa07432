"""The daemon and its broker: whatever the broker does, the same is heard, and what was missed follows."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import Broker, Client, Pretender, eventually, needs_mosquitto
from daemon_rig import Run
from test_mqtt_faults import MAD

from edge.config import Config, SpeechConfig
from edge.fakes import FakeListener, FakeSpeech, QuietRoom
from edge.mqtt import session
from edge.mqtt_config import MqttConfig
from edge.rule_config import MessageConfig, RuleConfig

TIMES_S = [0.4, 0.8, 1.2]


def listening(mqtt: MqttConfig) -> Run:
    """In a room where a word is heard three times, each told to the broker, and answered."""
    rule = RuleConfig(heard="*", mqtt=MessageConfig("chip/{word}", "{score}"), text="yes", lines=("yes",))
    config = Config(mqtt=mqtt, rules=(rule,), speech=SpeechConfig(barge_in="raise", tail_s=0.0))
    run = Run(QuietRoom, config=config, listener=FakeListener(TIMES_S), speech=FakeSpeech(duration_s=0.0))
    run.daemon._outlets.outbox._retry_s = 0.05
    return run


@pytest.mark.parametrize("behave", MAD, ids=lambda f: f.__name__)
def test_f12_the_daemon_hears_the_same(
    behave: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: with each of the brokers that are none, every word is heard and answered; the end is in time."""
    monkeypatch.setattr(session, "ANSWER_S", 0.2)
    with Pretender(behave) as server:
        run = listening(MqttConfig(host="127.0.0.1", port=server.port))
        assert run.until(lambda: server.connections >= 2 and len(run.times("said")) == 3) == 0
        assert run.times("heard") == run.times("mqtt") == TIMES_S
        assert len(run.times("said")) == 3
        assert server.connections >= 2
        assert run.exits == []


@pytest.mark.parametrize("asked", ["end", "reload"])
def test_f12_f6_a_name_server_that_does_not_answer(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F12, F6: while the broker's name is looked up, which nothing can cut short, the daemon ends in its own
    way, or begins anew, and not as one that has a thread which hangs."""
    looking, over = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> None:
        looking.set()
        over.wait(60)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "create_connection", look_up)
    run = listening(MqttConfig(host="broker.example"))
    run.daemon._reload = lambda: True
    if asked == "reload":
        run.signals.reload = True
        code = run.go()
    else:
        code = run.until(looking.is_set)
    over.set()
    assert (code, run.exits, run.daemon.reloading) == (0, [], asked == "reload")


@needs_mosquitto
def test_f12_a_broker_comes_and_goes(tmp_path: Path) -> None:
    """F12: the broker is killed in the middle; what is heard meanwhile is told to it when it is back, and
    what it asks for is spoken."""
    rule = RuleConfig(heard="*", mqtt=MessageConfig("chip/{count}", "{word}"))
    with Broker(tmp_path) as broker:
        mqtt = MqttConfig(host="127.0.0.1", port=broker.port, retain=True)
        speech, stage = FakeSpeech(), [0]
        listener = FakeListener([0.4, 1.6, 1.9, 2.2])
        config = Config(rules=(rule,), mqtt=mqtt)
        run = Run(QuietRoom, config=config, listener=listener, speech=speech)
        outbox = run.daemon._outlets.outbox
        outbox._first_retry_s = outbox._retry_s = 0.05

        def over() -> bool:
            if stage[0] == 0 and outbox.sent == 1:
                broker.kill()
                stage[0] = 1
            elif stage[0] == 1 and len(run.times("mqtt")) == 4:
                assert outbox.sent == 1
                broker.start()
                stage[0] = 2
            elif stage[0] == 2 and outbox.sent == 4 and outbox._welcomed:
                with Client(broker.port) as other:
                    other.say("heychip/say", "Hello, Terra.")
                    eventually(lambda: len(other.retained) == 4)  # of the killed one nothing was kept
                    kept = dict(other.retained)
                assert [kept.get(f"chip/{i}") for i in (2, 3, 4)] == [b"hey chip"] * 3
                stage[0] = 3
            return stage[0] == 3 and speech.lines == ["Hello, Terra."]

        assert run.until(over) == 0
        assert stage[0] == 3
        assert speech.lines == ["Hello, Terra."]
