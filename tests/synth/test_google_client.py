"""Calls to Google that fail: what is waited for, for how long, what stops a run, and what it has kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from synth.voices import EngineLostError, Settings, Take, Voice, VoiceError
from synth.voices import google_client as room
from synth.voices.cache import speak_all
from synth.voices.google import Google
from synth.voices.google_client import (
    PATIENCE_S,
    TRIES,
    Client,
    RefusedError,
    check_endpoint,
    connect,
    is_loopback,
)
from synth.voices.google_pace import SHARE, Pace
from synth.voices.pool import AHEAD
from tests.synth.google_server import Hands, Refusal, Server

CODE = grpc.StatusCode
WHO, HOW, QUOTA = {"name": "v", "language_code": "en-US"}, {"sample_rate_hertz": 16_000}, ("Standard", 1000)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's cache or credentials."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "HEYCHIP_GOOGLE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    """Listens for one test."""
    listening = Server()
    yield listening
    listening.close()


def speak(server: Server, hands: Hands) -> bytes:
    """One text."""
    return Client(server.address, hands.clock).speech("hey chip", WHO, HOW, QUOTA)


@pytest.mark.parametrize("code", [CODE.RESOURCE_EXHAUSTED, CODE.UNAVAILABLE])
def test_what_is_busy_is_waited_for(
    code: grpc.StatusCode, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer each time, and no longer than it takes; the person who waits is told why, once."""
    server.fails = lambda _r, number: Refusal(code) if number < 5 else None
    hands = Hands()
    assert speak(server, hands)[:4] == b"RIFF"
    assert len(server.asked) == 5
    assert hands.waits == pytest.approx([1, 2, 4, 8], abs=0.1)
    assert [code.name in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("how", [{"retry_s": 17.5}, {"retry_after": "18"}])
def test_the_time_that_the_server_names_is_kept(how: dict[str, float | str], server: Server) -> None:
    """RetryInfo in the details, or retry-after in the metadata: nothing is asked before it is over."""
    server.fails = lambda _r, number: Refusal(CODE.RESOURCE_EXHAUSTED, **how) if number == 1 else None  # type: ignore[arg-type]
    hands = Hands()
    assert speak(server, hands)[:4] == b"RIFF"
    assert len(server.asked) == 2
    assert 17.4 < hands.now_s - 1_000 < 18.1


def test_patience_has_an_end(server: Server) -> None:
    """A quota that does not come back stops the run after five minutes, with the remedy; one that is said to
    take longer, at once."""
    server.fails = lambda _r, _n: Refusal(CODE.RESOURCE_EXHAUSTED, "Quota exceeded for the day")
    hands = Hands()
    with pytest.raises(EngineLostError, match=r"exceeded for the day.*ask for more.*goes on from there"):
        speak(server, hands)
    assert PATIENCE_S / 2 < hands.now_s - 1_000 <= PATIENCE_S + 1
    assert 5 < len(server.asked) < 15
    server.asked.clear()
    server.fails = lambda _r, _n: Refusal(CODE.RESOURCE_EXHAUSTED, retry_s=3_600)
    with pytest.raises(EngineLostError, match="asks for 3600 s more"):
        speak(server, hands)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("refusal", "kind", "says", "asked"),
    [
        (Refusal(CODE.UNAUTHENTICATED, "token expired"), EngineLostError, "token expired.*gcloud auth", 1),
        (Refusal(CODE.PERMISSION_DENIED), EngineLostError, "give the account leave", 1),
        (Refusal(CODE.PERMISSION_DENIED, reason="SERVICE_DISABLED"), EngineLostError, "services enable", 1),
        (Refusal(CODE.PERMISSION_DENIED, reason="BILLING_DISABLED"), EngineLostError, "billing account", 1),
        (Refusal(CODE.UNIMPLEMENTED), EngineLostError, "name the endpoint", 1),
        (Refusal(CODE.INVALID_ARGUMENT, "no such voice"), RefusedError, "no such voice", 1),
        (Refusal(CODE.NOT_FOUND), RefusedError, "NOT_FOUND", 1),
        (Refusal(CODE.INTERNAL), VoiceError, "INTERNAL .* 3 times", TRIES),
        (Refusal(CODE.DEADLINE_EXCEEDED), VoiceError, "3 times", TRIES),
    ],
)
def test_every_fault_has_its_end(
    refusal: Refusal, kind: type[VoiceError], says: str, asked: int, server: Server
) -> None:
    """Lost, refused or shaky: the kind of the error, what it says, and how often was asked."""
    server.fails = lambda _r, _n: refusal
    with pytest.raises(kind, match=says) as told:
        speak(server, Hands())
    assert type(told.value) is kind
    assert len(server.asked) == asked


@pytest.mark.parametrize("jobs", [1, 2])
def test_lost_credentials_stop_a_run_that_then_goes_on(jobs: int, server: Server, tmp_path: Path) -> None:
    """In mid-run the account is gone: no more is asked, and with a new one only what is missing is bought."""
    server.fails = lambda _r, number: Refusal(CODE.UNAUTHENTICATED, "expired") if number > 10 else None
    engine = Google("en-us", f"{server.address},spend=1,Standard,WaveNet,Neural2")
    takes = [Take(f"hey chip {n}", voice) for n in range(14) for voice in engine.voices()]
    with pytest.raises(EngineLostError, match=r"expired.*gcloud auth.*goes on from there"):
        list(speak_all(takes, [engine], jobs=jobs, cache=tmp_path / "clips"))
    assert 11 <= len(server.asked) <= 10 + AHEAD * jobs, "no more than was in hand"
    made = len(list((tmp_path / "clips").rglob("*.wav")))
    assert made == 10
    bought = Counter((r.input.text, r.voice.name) for r in server.asked[:10])
    server.asked.clear()
    server.fails = lambda _r, _n: None
    assert not any(reason for _, _, reason in speak_all(takes, [engine], jobs=jobs, cache=tmp_path / "clips"))
    assert len(server.asked) == len(takes) - 10
    bought += Counter((r.input.text, r.voice.name) for r in server.asked)
    assert set(bought.values()) == {1}, "nothing is bought twice"


def test_an_interrupted_run_buys_only_what_is_missing(server: Server, tmp_path: Path) -> None:
    """A run that ends after five clips, of which the sixth is being made: the next one asks for the rest."""
    engine = Google("en-us", f"{server.address},spend=1")
    takes = [Take(f"hey {n}", engine.voices()[0]) for n in range(12)]
    running = speak_all(takes, [engine], jobs=1, cache=tmp_path / "clips")
    for _ in range(5):
        next(running)
    running.close()
    assert len(server.asked) == 5
    assert len(list(speak_all(takes, [engine], jobs=1, cache=tmp_path / "clips"))) == 12
    assert server.texts == [take.text for take in takes]


def test_requests_go_out_at_the_pace_of_the_quota(server: Server, tmp_path: Path) -> None:
    """Kinds of voices have quotas of their own, which two clients on a machine share."""
    hands = Hands()
    clients = [Client(server.address, hands.clock) for _ in range(2)]
    for number in range(40):
        clients[number % 2].speech("hey", WHO, HOW, ("Chirp3-HD", 200))
    assert hands.now_s - 1_000 == pytest.approx(39 * 60 / (200 * SHARE), rel=0.01)
    clients[0].speech("hey", WHO, HOW, QUOTA)
    assert hands.now_s - 1_000 == pytest.approx(39 * 60 / (200 * SHARE), rel=0.02), "another quota is free"


def test_a_pace_from_before_the_last_start_is_forgotten(tmp_path: Path) -> None:
    """The clock begins anew with the machine, so a turn that is far away is none; nor is one half written."""
    for text in (b"9999999.0", b"12.3.4", b""):
        (tmp_path / "all.turn").write_bytes(text)
        hands = Hands()
        pace = Pace(tmp_path, hands.clock)
        pace.wait([("all", 60)])
        assert hands.waits == []
        pace.wait([("all", 60)])
        assert hands.waits == pytest.approx([1 / SHARE])


def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    """It says which, and the remedy."""
    (tmp_path / "file").touch()
    with pytest.raises(EngineLostError, match="set XDG_CACHE_HOME"):
        Pace(tmp_path / "file" / "below", Hands().clock).wait([("all", 60)])


@pytest.mark.parametrize(
    ("endpoint", "fine"),
    [
        ("", True), ("127.0.0.1:50051", True), ("localhost:1", True), ("[::1]:50051", True),
        ("eu-texttospeech.googleapis.com", True), ("tts.p.googleapis.com:443", True),
        ("10.0.0.7:50051", False), ("example.com:443", False), ("googleapis.com.example.com", False),
        ("example.com/.googleapis.com", False), ("localhost.example.com:1", False), ("127.0.0.1", False),
    ],
)  # fmt: skip
def test_credentials_are_shown_to_google_alone(endpoint: str, fine: bool) -> None:
    """Google's hosts by TLS, this machine without any; everybody else is refused."""
    if fine:
        check_endpoint(endpoint)
        assert is_loopback(endpoint) == (endpoint[:3] in ("127", "loc", "[::"))
    else:
        with pytest.raises(VoiceError, match="not shown your credentials"):
            connect(endpoint)


@pytest.mark.parametrize("key", [None, "{}", "no json", '{"type": "service_account"}'])
def test_no_credentials_are_one_clear_error(
    key: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absent or spoiled ones stop with what to do, before anything is sent."""
    if key is not None:
        (tmp_path / "key.json").write_text(key, "utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(EngineLostError, match=r"google: no credentials .*gcloud auth"):
        Google().say("hey", Voice("google", "en-US-Standard-A", "en-us", ""), Settings())


@pytest.mark.parametrize(
    ("says", "asked_again"),
    [("('invalid_grant: Token has been expired or revoked.', {})", False), ("Max retries exceeded", True)],
)
def test_a_token_that_nobody_gets_is_no_service_that_is_away(
    says: str, asked_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gRPC calls both UNAVAILABLE: a login that was withdrawn stops at once, a network that is away is waited
    for."""
    tried: list[int] = []

    class Plugin(grpc.AuthMetadataPlugin):  # type: ignore[misc]
        def __call__(self, _context: object, callback: object) -> None:
            tried.append(1)
            callback((), RuntimeError(says))  # type: ignore[operator]

    server = Server(credentials=grpc.local_server_credentials(grpc.LocalConnectionType.LOCAL_TCP))
    secure = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP),
        grpc.metadata_call_credentials(Plugin()),
    )
    monkeypatch.setattr(
        grpc, "insecure_channel", lambda address, _options: grpc.secure_channel(address, secure)
    )
    with pytest.raises(EngineLostError, match="gcloud auth" if not asked_again else "network"):
        speak(server, Hands())
    assert (len(tried) > 1) == asked_again
    assert not server.asked
    server.close()


def test_every_code_of_grpc_is_decided() -> None:
    """Each name in the table is one of gRPC's; those that are not are the ones that a text can be to blame
    for."""
    blamed = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "OUT_OF_RANGE",
              "DATA_LOSS"}  # fmt: skip
    assert {code.name for code in CODE} - set(room.FAULTS) == blamed
