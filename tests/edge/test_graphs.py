"""The graphs of our own networks: opened once each, and made of files that are what their manifests say."""

from __future__ import annotations

import pytest

from edge.backbone import FILES
from edge.errors import ModelError
from edge.files import sha256_of
from edge.frontend import mel_graph
from edge.graphs import Graphs, contents, manifest


class Front:
    """A graph that keeps nothing: the front end."""

    shape = "none"

    def model(self) -> bytes:
        return mel_graph()


def test_a_graph_is_made_when_first_asked_for_and_then_shared() -> None:
    """One to see what a hop keeps, then one for each number of hops, with the front end and without."""
    asked: list[tuple[int, bool]] = []

    def make(steps: int, front: bool) -> Front:
        asked.append((steps, front))
        return Front()

    graphs = Graphs(make, "front.onnx")
    assert graphs.shape == "none"
    first = graphs.get(3, front=True)
    assert graphs.get(3, front=True) is first
    assert graphs.get(3, front=False) is not first
    assert asked == [(1, False), (3, True), (3, False)]


@pytest.mark.parametrize("name", [*FILES.values(), "rough"])
def test_what_ships_is_what_its_manifest_says(name: str) -> None:
    """Each file is given where its hash is the right one, and refused with the remedy where it is not."""
    right = manifest(name)["sha256"]
    assert sha256_of(contents(f"{name}.onnx", right)) == right
    with pytest.raises(ModelError, match=rf"edge/data/{name}\.onnx.*differs.*reinstall heychip"):
        contents(f"{name}.onnx", "0" * 64)
