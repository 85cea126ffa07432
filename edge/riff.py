"""The header of a RIFF/WAVE file, parsed here and believed in nothing.

Every size is held against the length of the file before anything is read or allocated by it; whatever does
not fit is a `WavError` with what, where and the remedy. Rows A1 to A13 of the fault table.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from edge.errors import WavError

MIN_RATE_HZ, MAX_RATE_HZ, MAX_CHANNELS, MAX_CHUNKS = 8_000, 192_000, 8, 1_000
STREAMED = 0x7FFF0000  # from here on (and 0) sizes mean "unknown": arecord, espeak-ng and ffmpeg into a pipe
EXTENSIBLE, GUID_TAIL = 0xFFFE, bytes.fromhex("000000001000800000aa00389b71")
CODINGS = {(1, 8): "u1", (1, 16): "<i2", (1, 24): "i24", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}
CODECS = {
    0x02: "Microsoft ADPCM",
    0x06: "A-law",
    0x07: "mu-law",
    0x11: "IMA ADPCM",
    0x31: "GSM 6.10",
    0x50: "MPEG",
    0x55: "MP3",
    0x64: "G.726",
    0xFF: "AAC",
    0x161: "Windows Media Audio",
    0xF1AC: "FLAC",
}
MAGICS = {
    b"ID3": "mp3",
    b"OggS": "ogg",
    b"fLaC": "flac",
    b"RIFX": "a big-endian wav (RIFX)",
    b"RF64": "an RF64 wav",
    b"FORM": "aiff",
    b".snd": "au",
    b"caff": "caf",
    b"wvpk": "wavpack",
    b"#!AMR": "amr",
    b"\x1aE\xdf\xa3": "webm or matroska",
    b"PK\x03\x04": "a zip archive",
}
CONVERT = "convert it: ffmpeg -i THIS_FILE -c:a pcm_s16le NEW.wav"
AGAIN = "record or download it again"


@dataclass(frozen=True)
class Layout:
    """Where the samples of a file lie, and how they are written."""

    coding: str
    """a numpy type, or i24"""
    channels: int
    """1 to 8"""
    rate_hz: int
    """8000 to 192000"""
    block: int
    """bytes of one frame, that is one sample of each channel"""
    offset: int = 0
    """where the first frame begins, in bytes"""
    frames: int = 0
    """how many whole frames there are"""


@dataclass(frozen=True)
class Source:
    """A file to parse, and what to do with its oddities."""

    file: BinaryIO
    size: int
    """bytes in the file"""
    where: object
    """its name, for messages"""
    salvage: bool
    """take what is there of a file that was cut off"""
    warn: Callable[[str], None]
    """told of everything odd but usable"""

    def refusal(self, reason: str, remedy: str = AGAIN) -> WavError:
        """The error that says so."""
        return WavError(self.where, reason, remedy)

    def layout(self) -> Layout:
        """Walk the chunks up to the samples. Raises WavError where there is nothing to be had."""
        head = self.file.read(12)
        if len(head) < 12:
            raise self.refusal(f"not a wav: {self.size} bytes")
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise self._alien(head + self.file.read(500))
        offset, form = 12, b""
        for _ in range(MAX_CHUNKS):
            self.file.seek(offset)
            mark = self.file.read(8)
            if len(mark) < 8:
                raise self.refusal("no data chunk: the file ends before its samples")
            kind, claimed, offset = mark[:4], int.from_bytes(mark[4:], "little"), offset + 8
            if kind == b"data":
                return self._samples(self._format(form), offset, claimed)
            if claimed > self.size - offset:
                name, left = kind.decode("ascii", "backslashreplace"), self.size - offset
                raise self.refusal(f"no data chunk: chunk {name!r} claims {claimed} bytes, {left} are left")
            if kind == b"fmt " and not form:
                form = self.file.read(min(claimed, 64))
            offset += claimed + claimed % 2
        raise self.refusal(f"no data chunk among its first {MAX_CHUNKS} chunks")

    def _format(self, form: bytes) -> Layout:
        """What a fmt chunk says, if it agrees with itself and is something we read."""
        if len(form) < 16:
            raise self.refusal(f"{len(form)} bytes of fmt chunk before its samples, not 16")
        tag, channels, rate_hz, byte_rate, block, bits = struct.unpack("<HHIIHH", form[:16])
        if tag == EXTENSIBLE and form[26:40] == GUID_TAIL:
            tag = int.from_bytes(form[24:26], "little")
        if tag == EXTENSIBLE:
            codec = f"WAVE_EXTENSIBLE {form[24:40].hex() or 'unnamed'}"
            raise self.refusal(f"codec {codec} is not read here", CONVERT)
        if tag not in (1, 3):
            raise self.refusal(f"codec {CODECS.get(tag, f'{tag:#06x}')} is not read here", CONVERT)
        if (tag, bits) not in CODINGS:
            raise self.refusal(f"codec {bits}-bit {'PCM' if tag == 1 else 'float'} is not read here", CONVERT)
        if not 1 <= channels <= MAX_CHANNELS:
            raise self.refusal(f"{channels} channels, not 1 to {MAX_CHANNELS}", CONVERT)
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise self.refusal(f"rate {rate_hz} Hz, not {MIN_RATE_HZ}-{MAX_RATE_HZ}", CONVERT)
        true_block = channels * bits // 8
        if (block, byte_rate) != (true_block, rate_hz * true_block):
            found = f"block align {block} and {byte_rate} bytes/s"
            true = f"{true_block} and {rate_hz * true_block} for {channels} x {bits} bits at {rate_hz} Hz"
            raise self.refusal(f"its header contradicts itself: {found}, not {true}", CONVERT)
        return Layout(CODINGS[tag, bits], channels, rate_hz, block)

    def _samples(self, form: Layout, offset: int, claimed: int) -> Layout:
        """`form` with the place of its samples, `claimed` bytes by the header."""
        length, left = claimed, self.size - offset
        unknown = claimed == 0 or (claimed >= STREAMED and claimed > left)
        if unknown and left and not (claimed == 0 and self._only_chunks(offset)):
            self.warn(f"{self.where}: its header does not know its length (a pipe?); taken from the file")
            length = left
        elif claimed > left and left and self.salvage:
            self.warn(f"{self.where}: cut off: {claimed} bytes of samples expected, {left} salvaged")
            length = left
        elif claimed > left:
            reason = f"cut off: {claimed} bytes of samples expected, got {left}"
            raise self.refusal(reason, "--salvage takes what is there" if left else AGAIN)
        if spare := length % form.block:
            self.warn(f"{self.where}: its last {spare} bytes are no whole frame and were dropped")
        if length < form.block:
            raise self.refusal("no samples")
        return Layout(form.coding, form.channels, form.rate_hz, form.block, offset, length // form.block)

    def _only_chunks(self, offset: int) -> bool:
        """Whether the rest of the file is other chunks, so that an empty data chunk is truly empty."""
        for _ in range(MAX_CHUNKS):
            self.file.seek(offset)
            mark = self.file.read(8)
            if not mark:
                return True
            offset += 8 + int.from_bytes(mark[4:], "little")
            if (
                len(mark) < 8
                or not mark[:4].isascii()
                or not mark[:4].strip().isalnum()
                or offset > self.size
            ):
                return False
            offset += offset % 2
        return False

    def _alien(self, head: bytes) -> WavError:
        """The refusal of what is no wav, naming the bytes it begins with and what they belong to."""
        what = next((name for magic, name in MAGICS.items() if head.startswith(magic)), "")
        if head[:4] == b"RIFF":
            what = f"RIFF of type {head[8:12].decode('ascii', 'backslashreplace')!r}"
        elif not what and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
            what = "mp3"
        elif not what and head[4:8] == b"ftyp":
            what = "mp4 or m4a"
        elif not what and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
            what = "text"
        reason = f"not a wav: it begins with {head[:8]!r}, which is {what or 'no format we know'}"
        remedy = "if it is sound at all, " + CONVERT if what in ("", "text", "a zip archive") else CONVERT
        return self.refusal(reason, remedy)
