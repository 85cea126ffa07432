"""The calls to Google Cloud Text-to-Speech: the real client, paced, patient, and clear about what is wrong.

A failed call is one of four things: the engine is lost (no leave, no credentials: stop at once), busy (a
quota, a service that is away: wait, and stop after five minutes), shaky (a mishap of one call: three tries,
then that clip is left out), or refused (this text or this voice: that clip is left out).
"""

from __future__ import annotations

import importlib
import ipaddress
import logging
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .google_pace import Clock, Pace, default_folder
from .process import EngineLostError, VoiceError

LOG = logging.getLogger(__name__)

HOST = "texttospeech.googleapis.com"
GOOGLES = re.compile(r"([a-z0-9-]+\.)+googleapis\.com(:\d+)?", re.IGNORECASE)
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ALL = ("all", 1000)  # the quota that every request counts towards, and its requests a minute
TIMEOUT_S = 20.0
PATIENCE_S = 300.0
LONGEST_WAIT_S = 60.0
TRIES = 3
TOLD = 4  # the try after which the person who waits is told why

LOST, BUSY, SHAKY, REFUSED = "lost", "busy", "shaky", "refused"
FAULTS = {
    "UNAUTHENTICATED": LOST, "PERMISSION_DENIED": LOST, "UNIMPLEMENTED": LOST,
    "RESOURCE_EXHAUSTED": BUSY, "UNAVAILABLE": BUSY,
    "INTERNAL": SHAKY, "ABORTED": SHAKY, "DEADLINE_EXCEEDED": SHAKY, "UNKNOWN": SHAKY, "CANCELLED": SHAKY,
}  # fmt: skip
GONE = ("invalid_grant", "reauth", "revoked", "invalid_client", "refresherror")  # of tokens that nobody gets

INSTALL = "the client library is not installed: pip install 'heychip[google]'"
LOG_IN = (
    "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the key file of a "
    "service account"
)
REMEDIES = {
    "SERVICE_DISABLED": f"switch the service on: gcloud services enable {HOST}",
    "BILLING_DISABLED": "link a billing account to the project in the Google Cloud console",
    "PERMISSION_DENIED": "give the account leave to use Text-to-Speech in its project, with the service "
                         f"switched on (gcloud services enable {HOST}) and billing linked",
    "UNIMPLEMENTED": "name the endpoint of Text-to-Speech, or none",
    "RESOURCE_EXHAUSTED": "wait until the quota is free again, or ask for more in the Google Cloud console",
    "UNAVAILABLE": "look whether the network is there",
}  # fmt: skip
KEPT = "what has been spoken is kept: the same command goes on from there"


class RefusedError(VoiceError):
    """A text or a voice that Google does not take; the next one may be fine."""


@dataclass(frozen=True)
class Listed:
    """A voice as Google lists it."""

    name: str
    languages: tuple[str, ...]
    sex: str
    """F, M, or nothing"""


@dataclass(frozen=True)
class Fault:
    """What a failed call tells."""

    kind: str
    code: str
    """of gRPC"""
    reason: str
    """of Google, such as SERVICE_DISABLED; often empty"""
    says: str
    asked_s: float
    """how long the server wants us to wait"""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return REMEDIES.get(self.reason) or REMEDIES.get(self.code) or LOG_IN


class Client:
    """Asks one endpoint; for one process, and connected at the first question."""

    def __init__(self, endpoint: str = "", clock: Clock | None = None) -> None:
        self._endpoint, self._clock = endpoint, clock or Clock()
        self._pace = Pace(default_folder(), self._clock)
        self._stub: Any = None

    def voices(self) -> list[Listed]:
        """All voices of all languages. Raises EngineLostError."""
        answer = self._ask("list_voices", {}, [ALL], "the list of voices")
        sexes = {"MALE": "M", "FEMALE": "F"}
        return [
            Listed(one.name, tuple(one.language_codes), sexes.get(getattr(one.ssml_gender, "name", ""), ""))
            for one in answer.voices
        ]

    def speech(
        self, text: str, voice: dict[str, str], audio: dict[str, float], quota: tuple[str, int]
    ) -> bytes:
        """The wav file of a text; `audio` has `sample_rate_hertz` and, where they are asked for,
        `speaking_rate` and `pitch`. Raises RefusedError, VoiceError for this clip, or EngineLostError."""
        if len(text.encode("utf-8", "replace")) > 5_000:
            raise RefusedError("google: a text of more than 5000 bytes")
        request = {
            "input": {"text": text.encode("utf-8", "replace").decode()},
            "voice": voice,
            "audio_config": {"audio_encoding": "LINEAR16", **audio},
        }
        return bytes(self._ask("synthesize_speech", request, [ALL, quota], voice["name"]).audio_content)

    def _ask(self, method: str, request: dict[str, Any], quotas: Sequence[tuple[str, int]], what: str) -> Any:
        if self._stub is None:
            self._stub = connect(self._endpoint)
        call = getattr(self._stub, method)
        since: float | None = None
        tries = 0
        while True:
            tries += 1
            self._pace.wait(quotas)
            fault, answer = _attempt(call, request)
            if fault is None:
                return answer
            now = self._clock.now()
            since = now if since is None else since
            backoff_s = min(LONGEST_WAIT_S, 2.0 ** (tries - 1)) * (0.5 + self._clock.chance() / 2)
            delay_s = max(backoff_s, fault.asked_s)
            self._judge(fault, what, tries, now - since, delay_s)
            if tries == TOLD:
                LOG.warning("voices engine=google waits_for=%s at_most_s=%g says=%r", fault.code, PATIENCE_S,
                            fault.says)  # fmt: skip
            # a quota is that of all workers, and a service that is away is so for all of them
            self._pace.hold(quotas[-1][0] if fault.code == "RESOURCE_EXHAUSTED" else ALL[0], delay_s)

    def _judge(self, fault: Fault, what: str, tries: int, waited_s: float, delay_s: float) -> None:
        """Raises where there is no use in trying again."""
        told = f"google: {what}: {fault.code} ({fault.says})"
        if fault.kind == REFUSED:
            raise RefusedError(told)
        if fault.kind == SHAKY and tries >= TRIES:
            raise VoiceError(f"{told}, {TRIES} times")
        if fault.kind == LOST:
            raise EngineLostError(f"{told}: {fault.remedy}; {KEPT}")
        if fault.kind == BUSY and waited_s + delay_s > PATIENCE_S:
            asked = f", and asks for {fault.asked_s:.0f} s more" if fault.asked_s else ""
            raise EngineLostError(f"{told} after {waited_s:.0f} s{asked}: {fault.remedy}; {KEPT}")


def _attempt(call: Callable[..., Any], request: dict[str, Any]) -> tuple[Fault | None, Any]:
    errors = importlib.import_module("google.api_core.exceptions")
    auth = importlib.import_module("google.auth.exceptions")
    try:
        return None, call(request=request, timeout=TIMEOUT_S, retry=None)
    except errors.GoogleAPICallError as error:
        return fault_of(error), None
    except auth.GoogleAuthError as error:
        return Fault(LOST, "UNAUTHENTICATED", "", _line(error), 0.0), None


def fault_of(error: Any) -> Fault:
    """What a `GoogleAPICallError` means."""
    code = getattr(error.grpc_status_code, "name", "UNKNOWN")
    says = _line(error.message)
    if "metadata from plugin" in says and any(word in says.lower() for word in GONE):
        code = "UNAUTHENTICATED"  # gRPC says UNAVAILABLE where no token was to be had, as of a service away
    asked_s = 0.0
    for detail in error.details:
        if type(detail).__name__ == "RetryInfo":
            asked_s = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
    trailing = getattr(error.response, "trailing_metadata", lambda: None)() or ()
    for key, value in trailing:
        if key.lower() == "retry-after" and str(value).isdigit():
            asked_s = max(asked_s, float(value))
    return Fault(FAULTS.get(code, REFUSED), code, error.reason or "", says, asked_s)


def _line(message: object) -> str:
    lines = str(message).strip().splitlines()
    return lines[0][:240] if lines else "no word of why"


def is_loopback(endpoint: str) -> bool:
    """Whether HOST:PORT is of this machine, so that nobody listens on the way."""
    host = endpoint.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_endpoint(endpoint: str) -> None:
    """Refuses to show credentials to anyone but Google. Raises VoiceError."""
    if endpoint and not is_loopback(endpoint) and not GOOGLES.fullmatch(endpoint):
        raise VoiceError(
            f"google: {endpoint} is neither an endpoint of Google (NAME.googleapis.com) nor a server on this "
            "machine (127.0.0.1:PORT), so it is not shown your credentials"
        )


def connect(endpoint: str) -> Any:
    """The real client: TLS and credentials, neither for a server on this machine. Raises EngineLostError."""
    check_endpoint(endpoint)
    try:
        library = importlib.import_module("google.cloud.texttospeech_v1")
        grpc, auth = importlib.import_module("grpc"), importlib.import_module("google.auth")
    except ImportError as error:
        raise EngineLostError(f"google: {INSTALL}") from error
    if is_loopback(endpoint):
        channel = grpc.insecure_channel(endpoint, [("grpc.enable_http_proxy", 0)])
        transport = library.TextToSpeechClient.get_transport_class("grpc")
        return library.TextToSpeechClient(transport=transport(channel=channel))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing quota project; where it matters the call says so
            credentials, _ = auth.default(scopes=[SCOPE])
    except (auth.exceptions.GoogleAuthError, ValueError, OSError) as error:
        raise EngineLostError(f"google: no credentials ({_line(error)}): {LOG_IN}") from error
    where = {"api_endpoint": endpoint or HOST}
    return library.TextToSpeechClient(credentials=credentials, client_options=where)
