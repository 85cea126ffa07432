"""The wire format of protobuf, as much of it as an ONNX file uses.

Stricter than protobuf itself: where a lenient reader could see something else than we do (a field of another
wire type, a group, an impossible number), the bytes are refused, so that what is judged is what is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

MOST_FIELDS = 300_000  # a detector has hundreds, a classifier thousands; this many take about a second
DEEPEST = 24  # messages within messages


class GarbageError(Exception):
    """The bytes do not follow the format."""


NUMBER, EIGHT, BYTES, FOUR = (1 << wire for wire in (0, 1, 2, 5))  # wire types, as bits of a mask
Item = tuple[int, int, memoryview]
"""Number of the field; its value where that is a number, else -1; its content where it is anything else."""


def number_at(view: memoryview, at: int) -> tuple[int, int]:
    """The varint at `at`, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise GarbageError("it ends within a number")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise GarbageError("a number in it has no end")


def text_of(view: memoryview) -> str:
    """At most 200 bytes of text; what is not UTF-8 is marked."""
    return str(view[:200], "utf-8", "replace")


class Reader:
    """Reads the fields of messages, and counts them."""

    def __init__(self) -> None:
        self.left, self.depth = MOST_FIELDS, 0

    def spend(self) -> None:
        """Count one field, so that a small file cannot keep us busy for long."""
        self.left -= 1
        if self.left < 0:
            raise GarbageError(f"it has more than {MOST_FIELDS} fields")

    def fields(self, view: memoryview, known: Mapping[int, int]) -> Iterator[Item]:
        """The fields of one message. `known` says which wire types a field may have; others may have any."""
        at, end = 0, len(view)
        self.depth += 1
        if self.depth > DEEPEST:
            raise GarbageError(f"its messages are nested more than {DEEPEST} deep")
        while at < end:
            self.spend()
            tag, at = number_at(view, at)
            number, wire = tag >> 3, 1 << (tag & 7)
            if not 0 < number < 2**29:
                raise GarbageError("a field in it has an impossible number")
            if not wire & (NUMBER | EIGHT | BYTES | FOUR) & known.get(number, 0xFF):
                raise GarbageError(f"field {number} in it has a type that cannot be")
            value, size = -1, 0
            if wire == NUMBER:
                value, at = number_at(view, at)
            elif wire == BYTES:
                size, at = number_at(view, at)
            else:
                size = 4 if wire == FOUR else 8
            if size > end - at:
                raise GarbageError(f"a field of {size} bytes has only {end - at} left")
            yield number, value, view[at : at + size]
            at += size
        self.depth -= 1
