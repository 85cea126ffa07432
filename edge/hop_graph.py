"""The backbone once more, as a graph for a fixed number of hops that is cheap to run.

The file in `data/` is one row of convolutions for recordings of any length. On the few frames of one hop
they waste much of their time: 4 or 8 positions fill no vector register, and every state is cut out and
copied. Here the same numbers come from products of matrices, positions by channels, whose weights onnxruntime
packs once:

- The first block has few channels and many positions, which is what a convolution likes; it stays as it is.
- Behind it a frame is a row of positions, and time is the first axis: frames lie on tapes, one for each
  convolution over time, which sees three frames side by side by looking at its tape from three places.
- The neighbours of a position over bands are gathered by a table. With two positions left a convolution over
  bands is one product of whole frames. Poolings come before the floor, which then has less to do.

`tests/edge/test_hop_graph.py` holds it against the file, and both against the reference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edge.backbone_layers import Layer, Layers
from edge.frontend import FRAMES_PER_STEP, MELS, mel_nodes
from edge.onnx_make import Graph

CONVOLVED = 3  # layers of the first block
KEPT = 2  # frames that a convolution over time keeps


class Tape(NamedTuple):
    """Of what a convolution over time sees: the rows that are kept, those that are new, and their width."""

    kept: int
    new: int
    width: int


class Kept(NamedTuple):
    """What a stream keeps of one run for the next."""

    tapes: dict[str, Tape]
    block: tuple[int, ...]
    """the shape of `block`"""


class HopGraph:
    """Builds the graph for `steps` hops: `mel` [8 * steps, 32] and what is kept to `embeddings` [steps, 96].

    What is kept of frames lies on tapes: each run writes its new rows, an output of the tape's name, behind
    those of the run before. A convolution over time reads the same tape from one and from two frames further
    back, the inputs `<name>_1` and `<name>_2`. These reach into what the same run writes: whatever reads them
    needs the output too, so it is never run before that is written. That of `mel` has only `<name>_2`, its
    last two frames. The second convolution over time keeps `block` to `next_block` [1, channels, 2, bands].
    """

    def __init__(self, layers: Layers, steps: int, *, front: bool = False) -> None:
        """With `front` the front end is in it: `even` and `odd` go in, and `mel` comes out."""
        self._slope, self._graph = layers.slope, Graph()
        self._floor = self._graph.weight(np.array(layers.floor, np.float32))
        self._frames, self._bands = FRAMES_PER_STEP * steps, MELS
        self.shape = Kept({"mel": Tape(KEPT, self._frames, MELS)}, ())
        if front:
            value = self._graph.output(mel_nodes(self._graph, self._frames), "mel", self._frames, MELS)
        else:
            value = self._graph.input("mel", self._frames, MELS)
        for layer in layers.row[:CONVOLVED]:
            value = self._convolved(layer, value)
        value = self._turned(value, layers.row[CONVOLVED].weights.shape[2])
        rest = layers.row[CONVOLVED:]
        for layer, after in zip(rest, [*rest[1:], rest[-1]], strict=True):
            if len(layer.weights) > 1:
                value = self._over_time(layer, value)
            else:
                value = self._over_bands(layer, value, apart=after.pool[1])
        self._graph.output(value, "embeddings", self._frames, layers.row[-1].weights.shape[3])

    def model(self) -> bytes:
        """The file."""
        return self._graph.model("speech_embedding_hop")

    def _convolved(self, layer: Layer, value: str) -> str:
        """A layer of the first block, on [1, channels, frames, bands]."""
        graph, (time, band, channels, _) = self._graph, layer.weights.shape
        if time > 1:
            value = self._seen_by_convolution(value, channels)
        out = graph.one("Conv", value, graph.weight(layer.weights.transpose(3, 2, 0, 1)),
                        graph.weight(layer.bias), pads=[0, band // 2, 0, band // 2])
        out = graph.one("LeakyRelu", out, alpha=self._slope)
        if layer.pool != (1, 1):
            out = graph.one("MaxPool", out, kernel_shape=layer.pool, strides=layer.pool)
            self._shrink(layer.pool)
        return graph.one("Clip", out, self._floor)

    def _seen_by_convolution(self, value: str, channels: int) -> str:
        """`value` with its past in front of it, in the first block."""
        graph = self._graph
        if value == "mel":
            past = graph.input("mel_2", KEPT, MELS)
            shape = graph.numbers(1, 1, self._frames + KEPT, MELS)
            return graph.one("Reshape", graph.one("Concat", past, value, axis=0), shape)
        block = 1, channels, KEPT, self._bands
        self.shape = self.shape._replace(block=block)
        seen = graph.one("Concat", graph.input("block", *block), value, axis=2)
        last = np.arange(self._frames, self._frames + KEPT)  # of `seen`, for which `block` was read
        graph.output(graph.one("Gather", seen, graph.weight(last), axis=2), "next_block", *block)
        return seen

    def _turned(self, value: str, channels: int) -> str:
        """[1, channels, frames, bands] to rows [frames * bands, channels]."""
        turned = self._graph.one("Transpose", value, perm=[0, 2, 3, 1])
        return self._shaped(turned, self._frames * self._bands, channels)

    def _over_time(self, layer: Layer, value: str) -> str:
        """A convolution over time, which sees three frames side by side."""
        graph, channels, rows = self._graph, layer.weights.shape[2], self._frames * self._bands
        name = f"frames{len(self.shape.tapes)}"
        self.shape.tapes[name] = Tape(KEPT * self._bands, rows, channels)
        value = graph.output(value, name, rows, channels)
        past = [graph.input(f"{name}_{back}", rows, channels) for back in range(KEPT, 0, -1)]
        return self._product(layer, graph.one("Concat", *past, value, axis=1))

    def _over_bands(self, layer: Layer, value: str, apart: int) -> str:
        """A convolution over bands. Of its rows, of each frame every band that is a multiple of `apart` comes
        first, then those behind these, so that for a pooling they lie in equal parts."""
        graph, bands, channels = self._graph, self._bands, layer.weights.shape[2]
        if bands == 2:
            return self._whole_frames(layer, value)
        silent = graph.weight(np.zeros((1, channels), np.float32))  # what lies beyond the edge: row 0
        band = np.arange(bands).reshape(-1, apart).T.reshape(-1)
        row = np.arange(self._frames)[:, None] * bands + band + 1
        below, above = np.where(band == 0, 0, row - 1), np.where(band == bands - 1, 0, row + 1)
        table = np.stack([below, row, above], axis=2).reshape(-1)
        seen = graph.one("Gather", graph.one("Concat", silent, value, axis=0), graph.weight(table), axis=0)
        return self._product(layer, self._shaped(seen, row.size, 3 * channels))

    def _product(self, layer: Layer, seen: str) -> str:
        """The layer on rows of all that each position sees."""
        graph = self._graph
        weights = graph.weight(layer.weights.reshape(-1, layer.weights.shape[3]))
        return self._activated(layer, graph.one("Gemm", seen, weights, graph.weight(layer.bias)))

    def _whole_frames(self, layer: Layer, value: str) -> str:
        """A convolution over two bands, each of which sees both: one product of whole frames."""
        _, _, channels, width = layer.weights.shape
        both = np.zeros((2, channels, 2, width), np.float32)
        for source in range(2):
            for target in range(2):
                both[source, :, target] = layer.weights[0, source - target + 1]
        frames = self._shaped(value, self._frames, 2 * channels)
        weights = self._graph.weight(both.reshape(2 * channels, 2 * width))
        bias = self._graph.weight(np.tile(layer.bias, 2))
        out = self._activated(layer, self._graph.one("Gemm", frames, weights, bias))
        return self._shaped(out, 2 * self._frames, width)

    def _activated(self, layer: Layer, value: str) -> str:
        if not layer.active:
            return value
        value = self._graph.one("LeakyRelu", value, alpha=self._slope)
        if layer.pool == (1, 1):
            return self._graph.one("Clip", value, self._floor)
        count, width = layer.pool[0] * layer.pool[1], layer.weights.shape[3]
        rows = self._frames // layer.pool[0]
        self._shrink(layer.pool)  # in a row: the frames that are pooled, and of each the parts of its bands
        if rows == 1:  # then the parts are rows as they lie, and a node is saved here and one below
            parts = self._graph.split(value, count, axis=0)
        else:
            parts = self._graph.split(self._shaped(value, rows, count * self._bands * width), count, axis=1)
        while len(parts) > 1:  # in pairs: a Max of many makes a copy for each
            parts = [self._graph.one("Max", *pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
        value = self._graph.one("Clip", parts[0], self._floor)
        return value if self._bands == 1 else self._shaped(value, rows * self._bands, width)

    def _shaped(self, value: str, rows: int, width: int) -> str:
        return self._graph.one("Reshape", value, self._graph.numbers(rows, width))

    def _shrink(self, pool: tuple[int, int]) -> None:
        self._frames, self._bands = self._frames // pool[0], self._bands // pool[1]
