"""The scan of ONNX files: what it refuses, what it reports, and that nothing makes it crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from bundles import FLOAT, head, model, open_wake_word
from google.protobuf.message import DecodeError, Message
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelError
from edge.onnx_scan import ALLOWED, CLASSIFIER_CAP_BYTES, scan
from edge.onnx_wire import MOST_FIELDS

ROOT = Path(__file__).parents[2]


def refusal(found: bytes | onnx.ModelProto, **options: int) -> str:
    """What the scan says of a file that it must refuse."""
    data = found if isinstance(found, bytes) else found.SerializeToString()
    with pytest.raises(ModelError) as caught:
        scan(data, "here.onnx", **options)
    assert caught.value.exit_code == 5
    assert str(caught.value).startswith("here.onnx: ")
    return str(caught.value)


def outside(location: str = "../../etc/passwd") -> TensorProto:
    """A tensor whose data is in another file."""
    tensor = TensorProto(name="stolen", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", str(2**62))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_reports_what_a_model_says_of_itself() -> None:
    """Versions, operators, weights and the names and shapes of inputs and outputs are reported."""
    found = scan(head(3).SerializeToString(), "x")
    assert (found.opset, found.ir_version) == (17, 8)
    assert found.ops == (("Flatten", 1), ("Gemm", 1))
    assert [str(port) for port in found.inputs] == ["'embeddings' float32 [1,16,96]"]
    assert [str(port) for port in found.outputs] == ["'logits' float32 [1,3]"]
    assert found.weights_bytes == (1536 * 3 + 3) * 4


def test_agrees_with_onnx_on_the_files_that_are_here() -> None:
    """Our reader and the onnx library see the same operators, ports and opset in the models that we ship."""
    paths = [ROOT / "edge/data/backbone.onnx", *(ROOT / "models").glob("*/*.onnx")]
    for path in paths:
        data = path.read_bytes()
        found, theirs = scan(data, path, cap_bytes=CLASSIFIER_CAP_BYTES), onnx.load_model_from_string(data)
        assert found.opset == theirs.opset_import[0].version
        assert sum(count for _, count in found.ops) == len(theirs.graph.node)
        assert [port.name for port in found.outputs] == [port.name for port in theirs.graph.output]
        raw = sum(numpy_helper.to_array(tensor).nbytes for tensor in theirs.graph.initializer)
        assert found.weights_bytes >= raw


def test_weights_are_no_inputs() -> None:
    """Old files name their weights among the inputs; they are not reported as such."""
    proto = head(1)
    proto.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [1536, 1]))
    assert [port.name for port in scan(proto.SerializeToString(), "x").inputs] == ["embeddings"]


def test_dynamic_and_unknown_shapes_are_told_apart() -> None:
    """A named axis keeps its name, an unnamed one is None, and no shape at all is None."""
    proto = model(
        [helper.make_node("Relu", ["embeddings"], ["logits"])],
        inputs=[("embeddings", FLOAT, ["batch", None, 96])],
        outputs=[("logits", FLOAT, None)],
    )
    found = scan(proto.SerializeToString(), "x")
    assert found.inputs[0].shape == ("batch", None, 96)
    assert found.outputs[0].shape is None


def in_initializer(proto: onnx.ModelProto) -> None:
    proto.graph.initializer.append(outside())


def in_sparse_values(proto: onnx.ModelProto) -> None:
    proto.graph.sparse_initializer.add().values.CopyFrom(outside())


def in_sparse_indices(proto: onnx.ModelProto) -> None:
    proto.graph.sparse_initializer.add().indices.CopyFrom(outside())


def in_attribute(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(helper.make_node("Constant", [], ["c"], value=outside()))


def in_attribute_list(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].attribute.add(name="many").tensors.append(outside())


def in_attribute_sparse(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].attribute.add(name="s").sparse_tensor.values.CopyFrom(outside())


def in_attribute_sparse_list(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].attribute.add(name="s").sparse_tensors.add().indices.CopyFrom(outside())


def in_subgraph(proto: onnx.ModelProto) -> None:
    inner = helper.make_graph([], "inner", [], [], [outside()])
    middle = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=inner)], "middle", [], [])
    proto.graph.node.append(helper.make_node("If", ["c"], ["z"], then_branch=middle))


def in_subgraph_list(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].attribute.add(name="g").graphs.add().initializer.append(outside())


def in_function(proto: onnx.ModelProto) -> None:
    proto.functions.add(name="f").node.append(helper.make_node("Constant", [], ["c"], value=outside()))


def in_function_attribute(proto: onnx.ModelProto) -> None:
    proto.functions.add(name="f").attribute_proto.add(name="a").t.CopyFrom(outside())


def in_training(proto: onnx.ModelProto) -> None:
    proto.training_info.add().algorithm.initializer.append(outside())


EVERYWHERE = [value for name, value in sorted(globals().items()) if name.startswith("in_")]


@pytest.mark.parametrize("place", EVERYWHERE, ids=lambda place: str(place.__name__))
def test_data_outside_the_file_is_refused_wherever_it_hides(place: Callable[[onnx.ModelProto], None]) -> None:
    """External data is found in every place where a tensor may stand, and its location is named."""
    proto = head(2)
    place(proto)
    said = refusal(proto)
    assert "data from outside the file" in said
    assert "../../etc/passwd" in said


def test_a_location_without_the_flag_is_refused() -> None:
    """External entries are refused even where data_location says that the data is inside."""
    proto = head(2)
    proto.graph.initializer.append(outside("/etc/shadow"))
    proto.graph.initializer[-1].data_location = TensorProto.DEFAULT
    assert "/etc/shadow" in refusal(proto)


def test_the_flag_without_a_location_is_refused() -> None:
    """data_location=EXTERNAL alone is enough."""
    proto = head(2)
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL
    assert "data from outside the file" in refusal(proto)


@pytest.mark.parametrize("enum", [b"\x01", b"\x81\x80\x80\x80\x00", b"\x81" + b"\x80" * 8 + b"\x01"])
def test_the_flag_in_odd_spellings_is_refused(enum: bytes) -> None:
    """Protobuf reads overlong numbers and cuts enums to 32 bits; EXTERNAL is refused just the same."""
    tensor = TensorProto(name="t", data_type=FLOAT, dims=[1]).SerializeToString() + b"\x70" + enum
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    said = refusal(head(2).SerializeToString() + b"\x3a" + bytes([len(graph)]) + graph)
    assert "outside the file" in said


@pytest.mark.parametrize("op", ["Loop", "If", "Scan", "SequenceMap", "RandomNormal", "NoSuchThing", ""])
def test_operators_off_the_list_are_refused(op: str) -> None:
    """Control flow, luck and inventions are refused by name."""
    proto = head(2)
    proto.graph.node.append(helper.make_node(op, ["logits"], ["more"]))
    assert f"not allowed here: {op!r}" in refusal(proto)


def test_custom_domains_are_refused() -> None:
    """An allowed name in somebody's own domain is somebody's own code."""
    proto = head(2)
    proto.graph.node.append(helper.make_node("Relu", ["logits"], ["more"], domain="com.evil"))
    assert "com.evil::Relu" in refusal(proto)


def test_the_official_name_of_the_plain_domain_is_fine() -> None:
    """`ai.onnx` is another name for the empty domain."""
    proto = head(2)
    proto.graph.node[0].domain = "ai.onnx"
    assert scan(proto.SerializeToString(), "x").opset == 17


def test_an_operator_named_twice_is_judged_by_the_last() -> None:
    """In protobuf the last value of a field counts; a harmless first one hides nothing."""
    node = helper.make_node("Relu", ["logits"], ["more"]).SerializeToString() + b"\x22\x04Loop"
    graph = b"\x0a" + bytes([len(node)]) + node
    data = head(2).SerializeToString()
    assert "'Loop'" in refusal(data + b"\x3a" + bytes([len(graph)]) + graph)


def test_a_name_in_the_wrong_wire_type_is_refused() -> None:
    """Protobuf skips a field of the wrong wire type; we refuse it, so that we never judge what is not run."""
    node = b"\x22\x04Loop" + b"\x25Relu"  # op_type as text, then as four fixed bytes
    graph = b"\x0a" + bytes([len(node)]) + node
    assert "field 4" in refusal(head(2).SerializeToString() + b"\x3a" + bytes([len(graph)]) + graph)


def test_two_graphs_are_refused() -> None:
    """Protobuf would merge two graphs into one that nobody wrote."""
    data = head(2).SerializeToString()
    assert "no usable graph" in refusal(data + data)


def test_functions_are_refused() -> None:
    """A function of the model's own may be anything under an innocent name."""
    proto = head(2)
    proto.functions.add(name="Relu", domain="")
    assert "functions of its own" in refusal(proto)


def test_training_steps_are_refused() -> None:
    """A detector has nothing to train."""
    proto = head(2)
    proto.training_info.add()
    assert "training steps" in refusal(proto)


def test_a_tensor_that_claims_2_gb_is_refused() -> None:
    """The claim alone is refused: nothing of that size is ever asked for."""
    proto = head(2)
    proto.graph.initializer.append(TensorProto(name="big", data_type=FLOAT, dims=[2**29]))
    assert "'big' that claims 2,048.0 MB" in refusal(proto)


@pytest.mark.parametrize("dims", [[-1], [2**62, 2**62, 2**62], [1] * 400_000, [2] * 17])
def test_absurd_dimensions_are_refused_quickly(dims: list[int]) -> None:
    """Negative, enormous and countless axes are refused without working out their product."""
    proto = head(2)
    proto.graph.initializer.append(TensorProto(name="odd", data_type=FLOAT, dims=dims))
    said = refusal(proto)
    assert "'odd'" in said or "fields" in said


def test_packed_dimensions_count_like_others() -> None:
    """Dimensions packed into one field, as proto3 writes them, are read too."""
    tensor = b"\x0a\x06\x80\x80\x01\x80\x80\x01" + b"\x10\x01" + b"\x42\x06packed"  # [16384, 16384] float32
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    assert "'packed'" in refusal(head(2).SerializeToString() + b"\x3a" + bytes([len(graph)]) + graph)


def test_many_tensors_together_are_refused() -> None:
    """What each may have, all together may not: 3 of 9 MB where 20 are allowed."""
    proto = head(2)
    for k in range(3):
        proto.graph.initializer.append(TensorProto(name=f"t{k}", data_type=FLOAT, dims=[9 * 2**18]))
    assert "27.0 MB in all" in refusal(proto)


def test_a_file_over_the_cap_is_refused_unread() -> None:
    """The size of the file is looked at before anything else."""
    assert "more than the 20.0 MB" in refusal(b"\0" * (20 * 2**20 + 1))
    assert "64.0 MB" in refusal(b"\0" * (64 * 2**20 + 1), cap_bytes=CLASSIFIER_CAP_BYTES)


def test_deep_nesting_is_refused() -> None:
    """A graph in a graph in a graph ends before Python's stack does."""
    data = head(1).graph.node[0].SerializeToString()
    for _ in range(300):
        graph = b"\x0a" + _length(data) + data
        attribute = b"\x32" + _length(graph) + graph
        data = b"\x2a" + _length(attribute) + attribute
    graph = b"\x0a" + _length(data) + data
    assert "nested" in refusal(b"\x3a" + _length(graph) + graph)


def test_a_million_fields_are_refused() -> None:
    """A file of nothing but tiny fields cannot keep us busy."""
    assert f"more than {MOST_FIELDS} fields" in refusal(b"\x08\x01" * (MOST_FIELDS + 1))


def test_a_model_without_an_opset_is_refused() -> None:
    """Without an opset nobody knows what its operators mean."""
    proto = head(2)
    del proto.opset_import[:]
    assert "which opset" in refusal(proto)


def test_every_allowed_operator_exists() -> None:
    """The allow-list names real operators only, and none that holds a graph."""
    schemas = {schema.name: schema for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    assert ALLOWED - set(schemas) == set()
    for op in ALLOWED:
        kinds = {attribute.type for attribute in schemas[op].attributes.values()}
        assert not kinds & {onnx.defs.OpSchema.AttrType.GRAPH, onnx.defs.OpSchema.AttrType.GRAPHS}


def _length(data: bytes) -> bytes:
    """The length of `data` as protobuf writes it."""
    size, out = len(data), bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*out, size])


def tensors_of(message: Message) -> Iterator[TensorProto]:
    """Every tensor anywhere in a message, as the onnx library reads it."""
    if isinstance(message, TensorProto):
        yield message
    for kind, value in message.ListFields():
        if kind.message_type is not None:
            for one in value if kind.is_repeated else [value]:
                yield from tensors_of(one)


def check_never_crashes(data: bytes) -> None:
    """The scan passes or refuses; in what it passes, onnx finds nothing outside and no strange operator."""
    try:
        scan(data, "x")
    except ModelError as error:
        assert error.reason
        return
    try:
        proto = onnx.ModelProto.FromString(data)
    except DecodeError:
        return  # ONNX Runtime cannot read it either
    for tensor in tensors_of(proto):
        assert not tensor.external_data
        assert tensor.data_location == TensorProto.DEFAULT
    assert {node.op_type for node in proto.graph.node} <= ALLOWED
    assert not proto.functions


RELU = helper.make_node("Relu", ["embeddings"], ["logits"])
PLAIN = model([RELU, helper.make_node("Clip", ["logits"], ["c"])], {"w": np.zeros(3, np.float32)})
VALID = [PLAIN.SerializeToString(), PLAIN.SerializeToString(), open_wake_word()]
EXTERNAL = head(1)
EXTERNAL.graph.initializer.append(outside())
SMALL = model([RELU], {"w": np.zeros(3, np.float32)})
in_subgraph(SMALL)
MUTABLE = [*VALID, SMALL.SerializeToString(), EXTERNAL.SerializeToString()]
EDIT = st.tuples(st.integers(0, 2**31), st.binary(max_size=3), st.integers(0, 3))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
@example(b"\x08\x07")
def test_random_bytes_never_crash(data: bytes) -> None:
    """Whatever the bytes are, the scan returns or raises ModelError."""
    check_never_crashes(data)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(MUTABLE),
    st.lists(EDIT, max_size=4),
    st.integers(0, 2**31),
)
def test_mutated_models_never_crash(data: bytes, edits: list[tuple[int, bytes, int]], cut: int) -> None:
    """Models with bytes replaced, put in, taken out or cut off are passed or refused, never crashed on."""
    changed = bytearray(data)
    for somewhere, new, drop in edits:
        at = somewhere % (len(changed) + 1)
        changed[at : at + drop] = new
    check_never_crashes(bytes(changed[: len(changed) - cut % len(changed) if cut % 3 == 0 else None]))
