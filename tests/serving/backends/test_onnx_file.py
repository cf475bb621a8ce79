import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

from serving.backends.onnx_file import read_onnx
from serving.errors import ModelLoadFailed
from tests import tiny_models
from tests.tiny_models import HEADER, external

WEIGHTS = np.arange(4, dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version's folder with `w.bin` in it, below one with `secret.bin`."""
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "w.bin").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    return folder


def write(folder: Path, *tensors: onnx.TensorProto) -> Path:
    model = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Add(x, w) }}")
    model.graph.initializer.extend(tensors)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


def test_a_model_without_such_files_is_read_as_it_is(tmp_path: Path) -> None:
    tiny_models.add_lookup(tmp_path)
    path = tmp_path / "lookup" / "1" / "model.onnx"
    file = read_onnx(path)
    assert (file.content, file.files) == (path.read_bytes(), {})


@pytest.mark.parametrize("location", ["w.bin", "./w.bin", "sub/../w.bin", "linked.bin"])
def test_files_are_read_under_the_names_that_the_model_gives_them(folder: Path, location: str) -> None:
    (folder / "sub").mkdir()
    (folder / "linked.bin").symlink_to("w.bin")
    path = write(folder, external("w", WEIGHTS, location))
    file = read_onnx(path)
    assert (file.content, file.files) == (path.read_bytes(), {location: WEIGHTS.tobytes()})


def test_a_folder_that_is_a_link_itself_is_fine(folder: Path, tmp_path: Path) -> None:
    write(folder, external("w", WEIGHTS, "w.bin"))
    (tmp_path / "2").symlink_to(folder, target_is_directory=True)
    assert read_onnx(tmp_path / "2" / "model.onnx").files == {"w.bin": WEIGHTS.tobytes()}


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("../secret.bin", "is not inside the version's folder"),
        ("link.bin", "is not inside the version's folder, itself or by a link"),
        ("up/secret.bin", "is not inside the version's folder"),
        ("/dev/zero", "is not inside the version's folder"),
        ("", "is not inside the version's folder"),
        ("*/_ORT_MEM_ADDR_/*", "stands for memory of the server"),
        (".", "is no ordinary file"),
        ("pipe", "is no ordinary file"),
        ("shadow.bin", "a hard link to a file that not everybody may read"),
        ("missing.bin", "is not there"),
        ("a\0b", "is no file's name"),
        ("a" * 5000, "is no file's name"),
    ],
)
def test_what_is_not_a_file_of_the_version_is_refused_with_its_location(
    folder: Path, location: str, reason: str
) -> None:
    (folder / "link.bin").symlink_to("../secret.bin")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "pipe")
    (folder.parent / "shadow").write_bytes(WEIGHTS.tobytes())
    (folder.parent / "shadow").chmod(0o640)
    (folder / "shadow.bin").hardlink_to(folder.parent / "shadow")
    (folder / "*" / "_ORT_MEM_ADDR_").mkdir(parents=True)
    (folder / "*" / "_ORT_MEM_ADDR_" / "*").write_bytes(WEIGHTS.tobytes())
    with pytest.raises(ModelLoadFailed, match=reason) as failure:
        read_onnx(write(folder, external("w", WEIGHTS, location)))
    assert str(failure.value).startswith(f"tensor 'w' has its data in '{location[:200]}'")
    assert str(folder.parent) not in str(failure.value), "the server's folders are nobody's business"


def test_a_hard_link_to_what_everybody_may_read_is_fine(folder: Path) -> None:
    """As a cache of models keeps its files."""
    (folder.parent / "blob").hardlink_to(folder / "w.bin")
    (folder / "w.bin").chmod(0o444)
    assert read_onnx(write(folder, external("w", WEIGHTS, "w.bin"))).files == {"w.bin": WEIGHTS.tobytes()}


def test_more_than_the_memory_that_is_left_is_not_read(folder: Path) -> None:
    with (folder / "w.bin").open("ab") as file:
        file.truncate(1 << 43)  # of which nothing is on the disk
    with pytest.raises(ModelLoadFailed, match="8796093022208 bytes, which is more than the memory"):
        read_onnx(write(folder, external("w", WEIGHTS, "w.bin")))


def test_a_location_that_is_given_twice_is_refused(folder: Path) -> None:
    tensor = external("w", WEIGHTS, "../secret.bin")
    tensor.external_data.add(key="location", value="w.bin")
    with pytest.raises(ModelLoadFailed, match="tensor 'w' says twice where its data is"):
        read_onnx(write(folder, tensor))


def test_a_place_that_the_runtime_passes_over_hides_no_file(folder: Path) -> None:
    """Of a field that comes twice the last holds, but for values that its enum does not have."""
    tensor = external("w", WEIGHTS, "../secret.bin").SerializeToString() + b"\x70\x02"  # data_location: 2
    graph = write(folder).read_bytes()
    again = b"\x3a" + bytes([len(tensor) + 2]) + b"\x2a" + bytes([len(tensor)]) + tensor  # which is merged
    (folder / "model.onnx").write_bytes(graph + again)
    with pytest.raises(ModelLoadFailed, match="is not inside"):
        read_onnx(folder / "model.onnx")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't say what a descriptor is of")
def test_a_link_that_takes_a_files_place_while_it_is_opened_leads_nowhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment, for which a real race would have to be run for long."""
    path = write(folder, external("w", WEIGHTS, "w.bin"))
    really_open = os.open

    def swap_and_open(name: str, flags: int, *arguments: int) -> int:
        if str(name).endswith("w.bin"):
            (folder / "w.bin").unlink()
            (folder / "w.bin").symlink_to("../secret.bin")
        return really_open(name, flags, *arguments)

    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(ModelLoadFailed, match="in whose place a link out of the version's folder was put"):
        read_onnx(path)


def test_an_absolute_path_into_the_folder_is_refused_too(folder: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="is not inside"):
        read_onnx(write(folder, external("w", WEIGHTS, str(folder / "w.bin"))))


def inner_models() -> dict[str, onnx.ModelProto]:
    """Where else than among a graph's initializers a tensor can be."""
    in_graph = parser.parse_model(
        f"""{HEADER}\ng (float[4] x, bool c) => (float[4] y) {{
            y = If(c) <then_branch = a () => (float[4] q) {{ q = Add(x, w) }},
                       else_branch = b () => (float[4] r) {{ r = Identity(x) }}>
        }}"""
    )
    constant = onnx.helper.make_node("Constant", [], ["w"])
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    in_attribute = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Add(x, w) }}")
    in_attribute.graph.node.insert(0, constant)
    in_function = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Identity(x) }}")
    in_function.functions.add(name="f", node=[constant])
    as_default = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Identity(x) }}")
    as_default.functions.add(name="f").attribute_proto.add(name="v", type=onnx.AttributeProto.TENSOR)
    sparse = parser.parse_model(f"{HEADER}\ng (float[4] x) => (float[4] y) {{ y = Identity(x) }}")
    sparse.graph.sparse_initializer.add()
    in_functions = {"function": in_function, "default": as_default}
    return {"graph": in_graph, "attribute": in_attribute, "sparse": sparse, **in_functions}


def tensor_of(kind: str, model: onnx.ModelProto) -> onnx.TensorProto:
    match kind:
        case "graph":
            inner = model.graph.node[0].attribute[0].g.initializer
            return inner[0] if inner else inner.add()
        case "attribute":
            return model.graph.node[0].attribute[0].t
        case "function":
            return model.functions[0].node[0].attribute[0].t
        case "default":
            return model.functions[0].attribute_proto[0].t
        case _:
            return model.graph.sparse_initializer[0].values


@pytest.mark.parametrize("kind", ["graph", "attribute", "function", "default", "sparse"])
def test_tensors_that_the_runtime_would_look_for_itself_are_put_into_the_model(folder: Path, kind: str) -> None:
    model = inner_models()[kind]
    (folder / "w.bin").write_bytes(bytes(8) + WEIGHTS.tobytes() + bytes(8))
    tensor_of(kind, model).CopyFrom(external("w", WEIGHTS, "w.bin", offset=8))
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    file = read_onnx(path)
    found = onnx.load_model_from_string(file.content)
    assert file.files == {}
    assert onnx.numpy_helper.to_array(tensor_of(kind, found)).tolist() == [0, 1, 2, 3]
    tensor_of(kind, model).CopyFrom(tensor_of(kind, found))
    assert found == model, "nothing else has changed"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("offset", "8", "ends beyond its file of 16 bytes"),
        ("length", "17", "ends beyond"),
        ("offset", "-8", "'-8', which is no offset"),
    ],
)
def test_a_place_that_is_not_in_the_file_is_refused(folder: Path, key: str, value: str, reason: str) -> None:
    model = inner_models()["graph"]
    tensor = external("w", WEIGHTS, "w.bin")
    next(entry for entry in tensor.external_data if entry.key == key).value = value
    tensor_of("graph", model).CopyFrom(tensor)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelLoadFailed, match=reason):
        read_onnx(folder / "model.onnx")


def test_a_file_that_is_no_onnx_is_a_reason(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"what a location")
    with pytest.raises(ModelLoadFailed, match=r"'model\.onnx' is no ONNX model, or was damaged"):
        read_onnx(folder / "model.onnx")


@pytest.mark.parametrize(
    ("graph", "has_some"),
    [
        ("g (float[n, 1, 8] x) => (float[n, 1, 8] y) { y = Conv(x, w) }", True),
        ("g (float[n, 1, 8] x) => (float[n, 1, 8] y) { y = ConvTranspose(x, w) }", True),
        ("g (float[n, 1, 8] x) => (float[n, 1, 8] y) { y = Mul(x, w) }", False),
    ],
)
def test_convolutions_are_found(graph: str, has_some: bool, tmp_path: Path) -> None:
    tiny_models.write_onnx(tmp_path / "m.onnx", graph, w=np.ones((1, 1, 1), np.float32))
    assert read_onnx(tmp_path / "m.onnx").has_convolutions == has_some


LOOP = """g (int64 times, float[4] x) => (float[4] y) {
    y = Loop (times, w, x) <body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t) {
        d = Identity(c)
        t = Add(s, s)
    }>
}"""


@pytest.mark.parametrize(("graph", "has_some"), [(LOOP, True), ("g (bool x) => (bool y) { y = And(x, w) }", False)])
def test_loops_are_found(graph: str, has_some: bool, tmp_path: Path) -> None:
    tiny_models.write_onnx(tmp_path / "m.onnx", graph, w=np.array(True))
    assert read_onnx(tmp_path / "m.onnx").has_loops == has_some
