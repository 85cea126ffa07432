"""The shipped `models/things` says what the original network said, which was asked once, in float32."""

from __future__ import annotations

import io
import json
import os
import pickle
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("onnx")
pytest.importorskip("PIL")

from synth.vision.convert_lite0 import DEMO, TARGET, tensors
from synth.vision.lite0_weights import MAGIC, Tensor, read

GOLDEN = Path(__file__).with_name("lite0_golden.json")


def test_int8_agrees_with_float32() -> None:
    """On the demo's pictures, whole and in squares, the first label is the original's in 95 % at least, and
    no probability of its first three is off by 0.05. The golden file is of `tests.bench.things --golden`."""
    told = json.loads(GOLDEN.read_text())
    images = tensors([DEMO])
    assert len(images) == len(told) == 77
    run = ort.InferenceSession((TARGET / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    ours = [run.run(None, {"image": image})[0][0] for image in images]
    first = [int(next(iter(row))) for row in told]
    assert np.mean([one.argmax() == label for one, label in zip(ours, first, strict=True)]) >= 0.95
    apart = [abs(one[int(k)] - p) for one, row in zip(ours, told, strict=True) for k, p in row.items()]
    assert max(apart) < 0.05


def test_the_reader_of_weights_runs_nothing(tmp_path: Path) -> None:
    """A .pth file that names anything but tensors is refused before it is made."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "made"),)

    file = io.BytesIO()
    for part in (MAGIC, 1001, {}, {"weight": Evil()}):
        pickle.dump(part, file, protocol=2)
    (tmp_path / "evil.pth").write_bytes(file.getvalue())
    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        read(tmp_path / "evil.pth")
    assert not (tmp_path / "made").exists()
    (tmp_path / "other.pth").write_bytes(pickle.dumps(7))
    with pytest.raises(ValueError, match="old format"):
        read(tmp_path / "other.pth")


def test_a_tensor_stays_within_its_storage() -> None:
    """Strides are followed, and one that leads out of the numbers is refused."""
    numbers = np.arange(6, dtype=np.float32)
    np.testing.assert_array_equal(Tensor("0", 0, (3, 2), (1, 3)).of(numbers), [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(Tensor("0", 5, (), ()).of(numbers), 5)
    for start, stride in ((1, (1, 3)), (0, (2, 3)), (-1, (1, 1)), (3, (-1, -1))):
        with pytest.raises(ValueError, match="reaches beyond"):
            Tensor("0", start, (3, 2), stride).of(numbers)
