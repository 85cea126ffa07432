"""Google Cloud Text-to-Speech on this machine, of the client's own messages: hums, and fails on request."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from google.cloud import texttospeech_v1 as tts
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from synth.voices.google_pace import Clock

SERVICE = "google.cloud.texttospeech.v1.TextToSpeech"
HZ, CHARACTER_S = 300.0, 0.06  # of the hum: a text of n characters lasts 0.06 n s
MALE, FEMALE = tts.SsmlVoiceGender.MALE, tts.SsmlVoiceGender.FEMALE
LISTED = {
    "en-US-Standard-A": MALE, "en-US-Wavenet-A": MALE, "en-GB-Neural2-B": FEMALE, "en-AU-Polyglot-1": MALE,
    "en-IN-Chirp3-HD-Kore": FEMALE, "en-US-Chirp3-HD-Kore": FEMALE, "en-US-Chirp-HD-D": MALE,
    "en-US-Studio-O": FEMALE, "en-US-Novel-Z": MALE, "de-DE-Wavenet-B": MALE, "Puck": MALE,
}  # fmt: skip
REFUSES = {
    "pitch": "This voice does not support pitch parameters at this time.",
    "rate": "This voice does not support speaking rate or pitch parameters at this time.",
}


@dataclass(frozen=True)
class Refusal:
    """How a call fails."""

    code: grpc.StatusCode
    says: str = "as asked"
    reason: str = ""
    retry_s: float = 0.0
    """in the details, as RetryInfo"""
    retry_after: str = ""
    """in the metadata"""


@dataclass
class Server:
    """Listens until `close`; what it was asked is in `asked`, and `fails` says which calls fail."""

    fails: Callable[[tts.SynthesizeSpeechRequest, int], Refusal | None] = lambda _request, _number: None
    asked: list[tts.SynthesizeSpeechRequest] = field(default_factory=list)
    lists: int = 0
    reply: bytes | None = None
    credentials: Any = None

    def __post_init__(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(4))
        handlers = {
            "ListVoices": grpc.unary_unary_rpc_method_handler(
                self._list, tts.ListVoicesRequest.deserialize, tts.ListVoicesResponse.serialize
            ),
            "SynthesizeSpeech": grpc.unary_unary_rpc_method_handler(
                self._speak, tts.SynthesizeSpeechRequest.deserialize, tts.SynthesizeSpeechResponse.serialize
            ),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        if self.credentials is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", self.credentials)
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def close(self) -> None:
        """Hangs up."""
        self._server.stop(0).wait()

    @property
    def texts(self) -> list[str]:
        """What was to be said, in the order of the questions."""
        return [request.input.text for request in self.asked]

    def _list(
        self, _request: tts.ListVoicesRequest, _context: grpc.ServicerContext
    ) -> tts.ListVoicesResponse:
        self.lists += 1
        voices = [
            tts.Voice(name=name, ssml_gender=sex, language_codes=["-".join(name.split("-")[:2])])
            for name, sex in LISTED.items()
        ]
        voices[-1].language_codes = ["en-US", "de-DE"]
        return tts.ListVoicesResponse(voices=voices)

    def _speak(
        self, request: tts.SynthesizeSpeechRequest, context: grpc.ServicerContext
    ) -> tts.SynthesizeSpeechResponse:
        self.asked.append(request)
        audio, name = request.audio_config, request.voice.name
        refusal = self.fails(request, len(self.asked))
        takes_none, takes_speed = "Chirp-HD" in name, any(x in name for x in ("Chirp3", "Studio", "Novel"))
        if takes_none and (audio.speaking_rate or audio.pitch):
            refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, REFUSES["rate"])
        if takes_speed and audio.pitch:
            refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, REFUSES["pitch"])
        if refusal is not None:
            abort(context, refusal)
        reply = hum(request) if self.reply is None else self.reply
        return tts.SynthesizeSpeechResponse(audio_content=reply)


def abort(context: grpc.ServicerContext, refusal: Refusal) -> None:
    """Ends a call as Google does, with details of the fault."""
    seconds, nanos = divmod(round(refusal.retry_s * 1e9), 10**9)
    details = []
    if refusal.reason:
        details.append(error_details_pb2.ErrorInfo(reason=refusal.reason, domain="googleapis.com"))
    if refusal.retry_s:
        delay = duration_pb2.Duration(seconds=seconds, nanos=nanos)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = [any_pb2.Any() for _ in details]
    for one, detail in zip(packed, details, strict=True):
        one.Pack(detail)
    if refusal.retry_after:
        context.set_trailing_metadata((("retry-after", refusal.retry_after),))
        context.abort(refusal.code, refusal.says)
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.says, details=packed)
    context.abort_with_status(rpc_status.to_status(status))


def hum(request: tts.SynthesizeSpeechRequest) -> bytes:
    """A wav file of a tone, as long and as high as was asked for."""
    audio = request.audio_config
    rate_hz = audio.sample_rate_hertz
    seconds = CHARACTER_S * max(4, len(request.input.text)) / (audio.speaking_rate or 1.0)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = 9_000 * np.sin(2 * np.pi * HZ * 2 ** (audio.pitch / 12) * time_s)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(tone.astype("<i2").tobytes())
    return out.getvalue()


class Hands:
    """A clock that only goes on when somebody waits."""

    def __init__(self) -> None:
        self.now_s, self.waits = 1_000.0, list[float]()

    def wait(self, seconds: float) -> None:
        """Goes on at once."""
        self.waits.append(seconds)
        self.now_s += seconds

    @property
    def clock(self) -> Clock:
        """As engines take it; chance is always 1, so that delays are the longest."""
        return Clock(lambda: self.now_s, self.wait, lambda: 1.0)
