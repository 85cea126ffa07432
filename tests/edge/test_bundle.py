"""Bundles: how they are found, what is checked when they are read, what `verify_bundle` says."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest
from bundles import change_manifest, head, make_bundle, open_wake_word

from edge import backbone, frontend, manifest
from edge.bundle import find_bundle, known_bundles, load_bundle, verify_bundle
from edge.errors import ModelError
from edge.events import RATE_HZ, STEP
from edge.files import sha256_of
from edge.model_folders import folders, is_shipped

ROOT = Path(__file__).parents[2]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that is looked into first, and an empty working directory."""
    folder, elsewhere = tmp_path / "models of mine", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("HEYCHIP_MODELS", str(folder))
    monkeypatch.chdir(elsewhere)
    return folder


def refusal(where: str | Path) -> str:
    """What is said of a bundle that must be refused."""
    with pytest.raises(ModelError) as caught:
        load_bundle(where)
    return str(caught.value)


def test_the_manifest_checks_against_what_this_edge_has() -> None:
    """The numbers that a manifest is compared with are those of the front end and the backbone themselves."""
    assert (manifest.MELS, manifest.FFT) == (frontend.MELS, frontend.FFT)
    assert manifest.HOP_MS * RATE_HZ == frontend.HOP * 1000
    assert (manifest.FRAMES, manifest.SIZE) == (backbone.CONTEXT, backbone.SIZE)
    assert manifest.backbone_hashes(backbone.REFERENCE) >= {backbone.identity()["sha256"]}
    assert all(backbone.identity(name)["name"] == name for name in manifest.BACKBONES)
    assert STEP % frontend.HOP == 0


def test_a_whole_bundle_is_read(models: Path) -> None:
    """Everything that the manifest says arrives, and the bytes of the model."""
    folder = make_bundle(models, 3)
    bundle = load_bundle("hey_test")
    assert bundle.path == folder
    assert bundle.onnx == (folder / "detectors.onnx").read_bytes()
    assert [member.name for member in bundle.manifest.members] == ["m0", "m1", "m2"]
    assert [member.threshold for member in bundle.manifest.members] == [1.5, 2.5, 3.5]
    assert bundle.manifest.golden == manifest.Golden("golden.wav", True, 2.0)
    assert (bundle.manifest.word, bundle.manifest.seed) == ("hey test", 7)
    assert not bundle.probability
    assert not bundle.shipped


def test_what_is_optional_may_be_absent(models: Path) -> None:
    """Word, members, front end, backbone and files are all that a bundle must say."""

    def strip(table: dict[str, object]) -> None:
        for key in ("language", "spellings", "calibration", "voices", "data", "seed", "versions", "golden"):
            del table[key]

    make_bundle(models, change=strip)
    bundle = load_bundle("hey_test")
    assert bundle.manifest.golden is None
    assert bundle.manifest.calibration == {}


def test_unknown_keys_are_left_alone(models: Path) -> None:
    """A bundle may say more than this version reads."""
    make_bundle(models, change=lambda table: table.update(mood="sunny"))
    assert load_bundle("hey_test").manifest.word == "hey test"


def test_names_are_looked_up_in_order(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$HEYCHIP_MODELS comes before ./models, and both before what came with heychip."""
    mine, here = make_bundle(models), make_bundle(Path("models"))
    assert find_bundle("hey_test") == mine
    monkeypatch.delenv("HEYCHIP_MODELS")
    assert find_bundle("hey_test") == here
    places = [str(place) for place in folders()]
    order = [places.index(place) for place in ("models", "/var/lib/heychip/models", str(ROOT / "models"))]
    assert order == sorted(order)


def test_a_word_names_its_bundle(models: Path) -> None:
    """`Hey test` is `hey_test`: people write words, folders have underscores."""
    folder = make_bundle(models)
    assert find_bundle("Hey test") == folder


def test_an_installed_package_of_models_is_found(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the package `heychip_models` carries is found by name and counts as shipped."""
    package = tmp_path / "site" / "heychip_models"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    folder = make_bundle(package, name="from_package")
    assert not is_shipped(folder)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert find_bundle("from_package") == folder
    assert load_bundle("from_package").shipped
    assert known_bundles()["from_package"] == folder


def test_a_copy_of_a_shipped_bundle_is_not_shipped(models: Path) -> None:
    """Trust goes by the place: a bundle elsewhere is tried like any other."""
    assert is_shipped(ROOT / "models" / "hey_chip")
    assert not is_shipped(make_bundle(models, name="hey_chip"))


def test_a_path_means_that_folder(models: Path) -> None:
    """A path to a folder, with or without a trailing slash, and the folder's own model, mean the bundle."""
    folder = make_bundle(models)
    for where in (folder, f"{folder}/", folder / "detectors.onnx", f"{folder}/detectors.onnx"):
        bundle = load_bundle(where)
        assert bundle.path == folder
        assert not bundle.probability


def test_a_folder_here_is_meant_before_a_name(models: Path) -> None:
    """Who stands beside a bundle and types its name means that one."""
    make_bundle(models)
    assert find_bundle("hey_test") == models / "hey_test"
    make_bundle(Path())
    assert find_bundle("hey_test") == Path("hey_test")


def test_a_lone_model_is_a_bundle_of_one(models: Path) -> None:
    """An openWakeWord file becomes one member, named after the file, at a score of 0.5."""
    (models / "alexa.onnx").write_bytes(open_wake_word())
    bundle = load_bundle("alexa")
    assert bundle.probability
    assert bundle.manifest.word == "alexa"
    assert [(member.name, member.threshold) for member in bundle.manifest.members] == [("alexa", 0.0)]
    assert bundle.manifest.files == {"alexa.onnx": sha256_of(bundle.onnx)}


@pytest.mark.parametrize("batch", [1, None, "N"])
def test_a_lone_model_may_have_a_dynamic_batch(models: Path, batch: int | str | None) -> None:
    """openWakeWord's own exports leave the batch open."""
    (models / "alexa.onnx").write_bytes(open_wake_word(batch=batch))
    assert load_bundle(models / "alexa.onnx").probability


def test_a_lone_model_may_be_a_link(models: Path, tmp_path: Path) -> None:
    """A file that a person names may be a link; only what a manifest names must stay in its folder."""
    (tmp_path / "real.onnx").write_bytes(open_wake_word())
    (models / "alexa.onnx").symlink_to(tmp_path / "real.onnx")
    assert load_bundle("alexa").manifest.word == "alexa"


def test_a_folder_may_be_a_link(models: Path, tmp_path: Path) -> None:
    """`active` may point to the bundle that is in use."""
    (models / "active").symlink_to(make_bundle(tmp_path))
    assert load_bundle("active").manifest.word == "hey test"


def test_links_within_the_folder_are_followed(models: Path) -> None:
    """A link to another file of the same bundle does no harm."""
    folder = make_bundle(models)
    (folder / "golden.wav").rename(folder / "first.wav")
    (folder / "golden.wav").symlink_to("first.wav")
    assert load_bundle(folder).manifest.golden


def test_the_nearest_name_is_offered(models: Path) -> None:
    """A typing mistake is answered with the name that was meant; nothing near, with all names and places."""
    make_bundle(models)
    assert "did you mean hey_test?" in refusal("hey_tset")
    said = refusal("qqqqqqqq")
    assert "hey_test" in said
    assert str(models) in said


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "no/such/place", "\udcff"])
def test_impossible_names_are_refused(models: Path, name: str) -> None:
    """Empty names, control characters and paths to nowhere are told of, not crashed on."""
    assert refusal(name)


def test_all_mistakes_are_told_together(models: Path) -> None:
    """Five mistakes in one manifest are five lines of one message."""

    def spoil(table: dict[str, object]) -> None:
        table["word"] = ""
        table["frontend"] = {"rate_hz": 8000, "hop_ms": 10, "mels": 40, "fft": 512, "scale": "int16"}
        table["members"] = [{"name": "a", "threshold": True}, {"name": "a", "threshold": "1"}]

    make_bundle(models, change=spoil)
    said = refusal("hey_test")
    for part in (
        "6 mistakes",
        "word is missing",
        "trained with 8000 Hz, this edge uses 16000",
        "trained with 40 mels, this edge uses 32",
        "the threshold of 'a' is True",
        "the threshold of 'a' is '1'",
        "two members are called 'a'",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"schema": 1, "schema": 2}', "schema is 2"),
        ("[]", "not a table"),
        ('{"schema": NaN}', "NaN is not a number"),
        ("[" * 100_000, "is not JSON"),
        ('{"a": 1' + "0" * 5000 + "}", "is not JSON"),
        ("{}", "schema is None"),
        ("\xff\xfe", "is not JSON"),
        ('{"schema": 2, "kind": "hotword"}', "upgrade heychip?"),
        ('{"schema": true, "kind": "hotword"}', "schema is True"),
        ('{"schema": 1, "kind": "classifier"}', "kind is 'classifier', not 'hotword'"),
    ],
)
def test_what_is_no_manifest_is_refused(models: Path, text: str, part: str) -> None:
    """Text that is no JSON, JSON that is no table, and tables of something else are refused in words."""
    folder = make_bundle(models)
    (folder / "manifest.json").write_text(text)
    assert part in refusal("hey_test")


@pytest.mark.parametrize("key", ["word", "members", "frontend", "backbone", "files", "golden", "calibration"])
@pytest.mark.parametrize("value", [None, 1, "x", [], [1], {}, {"a": {}}, [[]], 1e400, {"file": []}])
def test_values_of_any_type_never_crash(models: Path, key: str, value: object) -> None:
    """Whatever stands in a key, the manifest is read or refused."""
    folder = make_bundle(models)
    table = json.loads((folder / "manifest.json").read_text()) | {key: value}
    try:
        manifest.parse(table, "x")
    except ModelError as error:
        assert error.reason
    else:
        assert key in {"golden", "calibration"} or (key, value) == ("word", "x")


def test_a_manifest_with_a_byte_order_mark_is_read(models: Path) -> None:
    """Editors on Windows write one."""
    path = make_bundle(models) / "manifest.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_bundle("hey_test").manifest.word == "hey test"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "manifest.json", "a\\b", "./x", "", "C:x"])
def test_names_that_leave_the_folder_are_refused(models: Path, name: str) -> None:
    """No path in a manifest leads out of the folder, on any system."""
    make_bundle(models, change=lambda table: table["files"].update({name: "0" * 64}))
    assert "not the name of a file in this folder" in refusal("hey_test")


def test_a_pipe_is_not_waited_for(models: Path) -> None:
    """Opening a pipe would block for ever; it is refused for what it is."""
    folder = make_bundle(models)
    (folder / "golden.wav").unlink()
    os.mkfifo(folder / "golden.wav")
    assert "not a plain file" in refusal("hey_test")


def test_links_in_a_circle_are_refused(models: Path) -> None:
    """A file that links to itself is told of."""
    folder = make_bundle(models)
    (folder / "golden.wav").unlink()
    (folder / "golden.wav").symlink_to("golden.wav")
    assert "golden.wav is refused" in refusal("hey_test")


def test_huge_files_are_not_read(models: Path) -> None:
    """A sparse file of 10 GB is refused by its size."""
    folder = make_bundle(models)
    with (folder / "golden.wav").open("r+b") as file:
        file.truncate(10 * 2**30)
    assert "10240.0 MB, more than the 64 MB" in refusal("hey_test")


def test_thresholds_must_be_as_many_as_outputs(models: Path) -> None:
    """Three members and two outputs do not belong together; nothing is run to find that out."""
    make_bundle(models, 3, onnx_bytes=head(2).SerializeToString())
    said = refusal("hey_test")
    assert "found 'logits' float32 [1,2], expected 'logits' float32 [1,3]" in said


def test_a_leftover_beside_a_whole_bundle_is_a_warning(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Files that are all there and right are used, although a later copy was cut short; the log tells."""
    folder = make_bundle(models)
    (folder / ".detectors.onnx.k2j3").write_bytes(b"half")
    with caplog.at_level(logging.WARNING):
        assert load_bundle("hey_test").manifest.word == "hey test"
    assert ".detectors.onnx.k2j3" in caplog.text


def test_verify_tells_the_state_of_every_file(models: Path) -> None:
    """A changed and a missing file are told apart, and those that are right are named too."""
    folder = make_bundle(models)
    assert {check.file: check.state for check in verify_bundle(folder)} == {
        "manifest.json": "ok",
        "detectors.onnx": "ok",
        "golden.wav": "ok",
        "report.html": "ok",
    }
    (folder / "golden.wav").write_bytes(b"RIFF, or not")
    (folder / "report.html").unlink()
    (folder / "notes.txt.part").touch()
    states = {check.file: (check.state, check.bad) for check in verify_bundle("hey_test")}
    assert states["golden.wav"] == ("changed", True)
    assert states["report.html"] == ("missing", True)
    assert states["detectors.onnx"] == ("ok", False)
    assert states["notes.txt.part"] == ("left over", False)


def test_verify_never_raises(models: Path) -> None:
    """Unknown names, broken manifests, refused models and dangling links are states, not exceptions."""
    folder = make_bundle(models)
    change_manifest(folder, lambda table: table.update(word=""))
    (models / "gone").symlink_to("nowhere")
    (models / "bad.onnx").write_bytes(b"<html>")
    for where in ("hey_test", "no_such", "gone", "bad", models, models / "bad.onnx"):
        checks = verify_bundle(where)
        assert any(check.bad and check.note for check in checks), where


def test_verify_compares_a_lone_model_with_nothing(models: Path) -> None:
    """A file without a manifest is looked through; there is nothing to compare it with, and so it says."""
    (models / "alexa.onnx").write_bytes(open_wake_word())
    (check,) = verify_bundle("alexa")
    assert check.state == "ok"
    assert "no manifest" in check.note


def test_every_bundle_that_is_shipped_is_whole() -> None:
    """All files of the bundles in this repository are what their manifests say."""
    for folder in sorted((ROOT / "models").glob("*/manifest.json")):
        assert [check for check in verify_bundle(folder.parent) if check.state != "ok"] == []
