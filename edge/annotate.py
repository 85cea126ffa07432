"""Pictures with what was seen in them: boxes around faces with their joy, labels with bars below.

The picture itself is covered by nothing but the boxes; what is said of it stands under it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.classifier import checked
from edge.events import Face, Frame, Seen
from edge.lettering import pillow, words

Colour = tuple[int, int, int]

SIDE = (480, 1920)  # of the longer side: smaller pictures are enlarged, as nobody could read on them
ROWS = 3  # labels shown of each model
QUALITY = 90
SAD, JOYFUL = (40, 90, 255), (255, 140, 0)  # the blue and the orange of the original's light
PAPER, TRACK, LABEL, WHITE = (22, 22, 26), (46, 46, 54), (20, 110, 90), (245, 245, 245)


@dataclass(frozen=True)
class Row:
    """A line under a picture."""

    text: str
    share: float | None = None
    """0..1, shown as a bar and a number"""
    colour: Colour = LABEL


def annotated(frame: Frame, seens: Sequence[Seen]) -> Frame:
    """The picture with what each of `seens` says of it: RGB, the longer side of the picture
    brought to 480 to 1920 pixels. Changes neither.

    ClassifierError where `frame` is no picture, UsageError where there is no Pillow.
    """
    return Frame(np.asarray(drawn(frame, seens, SIDE)), frame.source)


def encoded(frame: Frame) -> bytes:
    """A picture as JPEG. ClassifierError where it is none, UsageError where there is no Pillow."""
    file = io.BytesIO()
    pillow().Image.fromarray(np.ascontiguousarray(checked(frame))).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def drawn(frame: Frame, seens: Sequence[Seen], side: tuple[int, int], title: str = "") -> Any:
    """A Pillow image: the picture with its longer side within `side`, then `title` and what was seen."""
    picture = pillow().Image.fromarray(np.ascontiguousarray(checked(frame)))
    scale = min(max(*picture.size, side[0]), side[1]) / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size)
    across = max(size[0], side[0])
    letter = max(16, across // 30)
    for seen in seens:
        for face in reversed(seen.faces):  # the largest last, over the others
            told = f"{face.joy:.2f}" if len(seen.faces) > 1 else f"joy {face.joy:.2f}"
            _face(picture, face, scale, words(told, letter, picture.width))
    rows = ([Row(title)] if title else []) + rows_of(seens)
    tall = round(letter * 1.5)
    below = tall * len(rows) + (letter // 2 if rows else 0)
    sheet = pillow().Image.new("RGB", (across, size[1] + below), PAPER)
    sheet.paste(picture, ((across - size[0]) // 2, 0))
    for number, row in enumerate(rows):
        _row(sheet, row, size[1] + letter // 4 + number * tall, letter)
    return sheet


def rows_of(seens: Sequence[Seen]) -> list[Row]:
    """The lines that tell what was seen."""
    rows: list[Row] = []
    for seen in seens:
        if seen.faces:
            joy = max(face.joy for face in seen.faces)
            text = "1 face, joy" if len(seen.faces) == 1 else f"{len(seen.faces)} faces, most joy"
            rows.append(Row(text, joy, blend(joy)))
        elif seen.label or seen.top:
            rows += [Row(label, score) for label, score in (seen.top or ((seen.label, seen.score),))[:ROWS]]
        else:
            rows.append(Row("too dark to tell" if seen.dark else "nothing found"))
    return list(dict.fromkeys(rows))  # several models say the same of a dark picture


def blend(joy: float) -> Colour:
    """From a sad blue to a joyful orange. What is no number is sad."""
    share = _share(joy)
    red, green, blue = (round(s + (j - s) * share) for s, j in zip(SAD, JOYFUL, strict=True))
    return red, green, blue


def _share(value: float) -> float:
    return 0.0 if math.isnan(value) else min(1.0, max(0.0, value))


def _face(picture: Any, face: Face, scale: float, text: Any) -> None:
    """A frame in the colour of its joy, with a dark line around so that it shows on any ground."""
    letter = text.height
    draw, thick = pillow().ImageDraw.Draw(picture), max(2, letter // 8)
    box = [round(side * scale) for side in face.box]
    box = [max(0, box[0]), max(0, box[1]), min(picture.width - 1, box[2]), min(picture.height - 1, box[3])]
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        return
    grown = [box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1]
    draw.rectangle(grown, outline=PAPER, width=thick + 2)
    draw.rectangle(box, outline=blend(face.joy), width=thick)
    left = max(0, min(box[0], picture.width - text.width - letter // 2))
    top = box[1] - letter if box[1] >= letter else min(box[3], picture.height - letter)
    draw.rectangle([left, top, left + text.width + letter // 2, top + letter], fill=blend(face.joy))
    _ink(picture, (left + letter // 4, top), text)


def _row(sheet: Any, row: Row, top: int, letter: int) -> None:
    """Words on a bar, the number at its right end."""
    draw, pad = pillow().ImageDraw.Draw(sheet), letter // 4
    right, tall = sheet.width - 1 - pad, round(letter * 1.35)
    room = sheet.width - 4 * pad
    if row.share is not None:
        end = pad + round((right - pad) * _share(row.share))
        draw.rectangle([pad, top, right, top + tall], fill=TRACK)
        draw.rectangle([pad, top, end, top + tall], fill=row.colour)
        number = words(f"{row.share:.2f}", letter, room)
        _ink(sheet, (right - pad - number.width, top + pad // 2), number)
        room -= number.width + letter
    text = words(row.text, letter, max(1, room))
    _ink(sheet, (2 * pad, top + pad // 2), text)


def _ink(image: Any, place: tuple[int, int], text: Any) -> None:
    """White letters with a shadow, which can be read on every colour here."""
    image.paste(PAPER, (place[0] + 1, place[1] + 1), text)
    image.paste(WHITE, place, text)
