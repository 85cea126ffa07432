"""The configuration file: table (c) of the faults, and that every example in the tree is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import Config, check_words, load_config
from edge.errors import ConfigError
from edge.phrases import SHIPPED, Phrases

ROOT = Path(__file__).parents[2]
RULE = '\n[[rules]]\nheard = "*"\ntext = "hello"\n'

# id, the bytes of the file (None: there is none), and every fragment that the one message must hold
FAULTS = [
    ("C1 missing", None, ["No such file"]),
    ("C1 not UTF-8", b"# caf\xe9\n[listen]\n", ["not UTF-8 (line 1)"]),
    ("C1 UTF-16", "[listen]\n".encode("utf-16"), ["not UTF-8"]),
    ("C1 empty", b"", ["empty", "--defaults"]),
    ("C1 only comments", b"# nothing\n", ["empty"]),
    ("C1 larger than 1 MB", b"#" * 1_000_001, ["larger than 1 MB"]),
    ("C2 syntax", b"[listen]\noffset = = 1\n", ["line 2, column 10"]),
    ("C2 syntax at the end", b'[listen]\nbundles = ["a"', ["line 2, column 15"]),
    ("C2 nested too deep", b"a = " + b"[" * 9_000, ["nested too deep"]),
    ("C3 unknown key", b"[listen]\nofset = 1\n", ["listen.ofset", 'did you mean "offset"?']),
    ("C3 another program's key", b"[listen]\ntreshold = 1\n", ["listen.treshold", 'did you mean "offset"?']),
    ("C3 key of another section", b'[speech]\ndevice = "x"\n', ["speech.device", "[microphone]"]),
    ("C3 key of no section", b'device = "x"\n', ["device: unknown key", "[microphone]"]),
    ("C3 unknown section", b"[microfone]\noptional = true\n", ['did you mean "microphone"?']),
    (
        "C4 text for a number",
        b'[listen]\nrefractory_s = "0.5"\n',
        ['the text "0.5"', "0 to 60 without quotes"],
    ),
    ("C4 bool for a number", b"[listen]\noffset = true\n", ["listen.offset: found true", "-20 to 20"]),
    (
        "C4 bool for an int",
        b"[camera]\nsteady_frames = true\n",
        ["camera.steady_frames: found true", "1 to 100"],
    ),
    ("C4 float for an int", b"[speech]\npitch = 50.5\n", ["speech.pitch: found 50.5", "whole number"]),
    (
        "C4 number for a bool",
        b"[microphone]\noptional = 1\n",
        ["microphone.optional: found 1", "true or false"],
    ),
    ("C4 nan", b"[listen]\nrelease = nan\n", ["listen.release: found nan", "0 to 20"]),
    ("C4 inf", b"[camera]\ninterval_s = inf\n", ["camera.interval_s: found inf"]),
    ("C4 negative", b"[speech]\ntail_s = -0.1\n", ["speech.tail_s: found -0.1", "0 to 5"]),
    ("C4 score of 0", b"[camera]\nmin_score = 0\n", ["camera.min_score: found 0", "0.01 to 1"]),
    ("C4 score of 1.5", b"[camera]\nmin_score = 1.5\n", ["camera.min_score: found 1.5", "0.01 to 1"]),
    (
        "C4 unknown word",
        b'[camera]\nbackend = "picamera"\n',
        ["one of off, folder, video, picamera2, v4l2", 'mean "picamera2"?'],
    ),
    ("C4 text for a list", b'[listen]\nbundles = "a"\n', ["listen.bundles", "expected a list"]),
    ("C4 list of numbers", b"[listen]\nbundles = [1]\n", ["listen.bundles", "expected a text"]),
    ("C4 section that is none", b"listen = 3\n", ["expected a section [listen]"]),
    ("C4 zero byte in a path", b'[events]\nfile = "a\\u0000b"\n', ["events.file", "control characters"]),
    ("C5 bundle twice", b'[listen]\nbundles = ["a", "b", "a"]\n', ["listen.bundles: a stands there twice"]),
    (
        "C5 two rules of one name",
        b'[[rules]]\nname = "r"\nheard = "*"\ntext = "a"\n[[rules]]\nname = "r"\nheard = "*"\ntext = "b"\n',
        ['two rules have the name "r"'],
    ),
    ("C5 rule with unknown key", b'[[rules]]\nherd = "x"\ntext = "a"\n', ["rules number 1: herd", '"heard"']),
    ("C5 rule without trigger", b'[[rules]]\ntext = "a"\n', ["rules number 1: expected one trigger"]),
    (
        "C5 rule with two triggers",
        b'[[rules]]\nheard = "a"\nseen = "b"\ntext = "c"\n',
        ["expected one trigger"],
    ),
    ("C5 rule without effect", b'[[rules]]\nheard = "a"\n', ["nothing would follow"]),
    ("C5 rules in single brackets", b'[rules]\nheard = "a"\n', ["[[rules]]"]),
    ("C5 phrase file missing", b'[[rules]]\nheard = "*"\nsay = "no.txt"\n', ["no.txt", "cannot be read"]),
    ("C5 phrase file empty", b'[[rules]]\nheard = "*"\nsay = "empty.txt"\n', ["empty.txt", "has no lines"]),
    (
        "C5 phrase file of 64 MB",
        b'[[rules]]\nheard = "*"\nsay = "big.txt"\n',
        ["big.txt", "larger than 1 MB"],
    ),
    ("C5 unknown placeholder", b'[[rules]]\nheard = "*"\ntext = "a {lable}"\n', ["{lable}", "{word}"]),
    ("C5 recording without files", b'[microphone]\nbackend = "recording"\n', ["microphone.files"]),
    ("C5 recording that is not there", b'[microphone]\nfiles = ["no.wav"]\n', ["no.wav"]),
    (
        "C5 folder that is not there",
        b'[camera]\nbackend = "folder"\nfolder = "no"\n',
        ["camera.folder", "no"],
    ),
    (
        "C5 all listed together",
        b'[listen]\nofset = 1\nrelease = "x"\n[camera]\nmin_score = 2\n'
        b'[[rules]]\nheard = "*"\nsay = "no.txt"\n',
        ["4 mistakes", "listen.ofset", "listen.release", "camera.min_score", "no.txt"],
    ),
    ("C3 trigger of a typo", b'[[rules]]\nmod = "joy"\ntext = "a"\n', ["1: mod", 'mean "mood"?']),
    (
        "C4 mood that is none",
        b'[[rules]]\nmood = "joyfull"\ntext = "a"\n',
        ["rules number 1: mood", "joy, sad, calm, nobody, dark, frozen, *", 'mean "joy"?'],
    ),
    ("C4 hours", b'[[rules]]\nheard = "*"\nbetween = "9-22"\nrun = ["a"]\n', ["09:00-22:00"]),
    ("C4 day", b'[[rules]]\nheard = "*"\ndays = ["frday"]\ntext = "a"\n', ["days", 'mean "friday"?']),
    ("C4 face", b'[[rules]]\nheard = "*"\nface = "yes"\ntext = "a"\n', ["face", "true or false"]),
    (
        "C4 light for too long",
        b'[[rules]]\nheard = "*"\nlight = { color = "red", for_s = -1 }\n',
        ["light: found a table", 'color: unknown key, did you mean "colour"?', "for_s: found -1"],
    ),
    ("C4 light without a colour", b'[[rules]]\nheard = "*"\nlight = {}\n', ["expected colour = … in it"]),
    (
        "C4 message without a topic",
        b'[[rules]]\nheard = "*"\nmqtt = { message = "a" }\n',
        ["mqtt: found a table, expected", "topic"],
    ),
    (
        "C4 message to many topics",
        b'[mqtt]\nhost = "h"\n[[rules]]\nheard = "*"\nmqtt = { topic = "a/+", message = "a" }\n',
        ["mqtt: found a table", "without + and #"],
    ),
    (
        "C5 button that is not there",
        b'[[buttons]]\nname = "shutter"\npin = 3\n[[rules]]\nbutton = "shuter"\ntext = "a"\n',
        ["rules number 1: button", 'mean "shutter"?'],
    ),
    (
        "C5 rules for what nothing here can do",
        b'[[rules]]\nheard = "*"\nphoto = true\nlight = "red"\nmqtt = { topic = "a", message = "" }\n',
        ["3 mistakes", "photo: the camera is off", "mqtt: there is no broker", 'light: found "red"'],
    ),
    (
        "C5 photo without a place",
        b'[camera]\nbackend = "folder"\nfolder = "here"\n[[rules]]\nheard = "*"\nphoto = true\n',
        ["rules number 1: photo", "[photos] folder"],
    ),
    (
        "C5 light of an unknown colour",
        b'[lights]\nrgb = [1, 2, 3]\n[[rules]]\nheard = "*"\nlight = "orang"\n',
        ['light: found "orang"', 'mean "orange"?'],
    ),
    ("C5 mood without a light", b'[[rules]]\nheard = "*"\nlight = "mood"\n', ['light: found "mood"']),
    (
        "C5 placeholder of another trigger",
        b'[[rules]]\nmood = "joy"\ntext = "{word}"\nrun = ["x", "{label}"]\n',
        ["2 mistakes", "unknown placeholder {word}", "run: unknown placeholder {label}", "{faces}"],
    ),
    ("C5 weight of a line", b'[[rules]]\nheard = "*"\ntext = "[x0] a"\n', ["text: expected [x1] to [x99]"]),
    (
        "C5 recording that is not there, in a line",
        b'[[rules]]\nheard = "*"\ntext = "@no.wav"\n',
        ["text: recording", "no.wav", "no such file"],
    ),
    (
        "C5 recording that is none",
        b'[[rules]]\nheard = "*"\ntext = "@empty.wav"\n',
        ["text: recording", "empty.wav", "not a wav"],
    ),
    ("C8 secret that is no key", b'[speech]\napi_key = "x"\n', ["speech.api_key: unknown key"]),
]


def write(folder: Path, data: bytes) -> Path:
    """A configuration file with phrase files and a bundle beside it."""
    (folder / "here").mkdir(exist_ok=True)
    (folder / "here" / "manifest.json").touch()
    (folder / "empty.wav").touch()
    (folder / "empty.txt").write_text("# only a comment\n\n")
    with (folder / "big.txt").open("wb") as big:
        big.truncate(64_000_000)
    path = folder / "heychip.toml"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("data", "fragments"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_faults(tmp_path: Path, data: bytes | None, fragments: list[str]) -> None:
    """Every fault is one ConfigError (exit 3) that names file, key, what was found and what is allowed."""
    path = tmp_path / "no.toml" if data is None else write(tmp_path, data)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert str(path) in message
    for fragment in fragments:
        assert fragment in message


# id, the bytes of the file, the path of an attribute, its value
GOOD = [
    ("C1 byte order mark", b"\xef\xbb\xbf[listen]\noffset = 1\n", "listen.offset", 1.0),
    ("C1 CRLF", b"[listen]\r\noffset = 2.5\r\n", "listen.offset", 2.5),
    ("C4 a whole number is a number", b"[speech]\ntail_s = 1\n", "speech.tail_s", 1.0),
    ("C6 names stay names", b'[listen]\nbundles = ["hey_chip"]\n', "listen.bundles", ("hey_chip",)),
    ("C6 bundle path", b'[listen]\nbundles = ["m/x"]\n', "listen.bundles", ("{folder}/m/x",)),
    ("C6 bundle beside the file", b'[listen]\nbundles = ["here"]\n', "listen.bundles", ("{folder}/here",)),
    ("C6 single file", b'[listen]\nbundles = ["x.onnx"]\n', "listen.bundles", ("{folder}/x.onnx",)),
    ("C6 model path", b'[camera]\nmodel = "./m"\n', "camera.model", "{folder}/m"),
    ("C6 absolute", b'[events]\nfile = "/var/log/e.jsonl"\n', "events.file", "/var/log/e.jsonl"),
    ("C6 relative", b'[events]\nfile = "e.jsonl"\n', "events.file", "{folder}/e.jsonl"),
]


@pytest.mark.parametrize(("data", "key", "value"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, key: str, value: object) -> None:
    """Harmless oddities are read, and paths start at the file's folder, not at the working one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    section, name = key.split(".")
    found = getattr(getattr(load_config(write(tmp_path, data + RULE.encode())), section), name)
    if isinstance(value, tuple):
        value = tuple(item.format(folder=tmp_path) for item in value)
    elif isinstance(value, str):
        value = value.format(folder=tmp_path)
    assert found == value


def test_c1_unreadable(tmp_path: Path) -> None:
    """A path that cannot be read as a file is told with the system's reason."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_c1_defaults_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file heychip runs only with --defaults; a heychip.toml in the working folder is found."""
    monkeypatch.setattr("edge.config.PLACES", (Path("heychip.toml"), tmp_path / "etc" / "heychip.toml"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--defaults"):
        load_config()
    assert len(load_config(defaults=True).rules) == 2
    write(tmp_path, b"[listen]\noffset = 3\n" + RULE.encode())
    assert load_config().listen.offset == 3.0
    assert load_config(defaults=True).listen.offset == 0.0


@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o640, False)])
def test_c8_secrets(tmp_path: Path, mode: int, warned: bool) -> None:
    """C8: a password in a command is warned of where every user may read the file, and only there."""
    path = write(tmp_path, b'[[rules]]\nheard = "*"\ntext = "the token"\nrun = ["mqtt", "--password", "x"]\n')
    path.chmod(mode)
    warnings = load_config(path).warnings
    assert [w.split(" ")[0] for w in warnings] == (["rules.1.run.2"] if warned else [])


def test_c9_changed_while_running(tmp_path: Path) -> None:
    """C9: a file that became bad raises, and what was read before stays (test_daemon swaps)."""
    path = write(tmp_path, b"[listen]\noffset = 1\n" + RULE.encode())
    before = load_config(path)
    path.write_bytes(b"[listen]\noffset = 99\n")
    with pytest.raises(ConfigError):
        load_config(path)
    assert before.listen.offset == 1.0
    assert before.rules[0].lines == ("hello",)


def test_phrases_are_read_with_the_file(tmp_path: Path) -> None:
    """A rule holds its lines: from a file beside the configuration, a shipped one by name, or its text."""
    (tmp_path / "mine.txt").write_bytes(b"\xef\xbb\xbf# comment\r\n\r\none\r\ntwo {word}\r\n")
    files = (b"mine.txt", b"greeting")
    rules = b"".join(b'[[rules]]\nheard = "*"\nsay = "%s"\n' % name for name in files)
    config = load_config(write(tmp_path, rules))
    assert config.rules[0].lines == ("one", "two {word}")
    assert len(config.rules[1].lines) >= 12


def test_shipped_phrases() -> None:
    """The built-in settings greet and name what is seen, with at least 12 different lines each."""
    heard, seen = load_config(defaults=True).rules
    assert len(set(heard.lines)) == len(heard.lines) >= 12
    assert len(set(seen.lines)) == len(seen.lines) >= 12
    assert all("{label}" in line for line in seen.lines)


def test_the_example_is_the_default() -> None:
    """systemd/heychip.toml is valid, and what it shows as defaults are the defaults, commented out or not."""
    example = ROOT / "systemd" / "heychip.toml"
    assert load_config(example).microphone.optional
    shown = [line[2:] for line in example.read_text().splitlines() if line.startswith("# ") and " = " in line]
    named = {line.split(" = ")[0]: line.split(" = ")[1].split("  ")[0].strip() for line in shown}
    from edge.buttons_config import ButtonConfig
    from edge.config import SECTIONS
    from edge.config_check import keys_of
    from edge.rule_config import RuleConfig

    rules = example.read_text().partition("# Rules.")[2]
    for key in keys_of(RuleConfig):
        assert f"#   {key} = " in rules or key == "name", f"rules: {key} is not shown"
    assert set(keys_of(ButtonConfig)) <= set(named)
    for section, cls in SECTIONS.items():
        for key in keys_of(cls):
            told = key in named or key == "optional" or section == "microphone"
            assert told, f"{section}.{key} is not shown"
    assert float(named["tail_s"]) == Config().speech.tail_s
    assert float(named["min_score"]) == Config().camera.min_score
    assert int(named["speed_wpm"]) == Config().speech.speed_wpm


def test_check_words(tmp_path: Path) -> None:
    """A rule for a word that no bundle hears, or a thing that the classifier does not know, is told with the
    nearest name; case, dashes and underscores do not matter."""
    rules = [b'[[rules]]\nheard = "Hey_Chip"\ntext = "a"\n', b'[[rules]]\nheard = "hey chop"\ntext = "b"\n']
    rules += [b'[[rules]]\nseen = "catt"\ntext = "c"\n', RULE.encode()]
    config = load_config(write(tmp_path, b"".join(rules)))
    assert check_words(config, ["hey chip"]) == [
        'rules number 2: heard: no model knows "hey chop", did you mean "hey chip"?'
    ]
    seen = check_words(config, ["hey chip"], ["dog", "cat"])[1]
    assert 'no model knows "catt", did you mean "cat"?' in seen
    assert "known: none" in check_words(config, [])[0]


def test_moods_and_faces_need_a_model(tmp_path: Path) -> None:
    """A rule for a mood, or one that asks for a face or none, is told where no model looks for faces;
    without a camera it may stand there."""
    keys = (b'mood = "joy"', b'heard = "*"\nface = true', b'heard = "*"\nface = false', b'heard = "*"')
    rules = b"".join(b'[[rules]]\n%s\ntext = "a"\n' % key for key in keys)
    config = load_config(write(tmp_path, rules))
    assert check_words(config, ["hey chip"]) == check_words(config, ["hey chip"], moods=True) == []
    told = check_words(config, ["hey chip"], moods=False)
    assert [one.split(": ")[:2] for one in told] == [
        ["rules number 1", "mood"], ["rules number 2", "face"], ["rules number 3", "face"]]  # fmt: skip


def test_terra(tmp_path: Path) -> None:
    """systemd/terra.toml is the installation: a greeting, joy and sadness, a photo on a button, a light that
    follows the mood, one for the camera. It needs nothing that is not shipped."""
    config = load_config(ROOT / "systemd" / "terra.toml")
    rules = {rule.name: rule for rule in config.rules}
    assert (config.mood.joy, config.mood.sad, config.mood.frames) == (0.85, 0.10, 10)
    assert rules["greeting"].start
    assert len(rules["joy"].lines) >= 12 and len(rules["sadness"].lines) >= 12
    assert rules["photo"].photo and rules["photo"].button == config.buttons[0].name
    assert len(config.lights.rgb) == 3 and config.lights.privacy >= 0
    assert check_words(config, ["hey chip"], ["face"], moods=True) == []
    for name in (*config.camera.models, *config.listen.bundles):
        assert (ROOT / "models" / name / "manifest.json").is_file()


@pytest.mark.parametrize("name", ["greeting", "seen", "joy", "sad"])
def test_shipped_phrases_are_speakable(name: str) -> None:
    """Each file has lines of its own, none twice, none longer than what is said in some seconds."""
    lines = Phrases(SHIPPED / f"{name}.txt").lines
    assert len(set(lines)) == len(lines) >= 12
    assert max(map(len, lines)) <= 110
