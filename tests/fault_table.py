"""Every row of the table of faults, and how a test says that it shows one.

A test shows a row if its name has it (`test_d7_…`, `test_d9_b11_…`), if its parameter begins with it
(`[B4 two outputs]`), if its docstring begins with it (`D10: …`, `D9, B11: …`), by
`@pytest.mark.fault("D7")`, or if it stands in ALSO.
"""

from __future__ import annotations

import re

ROWS: dict[str, tuple[str, str]] = {
    "A1": ("an empty wav file, or one of 3 bytes", "refused: not a wav, so many bytes; the run goes on"),
    "A2": ("text or mp3 named .wav", "refused, with what it begins with and how to convert it"),
    "A3": ("a header without samples", "refused: no samples"),
    "A4": ("a file that was cut off", "refused with expected and got; what is there is taken with --salvage"),
    "A5": (
        "a size of 0 or 4 GiB, as pipes write it",
        "the file's length counts; nothing is allocated by the header",
    ),
    "A6": ("an odd number of bytes", "the last one is dropped, with a warning"),
    "A7": ("a rate of 0, of 4 GHz, under 8 kHz", "refused with the range"),
    "A8": ("no channel, or more than 8", "refused; of 2 to 8 the configured one is taken, never a mean"),
    "A9": ("block align or byte rate contradict the rest", "refused"),
    "A10": ("8, 16, 24, 32 bits, float", "converted exactly, full scale included"),
    "A11": ("NaN, infinity or more than full scale in a float file", "refused; clipped, with a count"),
    "A12": ("mu-law, ADPCM, extensible, RIFX", "extensible PCM is read, the others are refused by name"),
    "A13": ("a chunk that claims 4 GB, no data chunk", "refused, in next to no memory"),
    "A14": (
        "silence, DC, clipping, too short, too long",
        "refused by rule with the number; counted by reason",
    ),
    "A15": ("44.1 and 48 kHz; a wrong label", "resampled with a filter; a hint in a warning"),
    "A16": ("names and links that lead out, odd names, copies", "kept inside the folder; copies counted"),
    "B1": (
        "an empty, cut, random, HTML or git-lfs model file",
        "refused with its first bytes; the model before stays",
    ),
    "B2": ("a wrong sha256, no manifest", "refused; `models verify` tells which"),
    "B3": ("external data, links, huge lengths", "refused before ONNX Runtime sees a byte"),
    "B4": ("wrong inputs or outputs", "refused with found and expected"),
    "B5": ("trained with another front end or backbone", "refused with both"),
    "B6": ("an opset that is too new", "refused with the version that is here"),
    "B7": ("custom operators, loops, gigabytes", "a list of operators; a trial in a child with limits"),
    "B8": ("a model that crashes", "the child of the trial dies, not the daemon"),
    "B9": ("a member that answers NaN, or always the same", "put aside; the others go on"),
    "B10": ("a model that is too slow", "a warning at load; given up where the ears cannot keep up"),
    "B11": ("NaN in a state", "input and state are checked; begun anew"),
    "B12": ("NaN in the OR", "any(logit >= threshold), never a maximum over what is no number"),
    "B13": (
        "a dangling link, two activations, a power cut in one",
        "whole or not at all; falls back to the last good one",
    ),
    "C1": (
        "no file, unreadable, BOM, CRLF, not UTF-8, empty",
        "exit 3 with the path; defaults only when asked for",
    ),
    "C2": ("a mistake of TOML", "line and column"),
    "C3": ("an unknown key", "the nearest one is offered"),
    "C4": ("a wrong type, NaN, out of range", "the range"),
    "C5": ("two words alike, a rule for no word, phrases missing", "all mistakes together"),
    "C6": ("relative paths", "from the file's folder"),
    "C7": (
        "a device's name that fits none or several",
        "the candidates, exit 4; with optional = true it is waited for",
    ),
    "C8": ("secrets that everybody may read", "a warning"),
    "C9": ("changed while running, SIGHUP", "whole, or the old one goes on"),
    "D1": ("no microphone at boot", "READY, state WAITING, tried again and again"),
    "D2": ("unplugged, and plugged in elsewhere", "hearing again within 10 s"),
    "D3": ("the device is busy", "tried again; doctor tells who has it"),
    "D4": ("16 kHz or mono refused", "opened as it is, converted"),
    "D5": ("overflows, a hundred in a row", "counted; a gap in the stream, no exception"),
    "D6": ("callbacks stop", "opened anew; the third time the process ends"),
    "D7": ("zeros, a stuck value, DC", "DEAF after a minute; DC is taken away"),
    "D8": ("clipping", "one line of advice"),
    "D9": ("NaN and infinity from a device", "silence, counted, state begun anew"),
    "D10": ("drift, blocks of any size", "heard all the same"),
    "D11": (
        "the reader stalls for seconds",
        "the oldest is dropped, the gap is marked, the delay never grows",
    ),
    "D12": ("our own voice", "the gate is closed while we speak and for the tail; scores are still told"),
    "D13": ("a held phrase", "one event"),
    "D14": ("two models hear the same word", "one event, with both members"),
    "D15": ("a thread fails", "the process ends within 2 s"),
    "D16": ("another rate than the device says", "measured, opened anew"),
    "E1": ("no camera", "the ears go on; tried again every minute"),
    "E2": ("the camera is busy", "tried again, never opened twice; doctor tells who has it"),
    "E3": ("a picture that never comes", "given up after 5 s, opened anew by a new process; ears go on"),
    "E4": ("no memory for the camera", "configured once, few buffers"),
    "E5": (
        "black, white, frozen, rotated, red for blue",
        "frozen: opened anew; black: dark; white: no label; upright, red first",
    ),
    "E6": ("odd shapes and types", "the picture is skipped and counted"),
    "E7": ("labels that flap", "a row of equal pictures, hysteresis"),
    "E8": ("too hot", "half as many pictures, said once"),
    "E9": ("no room for pictures and recordings", "not saved, said once an hour; all else goes on"),
    "E10": ("a crash while lights are on, the camera's too", "they go out, however it ended"),
    "F1": ("speech is missing, hangs, fails, is killed", "10 s, then the next line; never blocks the ears"),
    "F2": ("any text", "through standard input, 500 characters at most"),
    "F3": ("a hundred lines at once", "the newest three, none older than 5 s"),
    "F4": ("no loudspeaker, or one that sleeps", "logged, counted on; silence before each line"),
    "F5": ("a command hangs or forks", "its group is killed; two at once at most"),
    "F6": ("SIGTERM in every state, twice; SIGINT", "exit 0 within 5 s"),
    "F7": ("kill -9 and power cuts while writing", "the old file or the new one"),
    "F8": ("the clock jumps ten years", "nothing depends on it"),
    "F9": ("no /run, read-only, no HOME, in /", "works"),
    "F10": ("NOTIFY_SOCKET absent, odd, full", "nothing is raised, nothing waits"),
    "F11": ("files, memory and log that grow", "flat for a day of faults"),
    "F12": ("the MQTT broker is down, slow, talks nonsense", "hearing is not touched; an outbox of 100"),
}

NOT_YET: dict[str, str] = {}
"""Rows about parts that do not exist yet."""

PI: dict[str, str] = {}
"""Rows that only a Raspberry Pi can show, and why."""

ALSO: dict[str, tuple[str, ...]] = {
    "B13": (
        "test_activate.py::test_two_at_once",
        "test_activate.py::test_a_version_that_is_gone_is_passed_over",
        "test_cuts.py",
    ),
    "D3": ("test_holders.py",),
    "D4": ("test_microphone.py::test_a_device_is_opened_as_it_is",),
    "D11": ("test_ring.py::test_a_stall_loses_the_oldest_and_says_how_much",),
    "D12": ("test_barge_in.py", "test_own_voice.py", "test_echo.py"),
    "D13": ("test_ensemble.py::test_a_held_phrase_is_one_event", "test_ensemble.py::test_refractory_time"),
    "D16": ("test_microphone.py::test_the_true_rate_is_measured",),
    "E7": (
        "test_mood.py::test_a_flicker_does_not_arm_it_again",
        "test_mood.py::test_a_label_that_was_told_may_sink_a_little",
        "test_mood.py::test_between_two_tellings_something_else_was_steady",
    ),
    "E9": ("test_full_disk.py", "test_memories.py::test_a_full_disk_leaves_nothing_behind"),
    "F4": ("test_speech.py::test_a_player_gets_a_whole_wav_file",),
    "F6": ("test_cli.py::test_ctrl_c",),
    "F7": ("test_cuts.py", "test_files.py::test_a_write_that_fails_leaves_the_old_file"),
    "F8": ("test_memories.py::test_numbers_go_on_whatever_the_clock_says",),
    "F9": ("test_offline.py",),
    "F11": ("test_soak.py",),
}
"""Tests that show a row without naming it: a file, or one function of it. Some are missing until their branch
is merged; a row is shown as long as one is there."""

_NAME = re.compile(r"test_((?:[a-f]\d{1,2}(?:_|$))+)")
_DOC = re.compile(r"\s*((?:[A-F]\d{1,2}(?:, | and |: |\. ))+)")


def rows_of(
    name: str, parameter: str = "", doc: str = "", marked: tuple[str, ...] = (), *, file: str = ""
) -> set[str]:
    """The rows that a test shows: its function's name, the id of its parameter, its docstring, its marks, or
    that it stands in ALSO."""
    leading = _NAME.match(name)
    found = set(leading[1].upper().split("_")) if leading else set()
    begins = re.match(r"([A-F]\d{1,2})\b", parameter)
    prefix = _DOC.match(doc)
    found |= {begins[1]} if begins else set()
    found |= set(re.findall(r"[A-F]\d{1,2}", prefix[1])) if prefix and ":" in prefix[1] else set()
    found |= {row for row, tests in ALSO.items() if file in tests or f"{file}::{name}" in tests}
    return (found | set(marked)) & set(ROWS)
