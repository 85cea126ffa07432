"""The first load of a model in a child process: what it survives, and what it remembers."""

from __future__ import annotations

import json
import logging
import platform
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from bundles import FLOAT, crasher, head, make_bundle, model, open_wake_word
from onnx import helper

from edge import trial
from edge.bundle import Bundle, load_bundle
from edge.detectors import Detectors
from edge.errors import ModelError
from edge.files import sha256_of

GOOD = head(2).SerializeToString()
MUST_NOT_RUN = (sys.executable, "-c", "raise SystemExit('this child must not be started')")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results are kept in a folder of this test only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "heychip" / "tried.json"


def child(program: str) -> tuple[str, ...]:
    """A child that does something else than to run the model."""
    return (sys.executable, "-c", program)


def dies_of(signal: str) -> tuple[str, ...]:
    """A child that a signal ends, as a crash in ONNX Runtime would."""
    return child(f"import os, signal; os.kill(os.getpid(), signal.{signal})")


def square(size: int, products: int) -> bytes:
    """A model that makes a `size` by `size` matrix out of nothing and multiplies it by itself."""
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[size, size]),
        helper.make_node("Constant", [], ["two"], value_ints=[1, 2]),
        helper.make_node("ReduceSum", ["embeddings"], ["one"], keepdims=0),
        helper.make_node("Expand", ["one", "shape"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{k}", f"m{k}"], [f"m{k + 1}"]) for k in range(products)),
        helper.make_node("ReduceMax", [f"m{products}"], ["most"], keepdims=0),
        helper.make_node("Expand", ["most", "two"], ["logits"]),
    ]
    return model(nodes).SerializeToString()


def refusal(data: bytes, **options: object) -> str:
    """What is said of a file that does badly."""
    with pytest.raises(ModelError) as caught:
        trial.try_first(data, "new.onnx", **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_good_model_is_tried_once(cache: Path) -> None:
    """The second time the answer is known, by sha256 and version of ONNX Runtime, and no child is started."""
    trial.try_first(GOOD, "new.onnx")
    assert json.loads(cache.read_text()) == {f"{sha256_of(GOOD)} onnxruntime {onnxruntime.__version__}": ""}
    trial.try_first(GOOD, "new.onnx", child=MUST_NOT_RUN)


def test_another_version_of_onnxruntime_tries_again(cache: Path) -> None:
    """What one version survived may crash another."""
    trial.try_first(GOOD, "new.onnx")
    cache.write_text(cache.read_text().replace(onnxruntime.__version__, "0.0.1"))
    assert "must not be started" in refusal(GOOD, child=MUST_NOT_RUN)


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE"])
def test_a_crash_is_survived_and_remembered(signal: str) -> None:
    """The child dies, we do not; the file stays quarantined without being run again."""
    assert f"quarantined: tried in a process of its own, it crashed ({signal})" in refusal(
        GOOD, child=dies_of(signal)
    )
    assert signal in refusal(GOOD, child=MUST_NOT_RUN)


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="ARM does not trap where x86 does")
def test_a_model_that_really_crashes_is_survived() -> None:
    """Plain operators can kill ONNX Runtime; this one would have taken the daemon with it."""
    assert "it crashed (SIGFPE)" in refusal(crasher())


def test_a_model_that_never_ends_is_stopped() -> None:
    """A real model of a few hundred bytes and hours of work is ended by the limit on CPU time."""
    data = square(3000, 40)
    assert len(data) < 2000
    assert "more than 1 s of CPU time (SIGXCPU)" in refusal(data, cpu_s=1)
    assert "SIGXCPU" in refusal(data, child=MUST_NOT_RUN)


def test_a_model_that_eats_all_memory_is_stopped() -> None:
    """A real model that asks for 14 GB gets none of it."""
    said = refusal(square(60_000, 0))
    assert "needs more memory" in said
    assert "quarantined" in said


def test_a_child_killed_from_outside_is_not_held_against_the_file() -> None:
    """The kernel kills when memory is short; that may be somebody else's doing, so it is tried again."""
    assert "SIGKILL" in refusal(GOOD, child=dies_of("SIGKILL"))
    trial.try_first(GOOD, "new.onnx")


def test_a_child_that_does_not_come_back_is_not_held_against_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Pi that swaps may be slow; the next start tries again."""
    monkeypatch.setattr(trial, "WAIT_S", 0.2)
    assert "did not come back" in refusal(GOOD, child=child("import time; time.sleep(600)"))
    monkeypatch.setattr(trial, "WAIT_S", 60.0)
    trial.try_first(GOOD, "new.onnx")


@pytest.mark.parametrize("answer", ["", "no json", "[]", '{"a": 1}', "null"])
def test_a_child_that_talks_nonsense_is_told_of(answer: str, cache: Path) -> None:
    """Whatever comes back instead of an answer is a refusal, and not remembered."""
    assert "ended with status 0" in refusal(GOOD, child=child(f"print({answer!r})"))
    assert not cache.exists()


def test_a_child_that_cannot_be_started_is_told_of() -> None:
    """Without a process of its own no new file is loaded at all."""
    assert "could not be tried" in refusal(GOOD, child=("/no/such/python",))


def test_what_onnxruntime_refuses_is_said_with_its_remedy() -> None:
    """The child's words arrive: an opset too new names both numbers."""
    said = refusal(head(2, opset=99).SerializeToString())
    assert "needs opset 99" in said
    assert f"onnxruntime {onnxruntime.__version__}" in said
    assert "upgrade onnxruntime" in said


def test_a_model_that_gives_no_number_is_refused() -> None:
    """All NaN on zeros and on noise: nothing will ever be heard with it."""
    nodes = [
        helper.make_node("Flatten", ["embeddings"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
    ]
    data = model(nodes, {"w": np.full((1536, 2), np.nan, np.float32)}).SerializeToString()
    assert "gave no finite number" in refusal(data)


def test_a_model_with_other_inputs_is_refused() -> None:
    """What is not fed with float32 is no detector and no classifier."""
    nodes = [helper.make_node("Cast", ["embeddings"], ["logits"], to=FLOAT)]
    data = model(nodes, inputs=[("embeddings", 7, [1, 2])]).SerializeToString()
    assert "wants tensor(int64) as input" in refusal(data)


def test_an_open_batch_is_tried_with_one() -> None:
    """Dynamic axes are fed with a size of 1."""
    trial.try_first(open_wake_word(batch=None), "new.onnx")


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"a": 1}', b"\xff", b"[" * 100_000])
def test_a_broken_cache_is_none(cache: Path, junk: bytes) -> None:
    """A cache that cannot be read means that files are tried again, and is written anew."""
    cache.parent.mkdir(parents=True)
    cache.write_bytes(junk)
    trial.try_first(GOOD, "new.onnx")
    assert list(json.loads(cache.read_text()).values()) == [""]


def test_without_a_place_every_start_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that cannot be written is no reason not to listen."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    trial.try_first(GOOD, "new.onnx")
    assert "must not be started" in refusal(GOOD, child=MUST_NOT_RUN)


def test_where_results_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_CACHE_HOME, then the folder that systemd gives, then the home; without any of them nowhere."""
    assert trial.cache_file() == tmp_path / "cache" / "heychip" / "tried.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/heychip:/var/cache/other")
    assert trial.cache_file() == Path("/var/cache/heychip/tried.json")
    monkeypatch.delenv("CACHE_DIRECTORY")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert trial.cache_file() == tmp_path / ".cache" / "heychip" / "tried.json"

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert trial.cache_file() is None
    trial.try_first(GOOD, "new.onnx")


def test_the_child_runs_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called `edge` in the working directory is not ours, and is not run."""
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "__init__.py").write_text("raise SystemExit('the wrong edge')")
    monkeypatch.chdir(tmp_path)
    trial.try_first(GOOD, "new.onnx")


def test_stricter_limits_of_the_system_are_left_alone() -> None:
    """Where a service may not raise its limits, the model is tried within those that hold."""
    program = "import resource as r, edge.trial as t; r.setrlimit(r.RLIMIT_CPU, (50, 50)); t.main()"
    trial.try_first(GOOD, "new.onnx", cpu_s=100, child=child(program))


def test_the_cache_keeps_a_bounded_number(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest results stay, the oldest go."""
    monkeypatch.setattr(trial, "MOST_KEPT", 2)
    for members in (1, 2, 3):
        answers = child('print(\'{"reason": ""}\')')
        trial.try_first(head(members).SerializeToString(), "new.onnx", child=answers)
    kept = json.loads(cache.read_text())
    assert len(kept) == 2
    assert not any(key.startswith(sha256_of(head(1).SerializeToString())) for key in kept)


def test_new_bundles_are_tried_and_shipped_ones_are_not(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came with heychip was tried when it was built; everything else is tried at its first load."""
    bundle = load_bundle(make_bundle(tmp_path))
    shipped = Bundle(bundle.path, bundle.manifest, bundle.onnx, shipped=True)
    Detectors(shipped)
    assert not cache.exists()
    Detectors(bundle)
    assert sha256_of(bundle.onnx) in cache.read_text()


def test_a_cache_that_cannot_be_written_is_only_whispered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A read-only system is normal for a Pi; nobody is warned of it at every start."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.DEBUG, logger="edge.trial"):
        trial.try_first(GOOD, "new.onnx")
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
