"""The backbone once more, as a graph for a fixed number of hops that is cheap to run.

The file in `data/` is one row of convolutions for recordings of any length. On the few frames of one hop
they waste much of their time: 4 or 8 positions fill no vector register, and every state is cut out and
copied. Here the same numbers come from products of matrices, positions by channels, whose weights onnxruntime
packs once:

- The first block has few channels and many positions, which is what a convolution likes; it stays as it is.
- Behind it a frame is a row of positions, and time is the first axis: what a convolution over time must keep,
  the last two frames, is the end of what it was given, so the whole of that is the output and nothing is cut.
- The neighbours of a position are gathered by a table. With two positions left a convolution over bands is
  one product of whole frames. Poolings come before the floor, which then has less to do.

`tests/edge/test_hop_graph.py` holds it against the file, and both against the reference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.backbone_layers import Layer, Layers
from edge.frontend import FRAMES_PER_STEP, MELS, mel_nodes
from edge.onnx_make import Graph

CONVOLVED = 3  # layers of the first block
KEPT = 2  # frames that a convolution over time keeps

Table = NDArray[np.int64]


class HopGraph:
    """Builds the graph for `steps` hops: `mel` [8 * steps, 32] and the states to `embeddings` [steps, 96].

    Inputs `state<k>` and outputs `next<k>`, one for each convolution over time: the state is the last two
    frames of what was put out, but that of the first layer is those of `mel`, and that of the second
    convolution over time ([1, channels, 2, bands]) is put out as it is.
    """

    def __init__(self, layers: Layers, steps: int, *, front: bool = False) -> None:
        """With `front` the front end is in it: `even` and `odd` go in, and `mel` comes out."""
        self._slope, self._graph = layers.slope, Graph()
        self._floor = self._graph.weight(np.array(layers.floor, np.float32))
        self._frames, self._bands = FRAMES_PER_STEP * steps, MELS
        self.states: dict[str, tuple[int, ...]] = {}
        """the shape of each state"""
        self.rows: dict[str, int] = {}
        """how long that is, the end of which a state is: `mel` for the first one, else `next<k>`"""
        if front:
            value = self._graph.output(mel_nodes(self._graph, self._frames), "mel", self._frames, MELS)
        else:
            value = self._graph.input("mel", self._frames, MELS)
        for layer in layers.row[:CONVOLVED]:
            value = self._convolved(layer, value)
        value = self._turned(value, layers.row[CONVOLVED].weights.shape[2])
        for layer in layers.row[CONVOLVED:]:
            over = self._over_time if len(layer.weights) > 1 else self._over_bands
            value = over(layer, value)
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
            state = self._state(self._frames, KEPT, MELS)
            shape = graph.numbers(1, 1, self._frames + KEPT, MELS)
            return graph.one("Reshape", graph.one("Concat", state, value, axis=0), shape)
        state = self._state(1, 1, channels, KEPT, self._bands)
        last = graph.one("Slice", value, graph.numbers(-KEPT), graph.numbers(2**31), graph.numbers(2))
        graph.output(last, state.replace("state", "next"), 1, channels, KEPT, self._bands)
        return graph.one("Concat", state, value, axis=2)

    def _turned(self, value: str, channels: int) -> str:
        """[1, channels, frames, bands] to rows [frames * bands, channels]."""
        turned = self._graph.one("Transpose", value, perm=[0, 2, 3, 1])
        return self._shaped(turned, self._frames * self._bands, channels)

    def _over_time(self, layer: Layer, value: str) -> str:
        graph, channels, bands, frames = self._graph, layer.weights.shape[2], self._bands, self._frames
        kept = frames if frames >= KEPT else KEPT + frames  # of fewer, the end of old and new is kept
        state = self._state(kept * bands, KEPT * bands, channels)
        after = state.replace("state", "next")
        if frames >= KEPT:
            value = graph.output(value, after, kept * bands, channels)
        seen = graph.one("Concat", state, value, axis=0)
        if frames < KEPT:
            seen = graph.output(seen, after, kept * bands, channels)
        first = np.arange(frames * bands).reshape(-1, 1) + np.arange(len(layer.weights)) * bands
        return self._product(layer, seen, self._pooled_order(first, layer.pool))

    def _over_bands(self, layer: Layer, value: str) -> str:
        graph, bands, channels = self._graph, self._bands, layer.weights.shape[2]
        if bands == 2:
            return self._whole_frames(layer, value)
        silent = graph.weight(np.zeros((1, channels), np.float32))  # what lies beyond the edge: row 0
        band = np.arange(self._frames * bands) % bands
        row = np.arange(self._frames * bands) + 1
        below, above = np.where(band == 0, 0, row - 1), np.where(band == bands - 1, 0, row + 1)
        table = self._pooled_order(np.stack([below, row, above], axis=1), layer.pool)
        return self._product(layer, graph.one("Concat", silent, value, axis=0), table)

    def _pooled_order(self, table: Table, pool: tuple[int, int]) -> Table:
        """The rows of a table in such an order that what is pooled is the same row of equal parts."""
        frames, bands = pool
        shape = (self._frames // frames, frames, self._bands // bands, bands, -1)
        return table.reshape(shape).transpose(1, 3, 0, 2, 4).reshape(table.shape)

    def _product(self, layer: Layer, seen: str, table: Table) -> str:
        """The layer on rows: `table` [positions, 3] says which rows of `seen` are under its three weights."""
        graph, width = self._graph, layer.weights[..., 0].size
        gathered = graph.one("Gather", seen, graph.weight(table.reshape(-1)), axis=0)
        rows = self._shaped(gathered, len(table), width)
        weights = graph.weight(layer.weights.reshape(width, -1))
        return self._activated(layer, graph.one("Gemm", rows, weights, graph.weight(layer.bias)))

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
        parts = self._graph.split(value, layer.pool[0] * layer.pool[1])
        self._shrink(layer.pool)
        while len(parts) > 1:  # in pairs: a Max of many makes a copy for each
            parts = [self._graph.one("Max", *pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
        return self._graph.one("Clip", parts[0], self._floor)

    def _shaped(self, value: str, rows: int, width: int) -> str:
        return self._graph.one("Reshape", value, self._graph.numbers(rows, width))

    def _shrink(self, pool: tuple[int, int]) -> None:
        self._frames, self._bands = self._frames // pool[0], self._bands // pool[1]

    def _state(self, rows: int, *shape: int) -> str:
        """A new input for a state, which is the end of so many rows; gives its name."""
        name = f"state{len(self.states)}"
        self.states[name], self.rows[name] = shape, rows
        return self._graph.input(name, *shape)
