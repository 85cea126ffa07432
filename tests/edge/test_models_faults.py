"""What goes wrong with model files, as one table: each row is built, loaded, and must be answered with a
message of our own. A mended bug adds a row to FAULTS; nothing else is needed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import onnx
import onnxruntime
import pytest
from bundles import FLOAT, change_manifest, crasher, head, make_bundle, model, open_wake_word
from onnx import TensorProto, helper

from edge.bundle import load_bundle, verify_bundle
from edge.detectors import Detectors
from edge.errors import ModelError

Build = Callable[[Path], Path]


class Fault(NamedTuple):
    """A row of the table."""

    id: str
    """number in the table of faults, and a name"""
    build: Build
    """makes the bad thing in an empty folder; what it returns is loaded"""
    parts: tuple[str, ...]
    """what the message must say"""
    error: type[Exception] = ModelError
    """what must be raised"""


def lone(data: bytes) -> Build:
    """A single .onnx file of these bytes."""

    def build(folder: Path) -> Path:
        (folder / "word.onnx").write_bytes(data)
        return folder / "word.onnx"

    return build


def bundle(data: bytes | onnx.ModelProto, members: int = 2) -> Build:
    """A bundle whose hashes are right and whose model is this."""
    raw = data if isinstance(data, bytes) else data.SerializeToString()
    return lambda folder: make_bundle(folder, members, onnx_bytes=raw)


def after(spoil: Callable[[Path], object]) -> Build:
    """A good bundle to which something happens."""

    def build(folder: Path) -> Path:
        made = make_bundle(folder)
        spoil(made)
        return made

    return build


def told(**changes: object) -> Build:
    """A bundle whose manifest says something else: `frontend_mels=40` changes mels in frontend."""

    def change(manifest: dict[str, object]) -> None:
        for key, value in changes.items():
            outer, _, inner = key.partition("_")
            table = manifest[outer] if inner else manifest
            assert isinstance(table, dict)
            table[inner or outer] = value

    return lambda folder: make_bundle(folder, change=change)


def external(location: str, length: str = "16") -> Build:
    """A model with a weight that is in another file."""
    proto = head(2)
    tensor = proto.graph.initializer.add(name="out", data_type=FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", length)):
        tensor.external_data.add(key=key, value=value)
    return bundle(proto)


def beside(link: Callable[[Path, Path], object]) -> Build:
    """External data in a file beside the model that is a link to a secret."""

    def build(folder: Path) -> Path:
        (folder / "secret").write_bytes(b"\0" * 16)
        made = external("weights.data")(folder)
        link(folder / "secret", made / "weights.data")
        return made

    return build


def appended(op: str, domain: str = "", **attributes: object) -> Build:
    """A model with one more node."""
    proto = head(2)
    proto.graph.node.append(helper.make_node(op, ["logits"], ["more"], domain=domain, **attributes))
    return bundle(proto)


def looping() -> Build:
    """A loop of 2**62 rounds."""
    body = helper.make_graph([helper.make_node("Identity", ["go"], ["on"])], "body", [], [])
    return appended("Loop", body=body)


def bomb(size: int) -> Build:
    """A few hundred bytes that ask for a matrix of `size` squared."""
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[size, size]),
        helper.make_node("Constant", [], ["two"], value_ints=[1, 2]),
        helper.make_node("ReduceSum", ["embeddings"], ["one"], keepdims=0),
        helper.make_node("Expand", ["one", "shape"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["most"], keepdims=0),
        helper.make_node("Expand", ["most", "two"], ["logits"]),
    ]
    return bundle(model(nodes))


def claims(bytes_: int) -> Build:
    """A weight that says it is so large, and is not there."""
    proto = head(2)
    proto.graph.initializer.append(TensorProto(name="big", data_type=FLOAT, dims=[bytes_ // 4]))
    return bundle(proto)


def ports(**changes: object) -> Build:
    """A model with other inputs or outputs."""
    return bundle(head(2, **changes))


def renamed_input() -> Build:
    proto = head(2)
    proto.graph.input[0].name = proto.graph.node[0].input[0] = "mel"
    return bundle(proto)


def dangling(folder: Path) -> Path:
    (folder / "active").symlink_to("hey_test.gone")
    return folder / "active"


def unfinished(folder: Path) -> Path:
    return make_bundle(folder, name=".hey_test.x7k2")


def replace(name: str, link: str) -> Callable[[Path], object]:
    """Put a link in the place of a file."""

    def spoil(made: Path) -> None:
        (made / name).unlink()
        (made / name).symlink_to(link)

    return spoil


def cut_short(made: Path) -> None:
    """The power went while the model was being copied."""
    (made / "detectors.onnx").rename(made / ".detectors.onnx.k2j3")


def manifest_cut_short(made: Path) -> None:
    (made / "manifest.json").rename(made / ".manifest.json.k2j3")


def other(name: str) -> Callable[[Path], object]:
    return lambda made: (made / name).write_bytes(b"something else")


def halved(name: str) -> Callable[[Path], object]:
    return lambda made: (made / name).write_bytes((made / name).read_bytes()[:40])


X86 = platform.machine() in {"x86_64", "AMD64"}
ORT = onnxruntime.__version__
GOOD = head(2).SerializeToString()
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
HTML = b"\n<!DOCTYPE html><html><body>404: Not Found</body></html>"

FAULTS = [
    # B1: what is no model names its first bytes or what they are
    Fault("B1-empty", lone(b""), ("is empty (0 bytes)",)),
    Fault("B1-truncated", lone(GOOD[: len(GOOD) // 2]), ("not a whole ONNX file", f"{len(GOOD) // 2} bytes")),
    Fault("B1-truncated-head", lone(GOOD[:40]), ("begin with b'\\x08\\x08", "40 bytes")),
    Fault("B1-random", lone(bytes(range(200, 256)) * 9), ("not a whole ONNX file", "b'\\xc8\\xc9")),
    Fault("B1-zeros", lone(b"\0" * 5000), ("not a whole ONNX file", "b'\\x00\\x00")),
    Fault("B1-web-page", lone(HTML), ("is a web page", "<!DOCTYPE", "fetch it again")),
    Fault("B1-lfs-pointer", lone(LFS), ("git-lfs pointer", "git lfs pull")),
    Fault("B1-pickle", lone(b"\x80\x04\x95..."), ("Python pickle", "never opened")),
    Fault("B1-zip", lone(b"PK\x03\x04data.pkl"), ("zip archive", "ONNX")),
    Fault("B1-json", lone(b'{"error": "gone"}'), ("JSON text",)),
    Fault("B1-tflite", lone(b"\x1c\0\0\0TFL3\x14\0"), ("TensorFlow Lite",)),
    Fault("B1-ort-format", lone(b"\x12\x06abORTM" + GOOD), ("ORTM", "own format")),
    Fault("B1-piece-of-a-model", lone(b"\x08\x08\x12\x03abc"), ("no usable graph",)),
    Fault("B1-in-bundle", bundle(HTML), ("detectors.onnx", "is a web page")),
    Fault("B1-not-a-model", lambda folder: folder / "absent.onnx", ("there is no such bundle",)),
    # B2: hashes and manifest
    Fault("B2-changed", after(halved("detectors.onnx")), ("detectors.onnx is changed", "models verify")),
    Fault("B2-other-file", after(other("golden.wav")), ("golden.wav is changed",)),
    Fault("B2-no-manifest", after(lambda made: (made / "manifest.json").unlink()), ("has no manifest.json",)),
    Fault("B2-half-manifest", after(halved("manifest.json")), ("manifest.json", "is not JSON", "40 bytes")),
    Fault("B2-no-hash", told(files={"golden.wav": "0" * 64}), ("files does not list detectors.onnx",)),
    Fault("B2-odd-hash", told(files={"detectors.onnx": "abc"}), ("'detectors.onnx' is not one",)),
    # B3: nothing outside the file, nothing outside the folder
    Fault("B3-relative", external("../../etc/passwd"), ("outside the file", "'../../etc/passwd'")),
    Fault("B3-absolute", external("/etc/passwd"), ("outside the file", "'/etc/passwd'")),
    Fault("B3-huge-length", external("w.data", str(2**62)), ("outside the file", "'w.data'")),
    Fault("B3-symlink", beside(lambda secret, at: at.symlink_to(secret)), ("outside the file",)),
    Fault("B3-hardlink", beside(lambda secret, at: at.hardlink_to(secret)), ("outside the file",)),
    Fault("B3-memory-marker", external("*/_ORT_MEM_ADDR_/*"), ("outside the file",)),
    Fault("B3-file-is-a-link", after(replace("golden.wav", "/etc/hostname")), ("leaves the folder",)),
    Fault("B3-model-is-a-link", after(replace("detectors.onnx", "../x")), ("not there",)),
    Fault("B3-name", told(files={"../x": "0" * 64}), ("'../x' is not the name of a file in this folder",)),
    # B4: the contract
    Fault("B4-input-name", renamed_input(), ("found 'mel' float32 [1,16,96]", "expected 'embeddings'")),
    Fault("B4-rank", ports(inputs=[("embeddings", FLOAT, [16, 96])]), ("[16,96]", "expected", "[1,16,96]")),
    Fault("B4-dtype", ports(inputs=[("embeddings", 11, [1, 16, 96])]), ("float64", "expected")),
    Fault("B4-dynamic", ports(inputs=[("embeddings", FLOAT, ["N", 16, 96])]), ("[N,16,96]", "[1,16,96]")),
    Fault("B4-outputs", ports(outputs=[("logits", FLOAT, [1, 2]), ("flat", FLOAT, [1, 1536])]), ("'flat'",)),
    Fault("B4-members", bundle(head(3)), ("[1,3]", "expected 'logits' float32 [1,2]")),
    Fault("B4-not-a-score", lone(open_wake_word(score="Relu")), ("a score of 20", "a score is in 0..1")),
    Fault("B4-logits-alone", lone(head(1).SerializeToString()), ("thresholds only the manifest",)),
    Fault("B4-two-words", lone(head(2).SerializeToString()), ("expected 'any name' float32 [1,1]",)),
    # B5: trained with something else than this edge has
    Fault("B5-mels", told(frontend_mels=40), ("trained with 40 mels, this edge uses 32",)),
    Fault("B5-rate", told(frontend_rate_hz=8000), ("trained with 8000 Hz, this edge uses 16000",)),
    Fault("B5-scale", told(frontend_scale="float"), ("trained with float", "this edge uses int16")),
    Fault("B5-absent", told(frontend=None), ("frontend is missing",)),
    Fault("B5-frames", told(backbone_frames=28), ("trained with 28 embeddings", "this edge uses 16")),
    Fault("B5-backbone", told(backbone_name="other"), ("trained with other as backbone",)),
    Fault("B5-backbone-file", told(backbone_sha256="0" * 64), ("backbone.sha256",)),
    Fault("B5-threshold", told(members=[{"name": "a", "threshold": float("nan")}]), ("NaN is not a number",)),
    # B6: newer than ONNX Runtime
    Fault("B6-opset", bundle(head(2, opset=99)), ("opset 99", f"onnxruntime {ORT}", "upgrade onnxruntime")),
    Fault("B6-ir", bundle(head(2, ir_version=99)), ("IR version 99", f"onnxruntime {ORT}")),
    # B7: what a plain model has no need of
    Fault("B7-domain", appended("Relu", "com.evil"), ("not allowed here", "com.evil::Relu")),
    Fault("B7-microsoft", appended("FusedConv", "com.microsoft"), ("com.microsoft::FusedConv",)),
    Fault("B7-loop", looping(), ("'Loop'", "plain ONNX operators")),
    Fault("B7-2-gb", claims(2**31), ("'big' that claims 2,048.0 MB", "20.0 MB are allowed")),
    Fault("B7-memory", bomb(200_000), ("quarantined", "needs more memory")),
    Fault("B7-large-file", lone(b"\0" * (21 * 2**20)), ("21.0 MB", "more than the 20 MB")),
    # B8: what kills its process (on x86; ARM has an answer to that division)
    *([Fault("B8-crash", bundle(crasher()), ("quarantined", "crashed (SIGFPE)"))] if X86 else []),
    # B13: half a copy
    Fault("B13-dangling", dangling, ("is a link to hey_test.gone, which is not there",)),
    Fault("B13-lacks-a-file", after(lambda made: (made / "golden.wav").unlink()), ("golden.wav is missing",)),
    Fault("B13-cut-short", after(cut_short), ("detectors.onnx is missing", ".detectors.onnx.k2j3")),
    Fault("B13-no-manifest-yet", after(manifest_cut_short), ("has no manifest.json", "cut short")),
    Fault("B13-unfinished-folder", unfinished, ("a copy that was not finished",)),
    Fault("B13-dangling-file", after(replace("golden.wav", "gone.wav")), ("golden.wav", "is not there")),
]  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder; trials are remembered beside it, and no models of others are near."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HEYCHIP_MODELS", raising=False)
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.id))
def test_fault(fault: Fault, empty: Path) -> None:
    """The fault is answered with the right exception and in plain words, and never with anything else."""
    made = fault.build(empty)
    with pytest.raises(fault.error) as caught:
        Detectors(load_bundle(made))
    for part in fault.parts:
        assert part in str(caught.value)
    assert str(empty) in str(caught.value)  # the message says where


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.id))
def test_verify_survives_the_fault(fault: Fault, empty: Path) -> None:
    """`models verify` has an answer to every fault, without running anything."""
    made = fault.build(empty)
    checks = verify_bundle(made)
    found_by_running = fault.id in {"B4-not-a-score", "B6-opset", "B6-ir", "B7-memory", "B8-crash"}
    assert any(check.bad for check in checks) != found_by_running


def test_ids_are_unique() -> None:
    """A row can be run alone by its name."""
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)


def test_a_good_bundle_stays_good_beside_a_bad_one(empty: Path) -> None:
    """A refused bundle leaves nothing behind that would hurt the next."""
    good = Detectors(load_bundle(make_bundle(empty, name="good")))
    with pytest.raises(ModelError):
        Detectors(load_bundle(make_bundle(empty, name="bad", onnx_bytes=HTML)))
    assert good.names == Detectors(load_bundle(empty / "good")).names


def test_unreadable_files_are_told_of(empty: Path) -> None:
    """Without the right to read, the message says so (root reads everything)."""
    made = make_bundle(empty)
    (made / "golden.wav").chmod(0)
    if os.access(made / "golden.wav", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ModelError, match="cannot be read"):
        load_bundle(change_manifest(made, dict.copy))
